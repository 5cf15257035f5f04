"""Batches as ``fit`` takes them: checked, converted, and one after the other."""
