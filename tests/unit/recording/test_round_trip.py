"""What is read is what was written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import ml_dtypes
import numpy as np
import pytest

from rnngrad_widgets.data.tensor import NO_TIME, REACH, SEQUENCE, GradientSnapshot, GradientTensor
from rnngrad_widgets.recording import Recording, RecordingError, RecordingWriter
from rnngrad_widgets.recording.layout import DTYPES
from tests.unit.recording.runs import (
    MASK,
    assert_same,
    check,
    record,
    snapshot,
    snapshot_of,
    tensor,
)

if TYPE_CHECKING:
    import json
from pathlib import Path


def test_every_step_and_what_belongs_to_it(tmp_path: Path) -> None:
    record(tmp_path / "run")
    recording = check(tmp_path / "run")
    assert len(recording) == 3
    assert recording.keys == tuple(snapshot(0))
    assert recording.steps.tolist() == [0, 10, 20]
    assert recording.losses.tolist() == [1, 1 / 11, 1 / 21]
    assert recording.training_losses.tolist() == [0, 5, 10]
    assert recording.skipped.tolist() == [0, 1, 2]
    assert np.all(np.diff(recording.times) >= 0)
    assert recording.times[0] > 1.7e9
    assert recording.snapshot(-1).step == 20
    assert recording.snapshot(1)["b", "output_gradient"].step == 10


@pytest.mark.parametrize("dtype", sorted(DTYPES))
def test_every_dtype(tmp_path: Path, dtype: str) -> None:
    first = snapshot_of(tensor(dtype=dtype))
    RecordingWriter(tmp_path / "run").append(first)
    assert_same(Recording(tmp_path / "run").snapshot(0), first)


def test_a_reach_keeps_the_timesteps_of_its_loss(tmp_path: Path) -> None:
    reach = GradientTensor(
        np.arange(24.0).reshape(2, 4, 3), REACH, "lstm", "reach", loss_timesteps=(1, 3)
    )
    RecordingWriter(tmp_path / "run").append(snapshot_of(reach))
    assert_same(Recording(tmp_path / "run").snapshot(0), snapshot_of(reach))


@pytest.mark.parametrize("said", [False, True])
def test_without_a_reach_nothing_need_be_said_of_its_loss(tmp_path: Path, said: bool) -> None:
    """Recordings from before there was a reach have no such key; some say that it is empty."""
    RecordingWriter(tmp_path / "run").append(snapshot_of(tensor()))
    path = tmp_path / "run" / "zarr.json"
    root = json.loads(path.read_bytes())
    nodes = root["consolidated_metadata"]["metadata"]
    assert not any("loss_timesteps" in node["attributes"] for node in nodes.values())
    attributes = nodes["lstm.output_gradient"]["attributes"]
    if said:
        attributes["loss_timesteps"] = []
    path.write_text(json.dumps(root))
    assert_same(Recording(tmp_path / "run").snapshot(0), snapshot_of(tensor()))


def test_bfloat16_is_read_as_float32_without_loss(tmp_path: Path) -> None:
    values = np.array([[[1e-38, -3.14, np.inf, np.nan]]], ml_dtypes.bfloat16)
    plain = GradientTensor(values, SEQUENCE, "lstm", "output_gradient")
    RecordingWriter(tmp_path / "run").append(snapshot_of(plain))
    found = Recording(tmp_path / "run").snapshot(0)["lstm", "output_gradient"].values
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, values.astype("float32"))


def test_a_dtype_that_cannot_be_stored_is_refused(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "run")
    with pytest.raises(
        RecordingError, match=r"a recording holds bool, .*; received (float128|longdouble)"
    ):
        writer.append(snapshot_of(tensor(dtype="longdouble")))
    assert not (tmp_path / "run").exists()


def test_every_kind_of_axes(tmp_path: Path) -> None:
    gates = ("i", "f", "c", "o")
    inside = ("sample", "timestep", "row", "column", "channel")
    first = snapshot_of(
        tensor("a"),
        tensor("a", "gate_gradient", shape=(4, 7, 24), gates=gates, mask=MASK),
        tensor("a", "input_gradient", ("sample", "timestep", "feature"), (4, 7, 2), mask=MASK),
        tensor("b", "output", NO_TIME, (4, 5)),
        tensor("c", "hidden_state", inside, (4, 9, 2, 3, 5), mask=np.ones((4, 9), bool)),
        tensor("a/bias", "weight_gradient", ("channel",), (24,), gates=gates),
        tensor("a/recurrent_kernel", "weight", ("previous_channel", "channel"), (6, 24)),
    )
    RecordingWriter(tmp_path / "run").append(first)
    assert_same(Recording(tmp_path / "run").snapshot(0), first)
    assert len(list((tmp_path / "run").glob("mask*"))) == 2  # equal masks are stored once


@pytest.mark.parametrize(
    "layer",
    ["../x", "/etc", "..", ".", "", "a/b", "a.b", "__x", "c:\\d", "é ü", "step", "\0\n", "x" * 999],
)
def test_a_layer_can_have_any_name(tmp_path: Path, layer: str) -> None:
    first = snapshot_of(tensor(layer), tensor(layer, ""), tensor(layer.upper() + "."))
    RecordingWriter(tmp_path / "run").append(first)
    assert_same(Recording(tmp_path / "run").snapshot(0), first)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    names = [path.name.casefold() for path in (tmp_path / "run").iterdir()]
    # the root, what is recorded once a step, the numbers; each tensor and its norms
    assert len(names) == 1 + 5 + 1 + 2 * len(first) == len(set(names))


def test_not_a_number_is_a_number_like_another(tmp_path: Path) -> None:
    values = np.array([[[np.nan, np.inf, -0.0]]], "float32")
    plain = GradientTensor(values, SEQUENCE, "lstm", "output_gradient")
    first = snapshot_of(plain, loss=np.nan)
    RecordingWriter(tmp_path / "run").append(first)
    assert_same(Recording(tmp_path / "run").snapshot(0), first)


def test_one_key_is_read_without_the_others(tmp_path: Path) -> None:
    record(tmp_path / "run")
    for chunk in (tmp_path / "run" / "last.output_gradient").glob("c.*"):
        chunk.unlink()
    recording = Recording(tmp_path / "run")
    found = recording.snapshot(0, [("b", "output_gradient")])  # by its alias
    np.testing.assert_array_equal(
        found["b", "output_gradient"], snapshot(0)["bi", "output_gradient"]
    )
    with pytest.raises(RecordingError, match=r"last\.output_gradient/c\.0\.0\.0 .* it is missing"):
        recording.snapshot(0)


def test_places_and_keys_that_are_not_there(tmp_path: Path) -> None:
    record(tmp_path / "run")
    recording = Recording(tmp_path / "run")
    with pytest.raises(IndexError, match=r"index must be in -3 \.\. 2; received 3"):
        recording.snapshot(3)
    with pytest.raises(KeyError, match=r"no \('gru', 'output'\); the recording holds"):
        recording.snapshot(0, [("gru", "output")])


def test_more_steps_than_one_chunk_of_scalars(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("layout", "scalars"):
        monkeypatch.setattr(f"rnngrad_widgets.recording.{module}.SCALAR_CHUNK", 4)
    writer = RecordingWriter(tmp_path / "run")
    follower: Recording | None = None
    for step in range(10):
        if step == 7:
            writer = RecordingWriter(tmp_path / "run", "a")
            assert writer.last_step == 6
        writer.append(snapshot_of(tensor(), step=step, loss=step))
        follower = follower or Recording(tmp_path / "run")
        follower.refresh()
        assert follower.losses.tolist() == list(range(step + 1))
    assert Recording(tmp_path / "run").losses.tolist() == list(range(10))


def test_a_step_without_a_number_counts_on(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "run")
    for _ in range(2):
        writer.append(GradientSnapshot({("a", "b"): tensor("a", "b")}))
    recording = Recording(tmp_path / "run")
    assert recording.steps.tolist() == [0, 1]
    assert np.isnan(recording.losses).all()
    with pytest.raises(RecordingError, match=r"steps must rise; .* 2 or more; received 1"):
        writer.append(snapshot_of(tensor("a", "b"), step=1))


CHANGES = {
    "shape": tensor(shape=(3, 7, 6), mask=MASK[:3]),
    "dtype": tensor(dtype="float64", mask=MASK),
    "directions": tensor(directions=("forward", "backward"), mask=MASK),
    "mask": tensor(),
    "another mask": tensor(mask=~MASK),
    "other tensors": tensor("gru", mask=MASK),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_step_must_be_as_the_first(tmp_path: Path, what: str) -> None:
    first = snapshot_of(tensor(mask=MASK))
    writer = RecordingWriter(tmp_path / "run")
    writer.append(first)
    with pytest.raises(RecordingError, match=f"every step .* must be as the first; .*{what}"):
        writer.append(snapshot_of(CHANGES[what], step=1))
    assert_same(Recording(tmp_path / "run").snapshot(-1), first)


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        (GradientSnapshot({}), "must hold at least one tensor"),
        (snapshot_of(tensor(shape=(4, 0, 6))), "must have 1 to 2147483648 bytes"),
        (snapshot_of(tensor("x" * 1001)), "at most 1000 characters"),
    ],
)
def test_what_could_not_be_read_is_not_written(
    tmp_path: Path, wrong: GradientSnapshot, rule: str
) -> None:
    writer = RecordingWriter(tmp_path / "run")
    with pytest.raises(RecordingError, match=rule):
        writer.append(wrong)
    assert not (tmp_path / "run").exists()
    writer.append(snapshot(0))  # the writer is as good as new
    check(tmp_path / "run")
