"""Colour maps, and the colours of light pages and of paper; no widgets."""

from __future__ import annotations

from typing import Any

from rnngrad_widgets.data.keywords import did_you_mean
from rnngrad_widgets.data.norm import SelectionError

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

OURS = {"diverging": DIVERGING, "sequential": SEQUENTIAL, "bwr": BWR}

DIVERGING_SCHEMES = (
    "PiYG",
    "BrBG",
    "PRGn",
    "PuOr",
    "RdBu",
    "RdGy",
    "RdYlBu",
    "RdYlGn",
    "Spectral",
)
"""Those of bqplot's schemes that have a middle."""

SCHEMES = (
    *DIVERGING_SCHEMES,
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
    known = (*OURS, *SCHEMES)
    if cmap in known:
        return str(cmap)
    way_out = did_you_mean(str(cmap), known) or f"ours are {list(OURS)}"
    rule = "cmap must name a colour map of ours or of bqplot"
    raise SelectionError(f"{rule}; received {cmap!r}: {way_out}")
