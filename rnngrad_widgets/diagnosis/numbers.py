"""The numbers of a gradient over time, for each direction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rnngrad_widgets.data.statistics import halves
from rnngrad_widgets.data.tensor import REACH
from rnngrad_widgets.diagnosis.decay import decay_of
from rnngrad_widgets.diagnosis.extent import Extent, agreement_of, extent_of
from rnngrad_widgets.diagnosis.gradient import GradientDiagnosis

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnngrad_widgets.data.tensor import GradientTensor
    from rnngrad_widgets.diagnosis.profile import Profile


class Numbers(NamedTuple):
    """What is diagnosed of one direction, and the extent that it was made of."""

    diagnosis: GradientDiagnosis
    extent: Extent


def numbers_of(
    tensor: GradientTensor,
    profiles: Mapping[str, Profile],
    reasons: Mapping[str, str],
    threshold: float,
    levels: tuple[float, ...],
) -> dict[str, Numbers]:
    """Return the numbers of each direction of a gradient over time.

    Parameters
    ----------
    tensor
        (samples, timesteps, ...).
    profiles
        Its own, as `profiles_of` returns them.
    reasons
        For each direction why no rate can be read; empty where one can.
    threshold, levels
        As for `diagnose`.
    """
    found = {}
    for direction, values in halves(tensor).items():
        names = tensor.layer, tensor.quantity, direction
        profile, reason = profiles[direction], reasons[direction]
        extent = extent_of(profile, levels, threshold, is_readable=not reason)
        diagnosis = _diagnosis(names, values, profile, reason, threshold, extent)
        if tensor.dims == REACH:
            diagnosis = _of_reach(diagnosis, tensor)
        if tensor.norms_over:
            diagnosis = _of_norms(diagnosis, tensor.norms_over)
        found[direction] = Numbers(diagnosis, extent)
    return found


def _of_reach(diagnosis: GradientDiagnosis, tensor: GradientTensor) -> GradientDiagnosis:
    """Leave out what is said of channels and of timesteps: a reach has timesteps of the loss, lags.

    The layer of a Bidirectional's reach has the direction in its key.
    """
    named = tensor.layer.split("/")
    return replace(
        diagnosis,
        direction="".join(each for each in tensor.directions if each not in named),
        channels=1,
        dead_channels=int(diagnosis.dead_channels == diagnosis.channels),
        faint_channels=0,
        not_reached=None,
        timesteps_not_reached=(),
        agreement=None,
    )


def _of_norms(diagnosis: GradientDiagnosis, channels: int) -> GradientDiagnosis:
    """Leave out what norms over channels do not tell."""
    is_finite = diagnosis.first_not_finite is None
    is_zero = is_finite and diagnosis.dead_channels == 1
    return replace(
        diagnosis,
        channels=channels,
        dead_channels=channels if is_zero else None,
        faint_channels=0 if is_zero else None,
        nan=0 if is_finite else None,
        inf=0 if is_finite else None,
        first_not_finite=None,
        agreement=None,
    )


def _diagnosis(
    names: tuple[str, str, str],
    values: NDArray[Any],
    profile: Profile,
    reason: str,
    threshold: float,
    extent: Extent,
) -> GradientDiagnosis:
    decay, no_decay = (None, reason) if reason else decay_of(profile)
    with np.errstate(invalid="ignore"):  # of NaN in bfloat16
        loudest = _largest_by_channel(values)
    is_zero, nan, inf = loudest == 0, 0, 0
    first = None
    if not np.isfinite(loudest).all():
        wrong = ~np.isfinite(values)
        loudest = np.max(np.abs(values), axis=(0, 1), initial=0, where=~wrong).ravel()
        is_zero = (loudest == 0) & ~wrong.any(axis=(0, 1)).ravel()
        nan = int(np.isnan(values).sum())
        inf = int(wrong.sum()) - nan
        first = tuple(int(i) for i in np.argwhere(wrong)[0])
    return GradientDiagnosis(
        *names,
        samples=len(values),
        timesteps=values.shape[1],
        channels=loudest.size,
        decay=decay,
        no_decay=no_decay,
        reach=extent.reach,
        not_reached=extent.not_reached,
        timesteps_not_reached=extent.timesteps_not_reached,
        growth=extent.growth,
        dead_channels=int(np.count_nonzero(is_zero)),
        faint_channels=int(np.count_nonzero((loudest > 0) & (loudest < threshold * profile.scale))),
        nan=nan,
        inf=inf,
        first_not_finite=first,
        agreement=agreement_of(profile),
    )


def _largest_by_channel(values: NDArray[Any]) -> NDArray[Any]:
    """Return the largest magnitude of each channel; NaN where there is one."""
    if values.dtype.kind in "biu":  # whole numbers may have no magnitude of their least one
        values = values.astype(np.float64)
    # without an array of magnitudes, which takes longer than to look twice
    ends = values.max(axis=(0, 1), initial=0), values.min(axis=(0, 1), initial=0)
    return np.asarray(np.maximum(ends[0], -ends[1])).ravel()
