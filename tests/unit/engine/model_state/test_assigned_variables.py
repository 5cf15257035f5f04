"""Variables that a model assigns while it is called: in the loop over time, or before a read.

What is drawn, counted and kept is what the model's own training step draws, counts and keeps, and a
value that was assigned and read again has no derivative by what was assigned.
"""

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
    FORMS,
    SAMPLES,
    TIMESTEPS,
    UNITS,
    assert_close,
    assert_total,
    derivatives,
    loss_by_hand,
    model_of,
    next_state,
    own_name,
    weights_by_name,
)

pytestmark = pytest.mark.usefixtures("float64", "unoptimised")

RNG = np.random.default_rng(8)
X = RNG.normal(size=(SAMPLES, TIMESTEPS, FEATURES))
Y = RNG.normal(size=(SAMPLES, TIMESTEPS, 1))


class Own(layers.Layer):
    """A cell that is a layer of Keras 3."""

    def __init__(self) -> None:
        super().__init__()
        self.state_size = self.output_size = UNITS

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], UNITS), name="kernel")
        self.recurrent = self.add_weight(shape=(UNITS, UNITS), name="recurrent")


class Dropped(Own):
    """Drops half of its new state, another half in each timestep."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = layers.Dropout(0.5, seed=4)

    def call(self, x: Any, states: Any, training: Any = False) -> Any:
        h = self.dropout(next_state(self, x, states[0]), training=training)
        return h, [h]

    def by_hand(self) -> Any:
        seeds = copied(self.dropout.seed_generator)

        def step(w: Any, x: Any, states: Any, tap: Any) -> Any:
            h = next_state(w, x, states[0])
            h = tap("", keras.random.dropout(h, 0.5, seed=seeds))
            return h, [h]

        return step


class Noisy(Own):
    """Adds noise also at inference."""

    def __init__(self) -> None:
        super().__init__()
        self.seeds = keras.random.SeedGenerator(5)

    def call(self, x: Any, states: Any) -> Any:
        h = next_state(self, x, states[0])
        h = h * keras.random.uniform((SAMPLES, UNITS), 0.5, 1.5, h.dtype, seed=self.seeds)
        return h, [h]

    def by_hand(self) -> Any:
        seeds = copied(self.seeds)

        def step(w: Any, x: Any, states: Any, tap: Any) -> Any:
            h = next_state(w, x, states[0])
            noise = keras.random.uniform((SAMPLES, UNITS), 0.5, 1.5, h.dtype, seed=seeds)
            h = tap("", h * noise)
            return h, [h]

        return step


class Generating(Own):
    """Draws from a generator of TensorFlow's."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = tf.random.Generator.from_seed(6)

    def call(self, x: Any, states: Any) -> Any:
        h = next_state(self, x, states[0])
        h = h * self.generator.uniform(tf.shape(h), 0.5, 1.5, h.dtype)
        return h, [h]

    def by_hand(self) -> Any:
        generator = tf.random.Generator.from_state(self.generator.state.numpy(), alg="philox")

        def step(w: Any, x: Any, states: Any, tap: Any) -> Any:
            h = next_state(w, x, states[0])
            h = tap("", h * generator.uniform(tf.shape(h), 0.5, 1.5, h.dtype))
            return h, [h]

        return step


class Counting(Own):
    """Counts its calls in a variable, and reads it."""

    def build(self, shape: Any) -> None:
        super().build(shape)
        self.count = self.add_weight(shape=(), name="count", trainable=False, initializer="zeros")

    def call(self, x: Any, states: Any) -> Any:
        self.count.assign_add(1.0)
        h = next_state(self, x * self.count, states[0])
        return h, [h]

    def by_hand(self) -> Any:
        count = float(self.count.numpy())

        def step(w: Any, x: Any, states: Any, tap: Any) -> Any:
            nonlocal count
            count += 1
            h = tap("", next_state(w, x * count, states[0]))
            return h, [h]

        return step


class Averaging(Own):
    """Keeps the mean of its states, in a plain variable, and scales the next ones by it."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = tf.Variable(np.zeros(UNITS), trainable=False)

    def call(self, x: Any, states: Any) -> Any:
        h = next_state(self, x, states[0])
        self.mean.assign(0.5 * self.mean + 0.5 * tf.reduce_mean(h, 0))
        h = h * (1.0 + self.mean)
        return h, [h]

    def by_hand(self) -> Any:
        mean = self.mean.numpy()

        def step(w: Any, x: Any, states: Any, tap: Any) -> Any:
            nonlocal mean
            h = next_state(w, x, states[0])
            mean = 0.5 * mean + 0.5 * tf.reduce_mean(h, 0).numpy()  # cuts the derivative
            h = tap("", h * (1.0 + mean))
            return h, [h]

        return step


class Normalised(Own):
    """Normalises its new state over the batch, and keeps running means."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = layers.BatchNormalization()

    def build(self, shape: Any) -> None:
        super().build(shape)
        self.norm.build((None, UNITS))

    def call(self, x: Any, states: Any, training: Any = False) -> Any:
        h = self.norm(next_state(self, x, states[0]), training=training)
        return h, [h]

    def by_hand(self) -> Any:
        epsilon = self.norm.epsilon

        def step(w: Any, x: Any, states: Any, tap: Any) -> Any:
            h = next_state(w, x, states[0])
            mean, variance = tf.nn.moments(h, [0])
            scaled = (h - mean) / tf.sqrt(variance + epsilon)
            h = tap("", scaled * w["gamma"] + w["beta"])
            return h, [h]

        return step


def copied(seeds: Any) -> Any:
    """Return a generator of seeds that goes on as another one will."""
    copy = keras.random.SeedGenerator(0)
    copy.state.assign(seeds.state)
    return copy


def drawn_before(step: Any, rnn: Any) -> None:
    """Take the step that Keras takes before a loop begins, to see the output's shape."""
    if not rnn.unroll:
        weights = weights_by_name(rnn.cell)
        states = [tf.zeros((SAMPLES, UNITS), "float64")]
        step(weights, tf.constant(X[:, 0]), states, lambda _, value: value)


def variables(model: Any) -> list[np.ndarray]:
    more = [model.layers[0].cell.mean] if isinstance(model.layers[0].cell, Averaging) else []
    return [np.asarray(variable) for variable in [*model.variables, *more]]


@pytest.mark.one_case_in(6)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("cls", "training"),
    [
        (Dropped, True),
        (Noisy, False),
        (Noisy, True),
        (Generating, True),
        (Counting, False),
        (Averaging, True),
        (Normalised, True),
    ],
)
def test_a_cell_assigns_in_every_timestep(cls: Any, training: bool, form: str) -> None:
    model = model_of(cls(), **FORMS[form])
    (rnn, _), before = model.layers, variables(model)
    engine = GradientEngine(model)
    words = ["hidden_gradient", "weight_gradient"]
    snapshot = engine.compute(X, Y, quantities=words, training=training)
    for now, then in zip(variables(model), before, strict=True):
        np.testing.assert_array_equal(now, then)

    def loss(tap: Any) -> Any:
        step = rnn.cell.by_hand()
        drawn_before(step, rnn)
        return loss_by_hand(model, [step], X, Y)(tap)

    if cls is Averaging:  # the variable cuts what a difference does not
        assert_close(snapshot["rnn", "hidden_gradient"].values, derivatives(loss)[1][""])
    else:
        assert_total(snapshot, loss, {"rnn": ("",)})
    direct = engine.compute(X, Y, training=training)
    assert direct.loss == pytest.approx(snapshot.loss, rel=1e-13)
    if not training:
        assert snapshot.loss == pytest.approx(model.test_on_batch(X, Y), rel=1e-12)
        return
    assert snapshot.loss == pytest.approx(model.train_on_batch(X, Y), rel=1e-12)
    assert_an_sgd_step(model, snapshot, ["rnn/kernel", "rnn/recurrent"], before)


def assert_an_sgd_step(
    model: Any, snapshot: Any, paths: list[str], before: list[np.ndarray]
) -> None:
    """Compare weight gradients with how training, at a rate of 1, changed the weights."""
    for path in paths:
        name = path.split("/")[-1]
        position = next(i for i, w in enumerate(model.variables) if own_name(w) == name)
        step = before[position] - np.asarray(model.variables[position])
        assert_close(snapshot[path, "weight_gradient"].values, step, 1e-10)


@pytest.mark.one_case_in(3)
@pytest.mark.parametrize("form", ["loop", "unrolled", "eager"])
@pytest.mark.parametrize("cls", [Dropped, Normalised, Counting])
def test_a_layer_that_is_called_twice(cls: Any, form: str) -> None:
    settings = dict(FORMS[form])
    eagerly = settings.pop("run_eagerly", False)
    rnn = layers.RNN(cls(), return_sequences=True, name="rnn", **settings)
    head = layers.Dense(1)
    inputs = keras.Input((TIMESTEPS, FEATURES))
    hidden = rnn(inputs)
    again = rnn(inputs * keras.ops.mean(hidden, -1, keepdims=True))
    model = keras.Model(inputs, head(again * hidden))
    model.compile(keras.optimizers.SGD(1.0), "mse", run_eagerly=eagerly)
    before = [np.asarray(variable) for variable in model.variables]
    words = ["hidden_gradient", "weight_gradient", "output_gradient"]
    snapshot = GradientEngine(model).compute(X, Y, quantities=words, training=True)
    kernel, bias = (tf.constant(np.asarray(w)) for w in head.weights)
    weights = weights_by_name(rnn.cell)

    def loss(tap: Any) -> Any:
        step, outputs, x = rnn.cell.by_hand(), [], tf.constant(X)
        for call in range(2):
            if not rnn.unroll:
                step(weights, x[:, 0], [tf.zeros((SAMPLES, UNITS), x.dtype)], lambda _, v: v)
            states, steps = [tf.zeros((SAMPLES, UNITS), x.dtype)], []
            for t in range(TIMESTEPS):

                def named(_: str, value: Any, t: int = t, call: int = call) -> Any:
                    return tap(str(call), t, value)

                output, states = step(weights, x[:, t], states, named)
                steps.append(output)
            outputs.append(tf.stack(steps, 1))
            x = x * tf.reduce_mean(outputs[0], -1, keepdims=True)
        return tf.reduce_mean((outputs[1] * outputs[0] @ kernel + bias - Y) ** 2)

    assert_total(snapshot, loss, {"rnn[0]": ("0",), "rnn[1]": ("1",)})
    assert snapshot.loss == pytest.approx(model.train_on_batch(X, Y), rel=1e-12)
    assert_an_sgd_step(model, snapshot, ["rnn/kernel", "rnn/recurrent"], before)


class Clipped(Own):
    """A cell that clips its own trainable kernel before each use."""

    def call(self, x: Any, states: Any) -> Any:
        self.kernel.assign(tf.clip_by_value(tf.convert_to_tensor(self.kernel), -0.3, 0.3))
        h = next_state(self, x, states[0])
        return h, [h]

    def by_hand(self) -> Any:
        def step(w: Any, x: Any, states: Any, tap: Any) -> Any:
            clipped = {**w, "kernel": tf.clip_by_value(w["kernel"], -0.3, 0.3)}
            h = tap("", next_state(clipped, x, states[0]))
            return h, [h]

        return step


@pytest.mark.parametrize("form", FORMS)
def test_a_cell_that_assigns_its_own_kernel(form: str) -> None:
    model = model_of(Clipped(), **FORMS[form])
    cell = model.layers[0].cell
    before = model.get_weights()
    words = ["hidden_gradient", "weight_gradient"]
    snapshot = GradientEngine(model).compute(X, Y, quantities=words, training=True)
    np.testing.assert_array_equal(cell.kernel.numpy(), before[0])
    assert np.abs(before[0]).max() > 0.3
    assert_total(snapshot, loss_by_hand(model, [cell.by_hand()], X, Y), {"rnn": ("",)})
    assert snapshot.loss == pytest.approx(model.train_on_batch(X, Y), rel=1e-12)
    step = np.clip(before[0], -0.3, 0.3) - cell.kernel.numpy()
    assert_close(snapshot["rnn/kernel", "weight_gradient"].values, step, 1e-10)
