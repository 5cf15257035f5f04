"""What a recording is made of: its arrays, their names and axes.

A recording is one zarr v3 group. Every (layer, quantity) is an array whose first axis is the step
and whose chunk is one step; its norms over channels (`data/summary.py`) are another one, whose
chunks hold several steps, as those of the numbers of `diagnose` do, (step, number). In a summary
the norms stand in the place of the arrays. Masks are arrays without steps; what belongs to a step
(its number, loss, time ...) is a 1-D array each. All metadata stands once more, with the shapes
that hold, in the group's own ``zarr.json``: replacing that one file is what makes a step visible.
The arrays' own ``zarr.json`` lag behind it; ``zarr.consolidate_metadata`` would write those into
the root, and lose steps.

All arrays are in one group, so that one ``xarray.open_zarr`` opens all of them; axes of another
size have another name (``channel_24``).
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

ROOT = "zarr.json"
MARK = "rnngrad_widgets_recording"
VERSION = 3
"""Of what is written. Recordings of version 1, without `Layout.info`, and 2, without
`Layout.store`, norms and numbers, are read, and continued as they are."""

Store = Literal["full", "summary"]
"""What is kept of each step: the arrays, or their norms over channels; the numbers of both."""

STORES: tuple[Store, ...] = ("full", "summary")

SCALAR_CHUNK = 1024
"""Steps in one chunk of what is recorded once a step."""

SERIES_CHUNK = 2**17
"""Bytes in one chunk of several steps, at most; one step may take more."""

NUMBERS = "numbers"
"""Name of the array of the numbers of `diagnose`."""

SCALARS: dict[str, tuple[str, dict[str, str]]] = {
    "step": ("int64", {"long_name": "training step"}),
    "loss": ("float64", {"long_name": "loss of the recorded batch"}),
    "training_loss": ("float64", {"long_name": "loss that Keras logged last"}),
    "time": ("float64", {"units": "seconds since 1970-01-01"}),
    "skipped": ("int64", {"long_name": "due steps left out before this one"}),
}
"""Name, dtype and attributes of the 1-D arrays."""

DTYPES = frozenset(
    ["bool"]
    + [f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)]
    + [f"float{bits}" for bits in (16, 32, 64)]
)
"""What can be stored; bfloat16 becomes float32, which holds all of its values."""

MAX_CHUNK = 2**31
"""Bytes of one tensor at one step."""


@dataclass(frozen=True)
class ArrayLayout:
    """One array: of a (layer, quantity) by step, or a mask.

    Parameters
    ----------
    name
        Its name in the store: safe as a file name, unique there.
    axes
        Names of its axes in the store, unique by size; without the step.
    shape
        Sizes at one step.
    dtype
        A name in `DTYPES`.
    layer, quantity, dims, directions, gates, loss_timesteps, norms_over
        As in `GradientTensor`, exact; empty for a mask, and for the numbers.
    mask
        Name of the array that is the mask; None without one.
    summary_of
        Name of the array that it stands beside; empty for all but the norms of a full recording.
    steps
        How many steps are in one chunk.
    """

    name: str
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    layer: str = ""
    quantity: str = ""
    dims: tuple[str, ...] = ()
    directions: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()
    mask: str | None = None
    loss_timesteps: tuple[int, ...] = ()
    norms_over: int = 0
    summary_of: str = ""
    steps: int = 1

    @property
    def nbytes(self) -> int:
        """Bytes of one step."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def chunk_shape(self) -> tuple[int, ...]:
        """Shape of one chunk, of an array by step."""
        return (self.steps, *self.shape)

    def chunk_key(self, step: int | None) -> str:
        """Return the key of the chunk that a step is in; of the whole array for a mask."""
        first = [] if step is None else [step // self.steps]
        return ".".join([f"{self.name}/c", *map(str, first), *("0" for _ in self.shape)])


@dataclass(frozen=True)
class Layout:
    """All that a recording knows before its first step.

    Parameters
    ----------
    arrays, masks
        What is in the store, the scalars apart.
    aliases, notes
        As in `GradientSnapshot`.
    id
        Tells this recording from another one at the same path.
    info
        What the run was made with, by name; None in the first version, which has none.
    store
        Whether `arrays` are the tensors or their summaries; None in versions that know no
        summaries.
    norms
        Beside tensors, those of their summaries that are smaller.
    numbers
        The names of the numbers of `diagnose`.
    """

    arrays: tuple[ArrayLayout, ...] = ()
    masks: tuple[ArrayLayout, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    info: Mapping[str, str] | None = None
    store: Store | None = None
    norms: tuple[ArrayLayout, ...] = ()
    numbers: tuple[str, ...] = ()

    @property
    def version(self) -> int:
        """The version of the format that knows all that is there."""
        if self.store is not None:
            return VERSION
        return 1 if self.info is None else 2

    @property
    def of_numbers(self) -> ArrayLayout:
        """The array of the numbers."""
        array = ArrayLayout(NUMBERS, ("number",), (len(self.numbers),), "float64")
        return as_series(array)

    @property
    def by_step(self) -> tuple[ArrayLayout, ...]:
        """All arrays whose first axis is the step, but for the scalars."""
        numbers = (self.of_numbers,) if self.numbers else ()
        return (*self.arrays, *self.norms, *numbers)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all arrays in the store; none in a recording that has not begun."""
        if not self.arrays:
            return ()
        return (*SCALARS, *(array.name for array in (*self.masks, *self.by_step)))


def as_series(array: ArrayLayout) -> ArrayLayout:
    """Return an array of the same in chunks of several steps."""
    return replace(array, steps=max(1, min(SCALAR_CHUNK, SERIES_CHUNK // array.nbytes)))
