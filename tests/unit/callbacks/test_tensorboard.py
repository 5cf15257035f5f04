"""`GradientTensorBoard`: what is in the event files, read back by TensorBoard's own reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from rnngrad_widgets import (
    GradientEngine,
    GradientSnapshot,
    GradientTensor,
    GradientTensorBoard,
    diagnose,
)
from rnngrad_widgets.callbacks import event_file, tensorboard
from rnngrad_widgets.callbacks.status import Status

if TYPE_CHECKING:
    from pathlib import Path

CHANCE = np.random.default_rng(5)
X = CHANCE.normal(size=(96, 8, 2)).astype("float32")
Y = X.sum(axis=(1, 2))[:, None]
PROBE = (X[:5], Y[:5])
QUANTITIES = ("hidden_gradient", "output_gradient", "weight_gradient")
KERAS = {"keras": keras, "tf_keras": tf_keras}


def make(library: Any = keras, **settings: Any) -> Any:
    library.utils.set_random_seed(11)
    layers = library.layers
    model = library.Sequential(
        [
            layers.Input((8, 2)),
            layers.SimpleRNN(3, unroll=True, name="rnn"),
            layers.Dropout(0.3),
            layers.Dense(1),
        ]
    )
    model.compile(optimizer="sgd", loss="mse", **settings)
    return model


def train(model: Any, callbacks: list[Any], epochs: int = 1) -> list[float]:
    """12 batches an epoch, in an order of chance."""
    losses: list[float] = model.fit(
        X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=callbacks
    ).history["loss"]
    return losses


def callback(folder: Path, **settings: Any) -> GradientTensorBoard:
    return GradientTensorBoard(folder, *PROBE, **{"every": 5, "max_overhead": None, **settings})


class Events:
    """All that is in a folder, by tag and step."""

    def __init__(self, folder: Path) -> None:
        self._read = EventAccumulator(str(folder), {"tensors": 0})
        self._read.Reload()
        self.tags = set(self._read.Tags()["tensors"])

    def steps(self, tag: str) -> list[int]:
        return [event.step for event in self._read.Tensors(tag)]

    def last(self, tag: str) -> Any:
        return make_ndarray(self._read.Tensors(tag)[-1].tensor_proto)

    def plugin(self, tag: str) -> str:
        return str(self._read.SummaryMetadata(tag).plugin_data.plugin_name)


class Trained(NamedTuple):
    """A model that was trained twice with the callback, and one without; what was logged."""

    model: Any
    other: Any
    losses: list[list[float]]
    events: Events
    snapshot: GradientSnapshot


@pytest.fixture(scope="module", params=KERAS)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp(request.param)
    library = KERAS[request.param]
    model = make(library)
    writing = callback(folder, quantities=QUANTITIES, on_error="raise")
    losses = [train(model, [writing]), train(model, [writing])]
    other = make(library)
    expected = [train(other, []), train(other, [])]
    assert losses == expected
    snapshot = GradientEngine(other).compute(*PROBE, quantities=QUANTITIES)
    return Trained(model, other, losses, Events(folder), snapshot)


@pytest.mark.one_case_in(2)
def test_training_is_the_same_to_the_last_bit(trained: Trained) -> None:
    for mine, other in zip(trained.model.get_weights(), trained.other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_scalars_are_what_diagnose_says(trained: Trained) -> None:
    events, snapshot = trained.events, trained.snapshot
    scalars = {tag: events.last(tag) for tag in events.tags if events.plugin(tag) == "scalars"}
    losses = {"loss/batch": snapshot.loss, "loss/training": trained.losses[1][0]}
    expected = losses | diagnose(snapshot).to_flat()
    assert "rnn/hidden_gradient/factor_per_step" in expected
    assert scalars.keys() == expected.keys()
    for tag, value in expected.items():
        assert scalars[tag] == np.float32(value), tag
    assert events.steps("loss/batch") == [0, 5, 10, 12, 15, 20, 24]
    assert events.steps("loss/training") == [5, 10, 12, 15, 20, 24]


def test_histograms_are_what_numpy_counts(trained: Trained) -> None:
    for (layer, quantity), tensor in trained.snapshot.items():
        tag = f"{layer}/{quantity}/values"
        assert trained.events.plugin(tag) == "histograms"
        assert trained.events.steps(tag)[-1] == 24
        left, right, counts = trained.events.last(tag).T
        values = np.sort(tensor.values.ravel().astype("float64"))
        assert (left[0], right[-1]) == (values[0], values[-1])
        np.testing.assert_array_equal(left[1:], right[:-1])
        below = [np.sum(values < edge) for edge in right[:-1]]
        np.testing.assert_array_equal(np.cumsum(counts), [*below, values.size])


def test_the_heights_of_norms_are_those_of_each_timestep(trained: Trained) -> None:
    tag = "rnn/hidden_gradient/norm_by_timestep"
    assert trained.events.plugin(tag) == "histograms"
    values = trained.snapshot["rnn", "hidden_gradient"].values.astype("float64")
    norms = np.sqrt((values**2).sum(axis=-1))
    left, right, heights = trained.events.last(tag).T
    np.testing.assert_array_equal(left, np.arange(8))
    np.testing.assert_array_equal(right, np.arange(1, 9))
    np.testing.assert_allclose(heights, np.sort(norms, axis=0)[2], rtol=1e-6)


def test_the_flow_is_an_image(trained: Trained) -> None:
    events = trained.events
    images = {tag for tag in events.tags if events.plugin(tag) == "images"}
    assert images == {"rnn/hidden_gradient/flow"}  # of what has no time there is none
    width, height, png = events.last("rnn/hidden_gradient/flow")
    pixels = tf.io.decode_png(png).numpy()
    assert pixels.shape == (int(height), int(width), 4)
    assert (pixels.shape[1], pixels[..., 3].min()) == (600, 255)
    assert 0.01 < np.mean(pixels[..., 0] < 128) < 0.5


def snapshot_of(*tensors: GradientTensor, step: int = 7) -> GradientSnapshot:
    return GradientSnapshot({(t.layer, t.quantity): t for t in tensors}, loss=np.nan, step=step)


def write(folder: Path, *tensors: GradientTensor) -> Events:
    writing = callback(folder)
    writing.on_snapshot(snapshot_of(*tensors), Status(step=7), 0)
    events = Events(folder)  # before it is closed
    writing.on_finish(Status())
    return events


def test_what_does_not_count_is_left_out(tmp_path: Path) -> None:
    """Masked timesteps, NaN, infinities; and numbers that there are none of."""
    values = np.ones((2, 3, 4), "float32")
    values[:, 0], values[0, 1, 0], values[1, 1, 2] = 100, np.nan, np.inf
    values[:, 2, 2:] = 2
    mask = np.array([[False, True, True]] * 2)
    described = {"directions": ("forward", "backward"), "mask": mask, "step": 7}
    dims = ("sample", "timestep", "channel")
    name = "net/rückwärts"
    events = write(tmp_path, GradientTensor(values, dims, name, "hidden_gradient", **described))
    stem = "net/r-fc-ckw-e4-rts/hidden_gradient"
    buckets = events.last(f"{stem}/values")
    assert buckets[:, 2].sum() == 14
    assert (buckets[0, 0], buckets[-1, 1]) == (1, 2)
    assert buckets[-1, 2] == 4
    # of a sample whose norm is not finite the other one tells
    found = events.last(f"{stem}/forward/norm_by_timestep")
    np.testing.assert_allclose(found, [[1, 2, 2**0.5], [2, 3, 2**0.5]], rtol=1e-6)
    found = events.last(f"{stem}/backward/norm_by_timestep")
    np.testing.assert_allclose(found, [[1, 2, 2**0.5], [2, 3, 8**0.5]], rtol=1e-6)
    assert (events.last(f"{stem}/forward/nan"), events.last(f"{stem}/backward/inf")) == (1, 1)
    assert f"{stem}/forward/factor_per_step" not in events.tags
    assert not any(tag.startswith("loss") for tag in events.tags)


def test_nothing_that_is_finite(tmp_path: Path) -> None:
    values = np.full((2, 3, 4), np.nan, "float32")
    dims = ("sample", "timestep", "channel")
    events = write(tmp_path, GradientTensor(values, dims, "rnn", "hidden_gradient", step=7))
    assert "rnn/hidden_gradient/values" not in events.tags
    assert events.last("rnn/hidden_gradient/nan") == 24
    assert events.last("rnn/hidden_gradient/norm_by_timestep").shape == (0, 3)
    assert "rnn/hidden_gradient/flow" in events.tags


def test_a_reach_has_a_flow_by_lag_and_no_norms_over_channels(tmp_path: Path) -> None:
    dims, settled = ("sample", "timestep", "loss_timestep"), {"loss_timesteps": (1, 2), "step": 7}
    values = np.ones((2, 3, 3), "float32")
    events = write(tmp_path, GradientTensor(values, dims, "rnn", "reach", **settled))
    assert {"rnn/reach/values", "rnn/reach/flow"} < events.tags
    assert "rnn/reach/norm_by_timestep" not in events.tags


class At(keras.callbacks.Callback):  # type: ignore[misc]
    """Do something before a batch."""

    def __init__(self, batch: int, what: Any) -> None:
        super().__init__()
        self.batch, self.what = batch, what

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        del logs
        if batch == self.batch:
            self.what()


WRONG = r"(?i)GradientTensorBoard: OSError: /.*/run cannot be written: .*not a directory; training"


def test_a_failed_write_is_said_once_and_training_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.write_text("a file where the folder should be")
    writing = callback(folder, every=2)
    with pytest.warns(RuntimeWarning, match=WRONG) as warned:
        losses = train(make(run_eagerly=True), [At(8, folder.unlink), writing])
    assert len(warned) == 1
    assert len(losses) == 1
    assert Events(folder).steps("loss/batch") == [8, 10, 12]
    assert (writing.status.failed, writing.status.taken) == (4, 3)


def test_a_failed_write_may_end_training(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.touch()
    with pytest.raises(OSError, match=r"(?i)run cannot be written: .*not a dir"):
        train(make(run_eagerly=True), [callback(folder, on_error="raise")])


def test_a_full_disk_is_said_and_another_file_begun(tmp_path: Path) -> None:
    weight = GradientTensor(np.eye(2), ("feature", "channel"), "rnn/kernel", "weight_gradient")
    writing = callback(tmp_path / "run")
    for step in (1, 2, 3):
        if step == 2:
            writing._file._writer = tf.io.TFRecordWriter("/dev/full")
            with pytest.raises(OSError, match=r"run cannot be written: No space left on device$"):
                writing.on_snapshot(snapshot_of(weight), Status(step=step), 0)
        else:
            writing.on_snapshot(snapshot_of(weight), Status(step=step), 0)
    assert Events(tmp_path / "run").steps("rnn/kernel/weight_gradient/values") == [1, 3]
    assert len(list((tmp_path / "run").iterdir())) == 2


def test_a_file_that_cannot_be_closed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise OSError("the words of the system")

    monkeypatch.setattr(event_file.EventFile, "close", full)
    with pytest.warns(RuntimeWarning, match="OSError: the words of the system"):
        write(tmp_path)


def test_without_matplotlib_there_are_no_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensorboard, "has_matplotlib", lambda: False)
    rule = r'images are left out without matplotlib: pip install "rnngrad-widgets\[figures\]"'
    values = np.ones((2, 3, 4), "float32")
    dims = ("sample", "timestep", "channel")
    with pytest.warns(RuntimeWarning, match=rule) as warned:
        events = write(tmp_path, GradientTensor(values, dims, "rnn", "hidden_gradient", step=7))
    assert [entry.filename for entry in warned] == [__file__]
    assert "rnn/hidden_gradient/values" in events.tags
    assert not any(tag.endswith("flow") for tag in events.tags)
