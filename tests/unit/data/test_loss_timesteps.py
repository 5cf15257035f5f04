"""Which timesteps of a loss are chosen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnngrad_widgets.data.loss_timesteps import check_reach_options, choose_timesteps


@pytest.mark.parametrize(
    ("wanted", "count", "expected"),
    [
        (None, 1, (0,)),
        (None, 4, (0, 1, 2, 3)),
        (None, 32, tuple(range(32))),
        (1, 3, (0, 1, 2)),
        (2, 5, (0, 2, 4)),
        (2, 6, (1, 3, 5)),
        (10, 100, (9, 19, 29, 39, 49, 59, 69, 79, 89, 99)),
        (7, 5, (4,)),
        (np.int64(3), 6, (2, 5)),
        ([3, 0], 4, (0, 3)),
        ((1, 1, -1), 4, (1, 3)),
        (range(2), 2, (0, 1)),
        (np.array([2]), 3, (2,)),
    ],
)
def test_these_are_chosen(wanted: object, count: int, expected: tuple[int, ...]) -> None:
    assert choose_timesteps(wanted, count) == expected


@pytest.mark.parametrize("count", [33, 64, 100, 1000])
def test_without_a_wish_they_are_32_evenly_spaced_from_the_first_to_the_last(count: int) -> None:
    found = choose_timesteps(None, count)
    assert (len(found), found[0], found[-1]) == (32, 0, count - 1)
    assert max(np.diff(found)) - min(np.diff(found)) <= 1


@pytest.mark.parametrize(
    ("wanted", "error", "message"),
    [
        ([4], ValueError, r"loss_timesteps must be timesteps of the loss, 0 to 3; received 4"),
        ([-5], ValueError, r"0 to 3; received -5"),
        ([], ValueError, r"at least one timestep; received \[\]"),
        (0, ValueError, r"a number n of at least 1 .*; received 0"),
        (-1, ValueError, r"received -1"),
        (True, TypeError, r"received True"),
        (1.5, TypeError, r"received 1.5"),
        ("all", TypeError, r"received 'all'"),
        ([0.5], TypeError, r"received 0.5"),
    ],
)
def test_others_are_refused(wanted: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        choose_timesteps(wanted, 4)


@pytest.mark.parametrize("wanted", [iter([1]), (u for u in (1, 2)), np.array(3.5), np.array("a")])
def test_what_can_be_asked_once_only_is_refused(wanted: Any) -> None:
    with pytest.raises(TypeError, match="loss_timesteps must be None, a number n of at least 1"):
        choose_timesteps(wanted, 5)


def test_a_number_may_be_an_array_without_axes() -> None:
    assert choose_timesteps(np.array(2), 5) == (0, 2, 4)


def test_by_is_a_word() -> None:
    for by in ("x", 3, np.array([1, 2])):
        with pytest.raises(ValueError, match=r"^by must be 'loss', 'output' or None; received"):
            check_reach_options(None, by)
