"""The numbers of a diagnosis under one name each, as trackers of experiments take them."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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


def flat_numbers(
    gradients: Iterable[GradientDiagnosis],
    gates: Iterable[GateNumbers],
    kernels: Iterable[KernelNumbers],
) -> dict[str, float]:
    """Return the numbers of a diagnosis by name; what there is no finite number of is left out.

    Parameters
    ----------
    gradients, gates, kernels
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
        found |= _finite(where, _of_gradient(gradient))
    for gate in gates:
        where = flat_name(gate.layer, "gate", gate.direction, gate.gate)
        found |= _finite(where, _of_gate(gate))
    for kernel in kernels:
        where = flat_name(kernel.weight, "weight", kernel.gate)
        found |= _finite(where, _of_kernel(kernel))
    return found


def _finite(where: str, numbers: Iterable[_Number]) -> dict[str, float]:
    return {
        f"{where}/{name}": float(value)
        for name, value in numbers
        if value is not None and math.isfinite(value)
    }


def _of_gradient(gradient: GradientDiagnosis) -> Iterator[_Number]:
    decay, agreement = gradient.decay, gradient.agreement
    if decay is not None:
        yield "factor_per_step", decay.factor
        if decay.interval is not None:
            low, high = decay.interval
            yield "factor_per_step_low", math.exp(low)
            yield "factor_per_step_high", math.exp(high)
        yield "steps_per_decade", decay.steps_per_decade
    for reach in gradient.reach:
        name = f"reach_at_{reach.level:.3g}"
        yield name, reach.lag
        yield f"{name}_is_censored", reach.is_censored
    yield "not_reached", gradient.not_reached
    yield "growth", gradient.growth
    yield "dead_channels", gradient.dead_channels
    yield "faint_channels", gradient.faint_channels
    yield "nan", gradient.nan
    yield "inf", gradient.inf
    if agreement is not None:
        yield "agreement", agreement.median


def _of_gate(gate: GateNumbers) -> Iterator[_Number]:
    yield "closed", gate.closed
    yield "open", gate.open
    yield "forget_time", gate.forget_time
    yield "longest_forget_time", gate.longest_forget_time


def _of_kernel(kernel: KernelNumbers) -> Iterator[_Number]:
    yield "largest_singular_value", kernel.largest_singular_value
    yield "spectral_radius", kernel.spectral_radius
    yield "departure_from_orthogonal", kernel.departure_from_orthogonal
