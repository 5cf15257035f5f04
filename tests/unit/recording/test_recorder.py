"""`GradientRecorder` in ``fit``, of Keras 3 and of tf_keras."""

from __future__ import annotations

import errno
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from zarr.storage import LocalStore

from rnngrad_widgets import (
    GradientEngine,
    GradientExplorer,
    GradientRecorder,
    Recording,
    compare,
    diagnose,
)
from rnngrad_widgets.data.batch_digest import batch_digest
from rnngrad_widgets.recording import RecordingError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHANCE = np.random.default_rng(5)
X = CHANCE.normal(size=(96, 4, 2)).astype("float32")
Y = X.sum(axis=(1, 2))[:, None]
PROBE = (X[:4], Y[:4])
KERAS = {"keras": keras, "tf_keras": tf_keras}


def make(library: Any = keras, **settings: Any) -> Any:
    """A model with all that is random: weights, dropout, and the order of the batches."""
    library.utils.set_random_seed(11)
    layers = library.layers
    model = library.Sequential(
        [
            layers.Input((4, 2)),
            layers.SimpleRNN(3, return_sequences=True, dropout=0.2, unroll=True, name="first"),
            layers.SimpleRNN(3, unroll=True, name="second"),
            layers.Dropout(0.3),
            layers.Dense(1),
        ]
    )
    # Eager: most tests would spend their time on tracing.
    model.compile(**{"optimizer": "sgd", "loss": "mse", "run_eagerly": True, **settings})
    return model


def train(model: Any, callbacks: Any, epochs: int = 2) -> dict[str, list[float]]:
    """12 batches an epoch."""
    logged: dict[str, list[float]] = model.fit(
        X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=callbacks, validation_split=0
    ).history
    return logged


def recorder(path: Path, **settings: Any) -> GradientRecorder:
    defaults = {"quantities": "output_gradient", "every": 5, "max_overhead": None}
    return GradientRecorder(path, *PROBE, **defaults | settings)


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("library", KERAS)
def test_training_is_the_same_to_the_last_bit(tmp_path: Path, library: str) -> None:
    with_, without = make(KERAS[library], run_eagerly=False), None
    quantities = ("output_gradient", "weight_gradient")
    recording = recorder(tmp_path / "run", layers="first", quantities=quantities)
    logged = train(with_, [recording]) | {"again": train(with_, [recording], 1)["loss"]}
    without = make(KERAS[library], run_eagerly=False)
    expected = train(without, []) | {"again": train(without, [], 1)["loss"]}
    assert logged == expected
    for mine, other in zip(with_.get_weights(), without.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)

    found = Recording(tmp_path / "run")
    assert found.steps.tolist() == [0, 5, 10, 15, 20, 24, 25, 30, 35, 36]
    np.testing.assert_array_equal(
        found.training_losses[[5, -1]], [logged["loss"][1], *logged["again"]]
    )
    now = GradientEngine(without).compute(*PROBE, "first", quantities)
    for key, tensor in now.items():
        np.testing.assert_array_equal(found.snapshot(-1)[key], tensor)
    assert found.losses[-1] == now.loss


@pytest.mark.parametrize("library", KERAS)
def test_what_is_recorded_is_of_the_loss_that_is_asked_for(tmp_path: Path, library: str) -> None:
    """Weights of classes, another loss, and the first batch of several."""
    model = make(KERAS[library])
    y = (Y[:8] > 0).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((X[:8], y)).batch(4)
    options: dict[str, Any] = {"class_weight": {0: 5.0, 1: 0.5}, "loss": "mae"}
    taken = GradientRecorder(tmp_path / "run", data, steps=1, max_overhead=None, **options)
    taken.update(model, step=3)
    recorded = Recording.open(tmp_path / "run").snapshot(-1)
    expected = GradientEngine(model).compute(X[:4], y[:4], **options)
    assert recorded.loss == expected.loss
    assert recorded.loss != GradientEngine(model).compute(X[:4], y[:4]).loss
    for key, tensor in expected.items():
        np.testing.assert_array_equal(recorded[key].values, tensor.values)
    assert recorded.notes[0].startswith("4 samples from 1 batch: ")


def test_what_a_run_was_made_with(tmp_path: Path) -> None:
    model = make()
    options = {"loss": "mae", "sample_weight": np.ones(4)}
    recorder = GradientRecorder(tmp_path / "run", *PROBE, every=50, **options)
    model.fit(X[:32], Y[:32], verbose=0, callbacks=[recorder])
    recording = Recording(tmp_path / "run")
    assert {quantity for _, quantity in recording.keys} == {"hidden_gradient", "output_gradient"}
    (line,) = compare({"run": tmp_path / "run"}).table  # reads what is recorded by default
    assert (line["layer"], line["quantity"]) == ("first", "hidden_gradient")
    info = recording.info
    assert info["batch"] == batch_digest(*PROBE, np.ones(4), None)
    assert (info["loss"], info["every"], info["training"]) == ("'mae'", "50", "False")
    assert (info["keras"], info["numpy"]) == (keras.__version__, np.__version__)
    with pytest.raises(RecordingError, match="was begun with another batch"):
        GradientRecorder(tmp_path / "run", X[4:8], Y[4:8], mode="a")


@pytest.mark.long
def test_a_callback_that_is_not_in_a_list(tmp_path: Path) -> None:
    """Keras 3 then calls the end of a batch from another thread."""
    model, other = make(), make()
    train(model, recorder(tmp_path / "run"))
    train(other, [])
    for mine, its in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, its)
    assert Recording(tmp_path / "run").steps.tolist() == [0, 5, 10, 15, 20, 24]


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("library", KERAS)
def test_several_batches_at_once(tmp_path: Path, library: str) -> None:
    model = make(KERAS[library], steps_per_execution=4, run_eagerly=False)
    train(model, [recorder(tmp_path / "run")])
    assert Recording(tmp_path / "run").steps.tolist() == [0, 8, 12, 16, 20, 24]


@pytest.mark.long
@pytest.mark.parametrize("library", KERAS)
@pytest.mark.filterwarnings("ignore:Your input ran out of data:UserWarning")  # Keras before 3.11
def test_several_batches_at_once_that_do_not_come_out_even(tmp_path: Path, library: str) -> None:
    """11 batches an epoch: the last three are executed together."""
    model = make(KERAS[library], steps_per_execution=4, run_eagerly=False)
    settings = {"batch_size": 8, "epochs": 2, "verbose": 0}
    model.fit(X[:88], Y[:88], **settings, callbacks=[recorder(tmp_path / "run")])
    # The optimizer of Keras before 3.11 counts a twelfth batch that was not there.
    expected = {22: [0, 8, 11, 15, 22], 24: [0, 8, 12, 16, 20, 24]}
    counted = int(np.asarray(model.optimizer.iterations))
    assert Recording(tmp_path / "run").steps.tolist() == expected[counted]


def test_an_epoch_at_a_time_and_evaluation_between(tmp_path: Path) -> None:
    model, recording = make(), recorder(tmp_path / "run", every="epoch")
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=[recording], validation_split=0.5)
    model.evaluate(X, Y, verbose=0, callbacks=[recording])
    model.predict(X, verbose=0, callbacks=[recording])
    assert Recording(tmp_path / "run").steps.tolist() == [0, 6, 12]


class At(keras.callbacks.Callback):  # type: ignore[misc]
    """Do something after a batch."""

    def __init__(self, batch: int, what: Callable[[Any], object]) -> None:
        super().__init__()
        self.batch, self.what = batch, what

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        del logs
        if batch == self.batch:
            self.what(self.model)


def interrupt(_: object) -> None:
    raise KeyboardInterrupt


def test_ctrl_c_leaves_everything_usable(tmp_path: Path) -> None:
    model, recording = make(), recorder(tmp_path / "run", layers="second")
    with pytest.raises(KeyboardInterrupt):
        train(model, [recording, At(6, interrupt)])
    assert Recording(tmp_path / "run").steps.tolist() == [0, 5]
    train(model, [recording], 1)
    assert Recording(tmp_path / "run").steps.tolist() == [0, 5, 10, 15, 19]
    again = recorder(tmp_path / "run", layers="second", mode="a", every=10)
    train(model, [again], 1)
    assert Recording(tmp_path / "run").steps.tolist() == [0, 5, 10, 15, 19, 20, 30, 31]


def spoil(model: Any) -> None:
    model.set_weights([weight * np.nan for weight in model.get_weights()])


def test_not_a_number_is_recorded(tmp_path: Path) -> None:
    train(make(), [recorder(tmp_path / "run", layers="first"), At(6, spoil)], 1)
    found = Recording(tmp_path / "run")
    assert np.isnan(found.losses).tolist() == [False, False, True, True]
    assert np.isnan(found.snapshot(-1)["first", "output_gradient"].values).all()


def test_a_full_disk_is_said_once_and_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = LocalStore.set

    async def set_(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def full(_: object) -> None:
        monkeypatch.setattr(LocalStore, "set", set_)

    def roomy(_: object) -> None:
        monkeypatch.setattr(LocalStore, "set", write)

    recording = recorder(tmp_path / "run", layers="second", every=2)
    with pytest.warns(RuntimeWarning, match=r"run cannot be written: No space left") as warned:
        logged = train(make(), [recording, At(2, full), At(8, roomy)], 1)
    assert len(warned) == 1
    assert len(logged["loss"]) == 1
    found = Recording(tmp_path / "run")
    assert found.steps.tolist() == [0, 2, 10, 12]
    assert found.skipped.tolist() == [0, 0, 3, 0]
    assert recording.status.failed == 3


def test_numbers_are_handed_over_after_each_step(tmp_path: Path) -> None:
    told: list[tuple[dict[str, float], int]] = []

    def track(numbers: dict[str, float], step: int) -> None:
        assert Recording(tmp_path / "run").steps[-1] == step
        told.append((numbers, step))

    quantities = ["hidden_gradient", "output_gradient", "weight_gradient"]
    settings = {"layers": "second", "quantities": quantities, "on_snapshot": track}
    train(make(), [recorder(tmp_path / "run", on_error="raise", **settings)], 1)
    found = Recording(tmp_path / "run")
    assert [step for _, step in told] == found.steps.tolist() == [0, 5, 10, 12]
    for place, (numbers, _) in enumerate(told):
        losses = {"loss/batch": found.losses[place], "loss/training": found.training_losses[place]}
        known = {name: loss for name, loss in losses.items() if np.isfinite(loss)}
        assert numbers == known | diagnose(found.snapshot(place)).to_flat()
    assert list(told[0][0])[:2] == ["loss/batch", "second/hidden_gradient/reach_at_0.368"]


def test_a_function_that_fails_costs_no_step(tmp_path: Path) -> None:
    taken = recorder(tmp_path / "run", layers="second", on_snapshot=lambda numbers, _: numbers["?"])
    with pytest.warns(RuntimeWarning, match=r"GradientRecorder: KeyError: '\?'") as warned:
        train(make(), [taken], 1)
    assert len(warned) == 1
    found = Recording(tmp_path / "run")
    assert (found.steps.tolist(), found.skipped.tolist()) == ([0, 5, 10, 12], [0, 0, 0, 0])
    assert (taken.status.taken, taken.status.failed) == (4, 4)


def test_what_is_no_function_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"on_snapshot must be a function .*; received 'wandb'"):
        recorder(tmp_path / "run", on_snapshot="wandb")


def test_what_cannot_be_computed_is_said_once(tmp_path: Path) -> None:
    wrong = recorder(tmp_path / "run", layers="third")
    with pytest.warns(RuntimeWarning, match=r"GradientRecorder: ValueError: .*third") as warned:
        train(make(), [wrong], 1)
    assert len(warned) == 1
    assert not (tmp_path / "run").exists()
    wrong = recorder(tmp_path / "run", layers="third", on_error="raise")
    with pytest.raises(ValueError, match="third"):
        train(make(), [wrong], 1)


def test_what_is_there_is_refused_before_training(tmp_path: Path) -> None:
    train(make(), [recorder(tmp_path / "run", layers="second")], 1)
    with pytest.raises(FileExistsError, match="mode='a' to continue it or mode='w' to replace"):
        recorder(tmp_path / "run")
    train(make(), [recorder(tmp_path / "run", layers="second", mode="w", every=6)], 1)
    assert Recording(tmp_path / "run").steps.tolist() == [0, 6, 12]
    other = recorder(tmp_path / "run", layers="first", mode="a", on_error="raise")
    with pytest.raises(RecordingError, match=r"every step .* must be as the first"):
        train(make(), [other], 1)


DISTRIBUTED = """
import sys, tensorflow as tf
(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import numpy as np
from tests.unit.recording.test_recorder import PROBE, make, recorder, train
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    model = make(run_eagerly=False)
assert model.distribute_strategy.num_replicas_in_sync == 2
train(model, [recorder(sys.argv[1], layers="second")])
print("trained")
"""


@pytest.mark.long
def test_two_devices(tmp_path: Path) -> None:
    # In a process of its own: logical devices cannot be made once TensorFlow runs.
    ran = subprocess.run(
        [sys.executable, "-c", DISTRIBUTED, str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.endswith("trained\n"), ran.stderr
    found = Recording(tmp_path / "run")
    assert found.steps.tolist() == [0, 5, 10, 15, 20, 24]
    assert len(set(found.losses)) == 6


class Scaled(keras.layers.SimpleRNN):
    """The layer adds a weight that has no axes."""

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        super().build(sequences_shape, initial_state_shape)
        self.scale = self.add_weight(shape=(), name="scale", initializer="ones")

    def call(self, sequences: Any, initial_state: Any = None, **kwargs: Any) -> Any:
        return self.scale * super().call(sequences, initial_state, **kwargs)


def test_a_weight_of_one_value_is_recorded(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4, 2)), Scaled(3, name="rnn"), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    words = ["weight", "weight_gradient"]
    train(model, [recorder(tmp_path / "run", quantities=words)], epochs=1)
    found = Recording.open(tmp_path / "run").snapshot(-1)
    expected = GradientEngine(model).compute(*PROBE, "rnn", words)
    assert list(found) == list(expected)
    for word in words:
        tensor = found["rnn/scale", word]
        assert (tensor.shape, tensor.dims) == ((1,), ("channel",))
        np.testing.assert_array_equal(tensor.values, expected["rnn/scale", word].values)


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("hiden_gradient", r"quantities must be .* 'hidden_gradient', .*; received 'hiden_gradie"),
        (["output", "gates"], "received 'gates'"),
        ([], "received none"),
    ],
)
def test_a_quantity_that_nothing_has_is_refused_at_once(
    tmp_path: Path, words: Any, rule: str
) -> None:
    with pytest.raises(ValueError, match=rule):
        recorder(tmp_path / "run", quantities=words)
    assert not (tmp_path / "run").exists()


def test_threads_with_one_recorder_take_turns(tmp_path: Path) -> None:
    model, taker = make(), recorder(tmp_path / "run", layers="first", on_error="raise")
    taker.set_model(model)
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(taker.update) for _ in range(24)]:
            done.result()
    assert Recording(tmp_path / "run").steps.tolist() == list(range(24))
    assert (taker.status.taken, taker.status.failed) == (24, 0)


class KilledError(Exception):
    """What ends a run in the middle of an epoch."""


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
def test_a_run_that_is_restored_after_a_kill_keeps_its_steps(tmp_path: Path) -> None:
    """`BackupAndRestore` goes back to the end of an epoch; the recording is already beyond it."""

    def run(model: Any, ends_at: int | None) -> None:
        def end(batch: int, logs: Any) -> None:
            del logs
            if ends_at is not None and int(model.optimizer.iterations) == ends_at:
                raise KilledError(batch)

        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
        ending = keras.callbacks.LambdaCallback(on_train_batch_end=end)
        train(model, [backup, recorder(tmp_path / "run", layers="first", mode="a"), ending], 3)

    with pytest.raises(KilledError):
        run(make(), 22)
    recording = Recording(tmp_path / "run")
    assert recording.steps.tolist() == [0, 5, 10, 15, 20]
    with pytest.warns(RuntimeWarning, match="begins at step 12, .* up to 20 .* after step 20"):
        run(make(), None)
    recording.refresh()
    assert recording.steps.tolist() == [0, 5, 10, 15, 20, 25, 30, 35, 36]


def test_a_new_model_counts_on(tmp_path: Path) -> None:
    train(make(), [recorder(tmp_path / "run", layers="first")], 1)
    train(make(), [recorder(tmp_path / "run", layers="first", mode="a")], 1)
    assert Recording(tmp_path / "run").steps.tolist() == [0, 5, 10, 12, 13, 15, 20, 25]


def test_a_summary_of_a_model_says_what_its_arrays_say(tmp_path: Path) -> None:
    """Two directions, masks, and a layer that runs backwards and returns its last output."""
    keras.utils.set_random_seed(3)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((8, 2)),
            layers.Masking(),
            layers.Bidirectional(
                layers.SimpleRNN(3, return_sequences=True, unroll=True), name="bi"
            ),
            layers.SimpleRNN(3, go_backwards=True, unroll=True, name="back"),
            layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse", run_eagerly=True)
    x = CHANCE.normal(size=(9, 8, 2)).astype("float32")
    x[1:, 6:] = 0
    told: list[dict[str, float]] = []
    quantities = ["hidden_gradient", "output_gradient", "weight"]
    for store in ("full", "summary"):
        options: dict[str, Any] = {"on_snapshot": lambda numbers, _step: told.append(numbers)}
        taken = GradientRecorder(
            tmp_path / store, x, x[:, 0, :1], None, quantities, store=store, **options
        )
        for step in (1, 2):
            taken.update(model, step=step)
    full, summary = (Recording(tmp_path / store) for store in ("full", "summary"))
    assert set(summary.keys) == {key for key in full.keys if key[1] != "weight"}
    for recording in (full, summary):
        for place, step in enumerate(told[:2]):
            known = {name: column[place] for name, column in recording.numbers.items()}
            found = {name: each for name, each in known.items() if np.isfinite(each)}
            weights = {name for name in step if "/weight/" in name}
            assert "back/recurrent_kernel/weight/h/spectral_radius" in weights
            left_out = {"loss/batch"} | (weights if recording is full else set())
            assert found == {name: each for name, each in step.items() if name not in left_out}
    numbers = [diagnose(each.snapshot(-1)).to_flat() for each in (full, summary)]
    lost = ("channels", "agreement", "weight")
    expected = {name: each for name, each in numbers[0].items() if not any(n in name for n in lost)}
    assert {name for name in expected if "factor_per_step" in name}
    assert {name.split("/")[2] for name in expected if "bi/hidden" in name} == {
        "forward",
        "backward",
    }
    assert set(numbers[1]) == set(expected)
    for name, each in expected.items():
        assert numbers[1][name] == pytest.approx(each, rel=2e-5, abs=1e-12), name


def test_an_explorer_records_a_summary_of_its_batch(tmp_path: Path) -> None:
    model = make()
    explorer = GradientExplorer(model, *PROBE, layer="first")
    taken = explorer.record(tmp_path / "run", store="summary")
    taken.update(model, step=1)
    recording = Recording(tmp_path / "run")
    assert (recording.store, recording.keys) == ("summary", (("first", "output_gradient"),))
    norms = np.linalg.norm(explorer.tensor.values, axis=-1)[..., None]
    np.testing.assert_allclose(recording.snapshot(0)["first", "output_gradient"], norms, rtol=1e-6)
    again = GradientRecorder(
        tmp_path / "run", *PROBE, "first", "output_gradient", mode="a", store="summary"
    )
    again.update(model, step=2)
    assert recording.refresh()
    assert recording.steps.tolist() == [1, 2]
    explorer.close()
