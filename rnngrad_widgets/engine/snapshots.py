"""From the results of one or several batches to a snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rnngrad_widgets.tensor import GradientSnapshot, GradientTensor

from .backend import Model
from .layers import find_recurrent
from .library import library_of

if TYPE_CHECKING:
    from .tracing import Result


def snapshot(results: Sequence[Result], model: Model) -> GradientSnapshot:
    """Join the results of batches: one snapshot at the training step of now.

    Raises
    ------
    ValueError
        If the batches differ in their number of timesteps.
    """
    sizes = np.array([result.samples for result in results])
    loss = float(np.average([result.loss for result in results], weights=sizes))
    step = library_of(model).training_step(model)
    tensors = {}
    for parts in zip(*(result.tensors for result in results), strict=True):
        joined = parts[0] if len(parts) == 1 else _join(parts, sizes)
        tensors[joined.layer, joined.quantity] = replace(joined, loss=loss, step=step)
    bad = sum(result.not_finite for result in results)
    notes = [f"x holds {bad} NaN or Inf value{'s' * (bad > 1)}"] if bad else []
    notes += [f"left out: {reason}" for reason in results[0].missing]
    return GradientSnapshot(
        tensors, loss=loss, step=step, aliases=_aliases(model), notes=tuple(notes)
    )


def _join(parts: Sequence[GradientTensor], sizes: np.ndarray) -> GradientTensor:
    first = parts[0]
    if "sample" not in first.dims:
        values = np.average([part.values for part in parts], axis=0, weights=sizes)
        return replace(first, values=values.astype(first.values.dtype))
    shapes = {part.shape[1:] for part in parts}
    if len(shapes) > 1:
        counts = sorted({part.shape[1] for part in parts})
        raise ValueError(
            f"batches must have the same number of timesteps to be joined; received {counts}; "
            "pad them, or compute them one by one"
        )
    masks = [part.mask for part in parts if part.mask is not None]
    return replace(
        first,
        values=np.concatenate([part.values for part in parts]),
        mask=np.concatenate(masks) if masks else None,
    )


def _aliases(model: Model) -> dict[str, str]:
    found = find_recurrent(model)
    paths = {f.info.path for f in found}
    names: dict[str, set[str]] = {}
    for f in found:
        for name in (f.layer.name, f.info.path.rsplit("/", 1)[-1]):
            names.setdefault(name, set()).add(f.info.path)
    return {
        name: next(iter(only))
        for name, only in names.items()
        if len(only) == 1 and name not in paths
    }
