"""Colours that Python hands to bqplot; the browser half swaps them for the dark theme's."""

DIVERGING = (
    "#08386f",
    "#1f63a8",
    "#4393c3",
    "#92c5de",
    "#d1e5f0",
    "#ffffff",
    "#fddbc7",
    "#f4a582",
    "#d6604d",
    "#b2182b",
    "#7a0a22",
)
"""Blue negative, white zero, red positive; told apart in the three common colour blindnesses."""
