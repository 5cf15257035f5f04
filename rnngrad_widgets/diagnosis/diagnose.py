"""`diagnose`: the numbers of a tensor, a snapshot, an explorer or an array."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rnngrad_widgets.data.quantities import quantity_of
from rnngrad_widgets.data.statistics import THRESHOLD, halves, relative_medians, share_not_reached
from rnngrad_widgets.data.tensor import NO_TIME, REACH, SEQUENCE, GradientTensor
from rnngrad_widgets.diagnosis.decay import decay_of
from rnngrad_widgets.diagnosis.diagnosis import Diagnosis
from rnngrad_widgets.diagnosis.extent import agreement_of, growth_of, ranges, reach_at
from rnngrad_widgets.diagnosis.gradient import GradientDiagnosis
from rnngrad_widgets.diagnosis.lag_profile import lag_profile, reason_against_lags
from rnngrad_widgets.diagnosis.loss_position import Tensors, reasons_against_rate
from rnngrad_widgets.diagnosis.parameters import gate_numbers, kernel_numbers
from rnngrad_widgets.diagnosis.profile import Profile, profiles_of

LEVELS = (1 / math.e, 1e-3)
"""Shares of the gradient at lag 0 whose reach is told, unless others are asked for."""


@runtime_checkable
class HasTensors(Protocol):
    """What shows tensors that can be diagnosed: an explorer."""

    def tensors_to_diagnose(self) -> Tensors:
        """Return what is shown, and what is needed to read it, by layer and quantity."""


def diagnose(
    source: Any,
    *,
    threshold: float = THRESHOLD,
    levels: Sequence[float] = LEVELS,
    dims: Sequence[str] | None = None,
) -> Diagnosis:
    """Tell in numbers and sentences how far back a gradient extends.

    All of it holds with the weights that the model had, on the batch that the gradient is of. A
    gradient that vanishes shows that earlier timesteps contribute nothing to *this* gradient, not
    that they cannot be learnt; one that does not vanish is no proof of learning.

    A rate, a growth and a reach are told where the loss acts at the last timestep only: with a loss
    at every timestep the total gradient is large everywhere, however little of it goes far back. To
    know that, the direct gradient must be there: compute ``["hidden_gradient", "output_gradient"]``
    and diagnose the snapshot. ``"reach"`` tells them wherever the loss acts, from what each of its
    timesteps contributes to earlier ones, relative to its own.

    Parameters
    ----------
    source
        A `GradientSnapshot` (`GradientEngine.compute`, `Recording.snapshot`), a `GradientTensor`,
        an explorer, or an array of numbers. An array is taken as the gradient by the states of one
        layer, in the order in which it processed them, of a loss at the last timestep only.
    threshold
        Share of the strongest timestep, 0 .. 1, below which a gradient counts as not reaching one.
        Leaving timesteps below 1e-8 out changes the last bit of some tenth of the entries of a
        kernel's gradient in single precision.
    levels
        Shares of the gradient at lag 0, 0 .. 1, whose reach is told.
    dims
        Names of the axes of an array; None for ``("sample", "timestep", "channel")``.

    Returns
    -------
    Diagnosis
        The numbers of every gradient that has a time axis, of gates where gate activations are
        there, of recurrent kernels where weights are there.

    Raises
    ------
    TypeError
        If the source is none of these.
    ValueError
        If the threshold or a level is not between 0 and 1, or there is no gradient with a time
        axis, no gate and no recurrent kernel.
    """
    shares = tuple(_share("levels must each", level) for level in levels)
    limit = _share("threshold must", threshold)
    tensors = _tensors_of(source, dims)
    over_time = [tensor for tensor in tensors.values() if _is_gradient_over_time(tensor)]
    found = Diagnosis(
        gradients=tuple(
            each for tensor in over_time for each in _diagnoses(tensor, tensors, limit, shares)
        )
        + tuple(
            _reach_diagnosis(tensor, shares) for tensor in tensors.values() if tensor.dims == REACH
        ),
        gates=tuple(
            numbers
            for tensor in tensors.values()
            if tensor.quantity == "gate"
            for numbers in gate_numbers(tensor)
        ),
        kernels=tuple(
            numbers
            for tensor in tensors.values()
            if tensor.quantity == "weight"
            for numbers in kernel_numbers(tensor)
        ),
        threshold=limit,
        levels=shares,
    )
    if not (found.gradients or found.gates or found.kernels):
        held = [f"{tensor!r}" for tensor in tensors.values()] or ["nothing"]
        raise ValueError(
            "a diagnosis needs a gradient with the axes sample, timestep and channel; received "
            f"{', '.join(held[:3])}. hidden_gradient has them, whatever a layer returns"
        )
    return found


def _share(what: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise TypeError(f"{what} be a number; received {value!r}")
    if not 0 < value < 1:
        raise ValueError(f"{what} be between 0 and 1; received {value!r}. For instance: 1e-8")
    return float(value)


def _tensors_of(source: Any, dims: Sequence[str] | None) -> Tensors:
    if dims is not None and (isinstance(source, (GradientTensor, Mapping, HasTensors))):
        raise TypeError(
            f"dims names the axes of an array; received it with {type(source).__name__}"
        )
    if isinstance(source, GradientTensor):
        return {(source.layer, source.quantity): source}
    if isinstance(source, HasTensors):
        return source.tensors_to_diagnose()
    if isinstance(source, Mapping):
        wrong = [value for value in source.values() if not isinstance(value, GradientTensor)]
        if wrong:
            raise TypeError(
                f"a mapping must hold GradientTensors; received {type(wrong[0]).__name__}"
            )
        return source
    if not hasattr(source, "__array__") and not isinstance(source, (list, tuple)):
        raise TypeError(
            "diagnose takes a snapshot, a GradientTensor, an explorer or an array; received "
            f"{type(source).__name__}. Of a recording: recording.snapshot(-1)"
        )
    values = np.asarray(source)
    names = (NO_TIME if values.ndim == 2 else SEQUENCE) if dims is None else tuple(dims)
    return {("", ""): GradientTensor(values, names)}


def _is_gradient_over_time(tensor: GradientTensor) -> bool:
    quantity = quantity_of(tensor.quantity)
    is_gradient = quantity.is_gradient or not quantity.name
    over_time = tensor.dims[:2] == ("sample", "timestep") and len(tensor.dims) > 2
    return is_gradient and over_time and tensor.dims != REACH


def _diagnoses(
    tensor: GradientTensor, tensors: Tensors, threshold: float, levels: tuple[float, ...]
) -> list[GradientDiagnosis]:
    profiles, reasons = profiles_of(tensor), reasons_against_rate(tensor, tensors)
    found = []
    for direction, values in halves(tensor).items():
        names = tensor.layer, tensor.quantity, direction
        profile, reason = profiles[direction], reasons[direction]
        found.append(_diagnosis(names, values, profile, reason, threshold, levels))
    return found


def _reach_diagnosis(tensor: GradientTensor, levels: tuple[float, ...]) -> GradientDiagnosis:
    reason = reason_against_lags(tensor)
    profile = None if reason else lag_profile(tensor)
    decay, no_decay = (None, reason) if profile is None else decay_of(profile)
    reach = [] if profile is None else [reach_at(profile, level) for level in levels]
    first, nan, inf = _not_finite(tensor.values)
    samples, timesteps, _ = tensor.shape
    direction = "".join(tensor.directions)
    return GradientDiagnosis(
        tensor.layer,
        tensor.quantity,
        "" if direction in tensor.layer.split("/") else direction,  # of a Bidirectional it is there
        samples=samples,
        timesteps=timesteps,
        channels=1,
        decay=decay,
        no_decay=no_decay,
        reach=tuple(each for each in reach if each is not None),
        not_reached=None,
        timesteps_not_reached=(),
        growth=None if profile is None else growth_of(profile),
        dead_channels=int(not tensor.values.any()),
        faint_channels=0,
        nan=nan,
        inf=inf,
        first_not_finite=first,
        agreement=None,
    )


def _not_finite(values: NDArray[Any]) -> tuple[tuple[int, ...] | None, int, int]:
    """Return the indices of the first value that is not finite, and how many are NaN and Inf."""
    wrong = ~np.isfinite(values)
    first = tuple(int(i) for i in np.argwhere(wrong)[0]) if wrong.any() else None
    return first, int(np.isnan(values).sum()), int(np.isinf(values).sum())


def _diagnosis(
    names: tuple[str, str, str],
    values: NDArray[Any],
    profile: Profile,
    reason: str,
    threshold: float,
    levels: tuple[float, ...],
) -> GradientDiagnosis:
    decay, no_decay = (None, reason) if reason else decay_of(profile)
    reach = [] if reason else [reach_at(profile, level) for level in levels]
    norms = profile.by_timestep()
    relative = relative_medians(norms, np.isfinite(norms))
    loudest = np.max(np.abs(values), axis=(0, 1), initial=0, where=np.isfinite(values)).ravel()
    first, nan, inf = _not_finite(values)
    return GradientDiagnosis(
        *names,
        samples=len(values),
        timesteps=values.shape[1],
        channels=loudest.size,
        decay=decay,
        no_decay=no_decay,
        reach=tuple(each for each in reach if each is not None),
        not_reached=share_not_reached(relative, threshold),
        timesteps_not_reached=ranges(np.flatnonzero(relative < threshold)),
        growth=None if reason else growth_of(profile),
        dead_channels=int(np.count_nonzero(loudest == 0)),
        faint_channels=int(np.count_nonzero((loudest > 0) & (loudest < threshold * profile.scale))),
        nan=nan,
        inf=inf,
        first_not_finite=first,
        agreement=agreement_of(values, norms, profile.scale),
    )
