"""Central differences of a loss, held against what gradients say of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np

LossAt: TypeAlias = "Callable[[float], float]"
"""The loss at so many steps in a direction."""

_LADDER = (1.0, 0.1, 10.0, 0.01, 100.0)
"""Steps to try one after the other, in units of the first one."""


@dataclass(frozen=True)
class Precision:
    """How closely losses of a dtype can be compared.

    Parameters
    ----------
    dtype
        Its name.
    tolerance
        Largest relative error that passes.
    step
        A step for values about 1: the cube root of the resolution, as rounding and curvature
        then do the least harm.
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
"""From the finest to the coarsest."""


@dataclass(frozen=True)
class Compared:
    """What comparing found.

    Parameters
    ----------
    passed
        True or False; None where the loss changes too little to tell.
    error
        Relative to the sum of the magnitudes of the terms; None if `passed` is.
    """

    passed: bool | None
    error: float | None


def compare(
    loss: LossAt, slope: float, terms: float, precision: Precision, size: float
) -> Compared:
    """Hold a directional derivative against central differences.

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
        How large the values are that are moved.
    """
    at, first = cache(loss), precision.step * size

    def difference(step: float) -> float:
        return (at(step) - at(-step)) / (2 * step)

    if terms > 0.0:
        for factor in _LADDER:
            error = abs(difference(first * factor) - slope) / terms
            if error <= precision.tolerance:
                return Compared(passed=True, error=error)
    # No step agrees. Is the loss good enough to say that the gradient is wrong?
    noise = _noise(at, first, precision)
    measured = []
    for factor in _LADDER:
        step = first * factor
        found = difference(step)
        bent = abs(found - difference(step / 2))
        measured.append((noise / step + 2 * bent, found))
    uncertain, found = min(measured)
    missed = abs(found - slope)
    if missed > 2 * uncertain:
        return Compared(passed=False, error=missed / terms if terms > 0.0 else np.inf)
    if terms == 0.0:
        return Compared(passed=True, error=0.0)
    return Compared(passed=None, error=None)


def _noise(at: LossAt, first: float, precision: Precision) -> float:
    """Estimate by how much the loss is off, from steps that are too small to matter."""
    base = at(0.0)
    tiny = [at(sign * first * 1e-4 * count) - base for count in (1, 2, 3) for sign in (1, -1)]
    slopes = abs(at(first) - at(-first)) / 2 * 1e-4  # what the first of these steps should do
    return max(max(map(abs, tiny)) - 3 * slopes, 4 * precision.resolution * abs(base))
