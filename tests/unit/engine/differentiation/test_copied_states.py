"""Cells that hand on another tensor than they return, with the same values.

The total derivative by a state counts all that reads its value: through copies, inner functions,
branches, and where the state is put together of pieces that are read apart.
"""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from keras import ops

from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine.own_cells import (
    FEATURES,
    FORMS,
    PLAIN,
    SAMPLES,
    TIMESTEPS,
    UNITS,
    OwnCell,
    assert_total,
    derivatives,
    loss_by_hand,
    model_of,
    next_state,
    plain_call,
    plain_step,
    slope,
)

pytestmark = pytest.mark.usefixtures("float64", "unoptimised")

RNG = np.random.default_rng(5)
X = RNG.normal(size=(SAMPLES, TIMESTEPS, FEATURES))
Y = RNG.normal(size=(SAMPLES, TIMESTEPS, 1))


def inner_function(self: Any, x: Any, states: Any) -> Any:
    @tf.function
    def inner(x: Any, h: Any) -> Any:
        h = next_state(self, x, h)
        return h, [h]

    return inner(x, states[0])


def function_in_a_function(self: Any, x: Any, states: Any) -> Any:
    @tf.function
    def inner(x: Any, h: Any) -> Any:
        return next_state(self, x, h)

    @tf.function
    def outer(x: Any, h: Any) -> Any:
        h = inner(x, h)
        return tf.identity(h), h

    output, state = outer(x, states[0])
    return output, [state]


def reshaped_in_a_function(self: Any, x: Any, states: Any) -> Any:
    @tf.function
    def inner(x: Any, h: Any) -> Any:
        h = next_state(self, x, h)
        return tf.reshape(h, (-1, 2, 2)), h

    pairs, h = inner(x, states[0])
    return tf.reshape(pairs, (-1, UNITS)), [h]


def cond(self: Any, x: Any, states: Any) -> Any:
    def same() -> Any:
        h = next_state(self, x, states[0])
        return h, h

    def scaled() -> Any:
        h = next_state(self, x, states[0]) * 1.0
        return h, h

    output, state = tf.cond(tf.reduce_sum(x) > 0, same, scaled)
    return output, [state]


def switch(self: Any, x: Any, states: Any) -> Any:
    def branch(factor: float) -> Any:
        def made() -> Any:
            h = next_state(self, x, states[0]) * factor
            return h, h

        return made

    which = tf.cast(tf.reduce_sum(x) > 0, tf.int32)
    output, state = tf.switch_case(which, [branch(1.0), branch(1.0), branch(2.0)])
    return output, [state]


def copy(self: Any, x: Any, states: Any) -> Any:
    h = next_state(self, x, states[0])
    return (ops.copy(h), [ops.copy(h)]) if isinstance(self, keras.layers.Layer) else (h, [h + 0])


def identity(self: Any, x: Any, states: Any) -> Any:
    h = next_state(self, x, states[0])
    return h, [tf.identity(h)]


def reshape(self: Any, x: Any, states: Any) -> Any:
    h = next_state(self, x, states[0])
    return h, [tf.reshape(tf.reshape(h, (-1, 2, 2)), (-1, UNITS))]


def expanded(self: Any, x: Any, states: Any) -> Any:
    h = tf.expand_dims(next_state(self, x, states[0]), 1)
    return tf.squeeze(tf.identity(h), 1), [tf.ensure_shape(tf.squeeze(h, 1), (None, UNITS))]


def concat(self: Any, x: Any, states: Any) -> Any:
    h, c = tf.split(states[0], 2, axis=-1)
    h = next_state(self, x, h)
    return h, [tf.concat([h, c + h], -1)]


def concat_step(w: Any, x: Any, states: Any, tap: Any) -> Any:
    h, c = states[0][:, :UNITS], states[0][:, UNITS:]
    h = tap("h", next_state(w, x, h))
    c = tap("c", c + h)
    return h, [tf.concat([h, c], -1)]


def stacked(self: Any, x: Any, states: Any) -> Any:
    h, c = tf.unstack(states[0], 2, axis=1)
    h = next_state(self, x, h)
    c = 0.5 * c + h
    return h * tf.tanh(c), [tf.stack([h, c], 1)]


def stacked_step(w: Any, x: Any, states: Any, tap: Any) -> Any:
    h, c = states[0][:, 0], states[0][:, 1]
    h = tap("h", next_state(w, x, h)[:, None])
    c = tap("c", 0.5 * c[:, None] + h)
    return (h * tf.tanh(c))[:, 0], [tf.concat([h, c], 1)]


def wired(self: Any, x: Any, states: Any) -> Any:
    """Run three little layers of neurons, as the wired CfC cell of the ncps package does.

    Each reads what the one before made, and its own part of the state. The last are the output.
    """
    parts, made = tf.split(states[0], [3, 3, UNITS], axis=-1), []
    weights = (self.first, self.second, self.third)
    for part, weight in zip(parts, weights, strict=True):
        x = tf.tanh(tf.matmul(tf.concat([x, part], -1), weight))
        made.append(x)
    return x, [tf.concat(made, -1)]


def wired_step(w: Any, x: Any, states: Any, tap: Any) -> Any:
    made, start = [], 0
    for name, size in (("first", 3), ("second", 3), ("third", UNITS)):
        part = states[0][:, start : start + size]
        x = tap(name, tf.tanh(tf.concat([x, part], -1) @ w[name]))
        made.append(x)
        start += size
    return x, [tf.concat(made, -1)]


def delayed(self: Any, x: Any, states: Any) -> Any:
    """Keep the state before in the second half: what is joined was there before the step."""
    h, before = tf.split(states[0], 2, axis=-1)
    new = next_state(self, x, h + 0.5 * before)
    return new * tf.tanh(h) + before, [tf.concat([new, h], -1)]


def delayed_step(w: Any, x: Any, states: Any, tap: Any) -> Any:
    h, before = states[0][:, :UNITS], states[0][:, UNITS:]
    new = tap("new", next_state(w, x, h + 0.5 * before))
    return new * tf.tanh(h) + before, [tf.concat([new, tap("kept", h)], -1)]


def sliced(self: Any, x: Any, states: Any) -> Any:
    """Keep the two inputs before this one, by slices, with the newest in front."""
    h, last, _ = states[0][:, :UNITS], states[0][:, UNITS:-FEATURES], states[0][:, -FEATURES:]
    h = next_state(self, x + 0.5 * states[0][:, -FEATURES:], h)
    return h + tf.reduce_sum(last * x, -1, keepdims=True), [tf.concat([h, x, last], -1)]


def sliced_step(w: Any, x: Any, states: Any, tap: Any) -> Any:
    h, last = states[0][:, :UNITS], states[0][:, UNITS : UNITS + FEATURES]
    h = tap("h", next_state(w, x + 0.5 * states[0][:, UNITS + FEATURES :], h))
    output = h + tf.reduce_sum(last * x, -1, keepdims=True)
    return output, [tf.concat([h, tap("x", x), tap("last", last)], -1)]


def only_old(self: Any, x: Any, states: Any) -> Any:
    """Have a second state that is joined from nothing but old ones."""
    h, pair = states
    left, right = tf.split(pair, 2, axis=-1)
    new = next_state(self, x, h + left * right)
    return new, [new, tf.concat([h, left], -1)]


def only_old_step(w: Any, x: Any, states: Any, tap: Any) -> Any:
    h, pair = states
    left, right = pair[:, :UNITS], pair[:, UNITS:]
    new = tap("h", next_state(w, x, h + left * right))
    return new, [new, tap("pair", tf.concat([h, left], -1))]


WIRES: Any = {"first": (FEATURES + 3, 3), "second": (6, 3), "third": (3 + UNITS, UNITS)}

CELLS = {
    "function": OwnCell(plain_call, plain_step, function=True),
    "inner function": OwnCell(inner_function, plain_step),
    "function in a function": OwnCell(function_in_a_function, plain_step),
    "reshaped in a function": OwnCell(reshaped_in_a_function, plain_step),
    "function of a copy": OwnCell(identity, plain_step, function=True),
    "cond": OwnCell(cond, plain_step),
    "switch": OwnCell(switch, plain_step),
    "copy": OwnCell(copy, plain_step),
    "identity": OwnCell(identity, plain_step),
    "reshape": OwnCell(reshape, plain_step),
    "expanded": OwnCell(expanded, plain_step),
    "concat": OwnCell(concat, concat_step, state_size=2 * UNITS, pieces=("h", "c")),
    "delayed": OwnCell(delayed, delayed_step, state_size=2 * UNITS, pieces=("new", "kept")),
    "sliced": OwnCell(
        *(sliced, sliced_step),
        state_size=UNITS + 2 * FEATURES,
        pieces=("h", "x", "last"),
    ),
    "wired": OwnCell(
        *(wired, wired_step),
        state_size=6 + UNITS,
        weights=WIRES,
        pieces=("first", "second", "third"),
    ),
}


@pytest.fixture
def float64_of_keras_2() -> Any:
    before = tf_keras.backend.floatx()
    tf_keras.backend.set_floatx("float64")
    yield
    tf_keras.backend.set_floatx(before)


@pytest.mark.one_case_in(8)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", CELLS)
def test_the_gradient_is_total(name: str, form: str) -> None:
    cell = CELLS[name]
    model = model_of(cell.layer(), **FORMS[form])
    snapshot = GradientEngine(model).compute(X, Y, quantities="hidden_gradient")
    assert snapshot.notes == ()
    assert_total(snapshot, loss_by_hand(model, [cell.step], X, Y), {"rnn": cell.pieces})


@pytest.mark.parametrize("form", FORMS)
def test_a_state_that_is_joined_from_old_ones_is_a_new_value(form: str) -> None:
    cell = OwnCell(only_old, only_old_step, state_size=[UNITS, 2 * UNITS])
    model = model_of(cell.layer(), **FORMS[form])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the second is not read in the same timestep
        snapshot = GradientEngine(model).compute(X, Y, quantities="hidden_gradient")
    names = {"rnn/0": ("h",), "rnn/1": ("pair",)}
    assert_total(snapshot, loss_by_hand(model, [cell.step], X, Y), names)


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("form", ["loop", "eager"])
@pytest.mark.parametrize("own", [0, 1])
@pytest.mark.parametrize("name", ["inner function", "cond", "concat"])
def test_each_cell_of_a_stack_is_total(name: str, own: int, form: str) -> None:
    cells = [PLAIN, PLAIN]
    cells[own] = CELLS[name]
    model = model_of([cell.layer() for cell in cells], **FORMS[form])
    snapshot = GradientEngine(model).compute(X, Y, quantities="hidden_gradient")
    names = {
        f"rnn/{i}": tuple("/".join(filter(None, (str(i), piece))) for piece in cell.pieces)
        for i, cell in enumerate(cells)
    }
    assert_total(snapshot, loss_by_hand(model, [cell.step for cell in cells], X, Y), names)


class Stepping(keras.Model):
    """Steps a cell of its own through time."""

    def __init__(self, cell: Any) -> None:
        super().__init__()
        self.cell = cell
        self.head = keras.layers.Dense(1)

    def build(self, shape: Any) -> None:
        self.cell.build((None, shape[-1]))
        self.head.build((None, UNITS))

    def call(self, x: Any) -> Any:
        states = [tf.zeros((tf.shape(x)[0], self.cell.state_size), x.dtype)]
        outputs = []
        for t in range(TIMESTEPS):
            output, states = self.cell(x[:, t], states)
            outputs.append(output)
        return self.head(tf.stack(outputs, 1))


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize("name", ["function", "inner function", "identity", "wired", "delayed"])
def test_a_cell_that_the_model_steps(name: str, eagerly: bool) -> None:
    cell = CELLS[name]
    model = Stepping(cell.layer())
    model.build((None, TIMESTEPS, FEATURES))
    model.compile("sgd", "mse", run_eagerly=eagerly)
    snapshot = GradientEngine(model).compute(X, Y, quantities="hidden_gradient")
    looped = keras.Sequential([keras.layers.RNN(model.cell), model.head])
    assert_total(snapshot, loss_by_hand(looped, [cell.step], X, Y), {"cell": cell.pieces})


@pytest.mark.one_case_in(3)
@pytest.mark.usefixtures("float64_of_keras_2")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "name", ["function", "inner function", "cond", "identity", "wired", "sliced"]
)
def test_cells_of_keras_2(name: str, form: str) -> None:
    cell = CELLS[name]
    model = model_of(cell.layer(tf_keras), tf_keras, **FORMS[form])
    snapshot = GradientEngine(model).compute(X, Y, quantities="hidden_gradient")
    assert_total(snapshot, loss_by_hand(model, [cell.step], X, Y), {"rnn": cell.pieces})


@pytest.mark.parametrize("form", FORMS)
def test_values_that_happen_to_be_equal_are_no_copies(form: str) -> None:
    """Where the sequence begins with zeros, both states of an LSTM are zero after that."""
    x = X.copy()
    x[:, 0] = 0.0
    model = model_of(LSTM.layer(), **FORMS[form])
    snapshot = GradientEngine(model).compute(x, Y, quantities=["hidden_gradient", "hidden_state"])
    states = [snapshot[f"rnn/{i}", "hidden_state"].values for i in (0, 1)]
    assert not np.any([state[:, 0] for state in states])
    names = {"rnn/0": ("h",), "rnn/1": ("c",)}
    assert_total(snapshot, loss_by_hand(model, [LSTM.step], x, Y), names)


def lstm(self: Any, x: Any, states: Any) -> Any:
    h, c = states
    c = 0.7 * c + next_state(self, x, h)
    h = tf.tanh(c) * tf.sigmoid(tf.matmul(x, self.gate))
    return h, [h, c]


def lstm_step(w: Any, x: Any, states: Any, tap: Any) -> Any:
    h, c = states
    c = tap("c", 0.7 * c + next_state(w, x, h))
    h = tap("h", tf.tanh(c) * tf.sigmoid(x @ w["gate"]))
    return h, [h, c]


LSTM = OwnCell(lstm, lstm_step, state_size=[UNITS, UNITS], weights={"gate": (None, UNITS)})


def apart(self: Any, x: Any, states: Any) -> Any:
    """Return an output that is read off the old state."""
    return tf.sin(states[0]) + tf.matmul(x, self.kernel), [next_state(self, x, states[0])]


def apart_step(w: Any, x: Any, states: Any, tap: Any) -> Any:
    h = tap("", next_state(w, x, states[0]))
    return tf.sin(states[0]) + x @ w["kernel"], [h]


@pytest.mark.parametrize("form", FORMS)
def test_an_output_that_does_not_read_the_state_is_noted(form: str) -> None:
    cell = OwnCell(apart, apart_step)
    model = model_of(cell.layer(), **FORMS[form])
    snapshot = GradientEngine(model).compute(X, Y, quantities="hidden_gradient")
    assert snapshot.notes == (
        "the state of layer 'rnn' is not read by the output of the same timestep: its gradient "
        "is that through the later timesteps",
    )
    assert_total(snapshot, loss_by_hand(model, [cell.step], X, Y), {"rnn": ("",)})


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("form", ["loop", "eager"])
@pytest.mark.parametrize("name", ["function", "inner function"])
def test_the_model_can_be_called_and_fit_afterwards(name: str, form: str) -> None:
    def trained(looked: bool) -> tuple[np.ndarray, list[np.ndarray]]:
        keras.utils.set_random_seed(3)
        model = model_of(CELLS[name].layer(), **FORMS[form])
        if looked:
            GradientEngine(model).compute(X, Y, quantities=["hidden_gradient", "output_gradient"])
        called = model(X).numpy()
        model.fit(X, Y, epochs=2, verbose=0)
        if looked:
            GradientEngine(model).compute(X, Y, quantities="hidden_state")
        return called, [*model.get_weights(), model(X).numpy(), model.predict(X, verbose=0)]

    (called, after), (expected_called, expected) = trained(True), trained(False)
    np.testing.assert_array_equal(called, expected_called)
    for found, other in zip(after, expected, strict=True):
        np.testing.assert_array_equal(found, other)


def test_the_tape_by_hand_is_the_central_difference() -> None:
    model = model_of(PLAIN.layer())
    loss = loss_by_hand(model, [PLAIN.step], X, Y)
    value, found = derivatives(loss)
    assert value == pytest.approx(float(model.evaluate(X, Y, verbose=0)), rel=1e-12)
    way = RNG.normal(size=found[""].shape)
    assert slope(loss, "", way) == pytest.approx(np.sum(way * found[""]), rel=1e-7)
