"""Values to pixels, in exactly the colours of the browser (js/src/drawing/colours.ts)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.colors import ListedColormap, to_rgb

from rnngrad_widgets.data.colours import DIVERGING_SCHEMES, OURS, SEQUENTIAL
from rnngrad_widgets.figures.ink import BELOW, NON_FINITE

if TYPE_CHECKING:
    from numpy.typing import NDArray

TABLE_SIZE = 257
"""Entries of a table. Odd, so that zero has an entry of its own."""

LOG_DECADES = 8
"""Decades of the logarithmic map, downwards from the limit of the norm."""


_EIGHT = (
    *("#ffffcc", "#ffeda0", "#fed976", "#feb24c", "#fd8d3c", "#fc4e2a", "#e31a1c", "#b10026"),
)
"""YlOrRd, of which bqplot has eight colours, and matplotlib nine."""


@dataclass(frozen=True)
class Colours:
    """The colours of a range of values.

    Parameters
    ----------
    vmin, vmax
        The range; values outside take the colour of its ends.
    cmap
        Name of the colour map; ``"sequential"`` colours log10 of the magnitude, eight decades of it
        below the largest magnitude of the range.
    """

    vmin: float
    vmax: float
    cmap: str

    @property
    def is_log(self) -> bool:
        """Whether log10 of the magnitude is coloured."""
        return self.cmap == "sequential"

    @property
    def limit(self) -> float:
        """The largest magnitude of the range: that of the last colour, on either side."""
        return max(abs(self.vmin), abs(self.vmax))

    @cached_property
    def table(self) -> NDArray[np.uint8]:
        """(257, 3): from the lower to the upper end of the map."""
        stops = stops_of(self.cmap)
        at = np.linspace(0, 1, TABLE_SIZE)
        places = np.linspace(0, 1, len(stops))
        mixed = [np.interp(at, places, stops[:, channel]) for channel in range(3)]
        return np.floor(np.stack(mixed, axis=-1) + 0.5).astype(np.uint8)

    @cached_property
    def palette(self) -> NDArray[np.uint8]:
        """(65536, 3): a colour for all numbers that share the upper half of their bits."""
        keys = np.arange(1 << 16, dtype=np.uint32)
        infinite = (keys & 0x7F80) == 0x7F80
        bits = np.where(infinite, np.uint32(0), keys << 16) | np.uint32(0x8000)
        values = bits.view(np.float32).astype(np.float64)
        if self.is_log:
            decades = np.minimum(np.log10(np.abs(values) / self.limit), 0)
            colours = self.table[_entries((decades + LOG_DECADES) / LOG_DECADES)]
            colours[decades < -LOG_DECADES] = _rgb(BELOW)
        else:
            clipped = np.clip(values, self.vmin, self.vmax)
            colours = self.table[_entries((clipped / self.limit + 1) / 2)]
        colours[infinite] = _rgb(NON_FINITE)
        return colours

    def paint(self, cells: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Return the colours of cells, (rows, columns, 3)."""
        bits = np.ascontiguousarray(cells, np.float32).view(np.uint32)
        colours: NDArray[np.uint8] = self.palette[bits >> 16]
        return colours

    def bar(self) -> NDArray[np.uint8]:
        """Return the colours of a bar from the lower to the upper end, (256, 1, 3)."""
        if self.is_log:
            return self.table[:, None]
        shares = (np.arange(256) + 0.5) / 256
        values = self.vmin + (self.vmax - self.vmin) * shares
        return self.table[_entries((values / self.limit + 1) / 2)][:, None]


def stops_of(cmap: str) -> NDArray[np.float64]:
    """Return the colours that a map is linear between, (stops, 3), 0 .. 255.

    bqplot's schemes are those of ColorBrewer, in as many colours as there are, and matplotlib's own
    ones; matplotlib has them by the same names.
    """
    own = OURS.get(cmap, _EIGHT if cmap == "YlOrRd" else ())
    if own:
        return np.array([_rgb(colour) for colour in own], np.float64)
    known = mpl.colormaps[cmap]
    count = 256 if isinstance(known, ListedColormap) else 9 + 2 * (cmap in DIVERGING_SCHEMES)
    colours = known.resampled(count)(np.arange(count))[:, :3]
    return np.round(np.asarray(colours, np.float64) * 255)


def log_shares(shares: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the colours of shares of a limit, by log10 over eight decades, (..., 3)."""
    with np.errstate(divide="ignore"):
        decades = np.minimum(np.log10(shares), 0)
    finite = np.nan_to_num(decades, nan=0, posinf=0, neginf=-LOG_DECADES)
    at = np.maximum(1 + finite / LOG_DECADES, 0) * (len(SEQUENTIAL) - 1)
    stops = stops_of("sequential")
    mixed = [np.interp(at, np.arange(len(stops)), stops[:, channel]) for channel in range(3)]
    colours = np.round(np.stack(mixed, axis=-1)).astype(np.uint8)
    colours[decades < -LOG_DECADES] = _rgb(BELOW)
    return colours


def pooled(cells: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Reduce cells to at most (height, width), as the browser does.

    Of several values the one of largest magnitude stays, so that a lone channel is seen; NaN and
    infinity win over all. Bits without their sign sort so.
    """
    for axis, size in ((0, height), (1, width)):
        count = cells.shape[axis]
        if count > size >= 1:
            groups = np.arange(count) * size // count
            starts = np.searchsorted(groups, np.arange(size))
            bits = np.ascontiguousarray(cells, np.float32).view(np.uint32)
            # the sign at the lower end, so that it decides nothing
            turned = ((bits & 0x7FFFFFFF) << 1) | (bits >> 31)
            most = np.maximum.reduceat(turned, starts, axis=axis)
            cells = ((most >> 1) | ((most & 1) << 31)).astype(np.uint32).view(np.float32)
    return cells


def _entries(shares: NDArray[np.float64]) -> NDArray[np.intp]:
    places = np.floor(shares * (TABLE_SIZE - 1) + 0.5)
    return np.clip(places, 0, TABLE_SIZE - 1).astype(np.intp)


def _rgb(colour: str) -> NDArray[np.uint8]:
    return np.round(np.array(to_rgb(colour)) * 255).astype(np.uint8)
