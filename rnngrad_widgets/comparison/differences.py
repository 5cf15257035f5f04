"""How much further back one condition's gradient extends than another's, and what may be claimed.

Two runs that differ in nothing but the seed differ "significantly" when they are paired over the
samples of a batch: the samples share the weights, so they say how sure the difference of these two
sets of weights is, and nothing of what another seed would give. So of one run each only that is
said; a claim needs repeats, each paired with the base's of the same place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np

from rnngrad_widgets.diagnosis.words import short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rnngrad_widgets.comparison.curves import Curve

Claim: TypeAlias = Literal["further", "less far"]

FEWEST_REPEATS = 3
"""Of fewer repeats nothing is claimed: the signs of two agree by chance every second time."""

SAME = 0.02
"""Decades within which two gradients are as strong: 5 %."""

# 97.5 % quantiles of Student's distribution for 2 to 10 degrees of freedom; of more, the last one
_QUANTILES = (4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


@dataclass(frozen=True)
class Difference:
    """How much stronger a condition's gradient is than the base's, relative to lag 0.

    Each number is a logarithm to base 10 of a ratio: of the gradient relative to lag 0, the
    geometric mean over lags, from 1 on. Lags count where one of the two is at least the threshold;
    what is below it counts as the threshold.

    Parameters
    ----------
    name, base
        The conditions.
    direction
        Of the layer; empty where it has only one.
    by_repeat
        One for each pair of repeats: the median over samples. Empty where there is none.
    quartiles
        Of the first pair, the quartiles over samples; None without.
    samples, lags
        How many samples count in the first pair, and the largest lag that counts.
    is_bound
        Whether something was below the threshold, so that the ratios are bounds.
    reason
        Why nothing may be claimed, whatever the ratios; empty if there is no reason.
    """

    name: str
    base: str
    direction: str
    by_repeat: tuple[float, ...]
    quartiles: tuple[float, float] | None
    samples: int
    lags: int
    is_bound: bool
    reason: str

    @property
    def is_small(self) -> bool:
        """Whether the gradients are as strong in every repeat."""
        return all(abs(each) < SAME for each in self.by_repeat)

    @property
    def signs_agree(self) -> bool:
        """Whether all repeats differ in one direction."""
        return all(each > 0 for each in self.by_repeat) or all(each < 0 for each in self.by_repeat)

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % for the mean over repeats (Student's t); None of fewer than `FEWEST_REPEATS`."""
        count = len(self.by_repeat)
        if count < FEWEST_REPEATS:
            return None
        quantile = _QUANTILES[min(count - 1, len(_QUANTILES) + 1) - 2]
        middle = float(np.mean(self.by_repeat))
        half = quantile * float(np.std(self.by_repeat, ddof=1)) / math.sqrt(count)
        return middle - half, middle + half

    @property
    def claim(self) -> Claim | None:
        """What may be claimed: only where all signs agree, and zero is outside of the interval."""
        interval = self.interval
        if self.reason or interval is None or not self.signs_agree or self.is_small:
            return None
        if interval[0] > 0:
            return "further"
        return "less far" if interval[1] < 0 else None


def difference_of(curves: Sequence[Curve], base: Sequence[Curve], threshold: float) -> Difference:
    """Compare the repeats of a condition with those of the base, pair by pair.

    Parameters
    ----------
    curves, base
        Of one direction, in the order of the repeats.
    threshold
        Share of lag 0 below which a gradient counts as that: how far below it is does not matter.
    """
    pairs = list(zip(curves, base, strict=False))
    ratios = [log_ratios(one, other, threshold) for one, other in pairs]
    counted = [each.by_sample[np.isfinite(each.by_sample)] for each in ratios]
    reason = _reason(curves, base)
    if not reason and not all(len(each) for each in counted):
        reason = (
            f"no sample has a gradient at lag 0, and one of at least {short(threshold)} of it at "
            "an earlier timestep"
        )
    values = tuple(float(np.median(each)) for each in counted) if not reason else ()
    if not reason and _is_contradicted(pairs, values):
        reason = "the furthest lag that it reaches says otherwise, see the table"
    first = counted[0] if values else np.array([])
    return Difference(
        curves[0].name,
        base[0].name,
        curves[0].direction,
        values,
        (float(np.percentile(first, 25)), float(np.percentile(first, 75))) if len(first) else None,
        len(first),
        ratios[0].lags,
        any(each.is_bound for each in ratios),
        reason,
    )


def _reason(curves: Sequence[Curve], base: Sequence[Curve]) -> str:
    """Return why repeats cannot be compared, if they cannot."""
    for own in (curves, base):
        if unreadable := next((curve.reason for curve in own if curve.reason), ""):
            return unreadable
        norms = [curve.norms for curve in own]
        if not all(np.isfinite(each).any() for each in norms):
            return f"the gradient of {own[0].name!r} is nowhere finite"
        if any(each.shape[1] < 2 for each in norms):
            return f"{own[0].name!r} has a single timestep"
        if any(np.array_equal(a, b, equal_nan=True) for a, b in combinations(norms, 2)):
            return f"repeats of {own[0].name!r} are equal, and say nothing of another repeat"
    if len(curves) != len(base):
        return (
            f"repeats are compared pair by pair; {curves[0].name!r} has {len(curves)}, "
            f"{base[0].name!r} has {len(base)}"
        )
    return ""


def _is_contradicted(pairs: Sequence[tuple[Curve, Curve]], values: Sequence[float]) -> bool:
    """Tell whether the reach, at the lowest level, is less where the gradient is stronger."""
    for (one, other), value in zip(pairs, values, strict=True):
        reaches = [curve.numbers.reach for curve in (one, other)]
        if all(reaches) and abs(value) >= SAME:
            lags = [min(reach, key=lambda each: each.level).lag for reach in reaches]
            if (lags[0] - lags[1]) * value < 0:
                return True
    return False


class LogRatios(NamedTuple):
    """How much stronger one gradient is than another, relative to lag 0.

    Parameters
    ----------
    by_sample
        (samples,), the mean over the lags that count of log10 of the ratio; NaN where none does.
    lags
        The largest lag that counts in a sample.
    is_bound
        Whether something was below the threshold.
    """

    by_sample: NDArray[np.float64]
    lags: int
    is_bound: bool


def log_ratios(curve: Curve, base: Curve, threshold: float) -> LogRatios:
    """Compare two gradients sample by sample."""
    lags = min(curve.norms.shape[1], base.norms.shape[1])
    one, other = (each.relative[:, 1:lags] for each in (curve, base))
    with np.errstate(invalid="ignore"):
        counts = np.isfinite(one) & np.isfinite(other) & (np.maximum(one, other) >= threshold)
    logs = [np.log10(np.maximum(np.where(counts, each, 1), threshold)) for each in (one, other)]
    difference = np.where(counts, logs[0] - logs[1], np.nan)
    found = np.full(len(difference), np.nan)
    some = counts.any(axis=1)
    found[some] = np.nanmean(difference[some], axis=1)
    last = int(np.flatnonzero(counts.any(axis=0))[-1]) + 1 if some.any() else 0
    is_bound = bool((np.minimum(one, other)[counts] < threshold).any())
    return LogRatios(found, last, is_bound)
