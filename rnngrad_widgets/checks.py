"""What can be selected: checked before anything changes, and said in words."""

from __future__ import annotations

import math
import operator
from collections.abc import Collection
from typing import Any, Literal

from traitlets import TraitError

from rnngrad_widgets.tensor import GradientTensor

Norm = Literal["auto"] | tuple[float, float]
"""A colour range (vmin, vmax), or ``"auto"``: the one that fits the tensor."""


class SelectionError(TraitError, ValueError):
    """A value that cannot be selected; the widget keeps what it had."""


def check_index(axis: str, index: Any, count: int) -> int:
    """An index of an axis with ``count`` places.

    Raises
    ------
    SelectionError
        If it is not an integer in 0 .. count - 1.
    """
    try:
        place = operator.index(index)
    except TypeError:
        raise SelectionError(f"{axis} must be an integer; received {index!r}") from None
    if not 0 <= place < count:
        raise SelectionError(f"{axis} must be in 0 .. {count - 1}; received {place}")
    return place


def check_norm(norm: Any) -> Norm:
    """A colour range.

    Raises
    ------
    SelectionError
        If it is neither ``"auto"`` nor two finite numbers with vmin < vmax.
    """
    rule = "norm must be 'auto' or (vmin, vmax), finite, with vmin < vmax"
    if isinstance(norm, str):
        if norm == "auto":
            return "auto"
        raise SelectionError(f"{rule}; received {norm!r}")
    try:
        vmin, vmax = (float(limit) for limit in norm)
    except (TypeError, ValueError, OverflowError):
        raise SelectionError(f"{rule}; received {norm!r}") from None
    if not (math.isfinite(vmin) and math.isfinite(vmax) and vmin < vmax):
        raise SelectionError(f"{rule}; received ({vmin:g}, {vmax:g})")
    return vmin, vmax


def can_reflect(tensor: GradientTensor) -> bool:
    """Whether the channels have halves: a `Bidirectional` layer's, or a plain array's."""
    halves = len(tensor.directions) == 2 or (not tensor.layer and tensor.shape[-1] % 2 == 0)
    return halves and "timestep" in tensor.dims


def check_part(part: Any, parts: Collection[str]) -> str:
    """One of the parts of a quantity.

    Raises
    ------
    SelectionError
        If there is no such part.
    """
    if part not in parts:
        raise SelectionError(f"part must be one of {sorted(parts)}; received {part!r}")
    return str(part)


def check_view(view: Any, views: Collection[str]) -> str:
    """One of the views that fit the tensor.

    Raises
    ------
    SelectionError
        If it does not fit, or there is no such view.
    """
    if view not in views:
        raise SelectionError(
            f"view must be one that fits the tensor, {list(views)}; received {view!r}"
        )
    return str(view)


def check_reflect(reflect: Any, tensor: GradientTensor) -> bool:
    """Whether to reflect, as a bool.

    Raises
    ------
    SelectionError
        If it is asked for where there are no halves or no time axis.
    """
    if reflect and not can_reflect(tensor):
        raise SelectionError(
            "reflect_half needs a time axis and channels in two halves (a Bidirectional layer, or "
            f"an array with an even number of channels); received dims {tensor.dims}, shape "
            f"{tensor.shape}, layer {tensor.layer!r}"
        )
    return bool(reflect)
