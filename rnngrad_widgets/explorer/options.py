"""The keyword arguments that every constructor of an explorer takes, in one place."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from rnngrad_widgets.data.thinning import BUDGET

if TYPE_CHECKING:
    from typing_extensions import Unpack

F = TypeVar("F", bound=Callable[..., object])


class DisplayOptions(TypedDict, total=False):
    """What is selected at first, how it looks, and how much of it is sent to the browser.

    The class docstring of `GradientExplorer` says what each means.
    """

    sample: int
    channel: int
    norm: Any
    reflect_half: bool
    view: str | None
    title: str
    cmap: str
    ylim: tuple[float, float] | None
    height: int | None
    budget: int


_DEFAULTS: DisplayOptions = {
    "sample": 0,
    "channel": 0,
    "norm": "auto",
    "reflect_half": False,
    "view": None,
    "title": "",
    "cmap": "diverging",
    "ylim": None,
    "height": None,
    "budget": BUDGET,
}


def with_defaults(**options: Unpack[DisplayOptions]) -> DisplayOptions:
    """Return all options, those that were not given as they are by default."""
    return {**_DEFAULTS, **options}


def takes_display_options(function: F) -> F:
    """Let the signature of a function with ``**options`` name each option and its default.

    Notebooks show and complete it; `suggesting`, put around this, refuses what is not in it.
    """
    signature = inspect.signature(function)
    named = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=DisplayOptions.__annotations__[name],
        )
        for name, default in _DEFAULTS.items()
    ]
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]

    function.__signature__ = signature.replace(parameters=[*own, *named])  # type: ignore[attr-defined]
    return function
