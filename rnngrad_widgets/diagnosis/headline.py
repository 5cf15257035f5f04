"""The one sentence about a gradient that is read first: how it runs from its strongest end back.

It is of one sample or of the batch, worded from the same numbers as the other findings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnngrad_widgets.diagnosis.words import level_words, range_words, short, times_words

if TYPE_CHECKING:
    from rnngrad_widgets.diagnosis.extent import Extent
    from rnngrad_widgets.diagnosis.numbers import Numbers

_SAME = 0.9, 1.1
"""Between these shares of itself, a norm is said to keep its size."""


def headline(extent: Extent, threshold: float, *, grows: bool = False) -> str:
    """Say how a gradient runs from lag 0 to the first timestep that was processed.

    Parameters
    ----------
    extent
        Of a sample or a batch.
    threshold
        The one that `extent` was made with.
    grows
        Whether it grows with every step back, as `Decay` says; otherwise only the two ends are
        compared.
    """
    if extent.not_reached is None or extent.weakest is None:
        return "no timestep has a finite gradient"
    if extent.is_zero:
        return f"all {'' if extent.is_finite else 'finite '}values are exactly 0"
    below = ""
    if extent.not_reached:
        places = range_words(extent.timesteps_not_reached)
        below = (
            f"{100 * extent.not_reached:.0f} % of timesteps ({places}) are below "
            f"{short(threshold)} of the strongest"
        )
    if extent.growth is None:
        timestep, share = extent.weakest
        return below or f"weakest at timestep {timestep}, {_share(share)} of the strongest"
    course = f"{_start(extent)}, gradient {_course(extent, extent.growth, grows=grows)}"
    return "; ".join(filter(None, (course, below)))


def reach_headline(extent: Extent) -> str:
    """Say how much of what a timestep of the loss contributes goes how far back.

    Parameters
    ----------
    extent
        Of a sample or a batch, by lag.
    """
    if extent.growth is None:
        return "no timestep of the loss has a finite contribution to its own timestep"
    levels = sorted(extent.reach, key=lambda each: -each.level)
    falls = [
        f"below {level_words(each.level)} within {each.lag + 1}"
        for each in levels
        if not each.is_censored
    ]
    course = f"falls {', '.join(falls)} timesteps back" if falls else "goes all the way back"
    # lags take the place of timesteps: the last ones differ where sequences do
    end = "at the first timestep of each sample" if extent.first is None else f"{extent.first} back"
    share = f"{_share(extent.growth)} of what it contributes to its own is left {end}"
    return f"what a timestep of the loss contributes {course}; {share}"


def batch_headline(numbers: Numbers, reason: str, threshold: float) -> str:
    """Say how the gradient of a batch runs, or why that cannot be read.

    Parameters
    ----------
    numbers
        Of the batch.
    reason
        Why lag 0 is no measure of the other timesteps; else empty.
    threshold
        The one that they were made with.
    """
    (diagnosis, extent), decay = numbers, numbers.diagnosis.decay
    if diagnosis.quantity == "reach" and not reason:
        return f"median of {diagnosis.samples} samples: {reach_headline(extent)}"
    if reason and extent.weakest is not None and not extent.is_zero:
        return f"no decay can be read here: {reason}"
    course = headline(extent, threshold, grows=decay is not None and decay.grows)
    return f"median of {diagnosis.samples} samples: {course}"


def _start(extent: Extent) -> str:
    if extent.last is None:
        return "from the last timestep processed back"
    on = extent.first is not None and extent.first > extent.last
    return f"from timestep {extent.last} {'on' if on else 'back'}"


def _course(extent: Extent, growth: float, *, grows: bool) -> str:
    first = "the first timestep" if extent.first is None else f"timestep {extent.first}"
    last = "the last" if extent.last is None else f"timestep {extent.last}"
    low, high = _SAME
    falls = [
        f"below {level_words(each.level)} within {each.lag + 1}"
        for each in sorted(extent.reach, key=lambda each: -each.level)
        if not each.is_censored
    ]
    if falls:
        falls[0] += " timestep" if falls[0].endswith(" 1") else " timesteps"
    if falls or growth < low:
        return "falls " + ", ".join([*falls, f"to {_share(growth)} at {first}"])
    if growth <= high:
        return f"keeps its size: {_share(growth)} at {first}"
    if grows:
        return f"grows {times_words(growth)} times towards {first}"
    return f"is {times_words(growth)} times as large at {first} as at {last}"


def _share(share: float) -> str:
    return "0" if share == 0 else level_words(share)
