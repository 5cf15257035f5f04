"""Numbers of a whole tensor: the automatic colour range and the finding of the summary line."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnngrad_widgets.data.tensor import GradientTensor

THRESHOLD = 1e-8
"""Below this share of the maximum, a gradient counts as not reaching a timestep."""

AUTO_PERCENTILE = 99.8
"""Percentile of the non-zero magnitudes that the automatic colour range holds.

Not the maximum, which is in the summary line: gradients have long tails.
"""

NICE = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
"""Limits in a decade; the last one is the first of the next decade."""


def auto_limit(values: NDArray[Any]) -> float:
    """Return the limit of the automatic symmetric colour range.

    Zeros are left out: a layer whose gradient lives on one timestep of a thousand would else get a
    range of nothing. The browser computes that of a difference of two snapshots by the same rule.

    Parameters
    ----------
    values
        Of any shape.

    Returns
    -------
    float
        The 99.8th percentile of the finite non-zero magnitudes, rounded up to 1, 1.5, 2, 3, 4, 5, 6
        or 8 times a power of ten; 1 where no such value exists. Between two values it is
        interpolated linearly: definition 7 of R. J. Hyndman and Y. Fan, "Sample quantiles in
        statistical packages", The American Statistician 50(4), 1996.
    """
    values = values.reshape(-1)
    finite = np.isfinite(values)
    if not finite.all():
        values = values[finite]
    count = np.count_nonzero(values)
    if count == 0:
        return 1.0
    place = AUTO_PERCENTILE / 100 * (count - 1)
    wanted = count - math.floor(place)
    top = _among_largest(values, wanted)
    ends = (top.size - wanted, min(top.size - wanted + 1, top.size - 1))
    lower, upper = (float(end) for end in np.partition(top, ends)[[*ends]])
    return round_up(lower + (upper - lower) * (place % 1))


def _among_largest(values: NDArray[Any], count: int) -> NDArray[Any]:
    """Return magnitudes among which are the `count` largest ones; hardly more, where values differ.

    Of a tensor of 131 MB that takes a tenth of the time of a partition of all. Where the values
    that the bound is read from mislead, it is all of them.
    """
    some = np.abs(values[:: values.size // 2**16 | 1])
    above = math.ceil(some.size * min(1.0, 1.5 * count / values.size))
    bound = np.partition(some, some.size - above)[some.size - above]
    found = values[(values >= bound) | (values <= -bound)]
    magnitudes: NDArray[Any] = np.abs(found if found.size >= count else values)
    return magnitudes


def round_up(value: float) -> float:
    """Return the smallest 1, 1.5, 2, 3, 4, 5, 6, 8 x 10^k that is >= a positive value.

    Up to the precision of float32, in which 0.3 is a little more than 0.3.

    Parameters
    ----------
    value
        Greater than 0 and finite.
    """
    decade = 10.0 ** math.floor(math.log10(value))
    step = next(nice for nice in NICE if nice * decade >= value * (1 - 1e-6))
    return float(f"{step * decade:.6g}")


class Extreme(NamedTuple):
    """The largest finite magnitude and its indices, one per axis."""

    magnitude: float
    place: tuple[int, ...]


def largest(values: NDArray[Any]) -> float | None:
    """Return the largest finite magnitude; None if no value is finite."""
    if values.size == 0:
        return None
    if values.dtype.kind in "biu":  # whole numbers may have no magnitude of their least one
        values = values.astype(np.float64)
    # without an array of magnitudes, which takes longer than to look twice
    with np.errstate(invalid="ignore"):  # of NaN in bfloat16
        ends = float(np.max(values)), float(np.min(values))
        if not all(map(math.isfinite, ends)):
            counted = values[np.isfinite(values)]
            if counted.size == 0:
                return None
            ends = float(np.max(counted)), float(np.min(counted))
    return max(map(abs, ends))


def extreme(values: NDArray[Any]) -> Extreme | None:
    """Find the largest finite magnitude and where it is first; None if no value is finite."""
    magnitude = largest(values)
    if magnitude is None:
        return None
    flat = values.reshape(-1)
    if values.dtype.kind in "biu":
        flat = flat.astype(np.float64)
    place = int(np.argmax((flat == magnitude) | (flat == -magnitude)))
    return Extreme(magnitude, tuple(int(i) for i in np.unravel_index(place, values.shape)))


def max_decade(values: NDArray[Any]) -> int:
    """Return the smallest k for which no finite magnitude is above 10^k; 0 if all are zero."""
    found = largest(values)
    return math.ceil(math.log10(found)) if found else 0


def relative_medians(norms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how strong each timestep is, relative to the strongest of any sample.

    Parameters
    ----------
    norms
        (samples, timesteps), NaN or infinite where one does not count.

    Returns
    -------
    ndarray
        (timesteps,), 0 .. 1: the medians over samples, divided by the largest norm; NaN where no
        sample counts.
    """
    counted = np.isfinite(norms)
    largest = float(np.max(norms, where=counted, initial=0)) or 1.0
    # the median of what counts, all timesteps at once: the rest is sorted behind it
    norms = np.sort(np.where(counted, norms, np.inf), axis=0)
    counts = counted.sum(axis=0)
    some = np.flatnonzero(counts)
    below, above = (norms[(counts[some] + k) // 2, some] for k in (-1, 0))
    result = np.full(norms.shape[1], np.nan)
    result[some] = (below + above) / 2 / largest
    return result


def share_not_reached(norms: NDArray[np.float64], threshold: float = THRESHOLD) -> float | None:
    """Return the share of timesteps, 0 .. 1, whose relative norm is below a threshold.

    Parameters
    ----------
    norms
        As `relative_medians` returns them.

    Returns
    -------
    float or None
        1 where all values are zero; None where no timestep is left.
    """
    counted = norms[~np.isnan(norms)]
    return float(np.mean(counted < threshold)) if counted.size else None


def norms_over_channels(tensor: GradientTensor) -> NDArray[np.float32]:
    """Return the Euclidean norms over the channels of each direction.

    Parameters
    ----------
    tensor
        (samples, timesteps, channels); further axes, such as those of ConvLSTM, count as channels.

    Returns
    -------
    ndarray
        (samples, timesteps, directions), float32.
    """
    values = [part.reshape(*tensor.shape[:2], -1) for part in halves(tensor).values()]
    with np.errstate(over="ignore"):
        return np.stack([norms_over_last(part) for part in values], axis=-1).astype(np.float32)


def norms_over_last(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the Euclidean norms over the last axis, in double precision.

    Returns
    -------
    ndarray
        Of the other axes; NaN or infinite where one of the values is.
    """
    scale = 1.0
    if values.dtype == np.float64:  # squares of any other dtype are numbers in double precision
        scale = float(np.max(np.abs(values), initial=0, where=np.isfinite(values))) or 1.0
    found = np.empty(values.shape[:-1])
    with np.errstate(invalid="ignore"):
        for sample, own in enumerate(values):  # one by one: all would take twice the memory
            scaled = own.astype(np.float64) if scale == 1 else own / scale
            found[sample] = np.sqrt(np.einsum("...c,...c->...", scaled, scaled))
    with np.errstate(over="ignore"):
        found *= scale
    return found


def halves(tensor: GradientTensor) -> dict[str, NDArray[Any]]:
    """Return the values by direction.

    Returns
    -------
    dict
        Views of the first and the second half of the last axis, under the names of the directions;
        all values under the empty name where there is only one.
    """
    if len(tensor.directions) != 2:
        return {"": tensor.values}
    middle = tensor.shape[-1] // 2
    first, second = tensor.directions
    return {first: tensor.values[..., :middle], second: tensor.values[..., middle:]}
