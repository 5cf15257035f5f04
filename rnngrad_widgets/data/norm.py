"""The colour range: what may be one, and the error that says so."""

from __future__ import annotations

import math
from typing import Any, Literal

from traitlets import TraitError

Norm = Literal["auto"] | tuple[float, float]
"""A colour range (vmin, vmax), or ``"auto"``: the one that fits the tensor."""


class SelectionError(TraitError, ValueError):
    """A value that cannot be selected; the widget keeps what it had."""


def check_norm(norm: Any) -> Norm:
    """Return a colour range, as floats where it is not ``"auto"``.

    Raises
    ------
    SelectionError
        If it is neither ``"auto"`` nor two finite numbers with vmin < vmax.
    """
    if isinstance(norm, str) and norm == "auto":
        return "auto"
    return two_ends("norm must be 'auto' or (vmin, vmax), finite, with vmin < vmax", norm)


def two_ends(rule: str, ends: Any) -> tuple[float, float]:
    """Return two ends as floats, the first the smaller one.

    Raises
    ------
    SelectionError
        If they are not two finite numbers that rise; the message begins with the rule.
    """
    try:
        # not the characters of "12"
        low, high = (float(end) for end in (ends if not isinstance(ends, (str, bytes)) else ()))
    except (TypeError, ValueError, OverflowError):
        raise SelectionError(f"{rule}; received {ends!r}") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise SelectionError(f"{rule}; received ({low:g}, {high:g})")
    return low, high
