"""`GradientEngine.check` finds what is wrong."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from rnngrad_widgets.engine import GradientEngine
from rnngrad_widgets.engine.differentiation.probe_points import ProbePoint
from rnngrad_widgets.engine.tracing import state_probes
from tests.unit.engine import nudged_cells as cells
from tests.unit.engine.checking.checks import (
    SEQUENCES,
    X,
    all_pass,
    check,
    double,
    sequential,
    targets,
    verdicts,
)
from tests.unit.engine.nudged_cells import FEATURES, RNG, SAMPLES, TIMESTEPS, UNITS, Copied, Own

pytestmark = pytest.mark.usefixtures("unoptimised")


class Function(Own):
    """Its call is a function of its own, which returns its state twice."""

    @tf.function
    def inner(self, inputs: Any, state: Any) -> Any:
        h = self.next(inputs, state)
        return h, tf.reshape(h, (-1, UNITS))

    def call(self, inputs: Any, states: Any) -> Any:
        h, state = self.inner(inputs, states[0])
        return h, [state]


class Joined(Own):
    """One state of two pieces, both of which its output is made from."""

    def __init__(self) -> None:
        super().__init__()
        self.state_size = [2 * UNITS]

    def call(self, inputs: Any, states: Any) -> Any:
        h, c = ops.split(states[0], 2, axis=-1)
        new = self.next(inputs, h)
        c = 0.5 * c + new * new
        h = ops.tanh(c) * new
        return h, [ops.concatenate([h, c], -1)]


@pytest.mark.one_case_in(2)
@double
@pytest.mark.parametrize("cls", [Copied, Function, Joined])
def test_states_that_are_other_tensors_than_the_output(
    cls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = cells.model_of(cls())
    all_pass(check(model))

    def as_handed_on(state: Any, before: Any) -> list[ProbePoint]:
        del before
        return [ProbePoint(state, lambda probe: probe)]

    monkeypatch.setattr(state_probes, "find_probe_points", as_handed_on)
    table = check(model)
    assert [row.quantity for row in table.failures] == ["hidden_gradient"]
    assert table.failures[0].error > 1e-3
    assert not table.passed
    assert verdicts(table, "input") == verdicts(table, "weight") == {True}


class Delayed(Own):
    """Its state is joined from a new one and a piece of the old one, which the step reads too."""

    def __init__(self) -> None:
        super().__init__()
        self.state_size = [2 * UNITS]

    def call(self, inputs: Any, states: Any) -> Any:
        before, earlier = ops.split(states[0], 2, axis=-1)
        h = self.next(inputs, before + 0.5 * earlier)
        return h, [ops.concatenate([h, before], -1)]


class KeepingInputs(Own):
    """Its state is joined from a new one and the input, which the next step reads."""

    def __init__(self) -> None:
        super().__init__()
        self.state_size = [UNITS + FEATURES]

    def call(self, inputs: Any, states: Any) -> Any:
        h, last = states[0][:, :UNITS], states[0][:, UNITS:]
        h = self.next(inputs - 0.7 * last, h)
        return h, [ops.concatenate([h, inputs], -1)]


@double
@pytest.mark.parametrize("cls", [Delayed, KeepingInputs])
def test_check_agrees_with_nudges_of_one_number_after_the_other(cls: Any) -> None:
    """What is handed on from before a step was read as what it was; only its copy is moved."""

    class Moved(cls):  # type: ignore[misc]
        def call(self, inputs: Any, states: Any) -> Any:
            _, [state] = super().call(inputs, states)
            state = self.made("", state)
            return state[:, :UNITS], [state]

    cell = Moved()
    model = cells.model_of(cell)
    y = targets(model)
    engine = GradientEngine(model)
    right = engine.compute(X, y, "rnn", "hidden_gradient")
    tensor = right["rnn", "hidden_gradient"]
    slopes = cells.difference(model, cell, X, y, "", tensor.shape)
    object.__setattr__(tensor, "values", slopes)
    engine.compute = lambda *_, **__: right  # type: ignore[method-assign]
    all_pass(engine.check(X, y, "rnn", "hidden_gradient"), closely=1e-7)


class WrongDerivative(Own):
    """Squares its state, and says that the derivative is half of what it is."""

    def call(self, inputs: Any, states: Any) -> Any:
        @tf.custom_gradient
        def square(value: Any) -> Any:
            return value * value, lambda upstream: upstream * value

        h = square(self.next(inputs, states[0]))
        return h, [h]


@double
@pytest.mark.parametrize("eagerly", [False, True])
def test_a_custom_gradient_that_is_not_the_derivative_is_found(eagerly: bool) -> None:
    model = cells.model_of(WrongDerivative())
    model.run_eagerly = eagerly
    table = check(model, quantities=["output_gradient", "input_gradient", "weight_gradient"])
    assert verdicts(table, "output") == {True}  # behind the mistake
    assert verdicts(table, "input") == verdicts(table, "weight") == {False}
    assert "FAILED" in repr(table)


@pytest.mark.one_case_in(4)
@double
@pytest.mark.parametrize(
    ("layer", "quantity"),
    [
        ("rnn", "output_gradient"),
        ("rnn", "hidden_gradient"),
        ("rnn", "cell_gradient"),
        ("rnn", "gate_gradient"),
        ("rnn", "input_gradient"),
        ("rnn/cell", "initial_state_gradient"),
        ("rnn/recurrent_kernel", "weight_gradient"),
    ],
)
def test_each_gradient_is_found_where_one_timestep_or_row_is_wrong(
    layer: str, quantity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = GradientEngine(sequential(layers.LSTM(UNITS, name="rnn", **SEQUENCES)))
    right = engine.compute

    def wrong(*args: Any, **kwargs: Any) -> Any:
        snapshot = right(*args, **kwargs)
        values = np.array(snapshot[layer, quantity].values)
        values[:, 0] *= 1.05
        object.__setattr__(snapshot[layer, quantity], "values", values)
        return snapshot

    monkeypatch.setattr(engine, "compute", wrong)
    table = engine.check(X, RNG.normal(size=(SAMPLES, TIMESTEPS, 1)))
    assert [(row.layer, row.quantity) for row in table.failures] == [(layer, quantity)]
    assert verdicts(table) == {True, False}


@double
def test_a_gradient_of_zero_is_found_where_it_is_none() -> None:
    class Stopped(Own):
        def call(self, inputs: Any, states: Any) -> Any:
            h = self.next(inputs, ops.stop_gradient(states[0]))
            return h, [h]

    inputs = keras.Input((TIMESTEPS, FEATURES))
    rnn = layers.RNN(Stopped(), name="rnn")(inputs)
    model = keras.Model(inputs, layers.Dense(1)(rnn))
    model.compile("sgd", "mse")
    (row,) = check(model, quantities="hidden_gradient")
    assert row.passed is False
    assert row.error == np.inf  # all of the first timesteps, which do have an influence
