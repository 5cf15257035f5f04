"""Summaries: norms over channels and the numbers of `diagnose`, alone or beside the arrays."""

from __future__ import annotations

import math
import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnngrad_widgets import GradientExplorer, GradientRecorder, compare, diagnose
from rnngrad_widgets.data.tensor import NO_TIME, REACH, SEQUENCE, GradientSnapshot, GradientTensor
from rnngrad_widgets.recording import Recording, RecordingError, RecordingWriter
from tests.unit.recording.runs import MASK, check, record, snapshot, snapshot_of, tensor

T = 24
OLD = Path(__file__).parents[2] / "fixtures" / "recording_2.zip"
"""What the writer of version 2 made of `runs.record`, with a digest of the batch in its info."""


def norms_by_hand(values: np.ndarray, directions: int) -> np.ndarray:
    """Return norms over channels, one number after the other, (..., directions)."""
    flat = values.reshape(-1, values.shape[-1])
    part = values.shape[-1] // directions
    found = [
        [
            math.sqrt(math.fsum(float(x) ** 2 for x in row[d * part : (d + 1) * part]))
            for d in range(directions)
        ]
        for row in flat
    ]
    return np.array(found).reshape(*values.shape[:-1], directions)


def falling(rates: tuple[float, ...], seed: int = 0, **described: Any) -> GradientTensor:
    """Return a gradient of 12 samples that falls with the lag, at a rate for each direction."""
    chance = np.random.default_rng(seed)
    parts = []
    for place, rate in enumerate(rates):
        lag = (
            np.arange(T)
            if place or described.get("directions") == ("backward",)
            else np.arange(T)[::-1]
        )
        each = rate * chance.uniform(0.95, 1.0, size=(12, 1))
        parts.append((each**lag)[:, :, None] * chance.normal(size=(12, T, 5)))
    values = np.concatenate(parts, axis=-1).astype("float32")
    return GradientTensor(values, SEQUENCE, quantity="hidden_gradient", **described)


def direct(total: GradientTensor, *, last_only: bool = True) -> GradientTensor:
    """Return a direct gradient: of the output that each direction returns last, or of all.

    A backward layer alone returns its outputs in the order in which it processed them.
    """
    values = np.zeros(total.shape, "float32")
    half = total.shape[-1] // max(len(total.directions), 1)
    values[:, -1, :half] = 1
    if len(total.directions) == 2:
        values[:, 0, half:] = 1
    if not last_only:
        values[:] = 1
    return replace(total, values=values, quantity="output_gradient")


LENGTHS = np.arange(T) < np.arange(13, 25)[:, None]
BOTH = ("forward", "backward")
KINDS = {
    "plain": falling((0.8,), layer="l"),
    "both directions": falling((0.9, 0.7), layer="l", directions=BOTH),
    "backward": falling((0.8,), layer="l", directions=("backward",)),
    "masked": falling((0.8,), layer="l", mask=LENGTHS[:, ::-1]),
    "masked, both": falling(
        (0.9, 0.7), layer="l", directions=BOTH, mask=LENGTHS[:, ::-1] & LENGTHS
    ),
}


def both_ways(tmp_path: Path, *tensors: GradientTensor) -> tuple[Recording, Recording]:
    """Record the same snapshot with its arrays, and as a summary."""
    found = []
    for store in ("full", "summary"):
        RecordingWriter(tmp_path / store, store=store).append(snapshot_of(*tensors))
        found.append(Recording(tmp_path / store))
    return found[0], found[1]


@pytest.mark.parametrize("kind", KINDS)
def test_a_summary_says_what_its_arrays_say(tmp_path: Path, kind: str) -> None:
    total = KINDS[kind]
    full, summary = both_ways(tmp_path, total, direct(total))
    expected, found = (diagnose(each.snapshot(0)).gradients for each in (full, summary))
    assert len(found) == len(expected) == 2 * max(len(total.directions) // 2 * 2, 1)
    for one, other in zip(expected, found, strict=True):
        for name in ("layer", "quantity", "direction", "samples", "timesteps", "channels"):
            assert getattr(one, name) == getattr(other, name)
        assert one.no_decay == other.no_decay
        assert one.reach == other.reach
        assert one.not_reached == other.not_reached
        assert (one.decay is None) == (other.decay is None) == (one.quantity == "output_gradient")
        if one.decay is not None and other.decay is not None:
            assert other.decay.slope == pytest.approx(one.decay.slope, abs=1e-6)
            assert other.decay.interval == pytest.approx(one.decay.interval, abs=1e-6)
            assert other.growth == pytest.approx(one.growth, rel=1e-5)
    curves = compare({"full": full, "summary": summary}).to_dict()
    (difference, *_) = curves["differences"]
    assert abs(difference["by_repeat"][0]) < 1e-6


def test_where_the_loss_acts_everywhere_no_rate_is_read_of_a_summary_either(tmp_path: Path) -> None:
    total = KINDS["plain"]
    for recording in both_ways(tmp_path, total, direct(total, last_only=False)):
        assert (
            "acts before the last timestep" in diagnose(recording.snapshot(0)).gradients[0].no_decay
        )


def test_of_a_layer_that_returns_its_last_output_a_rate_is_read(tmp_path: Path) -> None:
    total = KINDS["both directions"]
    last = replace(total, values=total.values[:, -1], dims=NO_TIME, quantity="output_gradient")
    slopes = []
    for recording in both_ways(tmp_path, total, last):
        first, *_ = diagnose(recording.snapshot(0)).gradients
        slopes.append(None if first.decay is None else first.decay.slope)
    assert slopes[0] == pytest.approx(slopes[1], abs=1e-6)
    assert recording.snapshot(0)["l", "output_gradient"].shape == (12, 2)


@pytest.mark.parametrize("store", ["full", "summary"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8"])
def test_norms_are_those_over_the_channels_of_each_direction(
    tmp_path: Path, store: str, dtype: str
) -> None:
    first = snapshot_of(
        tensor("bi", dtype=dtype, mask=MASK, directions=BOTH),
        tensor(
            "bi",
            "gate_gradient",
            shape=(4, 7, 24),
            dtype=dtype,
            directions=BOTH,
            gates=tuple("zrh"),
        ),
        tensor(
            "conv", "hidden_state", ("sample", "timestep", "row", "channel"), (4, 7, 2, 3), dtype
        ),
        tensor("last", "output_gradient", NO_TIME, (4, 3), dtype),
    )
    RecordingWriter(tmp_path / "run", store=store).append(first)
    recording = Recording(tmp_path / "run")
    assert recording.store == store
    for (layer, quantity), own in first.items():
        norms = recording.norms(0, layer, quantity)
        directions = max(len(own.directions), 1)
        values = own.values if layer != "conv" else own.values.reshape(4, 7, 6)
        np.testing.assert_allclose(norms, norms_by_hand(values, directions), rtol=1e-6)
        assert norms.values.dtype == ("float64" if dtype == "float64" else "float32")
        assert norms.norms_over == values.shape[-1] // directions
        assert (norms.layer, norms.quantity, norms.directions) == (layer, quantity, own.directions)
        assert (norms.step, norms.loss, norms.gates) == (own.step or 0, 0.5, ())
        assert (norms.mask is None) == (own.mask is None)
    np.testing.assert_array_equal(recording.norms(0, "bi", "output_gradient").mask, MASK)


@pytest.mark.parametrize(
    ("dtype", "large"),
    [("float32", 3e38), ("float64", 1e300), ("float64", 1e-300), ("float32", 1e-44)],
)
def test_norms_of_large_and_tiny_values_are_finite_and_not_zero(
    tmp_path: Path, dtype: str, large: float
) -> None:
    own = tensor(shape=(1, 2, 3))
    first = snapshot_of(replace(own, values=np.full((1, 2, 3), large, dtype)))
    RecordingWriter(tmp_path / "run", store="summary").append(first)
    found = Recording(tmp_path / "run").norms(0, "lstm", "output_gradient").values
    most = float(np.finfo(dtype).max)
    expected = min(math.sqrt(3) * float(np.dtype(dtype).type(large)), most)
    np.testing.assert_allclose(found, expected, rtol=0.05 if large == 1e-44 else 1e-6)


def test_a_reach_is_kept_whole_and_weights_as_numbers(tmp_path: Path) -> None:
    reach = GradientTensor(
        np.arange(24.0).reshape(2, 4, 3), REACH, "lstm", "reach", loss_timesteps=(1, 3)
    )
    kernel = tensor("lstm/recurrent_kernel", "weight", ("previous_channel", "channel"), (6, 6))
    full, summary = both_ways(tmp_path, reach, kernel)
    assert summary.keys == (("lstm", "reach"),)
    found = summary.snapshot(0)["lstm", "reach"]
    np.testing.assert_array_equal(found, reach)
    assert (found.dims, found.loss_timesteps, found.norms_over) == (REACH, (1, 3), 0)
    np.testing.assert_array_equal(full.norms(0, "lstm", "reach"), reach)
    radius = max(abs(np.linalg.eigvals(kernel.values)))
    (found,) = summary.numbers["lstm/recurrent_kernel/weight/spectral_radius"]
    assert found == pytest.approx(radius, rel=1e-6)
    # which takes long, and can be had of the weights
    assert set(full.numbers) == {name for name in summary.numbers if "weight" not in name}
    with pytest.raises(
        ValueError, match=r"norms are of samples; weight of 'lstm/rec.* has the axes"
    ):
        full.norms(0, "lstm/recurrent_kernel", "weight")
    with pytest.raises(KeyError, match=r"no .*the recording holds"):
        summary.norms(0, "lstm/recurrent_kernel", "weight")
    with pytest.raises(IndexError, match=r"index must be in -1 .. 0; received 1"):
        full.norms(1, "lstm", "reach")


def test_what_norms_cannot_tell_is_none_and_among_the_numbers(tmp_path: Path) -> None:
    values = np.ones((3, 6, 4), "float32")
    values[:, :, 1] = 0
    values[:, :, 2] = 1e-12
    values[0, 2, 3] = np.nan
    own = GradientTensor(values, SEQUENCE, "l", "hidden_gradient")
    activations = np.random.default_rng(0).uniform(0.01, 1, size=(3, 6, 8))
    gates = GradientTensor(activations, SEQUENCE, "l", "gate", gates=("z", "r"))
    full, summary = both_ways(tmp_path, own, gates)
    found = diagnose(summary.snapshot(0))
    (gradient,) = found.gradients
    assert gradient.channels == 4
    assert (gradient.dead_channels, gradient.faint_channels, gradient.agreement) == (None,) * 3
    assert (gradient.nan, gradient.inf, gradient.first_not_finite) == (None,) * 3
    assert gradient.explodes
    assert found.gates == ()
    assert (
        "l hidden-state gradient (BPTT): holds values that are not finite, how many"
        in found.findings[0]
    )
    assert not {"nan", "dead_channels"} & {name.rsplit("/")[-1] for name in found.to_flat()}
    assert found.to_dict()["gradients"][0]["nan"] is None
    expected = diagnose(full.snapshot(0)).to_flat()
    assert {"l/gate/z/closed", "l/hidden_gradient/nan"} <= set(expected)
    for recording in (full, summary):
        stored = {name: column[0] for name, column in recording.numbers.items()}
        assert {name: each for name, each in stored.items() if math.isfinite(each)} == expected
        assert stored["l/hidden_gradient/dead_channels"] == 1
        assert stored["l/hidden_gradient/faint_channels"] == 1
        assert stored["l/hidden_gradient/nan"] == 1


def test_zeros_are_known_to_be_zeros(tmp_path: Path) -> None:
    own = GradientTensor(np.zeros((2, 6, 4), "float32"), SEQUENCE, "l", "hidden_gradient")
    _, summary = both_ways(tmp_path, own)
    found = diagnose(summary.snapshot(0))
    assert "all values are exactly 0" in found.findings[0]
    (gradient,) = found.gradients
    assert (gradient.dead_channels, gradient.nan, gradient.inf) == (4, 0, 0)


def test_every_step_of_many_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of two steps, continued in the middle of one, and followed while it is written."""
    monkeypatch.setattr("rnngrad_widgets.recording.layout.SERIES_CHUNK", 500)
    for store in ("full", "summary"):
        path = tmp_path / store
        record(path, range(3), store=store)
        recording = check(path)
        record(path, range(3, 8), "a", store)
        assert recording.refresh()
        assert recording.steps.tolist() == list(range(8))
        for index in (3, 2, 7, 3):  # the first in a chunk that was half full before
            expected = norms_by_hand(snapshot(index)["bi", "output_gradient"].values, 2)
            np.testing.assert_allclose(
                recording.norms(index, "b", "output_gradient"), expected, 1e-6
            )
        assert {len(column) for column in recording.numbers.values()} == {8}
        check(path)
        assert len(list((path / "numbers").glob("c.*"))) > 3
        assert len(list((path / "bi.output_gradient").glob("c.*"))) == (8 if store == "full" else 4)


def test_another_recording_in_its_place_is_read_anew(tmp_path: Path) -> None:
    record(tmp_path / "run", [0, 1], store="summary")
    recording = check(tmp_path / "run")
    recording.norms(0, "bi", "output_gradient")
    record(tmp_path / "run", [5, 6], "w", store="summary")
    assert recording.refresh()
    expected = norms_by_hand(snapshot(5)["bi", "output_gradient"].values, 2)
    np.testing.assert_allclose(recording.norms(0, "bi", "output_gradient"), expected, 1e-6)
    agreement = recording.numbers["bi/output_gradient/forward/agreement"]
    assert agreement.tolist() == [
        diagnose(snapshot(step)).to_flat()["bi/output_gradient/forward/agreement"]
        for step in (5, 6)
    ]


def test_a_step_that_failed_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = RecordingWriter(tmp_path / "run", store="summary")
    writer.append(snapshot(0))
    monkeypatch.setattr(writer, "_commit", lambda _scalars: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        writer.append(snapshot(5))
    monkeypatch.undo()
    check(tmp_path / "run")
    writer.append(snapshot(7))
    assert check(tmp_path / "run").steps.tolist() == [0, 7]


def test_a_recording_is_continued_as_it_was_begun(tmp_path: Path) -> None:
    record(tmp_path / "run", store="summary")
    rule = "was begun with store='summary'; continue it with that one, or record to another path"
    with pytest.raises(RecordingError, match=rule):
        RecordingWriter(tmp_path / "run", "a")
    record(tmp_path / "run", [30], "a", "summary")
    assert check(tmp_path / "run").store == "summary"
    with pytest.raises(
        RecordingError, match=r"must be as the first; .*shape of bi output_gradient"
    ):
        RecordingWriter(tmp_path / "run", "a", store="summary").append(
            GradientSnapshot(
                {("bi", "output_gradient"): tensor("bi", shape=(4, 9, 6), directions=BOTH)}
                | {("last", "output_gradient"): tensor("last", dims=NO_TIME, shape=(4, 3))},
                step=40,
            )
        )
    with pytest.raises(RecordingError, match="norms_over of bi output_gradient was 3; received 5"):
        RecordingWriter(tmp_path / "run", "a", store="summary").append(snapshot(40, size=10))
    record(tmp_path / "run", [1], "w")
    assert check(tmp_path / "run").store == "full"
    with pytest.raises(RecordingError, match="was begun with store='full'"):
        RecordingWriter(tmp_path / "run", "a", store="summary")


def test_a_recording_of_version_2_is_read_and_continued(tmp_path: Path) -> None:
    path = tmp_path / "run"
    with zipfile.ZipFile(OLD) as packed:
        packed.extractall(path)
    recording = check(path)  # the norms too: computed from the arrays
    assert (recording.steps.tolist(), recording.store) == ([0, 10, 20], "full")
    assert (dict(recording.info), dict(recording.numbers)) == ({"batch": "b", "every": "10"}, {})
    names = {each.name for each in path.iterdir()}
    record(path, [30], "a")
    assert check(path).steps.tolist() == [0, 10, 20, 30]
    assert {each.name for each in path.iterdir()} == names
    assert b'"rnngrad_widgets_recording":2' in (path / "zarr.json").read_bytes()
    with pytest.raises(RecordingError, match="was begun with store='full'"):
        RecordingWriter(path, "a", store="summary")


@pytest.mark.parametrize("damage", ["numbers/c.0.0", "bi.output_gradient.norms/c.0.0.0.0"])
def test_chunks_of_another_size_are_refused(tmp_path: Path, damage: str) -> None:
    record(tmp_path / "run")
    (tmp_path / "run" / damage).write_bytes(b"short")
    recording = Recording(tmp_path / "run")
    with pytest.raises(RecordingError, match=rf"{damage} in .* must have \d+ bytes; it has 5"):
        recording.numbers if "numbers" in damage else recording.norms(0, "bi", "output_gradient")
    assert recording.snapshot(0)["bi", "output_gradient"].shape == (4, 7, 6)
    with pytest.raises(RecordingError, match="must have"):
        RecordingWriter(tmp_path / "run", "a")


def test_the_budget_holds_for_norms_and_numbers(tmp_path: Path) -> None:
    record(tmp_path / "run")
    recording = Recording(tmp_path / "run", budget=700)
    with pytest.raises(RecordingError, match="norms of it must fit the budget of 700 bytes"):
        recording.norms(0, "bi", "output_gradient")
    with pytest.raises(RecordingError, match="the numbers of all steps must fit the budget of 7"):
        _ = recording.numbers


def test_an_explorer_of_a_summary_says_so_and_opens_with_the_flow(tmp_path: Path) -> None:
    total = KINDS["both directions"]
    full, summary = both_ways(tmp_path, total, direct(total))
    explorer = GradientExplorer.from_recording(summary)
    assert explorer.view == "flow"
    assert list(explorer.view_stack.views) == ["flow", "histogram", "diagnosis"]
    words = re.sub("<[^>]*>", "", explorer.summary)
    assert "12 × 24 × 2 norms over 5 channels (recorded as a summary)" in words
    largest = norms_by_hand(total.values, 2)
    sample, timestep, place = np.unravel_index(np.argmax(largest), largest.shape)
    assert f"max ‖g‖ {largest.max():.1e}".replace("e+0", "e") in words
    assert f"at sample {sample}, timestep {timestep} ({BOTH[place]}) ·" in words
    shown = explorer.selection.tensor
    assert (shown.noun, shown.symbol) == ("Norm ‖g‖", "‖g‖")
    np.testing.assert_allclose(shown.array, largest, rtol=1e-6)
    explorer.close()
    with pytest.raises(ValueError, match=r"view must be one that fits the tensor, \['flow', "):
        GradientExplorer.from_recording(summary, view="heat map")
    explorer = GradientExplorer.from_recording(full)
    assert (explorer.view, "summary" in explorer.summary) == ("heat map", False)
    assert explorer.selection.tensor.symbol == "g"
    explorer.close()


@pytest.mark.parametrize(
    ("options", "error", "rule"),
    [
        ({"store": "half"}, ValueError, r"store must be 'full' \(tensors\) or 'summary' .* 'half'"),
        (
            {"store": "summary", "quantities": "weight"},
            ValueError,
            "a summary is of quantities by sample; received 'weight'",
        ),
        ({"stor": "summary"}, TypeError, "did you mean 'store'"),
    ],
)
def test_what_cannot_be_a_summary_is_refused_at_once(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], rule: str
) -> None:
    with pytest.raises(error, match=rule):
        GradientRecorder(tmp_path / "run", np.zeros((1, 2, 3)), **options)
    assert not (tmp_path / "run").exists()


def test_a_summary_of_weights_alone_is_refused_by_the_writer(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "run", store="summary")
    weight = tensor("lstm/kernel", "weight", ("feature", "channel"), (3, 24))
    with pytest.raises(RecordingError, match="a summary is of quantities by sample; received none"):
        writer.append(snapshot_of(weight))
    assert not (tmp_path / "run").exists()


@pytest.mark.long
def test_hundreds_of_layers_have_a_root_that_is_read(tmp_path: Path) -> None:
    layers = [
        tensor(f"encoder/block_{i}/bidirectional_lstm", shape=(2, 3, 4), directions=BOTH)
        for i in range(400)
    ]
    RecordingWriter(tmp_path / "run").append(snapshot_of(*layers))
    assert len(Recording(tmp_path / "run").keys) == 400
