"""Models with a batch size of their own, and code that needs the size as a number."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine.own_cells import (
    FEATURES,
    PLAIN,
    SAMPLES,
    TIMESTEPS,
    assert_close,
)

pytestmark = pytest.mark.usefixtures("float64", "unoptimised")

RNG = np.random.default_rng(12)
X = RNG.normal(size=(SAMPLES, TIMESTEPS, FEATURES))
Y = RNG.normal(size=(SAMPLES, TIMESTEPS, 1))


def sized(*stack: Any) -> Any:
    model = keras.Sequential(stack)
    model.compile("sgd", "mse")
    return model


def stateful(kind: Any, **settings: Any) -> Any:
    return kind(3, stateful=True, return_sequences=True, **settings)


SIZED: dict[str, Any] = {
    "lstm": lambda: [stateful(layers.LSTM, name="r")],
    "gru": lambda: [stateful(layers.GRU, name="r")],
    "not stateful": lambda: [layers.LSTM(3, return_sequences=True, name="r")],
    "bidirectional": lambda: [layers.Bidirectional(stateful(layers.LSTM), name="r")],
    "two": lambda: [stateful(layers.GRU, name="r"), stateful(layers.LSTM)],
    "cells": lambda: [
        layers.RNN(
            [layers.LSTMCell(3), layers.GRUCell(2)],
            *(True, False, False, True),
            name="r",
        )
    ],
    "own cell": lambda: [layers.RNN(PLAIN.layer(), return_sequences=True, stateful=True, name="r")],
    "unrolled": lambda: [stateful(layers.SimpleRNN, name="r", unroll=True)],
}


@pytest.mark.one_case_in(24)
@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize("name", SIZED)
def test_a_batch_of_one_sample(name: str, eagerly: bool) -> None:
    x, y = RNG.normal(size=(2, 1, 5, 1))
    model = sized(keras.Input(batch_shape=(1, 5, 1)), *SIZED[name](), layers.Dense(1))
    model.run_eagerly = eagerly
    model.predict(x[:, ::-1], verbose=0)  # states other than zero
    engine = GradientEngine(model)
    words = [w for w in engine.quantities("r") if "weight" not in w]
    if not eagerly:
        words.remove("reach")  # traced for seconds
    snapshot = engine.compute(x, y, "r", words)
    again = engine.compute(x, y, "r", words)
    for key, tensor in snapshot.items():
        np.testing.assert_array_equal(again[key].values, tensor.values)
    layer = model.get_layer("r")
    states = [s for part in _directions(layer) for s in tf.nest.flatten(part.states or [])]
    before = [np.asarray(state) for state in states]

    def loss(x: Any) -> Any:
        for state, then in zip(states, before, strict=True):
            state.assign(then)
        for other in model.layers[1:]:
            if other is not layer and getattr(other, "stateful", False):
                for state, then in zip(other.states, others[id(other)], strict=True):
                    state.assign(then)
        return model.compute_loss(None, y, model(x))

    others = {
        id(other): [np.asarray(state) for state in other.states]
        for other in model.layers[1:]
        if other is not layer and getattr(other, "stateful", False)
    }
    assert snapshot.loss == pytest.approx(float(loss(tf.constant(x))), rel=1e-12)
    way = RNG.normal(size=x.shape)
    terms = way * snapshot["r", "input_gradient"].values
    difference = (float(loss(x + 1e-5 * way)) - float(loss(x - 1e-5 * way))) / 2e-5
    assert abs(difference - terms.sum()) <= 1e-7 * np.abs(terms).sum()
    for state, then in zip(states, before, strict=True):
        state.assign(then)


def _directions(layer: Any) -> list[Any]:
    both = [getattr(layer, name, None) for name in ("forward_layer", "backward_layer")]
    return [part for part in both if part is not None] or [layer]


class Starting(keras.Model):
    """Starts its layer from states that it makes itself."""

    def __init__(self, made: Any) -> None:
        super().__init__()
        self.made = made
        self.rnn = layers.GRU(3, return_sequences=True)
        self.head = layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.head(self.rnn(x, initial_state=[self.made(x)]))


def scanning(x: Any) -> Any:
    state = tf.zeros((x.shape[0], 3), x.dtype)
    for sample in range(x.shape[0]):  # in Python: needs a number
        state += tf.one_hot([sample], x.shape[0], axis=0, dtype=x.dtype)
    return state


@pytest.mark.one_case_in(12)
@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize(
    ("made", "any_size"),
    [
        (lambda _: tf.ones((1, 3), "float64"), False),
        (lambda x: tf.zeros((x.shape[0], 3), x.dtype) + 0.5, True),
        (lambda x: tf.ones((tf.shape(x)[0], 3), x.dtype), True),
        (scanning, True),
    ],
)
def test_initial_states_of_a_size_in_numbers(made: Any, any_size: bool, eagerly: bool) -> None:
    model = Starting(made)
    model.compile("sgd", "mse", run_eagerly=eagerly)
    engine = GradientEngine(model)
    for size in (1, 4, 2) if any_size else (1, 1):
        x, y = RNG.normal(size=(2, size, 4, 1))
        words = ["hidden_gradient", "output_gradient"]
        snapshot = engine.compute(x, y, quantities=words)
        assert snapshot["rnn", "hidden_gradient"].shape == (size, 4, 3)
        with tf.GradientTape() as tape:
            hidden = model.rnn(x, initial_state=[made(tf.constant(x))])
            tape.watch(hidden)
            loss = tf.reduce_mean((model.head(hidden) - y) ** 2)
        assert snapshot.loss == pytest.approx(float(loss), rel=1e-12)
        direct = tape.gradient(loss, hidden)
        assert_close(snapshot["rnn", "output_gradient"].values, direct.numpy())
        assert_close(snapshot["rnn", "hidden_gradient"].values[:, -1], direct.numpy()[:, -1])


class Zeros(layers.Layer):
    """Puts zeros of the batch's size, a number, before the sequence."""

    def call(self, x: Any) -> Any:
        return tf.concat([tf.zeros((x.shape[0], 1, FEATURES), x.dtype), x], 1)

    def compute_output_shape(self, shape: Any) -> Any:
        return (shape[0], shape[1] + 1, shape[2])


def test_another_batch_size_where_the_model_allows_it() -> None:
    model = keras.Sequential([Zeros(), layers.LSTM(3, name="r"), layers.Dense(1)])
    model.compile("sgd", "mse")
    engine = GradientEngine(model)
    for size in (3, 1, 2, 3):
        x, y = X[:size], Y[:size, 0]
        snapshot = engine.compute(x, y, quantities=["hidden_gradient", "input_gradient"])
        assert snapshot["r", "hidden_gradient"].shape == (size, TIMESTEPS + 1, 3)
        expected = float(model.compute_loss(None, y, model(tf.constant(x))))
        assert snapshot.loss == pytest.approx(expected, rel=1e-12)
    fixed = sized(keras.Input(batch_shape=(2, 5, 1)), stateful(layers.LSTM), layers.Dense(1))
    # Keras' own words; those of Keras 3.5 are TensorFlow's.
    words = "the batch size of the input sequences must be|Dimensions must be equal"
    with pytest.raises(ValueError, match=f"x and y must fit the model.*({words})"):
        GradientEngine(fixed).compute(*RNG.normal(size=(2, 3, 5, 1)))
