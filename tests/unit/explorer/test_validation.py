"""What cannot be selected is refused in words that name the rule and what was received."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnngrad_widgets.data.norm import SelectionError
from rnngrad_widgets.data.tensor import NO_TIME, SEQUENCE, GradientTensor
from rnngrad_widgets.explorer.validation import can_reflect, check_index, check_reflect


def tensor(channels: int = 4, *, time: bool = True, **what: Any) -> GradientTensor:
    shape = (2, 3, channels) if time else (2, channels)
    return GradientTensor(np.ones(shape), SEQUENCE if time else NO_TIME, **what)


@pytest.mark.parametrize("index", [0, 3, np.int64(3), np.uint8(1), True])
def test_an_index_in_range_is_taken(index: Any) -> None:
    taken = check_index("sample", index, 4)
    assert type(taken) is int
    assert taken == index


@pytest.mark.parametrize("index", [-1, 4, np.int64(99)])
def test_an_index_out_of_range(index: Any) -> None:
    with pytest.raises(SelectionError, match=rf"^sample must be in 0 \.\. 3; received {index}$"):
        check_index("sample", index, 4)


@pytest.mark.parametrize("index", [1.5, "1", None, np.array([1, 2])])
def test_an_index_that_is_no_integer(index: Any) -> None:
    with pytest.raises(SelectionError, match=r"^channel must be an integer; received"):
        check_index("channel", index, 4)


def test_halves_can_be_reflected() -> None:
    assert can_reflect(tensor(4))
    assert can_reflect(tensor(4, layer="bi", directions=("forward", "backward")))
    assert check_reflect(1, tensor(4)) is True
    assert check_reflect(False, tensor(3)) is False


@pytest.mark.parametrize(
    "refused",
    [
        tensor(3),
        tensor(4, time=False),
        tensor(4, layer="lstm"),
        tensor(4, time=False, layer="bi", directions=("forward", "backward")),
    ],
    ids=repr,
)
def test_what_has_no_halves_cannot_be_reflected(refused: GradientTensor) -> None:
    assert not can_reflect(refused)
    with pytest.raises(SelectionError, match=r"^reflect_half needs a time axis and channels"):
        check_reflect(True, refused)
