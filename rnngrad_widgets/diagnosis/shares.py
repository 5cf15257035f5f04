"""The shares that a diagnosis is made with, its threshold and levels: what they may be."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

LEVELS = (1 / math.e, 1e-3)
"""Shares of the gradient at lag 0 whose reach is told, unless others are asked for."""

MOST_LEVELS = 8
"""Of more levels, a table has no room for the columns."""


def check_threshold(threshold: Any) -> float:
    """Return a threshold as a float.

    Raises
    ------
    TypeError
        If it is no number.
    ValueError
        If it is not between 0 and 1.
    """
    return _check_share("threshold must", threshold, "1e-8")


def check_levels(levels: Any) -> tuple[float, ...]:
    """Return levels as floats.

    Raises
    ------
    TypeError
        If they are no numbers.
    ValueError
        If one is not between 0 and 1, or there are none, or more than eight.
    """
    is_scalar = isinstance(levels, (str, bytes, np.ndarray)) and np.ndim(levels) == 0
    if is_scalar or not isinstance(levels, Iterable):
        raise TypeError(
            f"levels must be numbers between 0 and 1; received {levels!r}. For instance: "
            "(0.37, 1e-3)"
        )
    shares = tuple(_check_share("levels must each", level, "1e-3") for level in levels)
    if not 1 <= len(shares) <= MOST_LEVELS:
        raise ValueError(
            f"levels must be 1 to {MOST_LEVELS} numbers; received {len(shares)}. For instance: "
            "(0.37, 1e-3)"
        )
    return shares


def _check_share(what: str, value: Any, instance: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise TypeError(f"{what} be a number; received {value!r}. For instance: {instance}")
    if not 0 < value < 1:
        raise ValueError(f"{what} be between 0 and 1; received {value!r}. For instance: {instance}")
    return float(value)


def share_in(text: str) -> float:
    """Read a share as people write it: ``1e-8``, ``0.37``, ``37 %``, ``1/e``.

    Raises
    ------
    ValueError
        If it is none.
    """
    word = text.strip()
    try:
        if word.replace(" ", "") == "1/e":
            return 1 / math.e
        if word.endswith("%"):
            return float(word[:-1]) / 100
        return float(word)
    except ValueError:
        raise ValueError(
            f"a share must be a number between 0 and 1; received {text!r}. For instance: 1e-3, "
            "37 % or 1/e"
        ) from None


def share_text(share: float) -> str:
    """Write a share so that `share_in` reads the same."""
    if share == 1 / math.e:
        return "1/e"
    small = share < 0.01
    return np.format_float_scientific(share, trim="-", exp_digits=1) if small else repr(share)
