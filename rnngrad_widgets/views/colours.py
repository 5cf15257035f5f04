"""Colour maps. Those of ours follow the page's theme: the browser half swaps their colours."""

from __future__ import annotations

from rnngrad_widgets.data.colours import DIVERGING, OURS
from rnngrad_widgets.widgets.bqplot import ColorScale
from rnngrad_widgets.widgets.selection import Selection


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
        scale.colors = list(OURS.get(cmap, ()))
        scale.scheme = "RdYlBu" if cmap in OURS else cmap
