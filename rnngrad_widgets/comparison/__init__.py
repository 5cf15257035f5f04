"""Experiments held side by side: how far back the gradient of each extends, and what differs."""
