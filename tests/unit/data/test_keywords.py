"""Keyword arguments that calls share: in every signature, and refused where there is none such."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, TypedDict

import pytest

from rnngrad_widgets.data.keywords import naming, suggesting

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Size(TypedDict, total=False):
    width: int
    height: float | None


@suggesting
@naming(Size, {"width": 3, "height": None})
def draw(what: str, *, dpi: int = 72, **size: Unpack[Size]) -> Size:
    """Draw."""
    del what, dpi
    return size


def test_the_signature_names_the_options_behind_the_function_s_own_arguments() -> None:
    assert str(inspect.signature(draw)) == (
        "(what: 'str', *, dpi: 'int' = 72, width: 'int' = 3, height: 'float | None' = None) "
        "-> 'Size'"
    )
    assert (draw.__name__, draw.__doc__) == ("draw", "Draw.")


def test_only_what_was_given_is_handed_on() -> None:
    assert draw("a line", height=2.0) == {"height": 2.0}


def test_an_option_that_is_none_is_refused_with_the_near_one() -> None:
    rule = r"^draw\(\) has no argument 'hight': did you mean 'height'\?$"
    with pytest.raises(TypeError, match=rule):
        draw("a line", hight=2.0)  # type: ignore[call-arg]


def test_a_keyword_that_is_near_to_none_is_told_which_there_are() -> None:
    @suggesting
    def add(first: int, *, second: int = 0) -> int:
        """Add."""
        return first + second

    assert add(1, second=2) == 3
    assert (add.__name__, add.__doc__) == ("add", "Add.")
    with pytest.raises(TypeError, match=r"no argument 'zzz': there are \['first', 'second'\]"):
        add(1, zzz=2)  # type: ignore[call-arg]
