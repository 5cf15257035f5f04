"""Weights of a layer's own: their names, axes, values, and gradients by central differences."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tf_keras
from keras import layers, ops

from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine.eager import weight_slopes

pytestmark = pytest.mark.usefixtures("float64", "unoptimised")

B, T, F = 2, 3, 2
RNG = np.random.default_rng(14)
X, Y = RNG.normal(size=(B, T, F)), RNG.normal(size=(B, 1))


class BayesianCell(layers.LSTMCell):
    """Has a spread beside each kernel (Fortunato et al. 2017), here with fixed noise."""

    def build(self, shape: Any) -> None:
        super().build(shape)
        self.rho = self.add_weight(shape=self.kernel.shape, name="rho", initializer="normal")
        self.recurrent_rho = self.add_weight(
            shape=self.recurrent_kernel.shape, name="rho", initializer="normal"
        )

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:  # noqa: ARG002
        h, c = states
        z = inputs @ (self.kernel + 0.3 * ops.softplus(self.rho)) + self.bias
        z += h @ (self.recurrent_kernel - 0.2 * ops.softplus(self.recurrent_rho))
        i, f, g, o = ops.split(z, 4, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(c)
        return h, [h, c]


class Scaled(layers.SimpleRNN):
    """The layer, not its cell, adds a scalar, and a matrix that has the name of one of the cell."""

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        super().build(sequences_shape, initial_state_shape)
        self.scale = self.add_weight(shape=(), name="scale", initializer="ones")
        self.mixed = self.add_weight(shape=(3, 3), name="kernel", initializer="normal")

    def call(self, sequences: Any, initial_state: Any = None, **kwargs: Any) -> Any:
        return self.scale * super().call(sequences, initial_state, **kwargs) @ self.mixed


class NormalisedCell(layers.Layer):
    """Has layers inside, one of them in a list, one with weights that are not trained."""

    state_size = output_size = 3

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.norm = layers.LayerNormalization()
        self.parts = [layers.Dense(3), layers.Dense(3, use_bias=False)]
        self.running = layers.BatchNormalization()

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 3), name="kernel")
        self.alone = keras.Variable(0.5, dtype="float64")  # Keras gives it a name that counts up
        self.several = {"a": [keras.Variable(np.ones(3), dtype="float64") for _ in "12"]}
        for inner in (self.norm, *self.parts, self.running):
            inner.build((shape[0], 3))
        self.running.moving_mean.assign([0.1, -0.2, 0.3])

    def call(self, inputs: Any, states: Any) -> Any:
        z = self.norm(inputs @ self.kernel) + self.alone * self.parts[0](states[0])
        h = ops.tanh(self.running(z) * self.several["a"][0]) + self.parts[1](states[0])
        h = h * self.several["a"][1]
        return h, [h]


CASES: dict[str, tuple[Any, dict[str, tuple[str, ...]]]] = {
    "bayesian": (
        lambda: layers.RNN(BayesianCell(3), name="rnn"),
        {
            "kernel": ("axis_0", "channel"),
            "recurrent_kernel": ("axis_0", "channel"),
            "bias": ("channel",),
            "rho": ("axis_0", "channel"),
            "rho_1": ("axis_0", "channel"),
        },
    ),
    "scaled": (
        lambda: Scaled(3, name="rnn"),
        {
            "scale": ("channel",),
            "kernel": ("axis_0", "channel"),
            "kernel_1": ("feature", "channel"),
            "recurrent_kernel": ("previous_channel", "channel"),
            "bias": ("channel",),
        },
    ),
    "normalised": (
        lambda: layers.RNN(NormalisedCell(), name="rnn"),
        {
            "kernel": ("axis_0", "channel"),
            "alone": ("channel",),
            "several/a/0": ("channel",),
            "several/a/1": ("channel",),
            "norm/gamma": ("channel",),
            "norm/beta": ("channel",),
            "parts/0/kernel": ("axis_0", "channel"),
            "parts/0/bias": ("channel",),
            "parts/1/kernel": ("axis_0", "channel"),
            "running/gamma": ("channel",),
            "running/beta": ("channel",),
            "running/moving_mean": ("channel",),
            "running/moving_variance": ("channel",),
        },
    ),
    "stack": (
        lambda: layers.RNN([layers.GRUCell(3), NormalisedCell()], name="rnn"),
        {
            "0/bias": ("part", "channel"),
            "1/alone": ("channel",),
            "1/parts/1/kernel": ("axis_0", "channel"),
        },
    ),
}


def model_of(layer: Any) -> Any:
    model = keras.Sequential([keras.Input((T, F)), layer, layers.Dense(1)])
    for weight in model.trainable_weights:
        weight.assign(weight + RNG.normal(scale=0.3, size=weight.shape))
    model.compile("sgd", "mse")
    return model


@pytest.mark.one_case_in(6)
@pytest.mark.parametrize("name", CASES)
def test_every_weight_by_name(name: str) -> None:
    made, dims = CASES[name]
    for _ in range(2):  # names that count up are others in the second build
        model = model_of(made())
        engine = GradientEngine(model)
        read = engine.weights("rnn")
        assert {key: read[key].dims for key in dims} == dims
        if name != "stack":
            assert set(read) == set(dims)
    snapshot = engine.compute(X, Y, "rnn", ["weight", "weight_gradient"])
    assert len(snapshot) == 2 * len(read)
    variables = {id(v): v for v in model.layers[0].weights}
    assert len(read) == len(variables)
    left = list(variables.values())
    for key, tensor in read.items():
        path = f"rnn/{key}"
        value, gradient = snapshot[path, "weight"], snapshot[path, "weight_gradient"]
        np.testing.assert_array_equal(tensor.values, value.values)
        assert tensor.layer == value.layer == path
        assert tensor.dims == value.dims == gradient.dims
        variable = left.pop(0)
        np.testing.assert_array_equal(tensor.values, np.atleast_1d(variable.numpy()))
        expected = np.atleast_1d(weight_slopes(model, variable, X, Y))
        assert gradient.shape == expected.shape
        np.testing.assert_allclose(gradient.values, expected, rtol=1e-6, atol=1e-9)


def test_gates_are_only_of_what_has_them() -> None:
    class WithMore(layers.GRUCell):
        def build(self, shape: Any) -> None:
            super().build(shape)
            self.more = self.add_weight(shape=(2, 9), name="more")

    class Around(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.inner = WithMore(3)
            self.state_size = self.output_size = 3

        def build(self, shape: Any) -> None:
            self.inner.build(shape)

        def call(self, inputs: Any, states: Any) -> Any:
            return self.inner(inputs, states)

    for cell, prefix in ((WithMore(3), ""), (Around(), "inner/")):
        read = GradientEngine(model_of(layers.RNN(cell, name="rnn"))).weights("rnn")
        gates = {key: tensor.gates for key, tensor in read.items()}
        zrh = ("z", "r", "h")
        own = {f"{prefix}{key}": zrh for key in ("kernel", "recurrent_kernel", "bias")}
        assert gates == {**own, f"{prefix}more": ()}


def test_both_directions_and_what_is_beside_them() -> None:
    class Weighed(layers.Bidirectional):
        def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
            super().build(sequences_shape, initial_state_shape)
            self.beside = self.add_weight(shape=(2,), name="beside")

    layer = Weighed(layers.GRU(3), name="rnn")
    read = GradientEngine(model_of(layer)).weights("rnn")
    names = ("kernel", "recurrent_kernel", "bias")
    assert set(read) == {"beside", *(f"{d}/{n}" for d in ("forward", "backward") for n in names)}


def test_states_are_no_weights() -> None:
    inputs = keras.Input(batch_shape=(B, T, F))
    rnn = layers.LSTM(3, stateful=True, dropout=0.5, name="rnn")
    model = keras.Model(inputs, layers.Dense(1)(rnn(inputs)))
    model.compile("sgd", "mse")
    assert list(GradientEngine(model).weights("rnn")) == ["kernel", "recurrent_kernel", "bias"]


class Counting(layers.Layer):
    """Has weights that the loss does not depend on, one of them whole numbers."""

    state_size = output_size = 3

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 3), name="kernel")
        self.steps = self.add_weight(
            shape=(), name="steps", dtype="int32", trainable=False, initializer="zeros"
        )
        self.idle = self.add_weight(shape=(3,), name="idle", trainable=False)

    def call(self, inputs: Any, states: Any) -> Any:
        h = ops.tanh(inputs @ self.kernel + states[0])
        return h, [h]


def test_what_the_loss_does_not_depend_on_has_no_gradient() -> None:
    engine = GradientEngine(model_of(layers.RNN(Counting(), name="rnn")))
    read = engine.weights("rnn")
    assert (read["steps"].values.dtype, read["steps"].dims) == (np.dtype("int32"), ("channel",))
    # A weight that is not trained is left out without a word.
    found = engine.compute(X, Y, "rnn", "weight_gradient")
    assert list(found) == [("rnn/kernel", "weight_gradient")]


def test_inner_layers_of_keras_2() -> None:
    k = tf_keras.layers

    class Cell(k.Layer):  # type: ignore[misc,name-defined]
        state_size = output_size = 3

        def __init__(self) -> None:
            super().__init__()
            self.norm = k.LayerNormalization()
            self.dense = k.Dense(3)

        def build(self, shape: Any) -> None:
            self.rho = self.add_weight(shape=(shape[-1], 3))
            super().build(shape)

        def call(self, inputs: Any, states: Any) -> Any:
            h = self.norm(self.dense(states[0]) + inputs @ self.rho)
            return h, [h]

    model = tf_keras.Sequential(
        [tf_keras.Input((T, F)), k.RNN(Cell(), name="rnn"), tf_keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    engine = GradientEngine(model)
    names = ["rho", "norm/gamma", "norm/beta", "dense/kernel", "dense/bias"]
    assert sorted(engine.weights("rnn")) == sorted(names)
    found = engine.compute(X, Y, "rnn", "weight_gradient")
    with_tape = keras_2_gradients(model)
    for name in names:
        values = found[f"rnn/{name}", "weight_gradient"].values
        np.testing.assert_allclose(values, with_tape[name], rtol=1e-4, atol=1e-6)


def keras_2_gradients(model: Any) -> dict[str, np.ndarray]:
    import tensorflow as tf  # noqa: PLC0415

    cell = model.layers[0].cell
    held = {
        "rho": cell.rho,
        "norm/gamma": cell.norm.gamma,
        "norm/beta": cell.norm.beta,
        "dense/kernel": cell.dense.kernel,
        "dense/bias": cell.dense.bias,
    }
    with tf.GradientTape() as tape:
        loss = model.compute_loss(X, tf.constant(Y), model(X))
    return dict(zip(held, tape.gradient(loss, list(held.values())), strict=True))
