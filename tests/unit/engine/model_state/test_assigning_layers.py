"""Layers that assign a variable and read it again: there is no derivative by what was assigned."""

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
    SAMPLES,
    TIMESTEPS,
    assert_close,
)

pytestmark = pytest.mark.usefixtures("float64", "unoptimised")

RNG = np.random.default_rng(8)
X = RNG.normal(size=(SAMPLES, TIMESTEPS, FEATURES))
Y = RNG.normal(size=(SAMPLES, TIMESTEPS, 1))


class Remembering(layers.Layer):
    """Keeps what it was given in a variable and adds it to what it gets next."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = tf.Variable(np.zeros((SAMPLES, 3)), trainable=False)

    def call(self, h: Any) -> Any:
        self.kept.assign(h)
        return tf.sin(h) * self.kept.read_value()


class Rescaling(layers.Layer):
    """Divides its own trainable kernel by its norm in training, then uses it."""

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 3), name="scaled")

    def call(self, h: Any, training: Any = False) -> Any:
        if training:
            self.kernel.assign(self.kernel / tf.norm(tf.convert_to_tensor(self.kernel)))
        return tf.matmul(h, self.kernel)


class Moving(layers.Layer):
    """Subtracts a mean that it has just moved by the batch."""

    def build(self, shape: Any) -> None:
        zeros = {"initializer": "zeros", "trainable": False}
        self.mean = self.add_weight(shape=(shape[-1],), name="mean", **zeros)

    def call(self, h: Any) -> Any:
        self.mean.assign(0.9 * self.mean + 0.1 * tf.reduce_mean(h, 0))
        return h - self.mean


@pytest.mark.one_case_in(3)
@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize(
    "made",
    [
        Remembering,
        Rescaling,
        Moving,
        lambda: layers.SpectralNormalization(layers.Dense(3)),
        lambda: layers.SpectralNormalization(layers.Dense(3), power_iterations=2),
    ],
)
def test_what_a_layer_assigns_and_reads_again(made: Any, eagerly: bool) -> None:
    assigning = made()
    gru, head = layers.GRU(3, name="gru"), layers.Dense(1)
    model = keras.Sequential([keras.Input((TIMESTEPS, FEATURES)), gru, assigning, head])
    model.compile(keras.optimizers.SGD(1.0), "mse", run_eagerly=eagerly)
    y = Y[:, 0]
    before = model.get_weights()
    words = ["output_gradient", "weight_gradient", "hidden_gradient"]
    snapshot = GradientEngine(model).compute(X, y, quantities=words, training=True)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    with tf.GradientTape() as tape:
        hidden = gru(X)
        tape.watch(hidden)
        loss = tf.reduce_mean((head(assigning(hidden, **_training(assigning))) - y) ** 2)
    direct = tape.gradient(loss, hidden)
    model.set_weights(before)
    assert snapshot.loss == pytest.approx(float(loss), rel=1e-12)
    assert_close(snapshot["gru", "output_gradient"].values, direct.numpy())
    assert_close(snapshot["gru", "hidden_gradient"].values[:, -1], direct.numpy())
    assert snapshot.loss == pytest.approx(model.train_on_batch(X, y), rel=1e-12)
    for weight, then in zip(gru.trainable_weights, before, strict=False):
        found = snapshot[f"gru/{weight.name}", "weight_gradient"].values
        assert_close(found, then - weight.numpy(), 1e-10)


def _training(layer: Any) -> dict[str, bool]:
    return {} if isinstance(layer, (Remembering, Moving)) else {"training": True}
