"""A colour bar: the range, with few labels, and what is coloured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.ticker import NullLocator

from rnngrad_widgets.figures.colours import LOG_DECADES, Colours
from rnngrad_widgets.figures.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HIGH = 1.3
"""Inches from which on a bar has five labels."""


def draw_colour_bar(bar: Axes, colours: Colours, label: str, height: float) -> None:
    """Draw the colours of a range, its lower end at the bottom.

    Parameters
    ----------
    bar
        Where.
    colours, label
        Of what is coloured.
    height
        About how high it is, in inches.
    """
    vmin, vmax = (-float(LOG_DECADES), 0.0) if colours.is_log else (colours.vmin, colours.vmax)
    extent = (0.0, 1.0, vmin, vmax)
    bar.imshow(colours.bar(), extent=extent, origin="lower", aspect="auto", interpolation="nearest")
    bar.xaxis.set_major_locator(NullLocator())
    bar.yaxis.tick_right()
    bar.yaxis.set_label_position("right")
    bar.spines[:].set_visible(True)
    bar.set_ylim(vmin, vmax)
    many = height >= _HIGH
    if colours.is_log:
        places = [-float(decade) for decade in range(0, LOG_DECADES + 1, 2 if many else 4)]
        texts = [number(colours.limit * 10**place) for place in places]
    else:
        places = _places(vmin, vmax, many=many)
        texts = [number(place) for place in places]
    bar.set_yticks(places, texts)
    bar.set_ylabel(label)


def _places(vmin: float, vmax: float, *, many: bool) -> list[float]:
    """Return the ends, zero where it is well between them, and the halves where there is room."""
    has_zero = vmin < 0 < vmax and min(-vmin, vmax) > 0.15 * (vmax - vmin)
    middle = 0.0 if has_zero else (vmin + vmax) / 2
    between = [(vmin + middle) / 2, (middle + vmax) / 2] if many else []
    ends = [vmin, middle, vmax] if has_zero or many else [vmin, vmax]
    return sorted([*ends, *between])
