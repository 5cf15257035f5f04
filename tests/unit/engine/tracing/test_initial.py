"""Gradients by initial states, and the activations of gates, against a tape around Keras' own."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from rnngrad_widgets.data.statistics import halves
from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine.cases import CASES, Case, problem
from tests.unit.engine.unroll import Watcher, run_layer

pytestmark = pytest.mark.usefixtures("float64", "unoptimised")

B, T, F = 2, 4, 2
RNG = np.random.default_rng(17)
X, Y = RNG.normal(size=(B, T, F)), RNG.normal(size=(B, 1))
X[1, 2:] = 0.0  # masked where there is a Masking layer

LAYERS: dict[str, tuple[Any, list[int], list[str]]] = {
    "gru": (lambda: layers.GRU(3, name="rnn"), [3], ["rnn"]),
    "lstm": (lambda: layers.LSTM(3, name="rnn"), [3, 3], ["rnn/hidden", "rnn/cell"]),
    "backwards": (lambda: layers.LSTM(3, go_backwards=True, name="rnn"), [3, 3],
                  ["rnn/hidden", "rnn/cell"]),
    "unrolled": (lambda: layers.SimpleRNN(3, unroll=True, name="rnn"), [3], ["rnn"]),
    "stack": (
        lambda: layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], name="rnn"),
        [3, 3, 2],
        ["rnn/0/hidden", "rnn/0/cell", "rnn/1"],
    ),
    "bidirectional": (
        lambda: layers.Bidirectional(layers.LSTM(3), name="rnn"),
        [3, 3, 3, 3],
        ["rnn/hidden", "rnn/cell"],
    ),
}  # fmt: skip


class Started(keras.Model):
    """Starts a layer at given states."""

    def __init__(self, rnn: Any) -> None:
        super().__init__()
        self.rnn = rnn
        self.masking = layers.Masking()
        self.head = layers.Dense(1)

    def call(self, given: Any) -> Any:
        x, *states = given
        if isinstance(self.rnn, layers.RNN) and hasattr(self.rnn.cell, "cells"):
            states = [states[:2], states[2:]]
        masked = self.masking(x)
        return self.head(self.rnn(masked, initial_state=states, mask=ops.any(x != 0, -1)))


@pytest.mark.one_case_in(6)
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("zero", [False, True])
def test_the_gradient_by_given_states(name: str, zero: bool) -> None:
    made, sizes, paths = LAYERS[name]
    states = [RNG.normal(size=(B, size)) * (not zero) for size in sizes]
    model = Started(made())
    model([X, *states])
    model.compile("sgd", "mse")
    snapshot = GradientEngine(model).compute([X, *states], Y, "rnn", "initial_state_gradient")
    assert [path for path, _ in snapshot] == paths
    with tf.GradientTape() as tape:
        given = [tf.constant(state) for state in states]
        tape.watch(given)
        loss = model.compute_loss(None, Y, model([tf.constant(X), *given]))
    expected = [gradient.numpy() for gradient in tape.gradient(loss, given)]
    if name == "bidirectional":
        expected = [
            np.concatenate(pair, -1) for pair in zip(expected[:2], expected[2:], strict=True)
        ]
    for path, gradient in zip(paths, expected, strict=True):
        tensor = snapshot[path, "initial_state_gradient"]
        assert (tensor.dims, tensor.mask) == (("sample", "channel"), None)
        assert np.abs(gradient).max() > 0
        np.testing.assert_allclose(tensor.values, gradient, rtol=1e-12, atol=1e-16)
    if zero:  # what a layer starts at that is given nothing
        plain = keras.Sequential([keras.Input((T, F)), model.masking, model.rnn, model.head])
        plain.compile("sgd", "mse")
        found = GradientEngine(plain).compute(X, Y, "rnn", "initial_state_gradient")
        for path, gradient in zip(paths, expected, strict=True):
            values = found[path, "initial_state_gradient"].values
            np.testing.assert_allclose(values, gradient, rtol=1e-12, atol=1e-16)


def test_the_gradient_by_a_learned_state_is_that_of_its_weight() -> None:
    class Learned(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = layers.GRU(3)
            self.start = self.add_weight(shape=(1, 3), name="start", initializer="normal")
            self.head = layers.Dense(1)

        def call(self, x: Any) -> Any:
            start = ops.repeat(self.start, ops.shape(x)[0], axis=0)
            return self.head(self.rnn(x, initial_state=start))

    model = Learned()
    model(X)
    model.compile("sgd", "mse")
    found = GradientEngine(model).compute(X, Y, "rnn", "initial_state_gradient")
    with tf.GradientTape() as tape:
        loss = model.compute_loss(None, Y, model(X))
    expected = tape.gradient(loss, model.start.value)
    values = found["rnn", "initial_state_gradient"].values
    np.testing.assert_allclose(values.sum(0, keepdims=True), expected, rtol=1e-12)


def test_a_stepped_cell_starts_once() -> None:
    class Stepped(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.cell = layers.LSTMCell(3)
            self.head = layers.Dense(1)

        def call(self, given: Any) -> Any:
            x, *states = given
            for t in range(T):
                output, states = self.cell(x[:, t], states)
            return self.head(output)

    model, states = Stepped(), list(RNG.normal(size=(2, B, 3)))
    model([X, *states])
    model.compile("sgd", "mse")
    found = GradientEngine(model).compute([X, *states], Y, "cell", "initial_state_gradient")
    with tf.GradientTape() as tape:
        given = [tf.constant(state) for state in states]
        tape.watch(given)
        loss = model.compute_loss(None, Y, model([tf.constant(X), *given]))
    for path, gradient in zip(("hidden", "cell"), tape.gradient(loss, given), strict=True):
        values = found[f"cell/{path}", "initial_state_gradient"].values
        np.testing.assert_allclose(values, gradient, rtol=1e-12)


ACTIVATIONS = {
    "i": tf.sigmoid, "f": tf.sigmoid, "c": tf.tanh, "o": tf.sigmoid,
    "z": tf.sigmoid, "r": tf.sigmoid, "h": tf.tanh,
}  # fmt: skip


@pytest.mark.one_case_in(16)
@pytest.mark.parametrize("case", [case for case in CASES if not case.weighted], ids=str)
def test_gates_are_the_activations_of_the_unroll(case: Case) -> None:
    made = problem(case)
    snapshot = GradientEngine(made.model).compute(made.x, made.y, made.layer, "gate")
    with tf.GradientTape(persistent=True) as tape:
        watcher = Watcher(tape)
        run_layer(made.layer, tf.constant(made.x), made.mask, watcher)
    for tensor in snapshot.values():
        label = tensor.layer.removeprefix(made.layer.name).removeprefix("/")
        for direction, half in halves(tensor).items():
            prefix = "".join(f"{part}/" for part in (direction, label) if part)
            names = [n for n in ("gate", "gate_zr", "gate_h") if prefix + n in watcher.seen]
            parts = [watcher.seen[prefix + n] for n in names]
            before = [np.stack([part[t] for t in range(made.x.shape[1])], 1) for part in parts]
            each = np.split(np.concatenate(before, -1), len(tensor.gates), axis=-1)
            expected = [ACTIVATIONS[g](a) for g, a in zip(tensor.gates, each, strict=True)]
            counted = slice(None) if made.mask is None else made.mask
            whole = np.concatenate(expected, -1)
            np.testing.assert_allclose(half[counted], whole[counted], rtol=1e-12, atol=1e-16)
        assert (tensor.mask is None) == (made.mask is None)
        assert np.all(np.abs(tensor.values) <= 1)
