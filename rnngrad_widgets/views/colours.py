"""Colour maps. Those of ours follow the page's theme: the browser half swaps their colours."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from bqplot import ColorScale

from rnngrad_widgets.data.norm import SelectionError
from rnngrad_widgets.widgets.selection import Selection

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

SEQUENTIAL = ("#f4f8f7", "#d9eae6", "#b4d6cf", "#86beb5", "#57a39a", "#2f857d", "#136762")
"""From eight decades below the limit of the norm (light) to the limit."""

BWR = ("#0000ff", "#ffffff", "#ff0000")
"""Plain blue, white, red."""

_OURS = {"diverging": DIVERGING, "sequential": SEQUENTIAL, "bwr": BWR}

SCHEMES = (
    *("PiYG", "BrBG", "PRGn", "PuOr", "RdBu", "RdGy", "RdYlBu", "RdYlGn", "Spectral"),
    *("Blues", "Greens", "Greys", "Oranges", "Purples", "Reds", "BuGn", "BuPu", "GnBu", "OrRd"),
    *("PuBuGn", "PuBu", "PuRd", "RdPu", "YlGnBu", "YlGn", "YlOrBr", "YlOrRd"),
    *("viridis", "plasma", "inferno", "magma"),
)
"""The continuous colour schemes of bqplot, by its names."""


def check_cmap(cmap: Any) -> str:
    """Check the name of a colour map.

    Raises
    ------
    SelectionError
        If there is none of this name.
    """
    known = (*_OURS, *SCHEMES)
    if cmap in known:
        return str(cmap)
    near = get_close_matches(str(cmap), known, 1)
    way_out = f"did you mean {near[0]!r}?" if near else f"ours are {list(_OURS)}"
    rule = "cmap must name a colour map of ours or of bqplot"
    raise SelectionError(f"{rule}; received {cmap!r}: {way_out}")


def colour_scale() -> ColorScale:
    """Make the scale of the map `DIVERGING`; the browser fits it to the norm."""
    return ColorScale(colors=list(DIVERGING), min=-1.0, mid=0.0, max=1.0)


def follows_theme(cmap: str) -> bool:
    """Tell whether the browser swaps the colours of a map for those of the page's theme."""
    return cmap in ("diverging", "sequential")


def paint_with(cmap: str, selection: Selection) -> None:
    """Give the selection a colour map."""
    selection.log_colours = cmap == "sequential"
    scale = selection.colour_scale
    with scale.hold_sync():
        scale.colors = list(_OURS.get(cmap, ()))
        scale.scheme = "RdYlBu" if cmap in _OURS else cmap
