"""Counts of values by size, in the bins of the browser (distribution.ts, histogram.ts)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnngrad_widgets.figures.shown import Shown

BINS = 60
"""Of signed values."""

_SHOWN, _LEAST = 53, 12
"""Octaves below the largest magnitude that are shown, 16 decades, and the fewest."""

_LEFT_BELOW = 0.1
"""Largest share of the non-zero values that is left below the axis."""


class Tally(NamedTuple):
    """How many values a logarithmic axis cannot show, of how many."""

    total: int
    zeros: int
    nans: int
    infinities: int


class Counts(NamedTuple):
    """Counts between edges; no edges where no value is finite and not zero."""

    tally: Tally
    edges: NDArray[np.float64]
    whole: NDArray[np.int64]
    part: NDArray[np.float64] | None
    """The chosen part, scaled to the size of the whole; None where it is the whole."""
    factor: float
    """By which it is scaled."""
    below: int
    """How many are too small for the axis."""


def count_values(shown: Shown, *, signed: bool, of_channel: bool) -> Counts:
    """Count what is shown of all samples, and of the chosen sample or channel.

    The bins are those of all timesteps, so that parts of the time axis compare.
    """
    picture = [shown.sample_picture(sample) for sample in range(shown.samples)]
    counted = [each.cells[~each.masked] for each in picture]
    every = shown.values if shown.mask is None else shown.values[shown.mask]
    edges = signed_edges(every, BINS) if signed else octave_edges(every)
    chosen = picture[shown.sample]
    if of_channel and shown.is_timed:
        part = chosen.cells[shown.channel][~chosen.masked[shown.channel]]
    elif of_channel:
        part = shown.values[:, 0, shown.channel]
    else:
        part = counted[shown.sample]
    values = np.concatenate(counted)
    whole, below = count_between(values, edges, signed=signed)
    size = part.size if 0 < part.size < values.size and edges.size else 0
    factor = values.size / size if size else 1.0
    scaled = np.float64(factor) * count_between(part, edges, signed=signed)[0] if size else None
    return Counts(tally_of(values), edges, whole, scaled, factor, below)


def tally_of(values: NDArray[Any]) -> Tally:
    """Count all values, zeros, NaN and infinities."""
    nans, infinities = int(np.isnan(values).sum()), int(np.isinf(values).sum())
    return Tally(values.size, int((values == 0).sum()), nans, infinities)


def octave_edges(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return powers of two that hold most of the magnitudes; none where all are zero."""
    sizes = np.abs(values[np.isfinite(values) & (values != 0)]).astype(np.float64)
    if not sizes.size:
        return np.zeros(0)
    octaves = np.frexp(sizes)[1] - 1
    last = int(octaves.max())
    counts = np.bincount(octaves - int(octaves.min()))
    first, below = int(octaves.min()), 0
    for count in counts:
        if below + count > _LEFT_BELOW * sizes.size or (count and first > last - _SHOWN):
            break
        below, first = below + int(count), first + 1
    lacking = max(_LEAST - (last + 1 - first), 0)
    end = last + 1 + lacking // 2
    return np.exp2(np.arange(min(first, end - _LEAST), end + 1, dtype=np.float64))


def signed_edges(values: NDArray[Any], bins: int) -> NDArray[np.float64]:
    """Return the edges of equal bins from the smallest to the largest finite value."""
    finite = values[np.isfinite(values)].astype(np.float64)
    if not finite.any():
        return np.zeros(0)
    least, most = float(finite.min()), float(finite.max())
    room = 0.0 if least < most else abs(least) / 2 or 0.5
    return np.linspace(least - room, most + room, bins + 1)


def count_between(
    values: NDArray[Any], edges: NDArray[np.float64], *, signed: bool
) -> tuple[NDArray[np.int64], int]:
    """Count values, or their magnitudes, between edges, and those that are too small."""
    if not edges.size:
        return np.zeros(0, np.int64), 0
    known = values[np.isfinite(values)].astype(np.float64)
    sizes = known if signed else np.abs(known[known != 0])
    counts = np.histogram(sizes, edges)[0].astype(np.int64)
    return counts, 0 if signed else int((sizes < edges[0]).sum())
