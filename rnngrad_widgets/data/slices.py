"""Arrays and slices of arrays: what their axes are, and how they are laid out as heat maps.

A slice knows its axes: ``grads[:, :, 0]`` steps over the channels of the array that it shows, so
its two axes are taken for (sample, timestep). Where an array is a copy, or not of
numpy, ``dims`` must say it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnngrad_widgets.data.plot_array import PlotArray
from rnngrad_widgets.data.tensor import SEQUENCE, GradientTensor
from rnngrad_widgets.data.wire import as_float32, copied_float32, with_nan_for_masked

_TWO_AXES = (("timestep", "channel"), ("sample", "timestep"))


def as_array(data: ArrayLike) -> NDArray[Any]:
    """Return the values of an array of any framework, or of a tensor; NaN for masked ones."""
    if not isinstance(data, GradientTensor):
        return with_nan_for_masked(data)
    masked = masked_of(data)
    return data.values if masked is None else np.where(masked, np.nan, data.values)


def masked_of(data: ArrayLike) -> NDArray[np.bool_] | None:
    """Return which values of a masked array, or of a tensor with a mask, are masked.

    Returns
    -------
    ndarray or None
        Of the shape of the values, True where they are masked; None where none is.
    """
    if isinstance(data, GradientTensor) and data.mask is not None:
        masked = np.logical_not(data.mask).reshape(data.mask.shape + (1,) * (len(data.shape) - 2))
        return np.broadcast_to(masked, data.shape)
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        return np.ma.getmaskarray(data)
    return None


def counted_timesteps(
    masked: NDArray[np.bool_] | None, dims: tuple[str, ...]
) -> NDArray[np.bool_] | None:
    """Return which timesteps count: those of which not every channel is masked.

    Parameters
    ----------
    masked
        What `masked_of` returned.
    dims
        The axes of the values.

    Returns
    -------
    ndarray or None
        (samples, timesteps), as the mask of a `GradientTensor`; None where nothing is masked, or
        there is no time axis.
    """
    if masked is None or "timestep" not in dims:
        return None
    counted = np.logical_not(masked)
    return np.atleast_2d(counted.any(axis=-1) if dims[-1] == "channel" else counted)


def note_on_masked(
    masked: NDArray[np.bool_] | None, counted: NDArray[np.bool_] | None
) -> tuple[str, ...]:
    """Say how many masked values are not of masked timesteps, which are hatched.

    Parameters
    ----------
    masked
        What `masked_of` returned.
    counted
        The mask that is displayed; None without one.
    """
    if masked is None:
        return ()
    hatched = 0 if counted is None else (counted.size - counted.sum()) * masked.size // counted.size
    count = int(masked.sum() - hatched)
    return (f"masked values shown as NaN: {count:,}",) if count else ()


def sequence_of(data: ArrayLike, dims: tuple[str, ...] | None) -> GradientTensor:
    """Return an array with the names of its axes, two or three.

    Parameters
    ----------
    data
        (samples, timesteps, channels), or a slice of it with two of these axes.
    dims
        The names; None takes those of a slice from the array that it is a slice of.

    Raises
    ------
    TypeError
        If the array is not numeric.
    ValueError
        If its rank or the names are wrong, or it is empty.
    """
    values = as_array(data)
    if values.ndim not in (2, 3):
        raise ValueError(
            "the data must be (samples, timesteps, channels) or a slice with two of these axes; "
            f"received shape {values.shape}"
        )
    known = (SEQUENCE,) if values.ndim == 3 else _TWO_AXES
    # of a masked array, the values are a copy
    own = np.ma.getdata(data) if isinstance(data, np.ma.MaskedArray) else values
    meant = _slice_dims(own) if values.ndim == 2 else SEQUENCE
    found = meant if dims is None else tuple(dims)
    if found not in known:
        raise ValueError(f"dims must be one of {known} for shape {values.shape}; received {dims}")
    return GradientTensor(copied_float32(values), found)


def _slice_dims(values: NDArray[Any]) -> tuple[str, ...]:
    """Name the axes of a slice: ``grads[:, :, 0]`` steps over the channels of the whole array."""
    whole = values.base
    axes = getattr(whole, "ndim", 0)
    if whole is None or axes == 2:
        return _TWO_AXES[0]
    # an array that was reshaped is a view itself: its strides are not known, only that they are
    # those of several channels
    least = whole.strides[:2] if axes == 3 else (2 * values.itemsize,) * 2
    outer, inner = values.strides
    of_a_channel = outer >= max(least[0], inner) and inner >= least[1]
    return _TWO_AXES[1] if of_a_channel else _TWO_AXES[0]


def with_second_half_flipped(tensor: GradientTensor) -> GradientTensor:
    """Flip the second half of the channels along time."""
    values = np.array(tensor.values)
    half = values[..., values.shape[-1] // 2 :]
    half[:] = np.flip(half, axis=tensor.dims.index("timestep"))
    return GradientTensor(values, tensor.dims)


def map_array(tensor: GradientTensor, *, timesteps_xaxis: bool) -> PlotArray:
    """Lay out one picture for each sample, or one with a row for each sample."""
    rows = "sample" if tensor.dims[-1] == "timestep" else "channel"
    values = tensor.values.T if rows == "sample" else tensor.values
    values = values if values.ndim == 3 else values[None]
    if timesteps_xaxis:
        return PlotArray(as_float32(values), "timestep", rows)
    return PlotArray(as_float32(values.swapaxes(1, 2)), rows, "timestep")
