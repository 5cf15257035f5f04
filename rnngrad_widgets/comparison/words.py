"""The sentences of a comparison: of these weights, on this batch, or of repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnngrad_widgets.comparison.differences import FEWEST_REPEATS
from rnngrad_widgets.diagnosis.words import short, times_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rnngrad_widgets.comparison.differences import Difference


def finding(difference: Difference, threshold: float) -> str:
    """Say how a condition differs from the base, and what may be claimed of it."""
    where = f" ({difference.direction})" if difference.direction else ""
    subject = f"{difference.name} against {difference.base}{where}"
    if not difference.by_repeat:
        return f"{subject}: no comparison relative to lag 0: {difference.reason}"
    bound = f"; what is below {short(threshold)} of lag 0 counts as that" * difference.is_bound
    told = _of_one if len(difference.by_repeat) == 1 else _of_repeats
    return f"{subject}: {told(difference)}{bound}"


def _of_one(difference: Difference) -> str:
    (only,) = difference.by_repeat
    where = f"at lags 1 to {difference.lags}"
    if difference.is_small:
        return f"relative to lag 0, its gradient is as strong {where} (geometric mean)"
    spread = ""
    if difference.quartiles is not None and difference.samples > 3:
        low, high = (times_words(10**end) for end in difference.quartiles)
        spread = f", half of {difference.samples} samples {low} to {high}"
    otherwise = f"; but {difference.reason}" if difference.reason else ""
    return (
        f"relative to lag 0, its gradient is {times_words(10**only)} times that of "
        f"{difference.base} {where} (geometric mean{spread}){otherwise}: these two sets of weights "
        "differ so on this batch; whether the change does it, only repeats can tell"
    )


def _of_repeats(difference: Difference) -> str:
    count = len(difference.by_repeat)
    each = _listed([times_words(10**value) for value in difference.by_repeat])
    measured = (
        f"relative to lag 0, {each} times its gradient at lags 1 to {difference.lags}, repeat by "
        "repeat"
    )
    if difference.reason:
        return f"no claim, {difference.reason}; {measured}"
    if difference.is_small:
        return f"no claim, the gradients of the {count} repeats are as strong; {measured}"
    if count < FEWEST_REPEATS:
        return f"no claim of {count} repeats, at least {FEWEST_REPEATS} are needed; {measured}"
    if not difference.signs_agree:
        return f"no claim, the {count} repeats do not agree; {measured}"
    low, high = (times_words(10**end) for end in difference.interval or (0, 0))
    interval = f"95 % for their mean: {low} to {high}"
    if difference.claim is None:
        return f"no claim, the {count} repeats differ too much; {measured} ({interval})"
    return f"its gradient extends {difference.claim}; {measured} ({interval})"


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
