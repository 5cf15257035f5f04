"""States that are made and read inside of an inner function: refused, with the reason."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine.own_cells import (
    FEATURES,
    FORMS,
    SAMPLES,
    TIMESTEPS,
    UNITS,
    OwnCell,
    assert_close,
    next_state,
    plain_step,
)

pytestmark = pytest.mark.usefixtures("float64", "unoptimised")

RNG = np.random.default_rng(5)
X = RNG.normal(size=(SAMPLES, TIMESTEPS, FEATURES))
Y = RNG.normal(size=(SAMPLES, TIMESTEPS, 1))


def function_reads(self: Any, x: Any, states: Any) -> Any:
    @tf.function
    def inner(x: Any, h: Any) -> Any:
        h = next_state(self, x, h)
        return h * h, [h]

    return inner(x, states[0])


def function_and_cell_read(self: Any, x: Any, states: Any) -> Any:
    output, (h,) = function_reads(self, x, states)
    return output + h, [h]


def function_joins(self: Any, x: Any, states: Any) -> Any:
    @tf.function
    def inner(x: Any, state: Any) -> Any:
        h = next_state(self, x, state[:, :UNITS])
        return h, tf.concat([h, state[:, UNITS:] + 1.0], -1)

    output, state = inner(x, states[0])
    return output, [state]


def function_in_a_function_reads(self: Any, x: Any, states: Any) -> Any:
    @tf.function
    def outer(x: Any, h: Any) -> Any:
        return function_reads(self, x, [h])

    return outer(x, states[0])


def branch_reads(self: Any, x: Any, states: Any) -> Any:
    def squared() -> Any:
        h = next_state(self, x, states[0])
        return h * h, h

    def same() -> Any:
        h = next_state(self, x, states[0])
        return h, h

    output, h = tf.cond(tf.reduce_sum(x) > 0, same, squared)
    return output, [h]


def loop_reads(self: Any, x: Any, states: Any) -> Any:
    def turn(_: Any, h: Any) -> Any:
        h = next_state(self, x, h)
        return h * h, h

    zeros = tf.zeros_like(states[0])
    output, h = tf.while_loop(
        lambda *_: True, turn, (zeros, states[0]), maximum_iterations=tf.constant(2)
    )
    return output, [h]


# name: the cell, what it is that reads the state, the forms in which it does
READ_INSIDE: dict[str, tuple[Any, str, list[str]]] = {
    "function": (function_reads, "tf.function", list(FORMS)),
    "function and cell": (function_and_cell_read, "tf.function", list(FORMS)),
    "function in a function": (function_in_a_function_reads, "tf.function", ["loop", "eager"]),
    "function that joins": (function_joins, "tf.function", ["loop", "unrolled", "eager"]),
    "branch": (branch_reads, "branch", ["loop", "unrolled"]),
    "loop": (loop_reads, "loop", ["loop", "unrolled"]),
}


@pytest.mark.one_case_in(12)
@pytest.mark.parametrize(
    ("name", "form"), [(name, form) for name, (*_, forms) in READ_INSIDE.items() for form in forms]
)
def test_what_an_inner_function_reads_is_refused_and_the_rest_computed(
    name: str, form: str
) -> None:
    call, kind, _ = READ_INSIDE[name]
    size = 2 * UNITS if call is function_joins else UNITS
    settings = dict(FORMS[form])
    eagerly = settings.pop("run_eagerly", False)
    layers = keras.layers
    rnn = layers.RNN(
        OwnCell(call, plain_step, size).layer(), return_sequences=True, name="own", **settings
    )
    gru = layers.GRU(3, return_sequences=True, name="gru")
    model = keras.Sequential([keras.Input((TIMESTEPS, FEATURES)), rnn, gru, layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=eagerly)
    reason = (
        "there is no hidden_gradient of layer 'own': a state is made and read inside of an inner "
        f"{kind} of the cell, .*move that out of the inner {kind}"
    )
    words = ["hidden_gradient", "output_gradient", "hidden_state", "weight_gradient"]
    with pytest.warns(UserWarning, match=reason):
        snapshot = GradientEngine(model).compute(X, Y, quantities=words)
    assert ("own", "hidden_gradient") not in snapshot
    rest = {("gru", "hidden_gradient"), ("own", "output_gradient"), ("own", "hidden_state")}
    assert rest <= set(snapshot)
    with tf.GradientTape() as tape:
        hidden = rnn(X)
        tape.watch(hidden)
        loss = tf.reduce_mean((model.layers[2](gru(hidden)) - Y) ** 2)
    direct, kernel = tape.gradient(loss, [hidden, rnn.cell.kernel.value])
    assert_close(snapshot["own", "output_gradient"].values, direct.numpy())
    assert_close(snapshot["own/kernel", "weight_gradient"].values, kernel.numpy())
    with pytest.raises(ValueError, match=reason):
        GradientEngine(model).compute(X, Y, "own", "hidden_gradient")
