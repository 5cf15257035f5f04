"""The numbers of a diagnosis under one name each, as trackers of experiments take them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rnngrad_widgets.diagnosis.gradient import GradientDiagnosis
    from rnngrad_widgets.diagnosis.parameters import GateNumbers, KernelNumbers

_Number = tuple[str, float | None]


def flat_name(*parts: str) -> str:
    """Join the parts of a name by slashes; empty ones are left out.

    Letters and digits of ASCII, ``_ - . /`` stay: TensorBoard, W&B, MLflow and Aim take these. Any
    other character becomes its code point between dashes, so that different names stay different.
    """
    joined = "/".join(filter(None, parts)) or "array"
    return re.sub(r"[^A-Za-z0-9_./-]", lambda found: f"-{ord(found[0]):x}-", joined)


def all_numbers(
    gradients: Iterable[GradientDiagnosis],
    gates: Iterable[GateNumbers],
    kernels: Iterable[KernelNumbers],
    levels: Sequence[float],
) -> dict[str, float]:
    """Return the numbers of a diagnosis by name; NaN for one that there is none of.

    So the names are the same at every step of a training run.

    Parameters
    ----------
    gradients, gates, kernels, levels
        As in `Diagnosis`.

    Returns
    -------
    dict
        ``layer/quantity/number``, for instance ``"lstm/hidden_gradient/factor_per_step"``; a
        direction before the number where a layer has two, and a gate where numbers are of one.
    """
    found: dict[str, float] = {}
    for gradient in gradients:
        where = flat_name(gradient.layer, gradient.quantity, gradient.direction)
        found |= _named(where, _of_gradient(gradient, levels))
    for gate in gates:
        where = flat_name(gate.layer, "gate", gate.direction, gate.gate)
        found |= _named(where, _of_gate(gate))
    for kernel in kernels:
        where = flat_name(kernel.weight, "weight", kernel.gate)
        found |= _named(where, _of_kernel(kernel))
    return found


def _named(where: str, numbers: Iterable[_Number]) -> dict[str, float]:
    return {
        f"{where}/{name}": math.nan if value is None else float(value) for name, value in numbers
    }


def _of_gradient(gradient: GradientDiagnosis, levels: Sequence[float]) -> Iterator[_Number]:
    decay, agreement = gradient.decay, gradient.agreement
    interval = None if decay is None else decay.interval
    yield "factor_per_step", None if decay is None else decay.factor
    yield "factor_per_step_low", None if interval is None else math.exp(interval[0])
    yield "factor_per_step_high", None if interval is None else math.exp(interval[1])
    yield "steps_per_decade", None if decay is None else decay.steps_per_decade
    reached = {each.level: each for each in gradient.reach}
    for level in levels:
        name, reach = f"reach_at_{level:.3g}", reached.get(level)
        yield name, None if reach is None else reach.lag
        yield f"{name}_is_censored", None if reach is None else reach.is_censored
    yield "not_reached", gradient.not_reached
    yield "growth", gradient.growth
    yield "dead_channels", gradient.dead_channels
    yield "faint_channels", gradient.faint_channels
    yield "nan", gradient.nan
    yield "inf", gradient.inf
    yield "agreement", None if agreement is None else agreement.median


def _of_gate(gate: GateNumbers) -> Iterator[_Number]:
    yield "closed", gate.closed
    yield "open", gate.open
    yield "forget_time", gate.forget_time
    yield "longest_forget_time", gate.longest_forget_time


def _of_kernel(kernel: KernelNumbers) -> Iterator[_Number]:
    yield "largest_singular_value", kernel.largest_singular_value
    yield "spectral_radius", kernel.spectral_radius
    yield "departure_from_orthogonal", kernel.departure_from_orthogonal
