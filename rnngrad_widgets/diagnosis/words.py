"""The sentences of a diagnosis: what the numbers justify, and no more.

A gradient that vanishes shows what earlier timesteps contribute to this gradient, not what a
network can learn; so every sentence is about these weights and this batch.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rnngrad_widgets.data.quantities import quantity_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rnngrad_widgets.diagnosis.decay import Decay
    from rnngrad_widgets.diagnosis.gradient import GradientDiagnosis
    from rnngrad_widgets.diagnosis.parameters import GateNumbers

_MOSTLY = 0.5
"""Share of activations from which on a gate is said to be closed or open."""

_NEAR_CHANCE = 1.5
"""Up to so many times what chance gives, samples are said not to agree."""


def findings_over_time(gradient: GradientDiagnosis, threshold: float) -> list[str]:
    """Return the sentences about one gradient."""
    where = _where(gradient)
    if gradient.samples == 0 or gradient.timesteps == 0:
        return [f"{where}: no timestep counts"]
    if gradient.dead_channels == gradient.channels:
        return [f"{where}: all values are exactly 0 with these weights, on this batch"]
    sentences = [*_about_values(gradient), _about_decay(gradient), *_about_reach(gradient)]
    if gradient.not_reached:
        places = range_words(gradient.timesteps_not_reached)
        sentences.append(
            f"{100 * gradient.not_reached:.0f} % of timesteps ({places}) contribute less than "
            f"{short(threshold)} of the strongest timestep to this gradient, with these weights, "
            "on this batch"
        )
    sentences += _about_channels(gradient, threshold)
    agreement = gradient.agreement
    if agreement is not None and agreement.median < _NEAR_CHANCE * agreement.chance:
        sentences.append(
            "the gradients of the samples have unrelated directions: the norm of their mean is "
            f"{agreement.median:.2g} of the mean of their norms, {agreement.chance:.2g} by chance"
        )
    return [f"{where}: {sentence}" for sentence in sentences]


def findings_of_gates(gates: Iterable[GateNumbers]) -> list[str]:
    """Return the sentences about gates that are mostly closed or open."""
    sentences = []
    for gate in gates:
        where = " ".join(filter(None, (gate.layer, gate.direction)))
        for share, words in ((gate.closed, "below 0.1"), (gate.open, "above 0.9")):
            if share > _MOSTLY:
                sentences.append(
                    f"{where}: {100 * share:.0f} % of the activations of gate {gate.gate} are "
                    f"{words} on this batch"
                )
    return sentences


def level_words(level: float) -> str:
    """Write a level: ``37 %``, ``1e-3``."""
    return f"{100 * level:.0f} %" if level >= 0.01 else short(level)


def short(value: float) -> str:
    """Write a number shortly: ``1e-8``, ``2.5e-3``."""
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def _where(gradient: GradientDiagnosis) -> str:
    known = quantity_of(gradient.quantity)
    name = known.summary if gradient.quantity else ""
    direction = f"({gradient.direction})" if gradient.direction else ""
    return " ".join(filter(None, (gradient.layer, name, direction))) or "array"


def _about_values(gradient: GradientDiagnosis) -> list[str]:
    if gradient.nan is None:
        return ["holds values that are not finite, how many is not known of norms"]
    if gradient.first_not_finite is None:
        return []
    counts = [
        f"{count:,} {word}"
        for count, word in ((gradient.nan, "NaN"), (gradient.inf, "Inf"))
        if count
    ]
    return [f"holds {' and '.join(counts)}, the first at {gradient.first_not_finite}"]


def _about_decay(gradient: GradientDiagnosis) -> str:
    decay = gradient.decay
    if decay is None:
        return f"no decay can be read: {gradient.no_decay}"
    if decay.grows:
        verb = "explodes" if gradient.explodes else "grows"
        words = f"{verb} backwards, by a factor of {decay.factor:.3g} per step"
        if gradient.growth is not None:
            words += f", {times_words(gradient.growth)} times to the first timestep"
    elif decay.slope < 0 and (decay.interval is None or decay.interval[1] < 0):
        words = (
            f"falls by a factor of {decay.factor:.3g} per step back, to a tenth within "
            f"{decay.steps_per_decade:.3g} steps"
        )
    elif decay.interval is None:
        words = (
            f"changes by a factor of {decay.factor:.3g} per step back; of {decay.samples} samples "
            "it cannot be said whether it grows"
        )
    else:
        words = f"neither falls nor grows with the steps back (factor {decay.factor:.3g} per step)"
    return words + _interval(decay)


def times_words(value: float) -> str:
    """Write how many times larger: ``1.84``, ``1,200``."""
    return f"{value:,.0f}" if 100 <= value < 1e6 else f"{value:.3g}"


def _interval(decay: Decay) -> str:
    if decay.interval is None:
        return ""
    low, high = (math.exp(end) for end in decay.interval)
    return f" (95 % of {decay.samples} samples drawn anew: {low:.3g} to {high:.3g})"


def _about_reach(gradient: GradientDiagnosis) -> list[str]:
    what, of = (
        ("what a timestep of the loss contributes", "that at its own timestep")
        if gradient.quantity == "reach"
        else ("its norm", "that at the last timestep")
    )
    sentences = []
    for each in gradient.reach:
        level = level_words(each.level)
        if each.is_censored:
            # more than half of the samples; all have the same length where that is the longest lag
            whose = "the" if each.lag == gradient.timesteps - 1 else "more than half of the"
            far = f"as far back as {whose} sequences go, {each.lag} timesteps"
        else:
            far = f"up to {each.lag} timesteps back"
        if each.lag == 0 and not each.is_censored:
            sentences.append(f"{what} is below {level} of {of} at every timestep before it")
        else:
            sentences.append(f"{what} is {level} or more of {of} {far}")
    return sentences


def _about_channels(gradient: GradientDiagnosis, threshold: float) -> list[str]:
    sentences = []
    if gradient.dead_channels:
        sentences.append(
            f"{gradient.dead_channels} of {gradient.channels} channels are exactly 0 in every "
            "sample and timestep"
        )
    if gradient.faint_channels:
        sentences.append(
            f"{gradient.faint_channels} of {gradient.channels} channels stay below "
            f"{short(threshold)} of the largest magnitude"
        )
    return sentences


def range_words(ranges: Sequence[tuple[int, int]]) -> str:
    """Write ranges of timesteps: ``0 .. 3, 7``; of more than four the first ones."""
    words = [str(a) if a == b else f"{a} .. {b}" for a, b in ranges[:4]]
    more = ["…"] if len(ranges) > len(words) else []
    return ", ".join([*words, *more])
