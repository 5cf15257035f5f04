"""Snapshots to record, the same for the same step, and what tells that two are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rnngrad_widgets.data.summary import summarised
from rnngrad_widgets.data.tensor import NO_TIME, SEQUENCE, GradientSnapshot, GradientTensor
from rnngrad_widgets.diagnosis.diagnose import diagnosis_of
from rnngrad_widgets.recording import Recording, RecordingWriter

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MASK = np.arange(7) < np.array([[7], [3], [7], [1]])


def tensor(
    layer: str = "lstm",
    quantity: str = "output_gradient",
    dims: tuple[str, ...] = SEQUENCE,
    shape: tuple[int, ...] = (4, 7, 6),
    dtype: str = "float32",
    seed: int = 0,
    **described: object,
) -> GradientTensor:
    values = np.asarray(np.random.default_rng(seed).normal(size=shape) * 100).astype(dtype)
    return GradientTensor(values, dims, layer, quantity, **described)


def snapshot_of(*tensors: GradientTensor, step: int = 0, loss: float = 0.5) -> GradientSnapshot:
    return GradientSnapshot({(t.layer, t.quantity): t for t in tensors}, loss=loss, step=step)


def snapshot(step: int, size: int = 6) -> GradientSnapshot:
    """A masked sequence, one without time, and a weight."""
    both = {"directions": ("forward", "backward")}
    return GradientSnapshot(
        {
            (t.layer, t.quantity): t
            for t in (
                tensor("bi", shape=(4, 7, size), seed=step, mask=MASK, **both),
                tensor("last", "output_gradient", NO_TIME, (4, 3), seed=step + 1),
                tensor("bi/kernel", "weight", ("feature", "channel"), (3, 24), gates=tuple("ifco")),
            )
        },
        loss=1 / (step + 1),
        step=step,
        aliases={"b": "bi"},
        notes=("x holds 2 NaN or Inf values",),
    )


def record(
    path: Path | str, steps: Iterable[int] = (0, 10, 20), mode: str = "x", store: str = "full"
) -> None:
    writer = RecordingWriter(path, mode, store=store)
    for step in steps:
        writer.append(snapshot(step), training_loss=step / 2, skipped=step % 3)
    writer.close()


def as_before_norms(root: dict[str, Any]) -> dict[str, Any]:
    """Change the root ``zarr.json`` into what version 2 of the format would have written."""
    root["attributes"].pop("store")
    root["attributes"]["rnngrad_widgets_recording"] = 2
    metadata = root["consolidated_metadata"]["metadata"]
    metadata.pop("numbers", None)
    for name in [name for name, node in metadata.items() if "summary_of" in node["attributes"]]:
        del metadata[name]
    return root


def assert_same(found: GradientSnapshot, expected: GradientSnapshot) -> None:
    assert list(found) == list(expected)
    assert (found.step, found.notes, found.aliases) == (
        expected.step,
        expected.notes,
        expected.aliases,
    )
    np.testing.assert_equal(found.loss, expected.loss)
    for key, mine in expected.items():
        other = found[key]
        assert other.values.dtype == mine.values.dtype
        np.testing.assert_array_equal(other.values, mine.values)
        for name in ("dims", "layer", "quantity", "directions", "gates", "loss_timesteps"):
            assert getattr(other, name) == getattr(mine, name)
        assert other.norms_over == mine.norms_over
        assert (other.mask is None) == (mine.mask is None)
        if mine.mask is not None:
            np.testing.assert_array_equal(other.mask, mine.mask)


def recorded(step: int, store: str) -> GradientSnapshot:
    return snapshot(step) if store == "full" else summarised(snapshot(step))


def check(path: Path | str) -> Recording:
    """Open a recording and compare every step of it, norms and numbers included."""
    recording = Recording.open(path)
    for index, step in enumerate(recording.steps):
        assert_same(recording.snapshot(index), recorded(int(step), recording.store))
        for key, norms in summarised(snapshot(int(step))).items():
            np.testing.assert_array_equal(recording.norms(index, *key), norms)
        if recording.numbers:
            found = {name: column[index] for name, column in recording.numbers.items()}
            np.testing.assert_equal(found, diagnosis_of(snapshot(int(step))).numbers())
    return recording
