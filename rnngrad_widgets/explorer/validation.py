"""What can be selected: checked before anything changes, and said in words."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from rnngrad_widgets.data.keywords import did_you_mean
from rnngrad_widgets.data.norm import SelectionError, two_ends
from rnngrad_widgets.data.tensor import GradientTensor

T = TypeVar("T")

MAX_TITLE = 500
"""Characters."""


def check_index(axis: str, index: Any, count: int) -> int:
    """Check an index of an axis with ``count`` places.

    Raises
    ------
    SelectionError
        If it is not an integer in 0 .. count - 1.
    """
    try:
        place = operator.index(index)
    except TypeError:
        raise SelectionError(f"{axis} must be an integer; received {index!r}") from None
    if not 0 <= place < count:
        raise SelectionError(f"{axis} must be in 0 .. {count - 1}; received {place}")
    return place


def check_step(step: Any, steps: Sequence[int]) -> int:
    """Check one of the training steps of a timeline.

    Raises
    ------
    SelectionError
        If it is none of them, or there are none.
    """
    if not steps:
        raise SelectionError(
            f"step must be that of a snapshot, and there are none yet; received {step!r}. "
            "They come with live(), update() or a recording"
        )
    try:
        wanted = operator.index(step)
    except TypeError:
        raise SelectionError(f"step must be an integer; received {step!r}") from None
    if wanted not in steps:
        near = sorted(sorted(steps, key=lambda other: abs(other - wanted))[:4])
        raise SelectionError(
            f"step must be one of the {len(steps):,} that are kept, {steps[0]} .. {steps[-1]}; "
            f"received {wanted}. Near it: {', '.join(map(str, near))}"
        )
    return wanted


def can_reflect(tensor: GradientTensor) -> bool:
    """Tell whether the channels have halves: a `Bidirectional` layer's, or a plain array's."""
    halves = len(tensor.directions) == 2 or (not tensor.layer and tensor.shape[-1] % 2 == 0)
    return halves and "timestep" in tensor.dims


def check_one_of(name: str, word: Any, known: Collection[str]) -> str:
    """Check a word of which there are few.

    Raises
    ------
    SelectionError
        If it is none of them.
    """
    if not isinstance(word, str) or word not in known:
        raise SelectionError(f"{name} must be one of {list(known)}; received {word!r}")
    return word


def check_part(part: Any, parts: Collection[str]) -> str:
    """Check one of the parts of a quantity.

    Raises
    ------
    SelectionError
        If there is no such part.
    """
    return check_one_of("part", part, sorted(parts))


def check_rows(rows: Any) -> int | None:
    """Check a number of rows of panels.

    Raises
    ------
    SelectionError
        If it is neither None nor an integer, 1 or more.
    """
    if rows is None:
        return None
    try:
        count = operator.index(rows)
    except TypeError:
        count = 0
    if count < 1:
        raise SelectionError(f"n_rows must be an integer, 1 or more, or None; received {rows!r}")
    return count


def check_ylim(ylim: Any) -> tuple[float, float] | None:
    """Check the ends of the value axes.

    Raises
    ------
    SelectionError
        If it is neither None nor two finite numbers, the first the smaller one.
    """
    if ylim is None:
        return None
    return two_ends("ylim must be None or (low, high), finite, with low < high", ylim)


def check_view(view: Any, views: Collection[str]) -> str:
    """Check one of the views that fit the tensor.

    Raises
    ------
    SelectionError
        If it does not fit, or there is no such view.
    """
    if not isinstance(view, str) or view not in views:
        way_out = did_you_mean(str(view), views)
        raise SelectionError(
            f"view must be one that fits the tensor, {list(views)}; received {view!r}"
            + (f": {way_out}" if way_out else "")
        )
    return str(view)


def check_shares(check: Callable[[Any], T], value: Any) -> T:
    """Check a threshold or levels by a rule of `diagnose`.

    Raises
    ------
    SelectionError
        What the rule says.
    """
    try:
        return check(value)
    except (TypeError, ValueError) as error:
        raise SelectionError(str(error)) from None


def check_title(title: str) -> str:
    """Check a title.

    Raises
    ------
    SelectionError
        If it is longer than a line or two.
    """
    if len(title) > MAX_TITLE:
        raise SelectionError(
            f"title must have at most {MAX_TITLE} characters; received {len(title):,}"
        )
    return title


def check_reflect(reflect: Any, tensor: GradientTensor) -> bool:
    """Check whether to reflect, and return a bool.

    Raises
    ------
    SelectionError
        If it is asked for where there are no halves or no time axis.
    """
    if reflect and not can_reflect(tensor):
        raise SelectionError(
            "reflect_half needs a time axis and channels in two halves (a Bidirectional layer, or "
            f"an array with an even number of channels); received dims {tensor.dims}, shape "
            f"{tensor.shape}, layer {tensor.layer!r}"
        )
    return bool(reflect)
