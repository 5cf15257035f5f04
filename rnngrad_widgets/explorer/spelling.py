"""Unknown keyword arguments are refused with the name that was probably meant."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from difflib import get_close_matches
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def suggesting(function: Callable[P, R]) -> Callable[P, R]:
    """Let the TypeError of an unknown keyword say which one is near."""
    known = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def called(*args: P.args, **keywords: P.kwargs) -> R:
        for name in keywords:
            if name not in known:
                near = get_close_matches(name, known, 1, 0.5)
                way_out = f"did you mean {near[0]!r}?" if near else f"there are {known}"
                called_as = function.__qualname__.removesuffix(".__init__")
                raise TypeError(f"{called_as}() has no argument {name!r}: {way_out}")
        return function(*args, **keywords)

    return called
