"""The colours of a figure beside those of its maps: the ones of light pages (theme.ts)."""

from __future__ import annotations

import colorsys

INK = "#1a1a1a"
QUIET = "#5c5c5c"
BACKWARD = "#9a5b00"
NEGATIVE = "#1f63a8"
POSITIVE = "#b2182b"
FRAME = "#8a8a8a"

NON_FINITE = "#d500f9"
"""NaN and infinities."""

BELOW = "#f1f1ef"
"""What is more than eight decades below the limit of a logarithmic map."""

MASKED, MASKED_LINES = "#e2e2e2", "#b4b4b4"
"""What is masked is hatched."""


def sample_colour(sample: int) -> tuple[float, float, float]:
    """Return the colour of a sample, as everywhere: hues are a golden angle apart."""
    hue = int((210 + sample * 137.508) % 360 + 0.5)
    return colorsys.hls_to_rgb(hue / 360, 0.42, 0.65)
