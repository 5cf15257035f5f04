"""Central differences of a loss, compared with directional derivatives.

The choice of steps follows from rounding against curvature, as in Numerical Recipes (Press et al.,
section 5.7): for central differences, the cube root of the resolution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TypeAlias

import numpy as np

LossAt: TypeAlias = "Callable[[float], float]"
"""Returns the loss at a distance from the current values, along a direction."""

_LADDER = (0.1, 1.0, 10.0, 100.0)
"""Lengths of steps that are tried, in units of the first one."""

_AROUND = (1.0, 0.8, 0.5)
"""Lengths around each of these, which show how much a difference depends on the length."""


@dataclass(frozen=True)
class Precision:
    """How precisely losses of a dtype can be compared.

    Parameters
    ----------
    dtype
        Its name.
    tolerance
        Largest relative error that passes.
    step
        A step for values about 1: the cube root of the resolution, where the errors by rounding
        and by curvature together are smallest.
    resolution
        Distance from 1 to the next number.
    """

    dtype: str
    tolerance: float
    step: float
    resolution: float


PRECISIONS = {
    "float64": Precision("float64", 1e-6, 6e-6, 2.0**-52),
    "float32": Precision("float32", 1e-2, 5e-3, 2.0**-23),
    "float16": Precision("float16", 0.1, 0.1, 2.0**-10),
    "bfloat16": Precision("bfloat16", 0.3, 0.2, 2.0**-7),
}
"""From the finest to the coarsest. With these steps small models are a hundred times closer."""


@dataclass(frozen=True)
class Comparison:
    """Result of a comparison; errors are relative to the sum of the magnitudes of the terms.

    Parameters
    ----------
    passed
        True or False; None where the loss is too coarse to decide.
    error
        Of the gradient.
    uncertain
        How far the differences may be off, where it is None.
    kinked
        Whether it is None because the loss has no derivative there.
    """

    passed: bool | None
    error: float
    uncertain: float = 0.0
    kinked: bool = False


def compare(
    loss: LossAt, slope: float, terms: float, precision: Precision, size: float
) -> Comparison:
    """Compare a directional derivative with central differences.

    Parameters
    ----------
    loss
        The loss along the direction.
    slope
        The derivative there by the gradient, a sum of terms which may cancel.
    terms
        The sum of their magnitudes.
    precision
        That of the loss.
    size
        Magnitude of the values that are moved.
    """
    at, first = cache(loss), precision.step * size
    if terms > 0.0:
        for factor in sorted(_LADDER, key=lambda factor: abs(np.log(factor))):
            error = abs(_difference(at, first * factor) - slope) / terms
            if error <= precision.tolerance:
                return Comparison(passed=True, error=error)
    # No step agrees. Are the differences so precise that the gradient must be wrong?
    found, uncertain = _measured(at, first, precision)
    missed = abs(found - slope)
    if np.isnan(missed):
        return Comparison(passed=None, error=missed, uncertain=np.inf)
    if missed > 2 * uncertain:
        error = missed / terms if terms > 0.0 else np.inf
        if _has_kink(at, first, precision):
            return Comparison(passed=None, error=error, uncertain=np.inf, kinked=True)
        return Comparison(passed=False, error=error)
    if terms == 0.0:
        return Comparison(passed=True, error=0.0)
    return Comparison(passed=None, error=missed / terms, uncertain=uncertain / terms)


def _measured(at: LossAt, first: float, precision: Precision) -> tuple[float, float]:
    """Measure the derivative, and how far that may be off.

    It is best known where two steps, one ten times the other, and those around them agree.
    """
    rounding = precision.resolution * abs(at(0.0))
    rungs = []
    for factor in _LADDER:
        step = first * factor
        slopes = [_difference(at, step * length) for length in _AROUND]
        rungs.append((slopes, rounding / step))
    # Steps that are lost in rounding always give 0.
    seen = [rung for rung in rungs if any(rung[0])] or rungs
    if len(seen) == 1:
        return float(np.mean(seen[0][0])), np.inf
    best = min(
        (np.ptp(one + other) + max(off, more), float(np.mean(one + other)))
        for (one, off), (other, more) in pairwise(seen)
    )
    return best[1], float(best[0])


def _has_kink(at: LossAt, step: float, precision: Precision) -> bool:
    """Tell whether the slopes before and behind differ however small the step, as of relu at 0.

    Those of a smooth function come closer in proportion to the step.
    """

    def gap(step: float) -> float:
        return abs(at(step) - 2 * at(0.0) + at(-step)) / step

    rounding = 16 * precision.resolution * abs(at(0.0)) / step
    return gap(step) > max(rounding, 0.5 * gap(10 * step))


def _difference(at: LossAt, step: float) -> float:
    return (at(step) - at(-step)) / (2 * step)
