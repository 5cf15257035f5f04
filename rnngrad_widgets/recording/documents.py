"""The zarr metadata of a layout: the ``zarr.json`` of the group and of each array."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from rnngrad_widgets.recording.layout import MARK, SCALAR_CHUNK, SCALARS, ArrayLayout, Layout


def root_document(layout: Layout, steps: int) -> dict[str, Any]:
    """Return the group's ``zarr.json`` when that many steps are in."""
    return {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": {
            MARK: layout.version,
            "id": layout.id,
            "steps_committed": steps,
            "aliases": dict(layout.aliases),
            "notes": list(layout.notes),
            **({} if layout.info is None else {"info": dict(layout.info)}),
            **({} if layout.store is None else {"store": layout.store}),
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
    for array in layout.by_step:
        found[array.name] = _node(
            (steps, *array.shape),
            array.chunk_shape,
            array.dtype,
            ("step", *array.axes),
            _described(array) if array.dims else {"names": list(layout.numbers)},
        )
    return found


def _described(array: ArrayLayout) -> dict[str, Any]:
    return {
        "layer": array.layer,
        "quantity": array.quantity,
        "dims": list(array.dims),
        "directions": list(array.directions),
        "gates": list(array.gates),
        "mask": array.mask,
        # only where there are any: older recordings have no such keys
        **({"loss_timesteps": [*array.loss_timesteps]} if array.loss_timesteps else {}),
        **({"norms_over": array.norms_over} if array.norms_over else {}),
        **({"summary_of": array.summary_of} if array.summary_of else {}),
    }


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
