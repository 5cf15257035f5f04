"""The explorer while its model trains: a run of snapshots, and training as without it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from traitlets import TraitError

from rnngrad_widgets import GradientExplorer, get_rnn_gradients
from tests.unit.explorer.fake_source import FakeSource, explore

CHANCE = np.random.default_rng(5)
X = CHANCE.normal(size=(96, 4, 2)).astype("float32")
Y = X.sum(axis=(1, 2))[:, None]
PROBE = (X[:4], Y[:4])
EVERY = {"every": 5, "max_overhead": None}
STEPS = [0, 5, 10, 12]
KERAS = {"keras": keras, "tf_keras": tf_keras}

pytestmark = pytest.mark.usefixtures("open_widgets")


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
    model.compile(**{"optimizer": "adam", "loss": "mse", "run_eagerly": True, **settings})
    return model


@pytest.fixture(scope="module")
def made() -> tuple[Any, list[np.ndarray]]:
    """One model for most tests, run eagerly: every explorer would trace it for seconds."""
    model = make()
    train(model)
    return model, model.get_weights()


@pytest.fixture
def model(made: tuple[Any, list[np.ndarray]]) -> Any:
    """The model, as if it had never been trained."""
    model, weights = made
    model.set_weights(weights)
    model.optimizer.iterations.assign(0)
    return model


def train(model: Any, *callbacks: Any, epochs: int = 1) -> dict[str, list[float]]:
    """12 batches an epoch."""
    logged: dict[str, list[float]] = model.fit(
        X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=list(callbacks)
    ).history
    return logged


def steps(explorer: GradientExplorer) -> list[int]:
    return [snapshot.step for snapshot in explorer.snapshots]


def message(explorer: GradientExplorer) -> str:
    text: str = explorer.message
    return text


def status(explorer: GradientExplorer) -> str:
    """What the browser says: a message, or what came with the last snapshot."""
    (box,) = explorer.runs.box.children
    text: str = box.children[0].status
    return text


def status_step(explorer: GradientExplorer) -> int | None:
    """The training step that the browser knows this to be of."""
    (box,) = explorer.runs.box.children
    step: int | None = box.children[0].status_step
    return step


@pytest.mark.parametrize("library", KERAS)
def test_training_is_bit_identical(library: str) -> None:
    def run(*, live: bool) -> tuple[Any, ...]:
        model = make(KERAS[library])
        callbacks = [GradientExplorer(model, *PROBE).live(**EVERY)] if live else []
        history = train(model, *callbacks)
        state = np.random.get_state()[2]  # noqa: NPY002 - Keras shuffles by it
        optimizer = model.optimizer.variables
        variables = optimizer() if callable(optimizer) else optimizer
        return history, [v.numpy() for v in (*model.variables, *variables)], state

    with_it, without = run(live=True), run(live=False)
    assert with_it[0] == without[0]
    assert with_it[2] == without[2]
    for mine, other in zip(with_it[1], without[1], strict=True):
        np.testing.assert_array_equal(mine, other)


def test_snapshots_are_the_gradients_at_their_steps(model: Any) -> None:
    class Truth(keras.callbacks.Callback):  # type: ignore[misc]
        found: dict[int, np.ndarray]

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            del logs
            self.found[batch] = get_rnn_gradients(self.model, *PROBE, layer_name="first")

    explorer = GradientExplorer(model, *PROBE)
    truth = Truth()
    truth.found = {}
    train(model, truth, explorer.live(**EVERY))
    truth.on_train_batch_begin(12)
    assert steps(explorer) == STEPS
    for snapshot in explorer.snapshots:
        np.testing.assert_array_equal(snapshot.array, truth.found[snapshot.step])
    assert not np.array_equal(truth.found[0], truth.found[12])
    assert explorer.snapshots[-1].loss == pytest.approx(model.evaluate(*PROBE, verbose=0))
    assert explorer.step == 12
    np.testing.assert_array_equal(explorer.tensor.values, truth.found[12])
    line = explorer.snapshots[-1].status
    assert line.startswith(f"step 12 · loss {explorer.snapshots[-1].loss:.4g} · 4 snapshots · ")
    assert "% of training time" in line
    assert explorer.snapshots[-1].status_step == 12
    assert status(explorer).startswith("step 12 · ")
    assert status_step(explorer) == 12  # the browser says "latest" where an earlier one is shown

    # the step is a trait as every other
    told: list[int] = []
    explorer.observe(lambda change: told.append(change["new"]), "step")
    explorer.step = 5
    np.testing.assert_array_equal(explorer.tensor.values, truth.found[5])
    timeline = explorer.runs.box.children[0].children[0]
    assert explorer.snapshots[0].timeline_id == timeline.model_id
    assert (timeline.step, timeline.follow) == (5, False)
    timeline.step = 10  # as the browser does
    np.testing.assert_array_equal(explorer.tensor.values, truth.found[10])
    assert (explorer.step, told) == (10, [5, 10])
    rule = r"step must be one of the 4 that are kept, 0 \.\. 12; received 9\. Near it: 0, 5, 10, 12"
    with pytest.raises(TraitError, match=rule):
        explorer.step = 9
    with pytest.raises(TraitError, match="step must be an integer; received None"):
        explorer.step = None
    assert (explorer.step, timeline.step) == (10, 10)

    # a person who looks at an earlier step is not taken away from it
    train(model, explorer.live(**EVERY))
    assert steps(explorer) == [*STEPS, 15, 20, 24]
    assert (explorer.step, timeline.step) == (10, 10)
    explorer.refresh()
    assert (explorer.step, timeline.step, len(explorer.snapshots)) == (24, 24, 7)


def test_weights_in_front_are_those_of_now(model: Any) -> None:
    explorer = GradientExplorer(model, *PROBE, view="weights")
    before = explorer.weight_selections[0].tensor.array
    train(model, explorer.live(**EVERY))
    kernel, recurrent, bias = model.get_layer("first").get_weights()
    shown = explorer.weight_selections[0].tensor.array
    np.testing.assert_array_equal(shown[0].T, [bias, *recurrent, *kernel])
    assert not np.array_equal(shown, before)
    assert (steps(explorer), message(explorer), explorer.busy) == (STEPS, "", "")


def test_fit_again_goes_on() -> None:
    model = make()
    explorer = GradientExplorer(model, *PROBE)
    live = explorer.live(**EVERY)
    train(model, live)
    train(model, live)
    train(model, explorer.live(**EVERY))
    before = steps(explorer)
    assert before == [*STEPS, 15, 20, 24, 25, 30, 35, 36]
    model.compile("adam", "mse", run_eagerly=True)  # the optimizer counts from 0 again
    train(model, explorer.live(**EVERY))
    assert steps(explorer)[: len(before)] == before
    assert np.diff(steps(explorer)).min() > 0
    assert len(explorer.snapshots) == len(before) + 4


@pytest.mark.parametrize("loop", ["tape", "train_on_batch"])
def test_a_loop_of_ones_own(model: Any, loop: str) -> None:
    explorer = GradientExplorer(model, *PROBE)
    for start in range(0, 24, 8):
        x, y = X[start : start + 8], Y[start : start + 8]
        if loop == "tape":
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((model(x, training=True) - y) ** 2)
            grads = tape.gradient(loss, model.trainable_variables)
            model.optimizer.apply_gradients(zip(grads, model.trainable_variables, strict=True))
        else:
            model.train_on_batch(x, y)
        explorer.update()
        np.testing.assert_array_equal(
            explorer.snapshots[-1].array, get_rnn_gradients(model, *PROBE, layer_name="first")
        )
    assert steps(explorer) == [1, 2, 3]
    explorer.refresh()
    assert steps(explorer) == [1, 2, 3], "nothing was trained since"
    model.train_on_batch(X, Y)
    explorer.refresh()
    assert steps(explorer) == [1, 2, 3, 4]
    explorer.update()
    assert steps(explorer)[:4] == [1, 2, 3, 4]
    explorer.update(step=50)
    assert (steps(explorer)[-1], explorer.step) == (50, 50)
    with pytest.raises(ValueError, match="step must be later than the last one, 50; received 2"):
        explorer.update(step=2)


def test_what_is_turned_to_has_the_step_of_now(model: Any) -> None:
    explorer = GradientExplorer(model, *PROBE, quantity="output_gradient")
    train(model, explorer.live(**EVERY))
    explorer.select(quantity="hidden_gradient")
    explorer.update()
    assert steps(explorer) == [12]
    explorer.quantity = "input_gradient"
    with pytest.raises(ValueError, match="step must be later than the last one, 11; received 3"):
        explorer.update(step=3)
    explorer.update(step=12)
    assert (explorer.step, steps(explorer)) == (12, [12])
    explorer.quantity = "output_gradient"
    explorer.update()
    assert steps(explorer) == [*STEPS, 13]


def test_what_cannot_be_recorded_is_refused_at_once(model: Any, tmp_path: Path) -> None:
    explorer = GradientExplorer(model, *PROBE)
    with pytest.raises(ValueError, match="the model has no layer 'third'"):
        explorer.record(tmp_path / "run", layers=["first", "third"])
    with pytest.raises(ValueError, match=r"which layer 'first' has; received 'cell_gradient'"):
        explorer.record(tmp_path / "run", quantities=["output_gradient", "cell_gradient"])
    assert not (tmp_path / "run").exists()


def test_an_interrupted_fit_leaves_all_usable(model: Any) -> None:
    class Stop(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            del logs
            if batch == 7:
                raise KeyboardInterrupt

    explorer = GradientExplorer(model, *PROBE)
    live = explorer.live(**EVERY)
    with pytest.raises(KeyboardInterrupt):
        train(model, live, Stop())
    assert steps(explorer) == [0, 5]
    explorer.sample = 2
    explorer.step = 0
    explorer.refresh()
    assert explorer.step == 7
    np.testing.assert_array_equal(
        explorer.tensor.values, get_rnn_gradients(model, *PROBE, layer_name="first")
    )
    assert len(train(model, live)["loss"]) == 1
    assert steps(explorer)[-1] == 19
    assert np.diff(steps(explorer)).min() > 0


def test_a_failure_is_shown_and_training_goes_on(model: Any) -> None:
    explorer = GradientExplorer(model, *PROBE)
    live = explorer.live(**EVERY)
    train(model, live)
    compute, explorer.source.snapshot = explorer.source.snapshot, lambda *_: 1 / 0
    assert len(train(model, live)["loss"]) == 1
    assert message(explorer) == "<b>ZeroDivisionError</b> division by zero"
    assert " failed · " in status(explorer)
    assert status(explorer).endswith("ZeroDivisionError: division by zero")
    assert steps(explorer) == STEPS
    with pytest.raises(ZeroDivisionError):
        train(model, explorer.live(**EVERY, on_error="raise"))
    explorer.source.snapshot = compute
    train(model, live)
    assert message(explorer) == ""
    assert len(steps(explorer)) > 4


def test_a_failure_before_the_first_snapshot_is_shown(model: Any) -> None:
    explorer = GradientExplorer(model, *PROBE)
    live = explorer.live(every=1)
    explorer.source.snapshot = lambda *_: 1 / 0
    live.set_model(model)
    live.on_train_begin()
    live.on_epoch_begin(0)
    assert message(explorer) == "<b>ZeroDivisionError</b> division by zero"
    assert status(explorer).startswith("0 snapshots · 1 failed · ")
    assert status_step(explorer) is None
    assert explorer.snapshots == []


def test_nan_is_shown(model: Any) -> None:
    explorer = GradientExplorer(model, *PROBE)
    live = explorer.live(**EVERY)
    train(model, live)
    model.layers[-1].set_weights([np.full((3, 1), np.nan), np.zeros(1)])
    model.train_on_batch(X[:8], Y[:8])
    explorer.update()
    last = explorer.snapshots[-1]
    assert (last.loss, last.step > 12) == (None, True)
    assert np.isnan(last.array).any()
    assert "NaN</b>" in last.summary
    assert "loss nan" in last.status
    assert explorer.summary == last.summary
    first = explorer.snapshots[0]
    explorer.step = first.step
    assert explorer.summary == first.summary


def test_another_model_is_refused_in_words(model: Any) -> None:
    other = make()
    explorer = GradientExplorer(model, *PROBE)
    assert len(train(other, explorer.live(**EVERY))["loss"]) == 1
    assert "the model that trains must be the explorer" in message(explorer)
    with pytest.raises(ValueError, match=r"Make a GradientExplorer of that one"):
        train(other, explorer.live(**EVERY, on_error="raise"))


def test_turning_to_another_layer_during_a_run(model: Any) -> None:
    class Turn(keras.callbacks.Callback):  # type: ignore[misc]
        """Turn before the snapshot of a step is taken."""

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            del logs
            if batch in selections:
                setattr(explorer, *selections[batch])

    selections = {
        4: ("layer", "second"),
        8: ("layer", "first"),
        11: ("quantity", "hidden_gradient"),
    }
    explorer = GradientExplorer(model, *PROBE, quantity="output_gradient")
    train(model, Turn(), explorer.live(every=2, max_overhead=None))
    assert (explorer.quantity, steps(explorer)) == ("hidden_gradient", [12])
    explorer.quantity = "output_gradient"
    assert (steps(explorer), explorer.step) == ([0, 2, 8, 10], 10)
    explorer.layer = "second"
    assert (steps(explorer), explorer.step) == ([4, 6], 6)
    assert explorer.tensor.layer == "second"


def test_what_was_turned_away_from_while_it_was_computed_is_left_out(model: Any) -> None:
    explorer = GradientExplorer(model, *PROBE, quantity="output_gradient")
    live = explorer.live(**EVERY)
    compute = explorer.source.snapshot

    def select_meanwhile(layer: str, quantity: str) -> Any:
        snapshot = compute(layer, quantity)
        explorer.source.snapshot = compute
        explorer.layer = "second"  # a person, in a thread of its own
        return snapshot

    live.set_model(model)
    explorer.source.snapshot = select_meanwhile
    live.update()
    assert explorer.snapshots == []
    live.update()
    assert [s.array.shape for s in explorer.snapshots] == [(4, 3)]


def test_there_is_no_companion_of_another_step(model: Any) -> None:
    explorer = GradientExplorer(model, *PROBE, layer="first")
    explorer.view = "flow"
    assert explorer.selection.companion.array is not None
    explorer.update()
    assert explorer.selection.companion.array is None
    explorer.view = "heat map"
    explorer.view = "flow"
    assert explorer.selection.companion.array is None


def test_closing_closes_all(model: Any, open_widgets: dict[str, object]) -> None:
    explorer = GradientExplorer(model, *PROBE)
    live = explorer.live(**EVERY)
    train(model, live)
    explorer.layer = "second"
    train(model, live)
    explorer.layer = "first"
    explorer.close()
    assert open_widgets == {}
    explorer.source.snapshot = lambda *_: 1 / 0  # nothing is computed for nobody
    with pytest.warns(RuntimeWarning, match="explorer was closed, training goes on without") as one:
        losses = [train(model, live)["loss"] for _ in range(2)]
    assert [len(logged) for logged in losses] == [1, 1]
    assert (len(one), open_widgets, live.status.failed) == (1, {}, 0)
    with pytest.raises(RuntimeError, match=r"the widget must be open; it was closed\. Make it"):
        explorer.live()


def test_closing_while_it_trains(model: Any, open_widgets: dict[str, object]) -> None:
    class Close(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            del logs
            if batch == 7:
                explorer.close()

    explorer = GradientExplorer(model, *PROBE)
    live = explorer.live(**EVERY)
    with pytest.warns(RuntimeWarning, match="explorer was closed, training goes on") as one:
        assert len(train(model, Close(), live)["loss"]) == 1
    assert (len(one), open_widgets, live.status.taken) == (1, {}, 2)


@pytest.mark.long
def test_two_at_once_are_one_run(model: Any) -> None:
    explorer = GradientExplorer(model, *PROBE, layer="first", quantity="output_gradient")
    truth = Truth(explorer, set(), "")
    pair = [explorer.live(every=every, max_overhead=None) for every in (3, 4)]
    train(model, truth, *pair)
    assert steps(explorer) == [0, 3, 4, 6, 8, 9, 12]
    for snapshot in explorer.snapshots[1:]:
        np.testing.assert_array_equal(snapshot.array, truth.found[snapshot.step])
    one, other = (callback.status for callback in pair)
    assert one == other
    assert (one.taken, one.skipped, one.failed, message(explorer)) == (7, 0, 0, "")
    assert " · 7 snapshots · " in status(explorer)


def test_the_budget_bounds_the_widgets(model: Any, open_widgets: dict[str, object]) -> None:
    explorer = GradientExplorer(model, *PROBE, budget=6 * 4 * 4 * 4 * 3)
    explorer.live()
    before = len(open_widgets)
    counts = set()
    for _ in range(15):
        model.train_on_batch(X[:8], Y[:8])
        explorer.update()
        counts.add(len(open_widgets) - before)
    assert counts == {1, 2, 3, 4, 5, 6}
    assert (steps(explorer)[0], steps(explorer)[-1]) == (1, 15)


@pytest.mark.parametrize("method", ["live", "update", "record"])
def test_an_array_cannot_train(method: str) -> None:
    explorer = GradientExplorer.from_array(np.ones((2, 3, 4)))
    arguments = ["run"] if method == "record" else []
    with pytest.raises(
        ValueError, match=rf"{method}\(\) needs a model; this explorer shows an arr"
    ):
        getattr(explorer, method)(*arguments)


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"every": 0}, "every must be"),
        ({"max_overhead": -1}, "max_overhead must be"),
        ({"on_error": "ignore"}, "on_error must be"),
        ({"precision": "float16"}, "precision must be .* received 'float16'"),
    ],
)
def test_settings_that_cannot_be(model: Any, settings: dict[str, Any], rule: str) -> None:
    explorer = GradientExplorer(model, *PROBE)
    with pytest.raises(ValueError, match=rule):
        explorer.live(**settings)
    assert explorer.runs.box.children == ()


def test_a_refresh_without_a_run_is_none() -> None:
    explorer = explore(FakeSource())
    explorer.refresh()
    assert (explorer.snapshots, explorer.step) == ([], 2)


class Truth(keras.callbacks.Callback):
    """The gradient at every step, by itself, and what else a person does in between."""

    def __init__(self, explorer: GradientExplorer, at: set[int], act: str) -> None:
        super().__init__()
        self.explorer, self.at, self.act = explorer, at, act
        self.found: dict[int, np.ndarray] = {}

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        del batch, logs
        now = int(np.asarray(self.model.optimizer.iterations))
        self.found[now] = get_rnn_gradients(self.model, *PROBE, layer="first")
        if now in self.at:
            getattr(self.explorer, self.act)()


@pytest.mark.one_case_in(12)
@pytest.mark.parametrize("act", ["refresh", "update"])
@pytest.mark.parametrize("at", [{5}, {3, 4}, {10, 11}, set(range(1, 25))])
def test_each_step_is_its_own_whatever_else_takes_snapshots(
    model: Any, act: str, at: set[int]
) -> None:
    explorer = GradientExplorer(model, *PROBE, layer="first", quantity="output_gradient")
    truth = Truth(explorer, at, act)
    for _ in range(2):
        train(model, truth, explorer.live(**EVERY))
    assert steps(explorer) == sorted({0, 5, 10, 12, 15, 20, 24} | at)
    for snapshot in explorer.snapshots[1:]:
        np.testing.assert_array_equal(snapshot.array, truth.found[snapshot.step])


@pytest.mark.long
def test_snapshots_rise_whatever_thread_takes_them(model: Any) -> None:
    explorer = GradientExplorer(model, *PROBE, layer="first", quantity="output_gradient")
    truth = Truth(explorer, set(), "")
    training = threading.Thread(
        target=train, args=(model, truth, explorer.live(**EVERY)), kwargs={"epochs": 2}
    )
    training.start()
    while training.is_alive():
        explorer.refresh()
    training.join()
    found = steps(explorer)
    assert found == sorted(set(found))
    assert set(found) >= {0, 24}
    assert set(found) <= set(range(25))
    for snapshot in explorer.snapshots:
        if snapshot.step:
            np.testing.assert_array_equal(snapshot.array, truth.found[snapshot.step])
