"""Arrays on the wire: what the browser keeps is float32, what is sent may be bfloat16."""

from __future__ import annotations

from typing import Any, Literal, get_args

import ml_dtypes
import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnngrad_widgets.data.arrays import to_numpy
from rnngrad_widgets.data.rules import check_numbers
from rnngrad_widgets.data.statistics import largest

Precision = Literal["float32", "bfloat16"]
"""How the numbers of an array are sent; bfloat16 is half the size and has every decade."""


def as_float32(array: ArrayLike) -> NDArray[np.float32]:
    """Return the array as the browser keeps it: float32, C order.

    Parameters
    ----------
    array
        (samples, timesteps, channels) or (samples, channels), of bools, integers or floats.

    Returns
    -------
    ndarray
        float32, of the same shape; the array itself where it is that already.

    Raises
    ------
    TypeError
        If the array is not numeric: object, complex, string.
    ValueError
        If its rank is wrong, an axis is empty, a finite value does not fit float32, or all are
        below its least normal number, so that they would be drawn as zeros or in steps.
    """
    values = with_nan_for_masked(array)
    check_numbers(values.dtype)
    if values.ndim not in (2, 3):
        raise ValueError(
            "the array must be (samples, timesteps, channels) or (samples, channels); "
            f"received shape {values.shape}. {_other_axes(values.ndim)}"
        )
    if 0 in values.shape:
        raise ValueError(f"the array must not be empty; received shape {values.shape}")
    with np.errstate(over="ignore", under="ignore"):
        converted = np.ascontiguousarray(values, dtype=np.float32)
    if values.dtype.itemsize > 4 and np.isinf(converted).sum() > np.isinf(values).sum():
        raise ValueError(
            "values must fit float32 (magnitudes up to 3.4e38); received larger ones. "
            "Scale the array first"
        )
    if values.dtype.kind == "f" and values.dtype.itemsize > 4:
        _check_not_all_tiny(values)
    return converted


def _check_not_all_tiny(values: NDArray[np.floating]) -> None:
    magnitude, least = largest(values) or 0.0, np.finfo(np.float32).tiny
    if 0 < magnitude < least:
        raise ValueError(
            f"values must fit float32 (the largest {least:.1e} or more); received "
            f"{magnitude:.1e} at most. Scale the array first: array / {magnitude:.1e}; "
            "diagnose(array) needs no scale"
        )


def _other_axes(rank: int) -> str:
    """Say what to do with an array that has too few axes, or too many."""
    if rank < 2:
        return "Add the missing axes: array[None] for one sample"
    return (
        "Join further axes into the channels: array.reshape(*array.shape[:2], -1); "
        "or take a part: array[0]"
    )


def copied_float32(array: ArrayLike) -> NDArray[np.float32]:
    """Return `as_float32` of an array, never the caller's own, which may change later."""
    own = to_numpy(array)
    converted = as_float32(own)
    return converted.copy() if np.may_share_memory(converted, own) else converted


def with_nan_for_masked(array: ArrayLike) -> NDArray[Any]:
    """Return an array of any framework as one of numpy; what a masked array masks is NaN."""
    if not isinstance(array, np.ma.MaskedArray) or not np.ma.is_masked(array):
        return np.asarray(to_numpy(array))
    check_numbers(array.dtype)
    kind = array.dtype if array.dtype.kind == "f" else np.dtype(float)
    return np.ma.filled(np.ma.asarray(array, dtype=kind), np.nan)


def as_bfloat16(array: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return the upper halves of float32 numbers: every decade, with 8 bits of precision.

    Rounded to nearest, ties to even. Infinities stay, and NaN stays NaN.

    Returns
    -------
    ndarray
        uint16, of the same shape, C order.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return array.astype(ml_dtypes.bfloat16, order="C").view(np.uint16)


def encode(array: NDArray[np.float32], precision: Precision = "float32") -> dict[str, Any]:
    """Return an array as it is sent to the browser.

    Returns
    -------
    dict
        ``dtype``, the precision; ``shape``; ``data``, a memory view of the little-endian numbers,
        which ipywidgets sends as a binary buffer.
    """
    little = (
        as_bfloat16(array).astype("<u2", copy=False)
        if precision == "bfloat16"
        else np.ascontiguousarray(array, dtype="<f4")
    )
    return {"dtype": precision, "shape": list(array.shape), "data": little.data.cast("B")}


def check_precision(precision: Any, *, may_be_none: bool = False) -> None:
    """Check the precision of what is sent to the browser.

    Parameters
    ----------
    precision
        What was given.
    may_be_none
        Whether None chooses one by size.

    Raises
    ------
    ValueError
        If it is unknown.
    """
    if precision in get_args(Precision) or (may_be_none and precision is None):
        return
    known, way_out = (
        ("'float32', 'bfloat16' or None", "None takes bfloat16 for large snapshots")
        if may_be_none
        else ("'float32' or 'bfloat16'", "bfloat16 halves the size and keeps every decade")
    )
    raise ValueError(f"precision must be {known}; received {precision!r}. {way_out}")
