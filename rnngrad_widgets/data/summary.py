"""The summary of a tensor: its norms over channels, one number in the place of all of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rnngrad_widgets.data.statistics import halves, norms_over_last
from rnngrad_widgets.data.tensor import NO_TIME, REACH, SEQUENCE, GradientSnapshot, GradientTensor

if TYPE_CHECKING:
    from numpy.typing import NDArray


def summary_of(tensor: GradientTensor) -> GradientTensor | None:
    """Return the Euclidean norms over the channels of each direction.

    What follows from norms by sample and timestep is the same of both, to the precision of
    float32: decay, reach, what is not reached.

    Parameters
    ----------
    tensor
        (samples, timesteps, ...) or (samples, ...): all further axes count as channels.

    Returns
    -------
    GradientTensor or None
        (samples, timesteps, directions) or (samples, directions), float32 (float64 of float64),
        with ``norms_over``; NaN or infinite where one of the values is. A reach, which is norms
        already, and a summary, as they are. None of what has no samples, as a weight, or no
        channels.
    """
    if tensor.dims == REACH or tensor.norms_over:
        return tensor
    front = 2 if tensor.dims[:2] == SEQUENCE[:2] else 1
    if tensor.dims[0] != "sample" or len(tensor.dims) == front:
        return None
    parts = [part.reshape(*tensor.shape[:front], -1) for part in halves(tensor).values()]
    dtype = np.result_type(tensor.values.dtype, np.float32)
    return replace(
        tensor,
        values=np.stack([_within(norms_over_last(part), part, dtype) for part in parts], axis=-1),
        dims=SEQUENCE if front == 2 else NO_TIME,
        gates=(),
        norms_over=parts[0].shape[-1],
    )


def summarised(snapshot: GradientSnapshot) -> GradientSnapshot:
    """Return a snapshot of the summaries of those tensors that have one."""
    found = {key: summary_of(tensor) for key, tensor in snapshot.items()}
    return replace(snapshot, tensors={key: each for key, each in found.items() if each is not None})


def _within(
    norms: NDArray[np.float64], values: NDArray[np.generic], dtype: np.dtype
) -> NDArray[np.floating]:
    """Round norms to a dtype; of finite values they stay finite."""
    largest = np.finfo(dtype).max
    high = norms > largest
    if high.any():
        norms = np.where(high & np.isfinite(values).all(axis=-1), largest, norms)
    return norms.astype(dtype)
