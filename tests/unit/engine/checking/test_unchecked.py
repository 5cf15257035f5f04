"""`GradientEngine.check` says why a gradient cannot be checked."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from rnngrad_widgets.engine.checking.slopes import PRECISIONS, compare
from tests.unit.engine import nudged_cells as cells
from tests.unit.engine.checking.checks import (
    X,
    check,
    double,
    sequential,
    verdicts,
)
from tests.unit.engine.nudged_cells import FEATURES, RNG, SAMPLES, UNITS, Own

pytestmark = pytest.mark.usefixtures("unoptimised")


@double
def test_a_state_that_is_computed_twice_is_not_checked() -> None:
    class Twice(Own):
        def call(self, inputs: Any, states: Any) -> Any:
            return self.next(inputs, states[0]), [self.next(inputs, states[0])]

    (row,) = check(cells.model_of(Twice()), quantities="hidden_gradient")
    assert row.passed is None
    assert row.error is None
    assert row.reason == "a timestep computes its value more than once"


def test_gradients_that_vanish_below_the_precision_of_the_loss() -> None:
    small = keras.initializers.RandomNormal(stddev=0.02)
    rnn = layers.SimpleRNN(UNITS, recurrent_initializer=small, name="rnn")
    x = RNG.normal(size=(SAMPLES, 12, FEATURES))
    model = sequential(rnn, x=x)
    (row,) = check(model, x, quantities="hidden_gradient")
    assert row.passed
    assert "too small for the loss to tell in the first" in row.reason
    assert row.reason.endswith("third of the timesteps; use float64")
    tiny = sequential(layers.SimpleRNN(UNITS, name="rnn"), layers.Rescaling(1e-9))
    (row,) = check(tiny, quantities="input_gradient")
    assert row.passed is None
    assert row.reason == "it is too small for the loss to tell; use float64"


@double
def test_a_loss_that_differs_from_run_to_run_or_is_nan() -> None:
    noise = layers.Lambda(lambda h: h + tf.random.normal([], dtype=h.dtype))
    noisy = sequential(layers.GRU(2, name="rnn"), noise)
    table = check(noisy, quantities=["output_gradient", "input_gradient"])
    assert [row.reason for row in table] == [
        "the loss differs from run to run, by random numbers whose seed is no variable"
    ] * 2
    table = check(sequential(layers.GRU(2, name="rnn")), np.full(X.shape, np.nan))
    assert {row.reason for row in table} == {"the loss is nan"}
    assert not table.passed


@double
def test_lengths_that_are_known_only_when_the_model_runs() -> None:
    def shortened(x: Any) -> Any:
        return tf.boolean_mask(x, tf.constant([True, True, False, True]), axis=1)

    cut = layers.Lambda(shortened, output_shape=(None, FEATURES))
    table = check(sequential(cut, layers.GRU(2, name="rnn")))
    reasons = {row.quantity: row.reason for row in table if row.passed is None}
    assert reasons.keys() == {"hidden_gradient", "gate_gradient", "input_gradient"}
    assert "must be known when the model is called; it is (2, any, 2)" in reasons["input_gradient"]
    assert verdicts(table, "weight") == verdicts(table, "output") == {True}


@double
@pytest.mark.parametrize("seed", range(3))
def test_kinks_are_no_faults(seed: int) -> None:
    keras.utils.set_random_seed(seed)
    # The candidate is 0 where relu cuts it, so the cell state is exactly 0 at first.
    rnn = layers.LSTM(3, activation="relu", return_sequences=True, name="rnn")
    table = check(sequential(rnn), quantities=["cell_gradient", "output_gradient"])
    (of_cell,) = (row for row in table if row.quantity == "cell_gradient")
    assert of_cell.passed is not False
    assert of_cell.reason == (
        "the loss has a kink exactly there, as relu has at 0, and so no derivative"
    )
    assert verdicts(table, "output_gradient") == {True}


@pytest.mark.parametrize(
    ("loss", "slope", "passed"),
    [
        (lambda step: max(step, 0.0) + step**2, 0.0, None),
        (lambda step: abs(step) + 3 * step, 3.0, True),  # central differences agree
        (lambda step: 1e3 * step**2 + step, 1.0, True),
        (lambda step: 1e3 * step**2 + step, 1.1, False),
        (lambda step: np.exp(40 * step), 40.0, True),
        (lambda step: np.exp(40 * step), 39.0, False),
        (lambda step: 1.0 + step, 0.9, False),
    ],
)
def test_curvature_is_no_kink(loss: Any, slope: float, passed: bool | None) -> None:
    found = compare(loss, slope, abs(slope) or 1.0, PRECISIONS["float64"], 1.0)
    assert found.passed is passed
    assert found.kinked is (passed is None)
