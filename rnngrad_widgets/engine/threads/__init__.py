"""Exclusive use of models: other threads wait, and are waited for."""
