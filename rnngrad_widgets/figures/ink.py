"""The colours of a figure beside those of its maps: the ones of light pages (theme.ts)."""

from __future__ import annotations

import colorsys
from typing import TypeAlias

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


Dash: TypeAlias = "str | tuple[int, tuple[float, ...]]"
"""How a line is drawn, as matplotlib takes it."""

DASHES: tuple[tuple[int, ...], ...] = ((), (7, 3), (2, 2), (8, 2, 2, 2))
"""Lines and gaps of one experiment after the other: colours alone do not tell them apart."""


def dash(group: int) -> Dash:
    """Return how the line of an experiment is drawn, as matplotlib takes it."""
    parts = DASHES[group % len(DASHES)]
    return (0, tuple(0.7 * part for part in parts)) if parts else "solid"


def sample_colour(sample: int) -> tuple[float, float, float]:
    """Return the colour of a sample, as everywhere: hues are a golden angle apart."""
    hue = int((210 + sample * 137.508) % 360 + 0.5)
    return colorsys.hls_to_rgb(hue / 360, 0.42, 0.65)
