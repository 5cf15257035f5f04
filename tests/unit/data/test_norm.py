"""What is no colour range is refused in words that name the rule and what was received."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from traitlets import TraitError

from rnngrad_widgets.data.norm import SelectionError, check_norm


@pytest.mark.parametrize("norm", [(-1, 2), [-1.0, 2.0], np.array([-1, 2]), (np.float32(-1), 2)])
def test_two_numbers_are_a_norm(norm: Any) -> None:
    taken = check_norm(norm)
    assert taken == (-1.0, 2.0)
    assert [type(limit) for limit in taken] == [float, float]


def test_auto_is_a_norm() -> None:
    assert check_norm("auto") == "auto"


@pytest.mark.parametrize(
    ("norm", "received"),
    [
        ((1, 1), r"\(1, 1\)"),
        ((2, -1), r"\(2, -1\)"),
        ((np.nan, 1), r"\(nan, 1\)"),
        ((0, np.inf), r"\(0, inf\)"),
        ((1,), r"\(1,\)"),
        ((1, 2, 3), r"\(1, 2, 3\)"),
        (("a", "b"), r"\('a', 'b'\)"),
        ((10**400, 1), r"\(1000"),
        ("Auto", "'Auto'"),
        (3, "3"),
        (None, "None"),
    ],
)
def test_what_is_no_norm(norm: Any, received: str) -> None:
    rule = r"^norm must be 'auto' or \(vmin, vmax\), finite, with vmin < vmax; received "
    with pytest.raises(SelectionError, match=rule + received):
        check_norm(norm)


def test_the_error_is_what_python_and_traitlets_expect() -> None:
    assert issubclass(SelectionError, ValueError)
    assert issubclass(SelectionError, TraitError)
