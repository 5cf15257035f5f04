"""What a recording is made of: names, axes and zarr metadata. No files are touched here.

A recording is one zarr v3 group. Every (layer, quantity) is an array whose first axis is the step
and whose chunk is one step; masks are arrays without that axis; what belongs to a step (its
number, loss, time ...) is a 1-D array each. All metadata stands once more, with the shapes that
hold, in the group's own ``zarr.json``: replacing that one file is what makes a step visible. The
arrays' own ``zarr.json`` lag behind it; ``zarr.consolidate_metadata`` would write those into the
root, and lose steps.

All arrays are in one group, so that one ``xarray.open_zarr`` opens all of them; axes of another
size have another name (``channel_24``).
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rnngrad_widgets.data.tensor import GradientSnapshot, GradientTensor
from rnngrad_widgets.recording.errors import RecordingError

ROOT = "zarr.json"
MARK = "rnngrad_widgets_recording"
VERSION = 2
"""Of what is written; recordings of version 1, without `Layout.info`, are read and continued."""

SCALAR_CHUNK = 1024
"""Steps in one chunk of what is recorded once a step."""

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
    layer, quantity, dims, directions, gates, loss_timesteps
        As in `GradientTensor`, exact; empty for a mask.
    mask
        Name of the array that is the mask; None without one.
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

    @property
    def nbytes(self) -> int:
        """Bytes of one step."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    def chunk_key(self, step: int | None) -> str:
        """Return the key of the chunk of one step; of the whole array for a mask."""
        first = [] if step is None else [step]
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
    """

    arrays: tuple[ArrayLayout, ...] = ()
    masks: tuple[ArrayLayout, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    info: Mapping[str, str] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all arrays in the store; none in a recording that has not begun."""
        if not self.arrays:
            return ()
        return (*SCALARS, *(array.name for array in (*self.masks, *self.arrays)))


def layout_of(snapshot: GradientSnapshot) -> tuple[Layout, dict[str, np.ndarray]]:
    """Plan a recording that begins with a snapshot.

    Returns
    -------
    Layout
        The plan.
    dict
        The masks by their names in the store.

    Raises
    ------
    RecordingError
        If there is no tensor, or one has a dtype or size that cannot be stored.
    """
    if not snapshot:
        raise RecordingError("a snapshot must hold at least one tensor to be recorded; it is empty")
    names, sizes = _Names(SCALARS), {"step": -1}
    masks: dict[str, np.ndarray] = {}
    mask_layouts, arrays = [], []
    for (layer, quantity), tensor in snapshot.items():
        _check_size(layer, quantity, tensor)
        name = names.new(f"{_safe(layer)}.{quantity}" if quantity else _safe(layer))
        axes = _axes(tensor.dims, tensor.shape, sizes)
        mask_name = None
        if tensor.mask is not None:
            mask = np.asarray(tensor.mask, dtype=bool)
            # Most tensors share one mask; it is stored once.
            mask_name = next((n for n, m in masks.items() if np.array_equal(m, mask)), None)
            if mask_name is None:
                mask_name = names.new("mask")
                mask_axes = _axes(("sample", "timestep")[: mask.ndim], mask.shape, sizes)
                masks[mask_name] = mask
                mask_layouts.append(ArrayLayout(mask_name, mask_axes, mask.shape, "bool"))
        arrays.append(
            ArrayLayout(
                name,
                axes,
                tensor.shape,
                stored_dtype(tensor),
                layer,
                quantity,
                tensor.dims,
                tensor.directions,
                tensor.gates,
                mask_name,
                tensor.loss_timesteps,
            )
        )
    layout = Layout(tuple(arrays), tuple(mask_layouts), dict(snapshot.aliases), snapshot.notes)
    return layout, masks


def stored_dtype(tensor: GradientTensor) -> str:
    """Return the name of the dtype in which a tensor is stored.

    Raises
    ------
    RecordingError
        If there is none.
    """
    name: str = tensor.values.dtype.name
    if name == "bfloat16":
        return "float32"
    if name not in DTYPES:
        raise RecordingError(
            f"a recording holds {', '.join(sorted(DTYPES))}; received {name} for {tensor!r}"
        )
    return name


def root_document(layout: Layout, steps: int) -> dict[str, Any]:
    """Return the group's ``zarr.json`` when that many steps are in."""
    return {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": {
            MARK: 1 if layout.info is None else VERSION,
            "id": layout.id,
            "steps_committed": steps,
            "aliases": dict(layout.aliases),
            "notes": list(layout.notes),
            **({} if layout.info is None else {"info": dict(layout.info)}),
        },
        "consolidated_metadata": {
            "kind": "inline",
            "must_understand": False,
            "metadata": nodes(layout, steps),
        },
    }


def nodes(layout: Layout, steps: int) -> dict[str, dict[str, Any]]:
    """Return the ``zarr.json`` of every array, by name."""
    if not layout.arrays:
        return {}
    found = {
        name: _node((steps,), (SCALAR_CHUNK,), dtype, ("step",), attributes)
        for name, (dtype, attributes) in SCALARS.items()
    }
    for mask in layout.masks:
        found[mask.name] = _node(mask.shape, mask.shape, mask.dtype, mask.axes, {})
    for array in layout.arrays:
        found[array.name] = _node(
            (steps, *array.shape),
            (1, *array.shape),
            array.dtype,
            ("step", *array.axes),
            {
                "layer": array.layer,
                "quantity": array.quantity,
                "dims": list(array.dims),
                "directions": list(array.directions),
                "gates": list(array.gates),
                "mask": array.mask,
                # only of a reach: recordings from before there was one have no such key
                **({"loss_timesteps": [*array.loss_timesteps]} if array.loss_timesteps else {}),
            },
        )
    return found


def _node(
    shape: Iterable[int],
    chunk: Iterable[int],
    dtype: str,
    axes: Iterable[str],
    attributes: Mapping[str, Any],
) -> dict[str, Any]:
    zero: Any = np.zeros((), dtype).item()
    codec: dict[str, Any] = {"name": "bytes"}
    if np.dtype(dtype).itemsize > 1:
        codec["configuration"] = {"endian": "little"}
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": dtype,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunk)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
        "fill_value": zero,
        # Uncompressed: gradients hardly compress, and there is nothing to inflate when a stranger's
        # recording is opened.
        "codecs": [codec],
        "attributes": dict(attributes),
        "dimension_names": list(axes),
        "storage_transformers": [],
    }


def _axes(dims: Iterable[str], shape: Iterable[int], sizes: dict[str, int]) -> tuple[str, ...]:
    """Name axes so that xarray can hold all arrays in one Dataset: one size, one name."""
    return tuple(
        dim if sizes.setdefault(dim, size) == size else f"{dim}_{size}"
        for dim, size in zip(dims, shape, strict=True)
    )


def _check_size(layer: str, quantity: str, tensor: GradientTensor) -> None:
    nbytes = tensor.values.size * np.dtype(stored_dtype(tensor)).itemsize
    if not 0 < nbytes <= MAX_CHUNK:
        raise RecordingError(
            f"a tensor must have 1 to {MAX_CHUNK} bytes to be recorded; {layer} {quantity} has "
            f"shape {tensor.shape}; record fewer samples"
        )


def _safe(layer: str) -> str:
    """Make a name of a layer that is a file name everywhere; the exact path is an attribute."""
    return re.sub(r"[^A-Za-z0-9-]+", "_", layer)[:100].strip("_-") or "layer"


class _Names:
    """Names that differ in more than upper and lower case."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = {name.casefold() for name in taken}

    def new(self, wanted: str) -> str:
        name, count = wanted, 1
        while name.casefold() in self._taken:
            count += 1
            name = f"{wanted}-{count}"
        self._taken.add(name.casefold())
        return name
