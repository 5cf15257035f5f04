"""How strong a gradient is at each lag: timesteps before the last one that a layer processed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from rnngrad_widgets.data.rules import BACKWARD
from rnngrad_widgets.data.statistics import halves, largest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnngrad_widgets.data.tensor import GradientTensor

AT_ONCE = 256
"""Timesteps added up together: few enough for their sum to stay in the processor's cache."""


@dataclass(frozen=True, eq=False)
class Profile:
    """The norms over channels of one direction of a tensor, by lag.

    Lag 0 is the last timestep that the layer processed: of a backward layer the first one. Masked
    timesteps are left out, and do not count as lags.

    Parameters
    ----------
    norms
        (samples, lags), float64, of values divided by `scale`: squares of tiny float32 values
        would be zero. NaN after the end of a sample, and where a value is not finite.
    timesteps
        (samples, lags), the timestep of each lag; -1 after the end of a sample.
    scale
        The largest finite magnitude of the direction; 0 where all values are zero.
    together
        (timesteps,), the norm of the sum over samples, of values divided by `scale`; what has no
        norm at a timestep is left out. None where it is of no gradient.
    """

    norms: NDArray[np.float64]
    timesteps: NDArray[np.int64]
    scale: float
    together: NDArray[np.float64] | None = None

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """How many timesteps of each sample count, (samples,)."""
        lengths: NDArray[np.int64] = np.count_nonzero(self.timesteps >= 0, axis=1)
        return lengths

    def by_timestep(self) -> NDArray[np.float64]:
        """Return the norms in the order of time, (samples, timesteps); NaN at masked timesteps."""
        result = np.full(self.norms.shape, np.nan)
        sample, lag = np.nonzero(self.timesteps >= 0)
        result[sample, self.timesteps[sample, lag]] = self.norms[sample, lag]
        return result


def profiles_of(tensor: GradientTensor) -> dict[str, Profile]:
    """Return the profile of each direction; that of a single one under the empty name.

    Parameters
    ----------
    tensor
        (samples, timesteps, ...): all further axes count as channels.
    """
    alone = tensor.directions == (BACKWARD,)
    return {
        name: profile_of(values, tensor.mask, backward=alone or name == BACKWARD)
        for name, values in halves(tensor).items()
    }


def profile_of(values: NDArray[Any], mask: NDArray[np.bool_] | None, *, backward: bool) -> Profile:
    """Return the profile of one direction.

    Parameters
    ----------
    values
        (samples, timesteps, ...).
    mask
        (samples, timesteps), True where the timestep counts, or None.
    backward
        Whether the layer processes the last timestep first.
    """
    samples, count = values.shape[:2]
    if values.dtype.kind in "biu":
        values = values.astype(np.float64)
    scale = largest(values) or 0.0
    by_timestep = np.full((samples, count), np.nan)
    total = np.zeros((count, math.prod(values.shape[2:])))
    for start in range(0, count, AT_ONCE):
        some = slice(start, start + AT_ONCE)
        counts = None if mask is None else mask[:, some]
        _add_up(values[:, some], counts, scale or 1.0, by_timestep[:, some], total[some])
    timesteps = _order(samples, count, mask, backward=backward)
    norms = np.where(
        timesteps >= 0, np.take_along_axis(by_timestep, np.maximum(timesteps, 0), axis=1), np.nan
    )
    return Profile(norms, timesteps, scale, np.sqrt(np.einsum("tc,tc->t", total, total)))


def _add_up(
    values: NDArray[Any],
    mask: NDArray[np.bool_] | None,
    scale: float,
    norms: NDArray[np.float64],
    total: NDArray[np.float64],
) -> None:
    """Write the norms over channels, where they count, and add the samples to their total."""
    scaled = np.empty_like(total)  # one sample after the other: all would take twice the memory
    with np.errstate(invalid="ignore"):
        for sample, own in enumerate(values):
            np.divide(own.reshape(scaled.shape), scale, out=scaled, dtype=np.float64)
            found = np.sqrt(np.einsum("tc,tc->t", scaled, scaled))
            counts = np.isfinite(found)
            if mask is not None:
                counts &= mask[sample]
            norms[sample, counts] = found[counts]
            if counts.all():
                total += scaled
            else:
                total[counts] += scaled[counts]


def _order(
    samples: int, count: int, mask: NDArray[np.bool_] | None, *, backward: bool
) -> NDArray[np.int64]:
    """Return the timestep of each lag of each sample; -1 after its end."""
    timesteps = np.full((samples, count), -1, np.int64)
    for sample in range(samples):
        order = np.arange(count) if mask is None else np.flatnonzero(mask[sample])
        timesteps[sample, : len(order)] = order if backward else order[::-1]
    return timesteps
