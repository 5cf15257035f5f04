"""Losses of one value for each sample, or each timestep: what ``fit`` does with them.

It descends by the gradient of their sum, and reports their mean.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from keras import layers, ops

from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine.own_cells import assert_close
from tests.unit.engine.unroll import Watcher, run_layer

pytestmark = pytest.mark.usefixtures("float64", "unoptimised")

RNG = np.random.default_rng(21)
B, T, F = 3, 4, 2
X = RNG.normal(size=(B, T, F))
Y = RNG.normal(size=(B, T, 2))
WEIGHTS = {"none": RNG.uniform(0.5, 2.0, (B, T)), "none of samples": np.array([0.5, 2.0, 1.0])}
WORDS = ["output_gradient", "hidden_gradient", "weight_gradient", "input_gradient"]


def each_sample(y: Any, predicted: Any) -> Any:
    return ops.mean((y - predicted) ** 2, axis=(1, 2))


class EachSample(keras.losses.Loss):
    """Has one value for each sample."""

    def call(self, y: Any, predicted: Any) -> Any:
        return each_sample(y, predicted)


class OwnLoss(keras.Model):
    """Computes one value for each sample."""

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any
    ) -> Any:
        del x
        return each_sample(y, y_pred)


class OwnLossOfTimesteps(keras.Model):
    """Computes one value for each timestep of each sample, and what layers add."""

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any
    ) -> Any:
        del x
        return ops.mean((y - y_pred) ** 2, axis=-1) + sum(self.losses)


# name: the model's class, its loss, and the values of it by hand, of which the sum is minimised
CASES: dict[str, Any] = {
    "none": (
        *(keras.Model, keras.losses.MeanSquaredError),
        lambda errors, _: errors,
    ),
    "none of samples": (
        *(keras.Model, EachSample),
        lambda errors, _: tf.reduce_mean(errors, -1),
    ),
    "own": (OwnLoss, None, lambda errors, _: tf.reduce_mean(errors, -1)),
    "own of timesteps": (OwnLossOfTimesteps, None, lambda errors, penalty: errors + penalty),
}


def model_of(name: str, eagerly: bool) -> tuple[Any, Any, Any]:
    cls, loss, _ = CASES[name]
    penalty = keras.regularizers.L2(0.25) if "timesteps" in name else None
    inputs = keras.Input((T, F))
    rnn = layers.LSTM(3, return_sequences=True, name="rnn", kernel_regularizer=penalty)
    head = layers.Dense(2)
    model = cls(inputs, head(rnn(inputs)))
    made = None if loss is None else loss(reduction="none")
    model.compile(keras.optimizers.SGD(1.0), made, run_eagerly=eagerly)
    return model, rnn, head


@pytest.mark.one_case_in(6)
@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize(
    ("name", "weighted"),
    [*((name, False) for name in CASES), *((name, True) for name in WEIGHTS)],
)
def test_gradients_are_those_of_the_sum(name: str, weighted: bool, eagerly: bool) -> None:
    model, rnn, head = model_of(name, eagerly)
    weight = {"sample_weight": WEIGHTS[name]} if weighted else {}
    before = [np.asarray(w) for w in rnn.trainable_weights]
    snapshot = GradientEngine(model).compute(X, Y, quantities=WORDS, training=True, **weight)
    kernel, bias = (tf.constant(np.asarray(w)) for w in head.weights)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        watcher = Watcher(tape)
        hidden, _ = run_layer(rnn, tf.constant(X), None, watcher)
        scale = WEIGHTS[name].reshape(B, -1) if weighted else 1.0
        errors = tf.reduce_mean((hidden @ kernel + bias - Y) ** 2, -1) * scale
        # The kernel that the tape watches is the one that the regulariser is of.
        penalty = 0.25 * tf.reduce_sum(watcher.seen["kernel"][0] ** 2)
        values = CASES[name][2](errors, penalty)
        total = tf.reduce_sum(values)
    assert snapshot.loss == pytest.approx(float(tf.reduce_mean(values)), rel=1e-12)
    seen = {
        "output": watcher.seen["output"][0],
        **{f"{name}{t}": watcher.seen[name][t] for name in ("hidden", "input") for t in range(T)},
    }
    found = tape.gradient(total, seen)
    assert_close(snapshot["rnn", "output_gradient"].values, found["output"].numpy())
    for quantity, key in (("hidden_gradient", "hidden"), ("input_gradient", "input")):
        expected = np.stack([found[f"{key}{t}"] for t in range(T)], 1)
        assert_close(snapshot["rnn", quantity].values, expected)
    assert snapshot.loss == pytest.approx(model.evaluate(X, Y, verbose=0, **weight), rel=1e-6)
    history = model.fit(X, Y, batch_size=B, verbose=0, **weight).history
    assert snapshot.loss == pytest.approx(history["loss"][0], rel=1e-6)
    for variable, then in zip(rnn.trainable_weights, before, strict=True):
        step = then - variable.numpy()
        assert_close(snapshot[f"rnn/{variable.name}", "weight_gradient"].values, step, 1e-10)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_whatever_the_batch_size(size: int) -> None:
    model, *_ = model_of("none", eagerly=False)
    engine = GradientEngine(model)
    engine.compute(X, Y)
    x, y = RNG.normal(size=(2, size, T, F))
    snapshot = engine.compute(x, y)
    with tf.GradientTape() as tape:
        hidden = model.get_layer("rnn")(x)
        tape.watch(hidden)
        total = tf.reduce_sum((model.layers[-1](hidden) - y) ** 2) / 2
    assert_close(snapshot["rnn", "output_gradient"].values, tape.gradient(total, hidden).numpy())
    assert snapshot.loss == pytest.approx(float(total) / (size * T), rel=1e-12)


def test_a_loss_of_the_caller_with_a_value_for_each_sample() -> None:
    model, rnn, head = model_of("none", eagerly=False)

    def by_sample(model: Any, x: Any, y: Any, sample_weight: Any, training: bool) -> Any:
        del sample_weight
        return tf.reduce_sum((model(x, training=training) - y) ** 2, [1, 2])

    snapshot = GradientEngine(model).compute(X, Y, loss=by_sample)
    with tf.GradientTape() as tape:
        hidden = rnn(X)
        tape.watch(hidden)
        values = tf.reduce_sum((head(hidden) - Y) ** 2, [1, 2])
    assert snapshot.loss == pytest.approx(float(tf.reduce_mean(values)), rel=1e-12)
    assert_close(snapshot["rnn", "output_gradient"].values, tape.gradient(values, hidden).numpy())


@pytest.mark.parametrize("eagerly", [False, True])
def test_keras_2_does_the_same(eagerly: bool) -> None:
    x, y = X.astype("float32"), Y.astype("float32")
    model = tf_keras.Sequential(
        [
            tf_keras.Input((T, F)),
            tf_keras.layers.LSTM(3, return_sequences=True, name="rnn"),
            tf_keras.layers.Dense(2),
        ]
    )
    loss = tf_keras.losses.MeanSquaredError(reduction="none")
    model.compile(tf_keras.optimizers.SGD(1.0), loss, run_eagerly=eagerly)
    weights = model.get_layer("rnn").weights
    before = [np.asarray(w) for w in weights]
    snapshot = GradientEngine(model).compute(x, y, quantities="weight_gradient", training=True)
    assert snapshot.loss == pytest.approx(model.train_on_batch(x, y), rel=1e-5)
    for variable, then in zip(weights, before, strict=True):
        name = variable.name.split("/")[-1].split(":")[0]
        found = snapshot[f"rnn/{name}", "weight_gradient"].values
        assert_close(found, then - np.asarray(variable), 1e-4)
