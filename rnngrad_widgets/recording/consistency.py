"""Whether the arrays of a layout fit together: masks, names, norms."""

from __future__ import annotations

import math
from typing import Any

from rnngrad_widgets.data.rules import check_mask
from rnngrad_widgets.data.tensor import REACH
from rnngrad_widgets.recording.errors import RecordingError
from rnngrad_widgets.recording.layout import ArrayLayout, Layout


def check_consistent(layout: Layout) -> None:
    """Check that every mask and all norms are those of an array, and that names are of one thing.

    Raises
    ------
    RecordingError
        If not.
    """
    _check_masks(layout)
    _check_names(layout)
    _check_summaries(layout)


def _check_masks(layout: Layout) -> None:
    masks = {mask.name: mask for mask in layout.masks}
    for array in (*layout.arrays, *layout.norms):
        mask = None if array.mask is None else masks.get(array.mask)
        if array.mask is not None and (mask is None or mask.dtype != "bool"):
            raise RecordingError(
                f"the mask of {array.name!r} must be an array of bools that is there; received "
                f"{shortened(array.mask)}"
            )
        if mask is not None:
            try:
                check_mask(mask.shape, array.shape, array.dims)
            except ValueError as error:
                raise RecordingError(f"{array.name!r}: {error}") from None


def _check_names(layout: Layout) -> None:
    """Check that a (layer, quantity) is one array; an alias leads straight to a layer."""
    keys = [(array.layer, array.quantity) for array in layout.arrays]
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise RecordingError(
            f"a layer's quantity must be one array; received {shortened(twice)} twice"
        )
    layers = {array.layer for array in layout.arrays}
    for name, path in layout.aliases.items():
        if name != path and (name in layers or path in layout.aliases):
            raise RecordingError(
                f"an alias must be another name of a layer; received {shortened(name)} for "
                f"{shortened(path)}"
            )


def _check_summaries(layout: Layout) -> None:
    """Check that norms are those of an array, and that a summary holds nothing else."""
    if len(set(layout.numbers)) != len(layout.numbers):
        raise RecordingError("the names of numbers must differ from one another")
    for array in layout.arrays:
        if layout.store == "summary" and not array.norms_over and array.dims != REACH:
            raise RecordingError(
                f"arrays of a summary must be norms or a reach; {array.name!r} is not"
            )
        if layout.store is None and array.norms_over:
            raise RecordingError(f"norms must be in version 3; {array.name!r} is in an older one")
    if layout.norms and layout.store != "full":
        raise RecordingError(
            "norms must be beside the arrays of a full recording; received "
            f"{shortened(layout.norms[0].name)}"
        )
    whole: dict[str, ArrayLayout | None] = {array.name: array for array in layout.arrays}
    for norms in layout.norms:
        own = whole.pop(norms.summary_of, None)  # one for each: a second one finds nothing
        if own is None or not _is_summary(norms, own):
            raise RecordingError(
                f"{norms.name!r} must be the only norms of an array that is there, of the same "
                f"layer, quantity, samples and timesteps; received {shortened(norms.summary_of)}"
            )


def _is_summary(norms: ArrayLayout, array: ArrayLayout) -> bool:
    front = len(norms.shape) - 1
    same = ("layer", "quantity", "directions", "mask")
    return (
        norms.norms_over > 0
        and norms.dtype in ("float32", "float64")
        and all(getattr(norms, what) == getattr(array, what) for what in same)
        and norms.dims[:front] == array.dims[:front]
        and norms.shape[:front] == array.shape[:front]
        and norms.norms_over * norms.shape[-1] == math.prod(array.shape[front:])
    )


def shortened(value: Any) -> str:
    """Return what a stranger wrote, for a message."""
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**30 else "a huge number"
    return text if len(text) <= 100 else f"{text[:100]}..."
