"""The rate at which a gradient falls or grows with every timestep back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rnngrad_widgets.diagnosis.profile import Profile

FEWEST_LAGS = 5
"""Of fewer lags no rate is read."""

LONG = 100
"""From so many lags on, the first `TRANSIENT` ones are left out: the loss itself is near."""

TRANSIENT = 10

UNDERFLOW = 1e-36
"""Below this, a float32 norm has lost its precision: to 10 %, and to all of it by 1e-38."""

MOST_LAGS = 400
"""Of more lags, so many are taken, evenly spaced: pairs grow with the square."""

MOST_MISFIT = 1.0
"""Decades within which 90 % of the residuals must lie, for one rate to say what happens."""

AT_ONCE = 16
"""Samples whose pairs of lags are held in memory together."""

FEWEST_SAMPLES = 8
"""Of fewer samples there is no interval."""

DRAWS = 2000
"""Draws of the bootstrap."""


@dataclass(frozen=True)
class Decay:
    """How a gradient changes with every timestep back.

    The median over samples of the Theil-Sen slope of ln(norm) against the lag (H. Theil, 1950; P.
    K. Sen, "Estimates of the regression coefficient based on Kendall's tau", Journal of the
    American Statistical Association 63, 1968).

    Parameters
    ----------
    slope
        Change of ln(norm) with each step back; below 0 where the gradient falls.
    interval
        95 % of the medians of slopes of samples drawn with replacement (the bootstrap over samples;
        within one sample neighbouring timesteps are not independent); None below eight samples.
    misfit
        The range of 90 % of the residuals, in decades; the median over samples.
    samples
        How many samples have a slope.
    """

    slope: float
    interval: tuple[float, float] | None
    misfit: float
    samples: int

    @property
    def factor(self) -> float:
        """By what the norm is multiplied with each step back."""
        return math.exp(self.slope)

    @property
    def steps_per_decade(self) -> float:
        """Steps back after which it is a tenth, or ten times as large; inf where it stays."""
        return math.inf if self.slope == 0 else math.log(10) / abs(self.slope)

    @property
    def grows(self) -> bool:
        """Whether the gradient grows with every step back: all of the interval is above 0."""
        return self.interval is not None and self.interval[0] > 0


def decay_of(profile: Profile) -> tuple[Decay | None, str]:
    """Read the rate of a profile.

    Lags from 1 (from 10 where there are 100) to the first norm that float32 cannot hold.

    Returns
    -------
    decay
        None where no rate can be read.
    reason
        Why there is none; else empty.
    """
    with np.errstate(over="ignore"):
        rows = [_usable_lags(norms, profile.scale) for norms in profile.norms]
    slopes, misfits = _fits(profile.norms, rows)
    if not slopes.size:
        return None, f"fewer than {FEWEST_LAGS} timesteps have a gradient to read it from"
    misfit = float(np.median(misfits))
    if misfit > MOST_MISFIT:
        return None, f"it is not geometric: a line misses it by {misfit:.1f} decades"
    return Decay(float(np.median(slopes)), _interval(slopes), misfit, len(slopes)), ""


def _usable_lags(norms: NDArray[np.float64], scale: float) -> NDArray[np.int64]:
    """Return the lags of one sample that a rate is read from; none if there are too few."""
    gone = np.flatnonzero(norms * scale < UNDERFLOW)
    end = gone[0] if gone.size else len(norms)
    usable = np.flatnonzero(np.isfinite(norms[:end]))
    first = TRANSIENT if len(usable) >= LONG else 1
    lags = usable[usable >= first]
    if len(lags) < FEWEST_LAGS:
        return lags[:0]
    if len(lags) > MOST_LAGS:
        lags = lags[np.linspace(0, len(lags) - 1, MOST_LAGS).astype(int)]
    return lags


def _fits(
    norms: NDArray[np.float64], rows: Sequence[NDArray[np.int64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return slope and misfit of each sample that has lags, in the order of the samples."""
    alike: dict[bytes, list[int]] = {}  # mostly every sample has the same lags: one computation
    for row, lags in enumerate(rows):
        if lags.size:
            alike.setdefault(lags.tobytes(), []).append(row)
    slopes, misfits = np.full((2, len(rows)), np.nan)
    for group in alike.values():
        lags = rows[group[0]]
        i, j = _pairs(len(lags))
        distances = lags[j] - lags[i]
        for start in range(0, len(group), AT_ONCE):
            some = group[start : start + AT_ONCE]
            logs = np.log(norms[some][:, lags])
            rates = np.take(logs, j, axis=1)  # in half the time of `logs[:, j]`
            rates -= np.take(logs, i, axis=1)
            rates /= distances
            slopes[some] = _medians(rates)
            low, high = np.percentile(logs - slopes[some, None] * lags, [5, 95], axis=1)
            misfits[some] = (high - low) / math.log(10)
    known = ~np.isnan(slopes)
    return slopes[known], misfits[known]


def _medians(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of each row of numbers, which are put into another order.

    `np.median` looks for NaN too, which takes it several times as long.
    """
    count = rates.shape[1]
    rates.partition(count // 2, axis=1)
    upper = rates[:, count // 2]
    lower = upper if count % 2 else rates[:, : count // 2].max(axis=1)
    return np.asarray((lower + upper) / 2)


@lru_cache(2)
def _pairs(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of all pairs; mostly every sample has as many lags."""
    return np.triu_indices(count, 1)


def _interval(slopes: NDArray[np.float64]) -> tuple[float, float] | None:
    if len(slopes) < FEWEST_SAMPLES:
        return None
    # A generator of its own: the same slopes have the same interval, and no seed is touched.
    drawn = np.random.default_rng(0).choice(slopes, (DRAWS, len(slopes)))
    drawn.sort(axis=1)  # of short rows, sooner done than `np.median`
    middle = drawn[:, (len(slopes) - 1) // 2] + drawn[:, len(slopes) // 2]
    low, high = np.percentile(middle / 2, [2.5, 97.5])
    return float(low), float(high)
