"""Figures for papers, drawn by matplotlib without a browser: what a widget shows, with labels."""
