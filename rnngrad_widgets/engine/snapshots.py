"""Make a snapshot of the results of one or several batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rnngrad_widgets.data.tensor import GradientSnapshot, GradientTensor
from rnngrad_widgets.engine.backend import Model
from rnngrad_widgets.engine.layers.find import find_recurrent

if TYPE_CHECKING:
    from rnngrad_widgets.engine.tracing.pass_result import PassResult

_STATEFUL = (
    "the model is stateful: each batch begins with the states that its layers have now, where "
    "model.evaluate carries them on from batch to batch"
)


def snapshot(
    results: Sequence[PassResult], model: Model, *, has_loss: bool = True, stream: str = ""
) -> GradientSnapshot:
    """Join the results of batches into one snapshot, of the first one's training step.

    Parameters
    ----------
    results
        Of each batch.
    model
        The model.
    has_loss
        Whether what they return as a loss is one; else the snapshot's is None.
    stream
        Name of what yielded the batches, for a note; empty for a single batch.

    Raises
    ------
    ValueError
        If the batches differ in their number of timesteps.
    """
    sizes = np.array([result.samples for result in results])
    losses = [result.loss for result in results]
    loss = float(np.average(losses, weights=sizes)) if has_loss else None
    step = results[0].step
    tensors = {}
    for parts in zip(*(result.tensors for result in results), strict=True):
        joined = parts[0] if len(parts) == 1 else _join(parts, sizes)
        tensors[joined.layer, joined.quantity] = replace(joined, loss=loss, step=step)
    notes = _notes(results, stream)
    stateful = any(getattr(match.layer, "stateful", False) for match in find_recurrent(model))
    if stateful and len(results) > 1:
        notes += (_STATEFUL,)
    return GradientSnapshot(tensors, loss=loss, step=step, aliases=_aliases(model), notes=notes)


def _notes(results: Sequence[PassResult], stream: str) -> tuple[str, ...]:
    notes = []
    if stream:
        samples = sum(result.samples for result in results)
        notes.append(f"{_count(samples, 'sample')} from {_count(len(results), 'batch')}: {stream}")
    bad = sum(result.not_finite for result in results)
    if bad:
        notes.append(f"x holds {_count(bad, 'NaN or Inf value')}")
    notes += dict.fromkeys(note for result in results for note in result.notes)
    notes += [f"left out: {reason}" for reason in results[0].missing]
    return tuple(notes)


def _count(number: int, word: str) -> str:
    plural = "es" if word.endswith("ch") else "s"
    return f"{number} {word}{plural * (number != 1)}"


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
