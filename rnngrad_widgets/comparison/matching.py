"""Which step of a run stands beside which step of another one: of the same number, or loss.

The browser does the same (``js/src/data/matching.ts``).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

MatchedBy: TypeAlias = Literal["step", "loss"]
MATCHED_BY: tuple[MatchedBy, ...] = ("step", "loss")
"""What stands beside each other: the same training step, or the nearest smoothed loss."""

SMOOTHED_OVER = 5
"""Snapshots whose mean is the smoothed loss of the middle one; fewer at the ends of a run."""


class StepLoss(NamedTuple):
    """A snapshot of a run: its training step, and the loss of the batch; NaN where not known."""

    step: int
    loss: float


def at_step(run: Sequence[StepLoss], step: float) -> int:
    """Return the place of the last snapshot at or before a step; 0 where all are later."""
    return max(bisect_right([each.step for each in run], step) - 1, 0)


def smoothed(run: Sequence[StepLoss]) -> list[float]:
    """Return the mean loss of each snapshot and its neighbours; NaN where none is finite."""
    reach = SMOOTHED_OVER // 2
    found = []
    for place in range(len(run)):
        near = run[max(place - reach, 0) : place + reach + 1]
        finite = [each.loss for each in near if math.isfinite(each.loss)]
        found.append(float(np.mean(finite)) if finite else math.nan)
    return found


def matched(runs: Sequence[Sequence[StepLoss]], base: int, step: float, by: MatchedBy) -> list[int]:
    """Return the place of the snapshot of each run that belongs to a step of the base.

    Parameters
    ----------
    runs
        Snapshots of each, their steps rising; none of a run that has no history.
    base
        Index of the run whose loss at `step` the others are matched with.
    step
        A training step.
    by
        ``"step"``: the last snapshot at or before it. ``"loss"``: the one whose smoothed loss is
        nearest to that of the base, the first one of several; of a run without a finite loss, and
        where that of the base is not finite, by step.

    Returns
    -------
    list of int
        -1 for a run without snapshots.
    """
    places = [at_step(run, step) if run else -1 for run in runs]
    if by == "step" or not runs[base]:
        return places
    aim = smoothed(runs[base])[places[base]]
    if not math.isfinite(aim):
        return places
    for index, run in enumerate(runs):
        if index != base and run:
            away = np.abs(np.array(smoothed(run)) - aim)
            if np.isfinite(away).any():
                places[index] = int(np.nanargmin(away))
    return places
