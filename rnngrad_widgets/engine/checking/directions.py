"""Random directions to move a tensor in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnngrad_widgets.data.tensor import GradientTensor

THIRDS = ("first", "middle", "last")


def directions(
    tensor: GradientTensor, random: np.random.Generator
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield random directions by name; over time, one for each third of the timesteps.

    An error in early timesteps is then not hidden by the larger gradients of late ones.

    Parameters
    ----------
    tensor
        The gradient to check; directions have its shape.
    random
        Generator of the numbers.
    """
    time = tensor.dims.index("timestep") if "timestep" in tensor.dims else None
    if time is None or tensor.shape[time] < len(THIRDS):
        for count in ("one", "another"):
            yield count, random.normal(size=tensor.shape)
        return
    timesteps = np.arange(tensor.shape[time])
    for name, part in zip(THIRDS, np.array_split(timesteps, len(THIRDS)), strict=True):
        direction = np.zeros(tensor.shape)
        index = (slice(None),) * time + (part,)
        direction[index] = random.normal(size=direction[index].shape)
        yield name, direction
