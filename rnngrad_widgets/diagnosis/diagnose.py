"""`diagnose`: the numbers of a tensor, a snapshot, an explorer or an array."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from rnngrad_widgets.data.arrays import is_array, to_numpy
from rnngrad_widgets.data.statistics import THRESHOLD
from rnngrad_widgets.data.tensor import NO_TIME, SEQUENCE, GradientTensor
from rnngrad_widgets.diagnosis.diagnosis import Diagnosis
from rnngrad_widgets.diagnosis.gradient import is_gradient_over_time
from rnngrad_widgets.diagnosis.lag_profile import profiles_by_lag
from rnngrad_widgets.diagnosis.loss_position import Tensors, reasons_against_rate
from rnngrad_widgets.diagnosis.numbers import Numbers, numbers_of
from rnngrad_widgets.diagnosis.parameters import gate_numbers, kernel_numbers
from rnngrad_widgets.diagnosis.shares import LEVELS, check_levels, check_threshold
from rnngrad_widgets.diagnosis.telling import Evidence


@runtime_checkable
class HasEvidence(Protocol):
    """What shows a tensor that can be diagnosed: an explorer."""

    def evidence(self) -> Evidence:
        """Return what is shown, and what must be known to read it."""


def diagnose(
    source: Any,
    *,
    threshold: float | None = None,
    levels: Sequence[float] | None = None,
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
        an explorer (what it shows), or an array of numbers. An array is taken as the gradient by
        the states of one layer, in the order in which it processed them, of a loss at the last
        timestep only.
    threshold
        Share of the strongest timestep, 0 .. 1, below which a gradient counts as not reaching one.
        Leaving timesteps below 1e-8 out changes the last bit of some tenth of the entries of a
        kernel's gradient in single precision. None: that of an explorer, else 1e-8.
    levels
        Shares of the gradient at lag 0, 0 .. 1, whose reach is told. None: those of an explorer,
        else 1/e and 1e-3.
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
    shown = source.evidence() if isinstance(source, HasEvidence) else None
    if shown is not None:
        threshold = shown.threshold if threshold is None else threshold
        levels = shown.levels if levels is None else levels
    limit = check_threshold(THRESHOLD if threshold is None else threshold)
    shares = check_levels(LEVELS if levels is None else levels)
    tensors = _tensors_of(source if shown is None else shown.tensor, dims)
    found = diagnosis_of(tensors, limit, shares, None if shown is None else shown.reasons)
    if not (found.gradients or found.gates or found.kernels):
        held = [f"{tensor!r}" for tensor in tensors.values()] or ["nothing"]
        raise ValueError(
            "a diagnosis needs a gradient with the axes sample, timestep and channel; received "
            f"{', '.join(held[:3])}. hidden_gradient has them, whatever a layer returns"
        )
    return found


def diagnosis_of(
    tensors: Tensors,
    threshold: float = THRESHOLD,
    levels: tuple[float, ...] = LEVELS,
    reasons: Mapping[str, str] | None = None,
    summaries: Tensors | None = None,
) -> Diagnosis:
    """Return the numbers of tensors; nothing of those that there is nothing to diagnose of.

    Parameters
    ----------
    tensors
        By layer and quantity.
    threshold, levels
        As for `diagnose`.
    reasons
        For each direction why no rate can be read, where that is known; None to look.
    summaries
        Those of the tensors, where they are known: they say as well, and sooner, where the loss
        acts.
    """
    computed_with = tensors if summaries is None else summaries

    def of(tensor: GradientTensor) -> Iterable[Numbers]:
        known = reasons_against_rate(tensor, computed_with) if reasons is None else reasons
        return numbers_of(tensor, profiles_by_lag(tensor), known, threshold, levels).values()

    return Diagnosis(
        gradients=tuple(
            each.diagnosis
            for tensor in tensors.values()
            if is_gradient_over_time(tensor)
            for each in of(tensor)
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
        threshold=threshold,
        levels=levels,
    )


def _tensors_of(source: Any, dims: Sequence[str] | None) -> Tensors:
    if dims is not None and isinstance(source, (GradientTensor, Mapping)):
        raise TypeError(
            f"dims names the axes of an array; received it with {type(source).__name__}"
        )
    if isinstance(source, GradientTensor):
        return {(source.layer, source.quantity): source}
    if isinstance(source, Mapping):
        wrong = [value for value in source.values() if not isinstance(value, GradientTensor)]
        if wrong:
            raise TypeError(
                f"a mapping must hold GradientTensors; received {type(wrong[0]).__name__}"
            )
        return source
    if not is_array(source) and not isinstance(source, (list, tuple)):
        raise TypeError(
            "diagnose takes a snapshot, a GradientTensor, an explorer or an array; received "
            f"{type(source).__name__}. Of a recording: recording.snapshot(-1)"
        )
    values = to_numpy(source)
    names = (NO_TIME if values.ndim == 2 else SEQUENCE) if dims is None else tuple(dims)
    return {("", ""): GradientTensor(values, names)}
