"""Saved pages and pictures."""
