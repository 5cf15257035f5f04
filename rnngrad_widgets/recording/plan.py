"""The layout of a recording that begins with a snapshot: which array has which name and axes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from rnngrad_widgets.data.tensor import GradientSnapshot, GradientTensor
from rnngrad_widgets.recording.errors import RecordingError
from rnngrad_widgets.recording.layout import (
    DTYPES,
    MAX_CHUNK,
    NUMBERS,
    SCALARS,
    ArrayLayout,
    Layout,
    Store,
    as_series,
)


def layout_of(
    snapshot: GradientSnapshot,
    store: Store | None = None,
    norms: Mapping[tuple[str, str], GradientTensor] = MappingProxyType({}),
    numbers: Iterable[str] = (),
) -> tuple[Layout, dict[str, np.ndarray]]:
    """Plan a recording that begins with a snapshot.

    Parameters
    ----------
    snapshot
        What is stored: in a summary, the summaries.
    store, numbers
        As for `Layout`.
    norms
        The summaries that are stored beside the tensors.

    Returns
    -------
    Layout
        The plan.
    dict
        The masks by their names in the store.

    Raises
    ------
    RecordingError
        If there is no tensor.
    """
    if not snapshot:
        raise RecordingError(
            "a snapshot must hold at least one tensor to be recorded; it is empty"
            if store != "summary"
            else "a summary is of quantities by sample; received none. Record with store='full'"
        )
    names, sizes = _Names((*SCALARS, NUMBERS)), {"step": -1, "number": -1}
    masks: dict[str, np.ndarray] = {}
    mask_layouts, arrays = [], []
    for (layer, quantity), tensor in snapshot.items():
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
        array = _array(name, axes, tensor, mask_name)
        arrays.append(as_series(array) if store == "summary" else array)
    beside = []
    for array in arrays:  # after all of them: they keep the plain names of axes
        summary = norms.get((array.layer, array.quantity))
        if summary is not None:
            axes = _axes(summary.dims, summary.shape, sizes)
            own = _array(names.new(f"{array.name}.norms"), axes, summary, array.mask)
            beside.append(as_series(replace(own, summary_of=array.name)))
    layout = Layout(
        tuple(arrays),
        tuple(mask_layouts),
        dict(snapshot.aliases),
        snapshot.notes,
        store=store,
        norms=tuple(beside),
        numbers=tuple(numbers),
    )
    return layout, masks


def _array(
    name: str, axes: tuple[str, ...], tensor: GradientTensor, mask: str | None
) -> ArrayLayout:
    return ArrayLayout(
        name,
        axes,
        tensor.shape,
        stored_dtype(tensor),
        tensor.layer,
        tensor.quantity,
        tensor.dims,
        tensor.directions,
        tensor.gates,
        mask,
        tensor.loss_timesteps,
        tensor.norms_over,
    )


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


def _axes(dims: Iterable[str], shape: Iterable[int], sizes: dict[str, int]) -> tuple[str, ...]:
    """Name axes so that xarray can hold all arrays in one Dataset: one size, one name."""
    return tuple(
        dim if sizes.setdefault(dim, size) == size else f"{dim}_{size}"
        for dim, size in zip(dims, shape, strict=True)
    )


def check_storable(snapshot: GradientSnapshot) -> None:
    """Check that each tensor can be stored.

    Raises
    ------
    RecordingError
        If one has a dtype or size that cannot.
    """
    for (layer, quantity), tensor in snapshot.items():
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
