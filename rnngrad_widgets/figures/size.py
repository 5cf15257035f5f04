"""How large a figure is: lengths as papers give them, and dots to the inch."""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

import numpy as np

DEFAULT_WIDTH = 6.8
"""Inches, about both columns of a page."""

DEFAULT_DPI = 300

NARROWEST, WIDEST = 2.5, 40.0
"""Inches; in less there is no room for labels."""

COARSEST, FINEST = 50, 2400
"""Dots to the inch."""

MOST_PIXELS = 20_000
"""From left to right: a picture of more takes gigabytes."""

_PER_INCH = {"in": 1.0, "mm": 25.4, "cm": 2.54, "pt": 72.27}
"""Points are those of TeX, which papers measure their columns in."""

_LENGTH = re.compile(r"\s*(?P<number>[0-9]*\.?[0-9]+)\s*(?P<unit>in|mm|cm|pt)\s*")


class Size(NamedTuple):
    """Width in inches, and dots to the inch."""

    width: float
    dpi: int


def check_size(width: Any, dpi: Any) -> Size:
    """Return the size of a figure.

    Parameters
    ----------
    width
        ``"3.3in"``, ``"84mm"``, ``"8.4cm"``, ``"240pt"`` (of TeX, 72.27 to the inch), or a number
        of inches; None for 6.8 inches.
    dpi
        Dots to the inch, a whole number; None for 300.

    Raises
    ------
    TypeError
        If the width is neither text nor a number, or the dpi is no number.
    ValueError
        If the width is no length, or one of them is out of range.
    """
    inches = DEFAULT_WIDTH if width is None else _inches(width)
    if not NARROWEST <= inches <= WIDEST:
        raise ValueError(
            f"width must be {NARROWEST:g} to {WIDEST:g} inches; received {width!r}, which is "
            f"{inches:.4g} in. A column is about '3.3in'"
        )
    dots = DEFAULT_DPI if dpi is None else _dots(dpi)
    if inches * dots > MOST_PIXELS:
        raise ValueError(
            f"width times dpi must be at most {MOST_PIXELS:,} pixels; received {inches:.4g} in x "
            f"{dots}: take dpi={int(MOST_PIXELS / inches)}"
        )
    return Size(inches, dots)


def _inches(width: Any) -> float:
    rule = "width must be a length such as '3.3in', '84mm', '8.4cm' or '240pt', or inches"
    if isinstance(width, str):
        found = _LENGTH.fullmatch(width)
        if found is None:
            raise ValueError(f"{rule}; received {width!r}")
        return float(found["number"]) / _PER_INCH[found["unit"]]
    if not _is_number(width):
        raise TypeError(f"{rule}; received {width!r}")
    try:
        inches = float(width)
    except OverflowError:
        inches = math.inf
    if not math.isfinite(inches):
        raise ValueError(f"{rule}; received {inches}")
    return inches


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _dots(dpi: Any) -> int:
    rule = f"dpi must be a whole number, {COARSEST} to {FINEST}; received {dpi!r}"
    if not _is_number(dpi):
        raise TypeError(rule)
    if not (COARSEST <= dpi <= FINEST and float(dpi).is_integer()):
        raise ValueError(rule)
    return int(dpi)
