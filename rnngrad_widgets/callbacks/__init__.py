"""Snapshots during training: which steps are due, what they may cost, what becomes of them."""
