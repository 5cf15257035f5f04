"""How much further back one condition's gradient extends than another's, and what may be claimed.

Two runs that differ in nothing but the seed differ "significantly" when they are paired over the
samples of a batch: the samples share the weights, so they say how sure the difference of these two
sets of weights is, and nothing of what another seed would give. So of one run each only that is
said; a claim needs repeats, each paired with the base's of the same place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rnngrad_widgets.comparison.curves import Curve

Claim: TypeAlias = Literal["further", "less far"]

FEWEST_REPEATS = 3
"""Of fewer repeats nothing is claimed: the signs of two agree by chance every second time."""

# 97.5 % quantiles of Student's distribution for 2 to 10 degrees of freedom; of more, the last one
_QUANTILES = (4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


@dataclass(frozen=True)
class Difference:
    """How much stronger a condition's gradient is than the base's, relative to lag 0.

    Each number is a logarithm to base 10 of a ratio: of the gradient relative to lag 0, the
    geometric mean over the lags that both have, from 1 on.

    Parameters
    ----------
    name, base
        The conditions.
    direction
        Of the layer; empty where it has only one.
    by_repeat
        One for each pair of repeats: the median over samples.
    quartiles
        Of the first pair, the quartiles over samples.
    samples, lags
        How many there are of the first pair.
    reason
        Why the gradient relative to lag 0 says nothing; empty if it does.
    """

    name: str
    base: str
    direction: str
    by_repeat: tuple[float, ...]
    quartiles: tuple[float, float]
    samples: int
    lags: int
    reason: str

    @property
    def signs_agree(self) -> bool:
        """Whether all repeats differ in one direction."""
        signs = {math.copysign(1, each) for each in self.by_repeat if each != 0}
        return len(signs) == 1 and 0 not in self.by_repeat

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
        if self.reason or interval is None or not self.signs_agree:
            return None
        if interval[0] > 0:
            return "further"
        return "less far" if interval[1] < 0 else None


def difference_of(
    curves: Sequence[Curve], base: Sequence[Curve], threshold: float
) -> Difference | None:
    """Compare the repeats of a condition with those of the base, pair by pair.

    Parameters
    ----------
    curves, base
        Of one direction, in the order of the repeats; what one has more of is left out.
    threshold
        Share of lag 0 below which a gradient counts as that: how far below it is does not matter.

    Returns
    -------
    Difference or None
        None where they have no lag in common but 0.
    """
    pairs = list(zip(curves, base, strict=False))
    ratios = [log_ratios(one, other, threshold) for one, other in pairs]
    counted = [each[np.isfinite(each)] for each in ratios]
    if not all(len(each) for each in counted):
        return None
    low, high = np.percentile(counted[0], (25, 75))
    first = curves[0]
    return Difference(
        first.name,
        base[0].name,
        first.direction,
        tuple(float(np.median(each)) for each in counted),
        (float(low), float(high)),
        len(counted[0]),
        min(first.norms.shape[1], base[0].norms.shape[1]) - 1,
        next((curve.reason for pair in pairs for curve in pair if curve.reason), ""),
    )


def log_ratios(curve: Curve, base: Curve, threshold: float) -> NDArray[np.float64]:
    """Return for each sample how much stronger one gradient is than another, relative to lag 0.

    Returns
    -------
    ndarray
        (samples,), the mean over the lags from 1 on of log10 of the ratio; NaN where a sample has
        no such lag in both.
    """
    lags = min(curve.norms.shape[1], base.norms.shape[1])
    logs = [np.log10(np.maximum(each.relative[:, 1:lags], threshold)) for each in (curve, base)]
    difference = logs[0] - logs[1]
    found = np.full(len(difference), np.nan)
    some = np.isfinite(difference).any(axis=1)
    found[some] = np.nanmean(difference[some], axis=1)
    return found
