"""Keyword arguments that several calls share: written down once, seen in every signature.

A call takes them as ``**options: Unpack[SomeTypedDict]``, which type checkers understand; `naming`
lets notebooks and ``help()`` see each of them, and `suggesting` refuses what is none of them.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., object])


def naming(options: type, defaults: Mapping[str, Any]) -> Callable[[F], F]:
    """Let the signature of a function with ``**options`` name each option and its default.

    Parameters
    ----------
    options
        A TypedDict: names and types of the options.
    defaults
        Their defaults, in the order in which they are shown.

    Returns
    -------
    callable
        A decorator, for a function or a class's ``__init__``.
    """
    named = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=_as_written(options.__annotations__[name]),
        )
        for name, default in defaults.items()
    ]

    def decorate(function: F) -> F:
        signature = inspect.signature(function)
        own = [
            p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD
        ]
        shown = signature.replace(parameters=[*own, *named])
        function.__signature__ = shown  # type: ignore[attr-defined]
        return function

    return decorate


def _as_written(annotation: Any) -> Any:
    """Return an annotation as the other ones of a signature are: text, not a ``ForwardRef``."""
    return getattr(annotation, "__forward_arg__", annotation)


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Ask whether the nearest of the known words was meant; empty where none is near."""
    near = get_close_matches(word, known, 1, 0.5)
    return f"did you mean {near[0]!r}?" if near else ""


def suggesting(function: Callable[P, R]) -> Callable[P, R]:
    """Let the TypeError of an unknown keyword say which one is near.

    Parameters
    ----------
    function
        Whose signature names all keywords that it takes.

    Returns
    -------
    callable
        The function, which refuses other keywords.
    """
    known = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def called(*args: P.args, **keywords: P.kwargs) -> R:
        for name in keywords:
            if name not in known:
                way_out = did_you_mean(name, known) or f"there are {known}"
                called_as = function.__qualname__.removesuffix(".__init__")
                raise TypeError(f"{called_as}() has no argument {name!r}: {way_out}")
        return function(*args, **keywords)

    return called
