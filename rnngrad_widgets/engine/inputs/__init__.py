"""Batches as ``fit`` takes them: checked, converted, read one after the other."""
