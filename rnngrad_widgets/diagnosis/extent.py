"""How far back a gradient extends: its reach at levels, what it does not reach, its growth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rnngrad_widgets.data.statistics import relative_medians, share_not_reached

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rnngrad_widgets.diagnosis.profile import Profile


@dataclass(frozen=True)
class LevelReach:
    """How many timesteps back a gradient is at least a share of that at lag 0.

    Parameters
    ----------
    level
        The share, 0 .. 1.
    lag
        The largest such lag: the median over samples. The furthest one, whatever is between.
    is_censored
        Whether more than half of the samples are still above the level at their first timestep:
        then it is at least so far, and nothing is extrapolated.
    """

    level: float
    lag: int
    is_censored: bool

    def __str__(self) -> str:
        return f"≥ {self.lag}" if self.is_censored else str(self.lag)


@dataclass(frozen=True)
class Extent:
    """How far back the gradient of a profile extends: of one sample, or of a batch.

    Parameters
    ----------
    reach
        At each level; a level is left out where no sample has a gradient at lag 0. Empty, as
        `growth` is None, where the gradient at lag 0 is no measure of the others.
    growth
        How many times larger the norm is at the first timestep processed than at lag 0: the median
        over samples; None where that cannot be read.
    not_reached
        Share of timesteps, 0 .. 1, below the threshold; None where no timestep counts.
    timesteps_not_reached
        These timesteps, as ranges (first, last).
    weakest
        The timestep with the smallest norm, and its share of the strongest; None where no timestep
        counts.
    last, first
        The timestep at lag 0 and the first one that was processed; None where those of the samples
        differ.
    is_zero
        Whether all finite values are exactly 0.
    is_finite
        Whether all values are finite.
    """

    reach: tuple[LevelReach, ...]
    growth: float | None
    not_reached: float | None
    timesteps_not_reached: tuple[tuple[int, int], ...]
    weakest: tuple[int, float] | None
    last: int | None
    first: int | None
    is_zero: bool
    is_finite: bool


def extent_of(
    profile: Profile, levels: Sequence[float], threshold: float, *, is_readable: bool
) -> Extent:
    """Return how far back a gradient extends.

    Parameters
    ----------
    profile
        Of a batch, or of one sample of it.
    levels
        Shares of the gradient at lag 0.
    threshold
        Share of the strongest timestep below which a gradient counts as not reaching one.
    is_readable
        Whether the gradient at lag 0 is a measure of the others.
    """
    relative = relative_medians(profile.by_timestep())
    reach = [reach_at(profile, level) for level in levels] if is_readable else []
    counted = np.flatnonzero(np.isfinite(relative))
    least = int(counted[np.argmin(relative[counted])]) if counted.size else None
    last, first = (_common(profile.timesteps[_places(profile, lag)]) for lag in (0, -1))
    return Extent(
        reach=tuple(each for each in reach if each is not None),
        growth=growth_of(profile) if is_readable else None,
        not_reached=share_not_reached(relative, threshold),
        timesteps_not_reached=ranges(np.flatnonzero(relative < threshold)),
        weakest=None if least is None else (least, float(relative[least])),
        last=last,
        first=first,
        is_zero=bool(counted.size) and not np.nanmax(profile.norms) > 0,
        is_finite=bool(np.isfinite(profile.norms[profile.timesteps >= 0]).all()),
    )


def _common(values: NDArray[Any]) -> int | None:
    """Return the value that all have; None where there is none."""
    return int(values[0]) if values.size and (values == values[0]).all() else None


def _places(profile: Profile, lag: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the rows that have timesteps, and the place of a lag in each; -1 is the last lag."""
    lengths = profile.lengths
    rows = np.flatnonzero(lengths)
    return rows, lengths[rows] - 1 if lag < 0 else np.full(len(rows), lag)


def reach_at(profile: Profile, level: float) -> LevelReach | None:
    """Return the reach at a level; None where no sample has a gradient at lag 0."""
    rows = np.flatnonzero(profile.norms[:, 0] > 0)
    norms, last = profile.norms[rows], profile.lengths[rows] - 1
    above = norms >= level * norms[:, :1]
    lags = norms.shape[1] - 1 - np.argmax(above[:, ::-1], axis=1)
    if not rows.size:
        return None
    middle = int(np.sort(lags)[(len(lags) - 1) // 2])
    return LevelReach(level, middle, bool(2 * np.count_nonzero(lags == last) > len(lags)))


def growth_of(profile: Profile) -> float | None:
    """Return how many times larger the norm is at the first timestep processed than at lag 0.

    Returns
    -------
    float or None
        The median over samples; None where no sample has a gradient at lag 0.
    """
    ratios = [
        norms[length - 1] / norms[0]
        for norms, length in zip(profile.norms, profile.lengths, strict=True)
        if length > 1 and norms[0] > 0 and np.isfinite(norms[length - 1])
    ]
    return float(np.median(ratios)) if ratios else None


def ranges(indices: NDArray[Any]) -> tuple[tuple[int, int], ...]:
    """Return rising indices as ranges (first, last)."""
    if indices.size == 0:
        return ()
    breaks = np.flatnonzero(np.diff(indices) > 1)
    firsts, lasts = [0, *(breaks + 1)], [*breaks, len(indices) - 1]
    return tuple((int(indices[a]), int(indices[b])) for a, b in zip(firsts, lasts, strict=True))


@dataclass(frozen=True)
class Agreement:
    """Whether the samples of the batch pull in one direction: ||mean of g|| / mean of ||g||.

    Parameters
    ----------
    by_timestep
        At each timestep, 0 .. 1; None where no sample has a gradient.
    median
        Over timesteps.
    chance
        What gradients of unrelated directions have: 1 / sqrt(samples).
    """

    by_timestep: tuple[float | None, ...]
    median: float
    chance: float


def agreement_of(profile: Profile) -> Agreement | None:
    """Compare the gradient's mean over samples with the mean of its norms.

    Returns
    -------
    Agreement or None
        None of fewer than two samples, or of zeros.
    """
    norms, together = profile.by_timestep(), profile.together
    if together is None or len(norms) < 2 or profile.scale == 0:
        return None
    apart = np.nansum(norms, axis=0)
    some = apart > 0
    if not some.any():
        return None
    found = [float(a / b) if b > 0 else None for a, b in zip(together, apart, strict=True)]
    of_each = np.isfinite(norms).sum(axis=0)[some]
    return Agreement(
        tuple(found),
        float(np.median(together[some] / apart[some])),
        float(1 / np.sqrt(np.median(of_each))),
    )
