"""Which snapshots of a run are kept, by the rule of ``js/src/data/thinning.ts``."""

from __future__ import annotations

BUDGET = 256_000_000
"""Bytes of snapshots that are kept, here and in the browser."""

MOST = 1000
"""Snapshots that are kept, however small they are: each is a widget, and a pixel of the axis."""


def is_kept(number: int, stride: int, last: int) -> bool:
    """Tell whether a snapshot is kept: every ``stride``-th and the last, so the first always.

    Parameters
    ----------
    number, last
        Of this snapshot, and of the last one; they count from 0.
    stride
        What `stride_for` returns.
    """
    return number % stride == 0 or number == last


def stride_for(last: int, capacity: int) -> int:
    """Return the least power of two that leaves no more than ``capacity`` of snapshots 0..last."""
    stride = 1
    while kept_of(last, stride) > max(capacity, 2):
        stride *= 2
    return stride


def kept_of(last: int, stride: int) -> int:
    """Return how many of snapshots 0..last are kept: every ``stride``-th and the last."""
    return last // stride + 1 + (last % stride > 0)


def capacity_for(size: int, budget: int, most: int | None = None) -> int:
    """Return how many snapshots are kept.

    Parameters
    ----------
    size
        Bytes of a snapshot.
    budget
        Bytes of all.
    most
        How many at most, however small they are; None for `MOST`, which is never exceeded.

    Returns
    -------
    int
        At least 2, the first and the last.
    """
    return max(min(budget // max(size, 1), MOST if most is None else most, MOST), 2)
