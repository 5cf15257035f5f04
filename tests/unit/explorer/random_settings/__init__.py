"""Traits of explorers set in random order, to values right and wrong."""
