"""How large a figure is asked to be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnngrad_widgets.figures.size import Size, check_size


@pytest.mark.parametrize(
    ("width", "inches"),
    [
        ("3.3in", 3.3),
        (" 84 mm ", 84 / 25.4),
        ("8.4cm", 8.4 / 2.54),
        ("240pt", 240 / 72.27),  # a column of a LaTeX document, as TeX prints it
        (".5e1in", None),
        (5, 5.0),
        (np.float32(4.5), 4.5),
        (None, 6.8),
    ],
)
def test_lengths(width: Any, inches: float | None) -> None:
    if inches is None:
        with pytest.raises(ValueError, match="width must be a length such as"):
            check_size(width, None)
    else:
        assert check_size(width, None) == (pytest.approx(inches), 300)


def test_dots() -> None:
    assert check_size("3.3in", 600.0) == Size(3.3, 600)
    assert check_size(40, 50) == Size(40.0, 50)


@pytest.mark.parametrize("width", ["", "3.3", "wide", "3.3 inches", "-3in", "1e9in", "3,3in"])
def test_what_is_no_length(width: str) -> None:
    with pytest.raises(ValueError, match=r"width must be a length such as '3\.3in'.*; received '"):
        check_size(width, None)


@pytest.mark.parametrize("width", [True, [3.3], 3j, b"3in"])
def test_what_is_neither_text_nor_a_number(width: Any) -> None:
    with pytest.raises(TypeError, match="width must be a length"):
        check_size(width, None)


@pytest.mark.parametrize("width", [float("nan"), float("inf"), 10**400])
def test_a_length_is_finite(width: float) -> None:
    with pytest.raises(ValueError, match=r"width must be a length .*; received (nan|inf)$"):
        check_size(width, None)


@pytest.mark.parametrize(
    ("width", "inches"), [("1in", "1 in"), ("0pt", "0 in"), (-3, "-3 in"), ("41in", "41 in")]
)
def test_a_width_is_one_that_can_be_printed(width: Any, inches: str) -> None:
    with pytest.raises(ValueError, match=rf"must be 2\.5 to 40 inches; received .* is {inches}\."):
        check_size(width, None)


@pytest.mark.parametrize("dpi", [49, 2401, 300.5, float("nan"), -300])
def test_dots_are_in_range(dpi: float) -> None:
    with pytest.raises(ValueError, match=rf"dpi must be a whole number, 50 to 2400; .* {dpi}"):
        check_size(None, dpi)


@pytest.mark.parametrize("dpi", ["300", True, [300]])
def test_dots_are_a_number(dpi: Any) -> None:
    with pytest.raises(TypeError, match="dpi must be a whole number"):
        check_size(None, dpi)


def test_a_picture_has_an_end() -> None:
    with pytest.raises(ValueError, match=r"at most 20,000 pixels; received 40 in x 600: .*dpi=500"):
        check_size(40, 600)
