"""`Comparison.live`: several models that train in one widget."""

from __future__ import annotations

import gc
from typing import Any

import keras
import numpy as np
import pytest
from traitlets import TraitError

from rnngrad_widgets import Comparison, compare
from rnngrad_widgets.explorer.compared_run import RunKey
from rnngrad_widgets.explorer.compared_steps import steps_words
from rnngrad_widgets.widgets.open_widgets import open_widgets
from tests.unit.comparison.runs import decaying

T = 6
X = np.random.default_rng(1).normal(size=(8, T, 2)).astype("float32")
Y = np.full((8, 1), 0.5, "float32")
x, y = X[:3], Y[:3]


def model_of(seed: int) -> Any:
    """Return a small compiled network."""
    keras.utils.set_random_seed(seed)
    layers = [keras.Input((T, 2)), keras.layers.SimpleRNN(3, name="rnn"), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(0.05), "mse", run_eagerly=True)  # else traced each time
    return model


@pytest.fixture(scope="module")
def models() -> list[Any]:
    return [model_of(seed) for seed in (0, 1)]


@pytest.fixture
def trained(models: list[Any]) -> Comparison:
    """Two runs, of four and of two steps; begun anew each time, as compiled functions stay."""
    found = compare(dict(zip("ab", models, strict=True)), x, y)
    for name, model, epochs in zip("ab", models, (2, 1), strict=True):
        model.optimizer.iterations.assign(0)
        callback = found.live(name, every=1, max_overhead=None)
        model.fit(X, Y, batch_size=4, epochs=epochs, verbose=0, callbacks=[callback])
    return found


def test_each_run_has_its_steps_and_the_latest_are_compared(
    trained: Comparison, models: list[Any]
) -> None:
    (a, b) = trained.figures[-1].marks[0].timeline.timelines
    steps: dict[str, list[int]] = {}
    for snapshot in trained.snapshots:
        steps.setdefault(snapshot.timeline_id, []).append(snapshot.step)
    assert steps == {a.model_id: [0, 1, 2, 3, 4], b.model_id: [0, 1, 2]}
    # the weights as they are now are those of the last steps
    again = compare(dict(zip("ab", models, strict=True)), x, y)
    for one, other in zip(trained.table, again.table, strict=True):
        assert one["decay"] == other["decay"]
    assert trained.findings == again.findings
    assert "Of training steps a 4, b 2:" in trained.children[0].value
    assert trained.step == 4


def test_another_step_is_compared_when_it_is_chosen(trained: Comparison) -> None:
    losses = [[s.loss for s in trained.snapshots[:5]], [s.loss for s in trained.snapshots[5:]]]
    latest = trained.findings
    trained.step = 1
    (a, b) = trained.snapshots[1], trained.snapshots[6]
    assert [a.told["rows"][0][:2], b.told["rows"][0][:2]] == [
        ["1", f"{losses[0][1]:.3g}"],
        ["1", f"{losses[1][1]:.3g}"],
    ]
    assert trained.findings != latest
    assert "Of training step 1:" in trained.children[0].value
    trained.step = 3  # of b the last one before it
    assert "Of training steps a 3, b 2:" in trained.children[0].value
    trained.matched_by = "loss"
    trained.step = 0
    smooth = [float(np.mean(losses[1][:3])), float(np.mean(losses[1])), float(np.mean(losses[1]))]
    aim = np.mean(losses[0][:3])
    nearest = int(np.argmin(np.abs(np.array(smooth) - aim)))
    assert ("Of training step 0:" if nearest == 0 else f"Of training steps a 0, b {nearest}:") in (
        trained.children[0].value
    )
    trained.matched_by = "step"
    trained.step = 4
    assert trained.findings == latest


def test_what_a_person_chooses_in_the_browser_is_what_is_compared(trained: Comparison) -> None:
    timeline = trained.figures[-1].marks[0].timeline
    timeline.set_state({"step": 2, "follow": False})
    assert trained.step == 2
    assert "Of training step 2:" in trained.children[0].value
    timeline.set_state({"matched_by": 1})
    assert trained.matched_by == "loss"


def test_steps_of_many_runs_are_not_written_out() -> None:
    keys = [RunKey(name, 0, False) for name in "abcdefgh"]
    assert steps_words([(key, 7) for key in keys]) == "step 7"
    assert steps_words([(keys[0], 1), (keys[1], 2000)]) == "steps a 1, b 2,000"
    many = [(key, 1000 * place) for place, key in enumerate(keys)]
    assert steps_words(many) == "steps 0 to 7,000, see the table"
    repeats = [(RunKey("a", place, True), place) for place in (0, 1)]
    assert steps_words(repeats) == "steps 0 to 1, see the table"


def test_what_is_refused_leaves_everything_as_it_was(
    trained: Comparison, models: list[Any]
) -> None:
    with pytest.raises(ValueError, match=r"name must be one of \['a', 'b'\]; received 'c'"):
        trained.live("c")
    with pytest.raises(ValueError, match=r"repeat must be in 0 .. 0; received 1"):
        trained.live("a", repeat=1)
    with pytest.raises(TraitError, match=r"step must be one of the 5 that are kept"):
        trained.step = 17
    with pytest.raises(TraitError, match=r"matched_by must be one of \['step', 'loss'\]"):
        trained.matched_by = "time"
    with pytest.raises(TraitError, match=r"align must be one of \['lag', 'timestep'\]"):
        trained.align = "step"
    assert (trained.step, trained.matched_by, trained.align) == (4, "step", "lag")
    with pytest.raises(ValueError, match=r"live\(\) needs a model; 'a' is an array, a snapshot"):
        compare({"a": decaying([0.5], 4)}).live("a")
    trained.live("a", repeat=np.int64(0))
    wrong = trained.live("a", on_error="raise")
    with pytest.raises(ValueError, match=r"the model that trains must be that of 'a'"):
        models[1].fit(X, Y, batch_size=4, verbose=0, callbacks=[wrong])


def test_training_goes_on_without_a_comparison_that_was_closed(models: list[Any]) -> None:
    found = compare({"a": models[0]}, x, y)
    callback = found.live("a", every=1)
    found.close()
    with pytest.warns(RuntimeWarning, match="the explorer was closed, training goes on"):
        models[0].fit(X, Y, batch_size=4, verbose=0, callbacks=[callback])


def test_closing_leaves_no_widget(models: list[Any]) -> None:
    gc.collect()
    before = set(open_widgets())
    found = compare(dict(zip("ab", models, strict=True)), x, y)
    model = models[0]
    model.fit(X, Y, batch_size=4, verbose=0, callbacks=[found.live("a", max_overhead=None)])
    assert set(open_widgets()) > before
    found.close()
    assert set(open_widgets()) == before
