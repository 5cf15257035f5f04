"""The model is never changed: training with the engine in between is bit-identical."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from tensorflow.python.eager import context

from rnngrad_widgets.engine import GradientEngine

pytestmark = pytest.mark.usefixtures("unoptimised")

RNG = np.random.default_rng(1)
X = RNG.normal(size=(8, 6, 3)).astype("float32")
Y = RNG.normal(size=(8, 2)).astype("float32")


EVERYTHING = (
    "output_gradient",
    "hidden_gradient",
    "gate_gradient",
    "weight_gradient",
    "hidden_state",
)


class Fragile(layers.Layer):
    """Raise while it is called, when told to."""

    error: BaseException | None = None

    def call(self, h: Any) -> Any:
        if self.error is not None:
            raise self.error
        return h


def compiled(*stack: Any) -> Any:
    model = keras.Sequential(stack)
    model.compile("adam", "mse", metrics=["mae"])
    return model


def lively() -> Any:
    """Make a model with everything that changes during a forward pass."""
    keras.utils.set_random_seed(11)
    return compiled(
        keras.Input(batch_shape=(4, 6, 3)),
        layers.GaussianNoise(0.1),
        layers.Bidirectional(layers.GRU(3, dropout=0.3, return_sequences=True)),
        layers.BatchNormalization(),
        layers.Dropout(0.2),
        layers.SimpleRNN(3, stateful=True, activity_regularizer="l2", name="last"),
        layers.Dense(2, kernel_regularizer="l2"),
    )


def fragile() -> Any:
    """Make a model that can fail after its recurrent layer kept dropout masks on its cell."""
    keras.utils.set_random_seed(11)
    return compiled(
        keras.Input((6, 3)),
        layers.LSTM(3, dropout=0.2, recurrent_dropout=0.2, name="rnn"),
        Fragile(name="fragile"),
        layers.BatchNormalization(),
        layers.Dense(2),
    )


def everything(model: Any) -> list[np.ndarray]:
    kept = [*model.variables, *model.optimizer.variables]
    kept += [v for metric in model.metrics for v in metric.variables]
    return [variable.numpy() for variable in kept]


def attributes(model: Any) -> list[set[Any]]:
    """Names of what is on each layer, and the ids of the losses that it says it added."""
    return [{*layer.__dict__, *layer._loss_ids} for layer in model._flatten_layers()]


class Looking(keras.callbacks.Callback):
    def __init__(self, engine: GradientEngine) -> None:
        super().__init__()
        self.engine = engine
        self.losses: list[float | None] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras names them
        for training in (True, False):
            snapshot = self.engine.compute(X[:4], Y[:4], None, EVERYTHING, training=training)
            self.losses.append(snapshot.loss)


def test_training_with_the_engine_in_between_is_bit_identical() -> None:
    def train(model: Any, *callbacks: Any) -> Any:
        return model.fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=list(callbacks))

    watched, alone = lively(), lively()
    look = Looking(GradientEngine(watched))
    assert train(watched, look).history == train(alone).history
    assert len(look.losses) == len(set(look.losses)) == 8
    for ours, theirs in zip(everything(watched), everything(alone), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_nothing_is_left_on_the_layers_or_drawn_from_global_generators() -> None:
    model = lively()
    before = attributes(model), random.getstate(), str(np.random.get_state())  # noqa: NPY002
    GradientEngine(model).compute(X[:4], Y[:4], training=True)
    after = attributes(model), random.getstate(), str(np.random.get_state())  # noqa: NPY002
    assert before == after


def fitted(model: Any) -> Any:
    return model.fit(X, Y, epochs=2, verbose=0).history


@cache
def never_failed() -> tuple[float | None, Any]:
    """Return the loss and the history of the model, left alone."""
    alone = fragile()
    return GradientEngine(alone).compute(X, Y).loss, fitted(alone)


@pytest.mark.one_case_in(6)
@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize(
    ("error", "expected"),
    [(KeyboardInterrupt(), KeyboardInterrupt), (ZeroDivisionError("oops"), ValueError)],
)
def test_a_failed_call_leaves_the_model_as_it_was(
    error: BaseException, expected: type[BaseException], eagerly: bool
) -> None:
    model = fragile()
    model.run_eagerly = eagerly
    before = everything(model), attributes(model)
    engine = GradientEngine(model)
    model.get_layer("fragile").error = error
    with pytest.raises(expected):
        engine.compute(X, Y, training=True)
    model.get_layer("fragile").error = None
    for now, then in zip(everything(model), before[0], strict=True):
        np.testing.assert_array_equal(now, then)
    assert [now - then for now, then in zip(attributes(model), before[1], strict=True)] == [
        {"error"} if layer.name == "fragile" else set() for layer in model._flatten_layers()
    ]
    model.run_eagerly = False
    assert (engine.compute(X, Y).loss, fitted(model)) == never_failed()


class Assigning(layers.Layer):
    """Change what Keras does not keep: plain variables and a random generator."""

    def __init__(self) -> None:
        super().__init__()
        self.count = tf.Variable(0.0, trainable=False)
        self.held = {"more": [tf.Variable([1.0, 2.0])]}
        self.random = tf.random.Generator.from_seed(1)

    def call(self, h: Any) -> Any:
        self.count.assign_add(1.0)
        self.held["more"][0].scatter_update(tf.IndexedSlices([5.0], [1]))
        drawn = self.random.normal(tf.shape(h)) + tf.random.normal(tf.shape(h))
        return h + self.count + 0.1 * drawn


@pytest.mark.parametrize("eagerly", [False, True])
def test_what_keras_does_not_keep_is_put_back(eagerly: bool) -> None:
    def now() -> list[Any]:
        plain = [layer.count, *layer.held["more"], layer.random.state]
        # Eager operations draw their seeds from one generator.
        return [*(value.numpy().tolist() for value in plain), context.context()._rng.getstate()]

    layer = Assigning()
    keras.utils.set_random_seed(2)
    model = compiled(keras.Input((6, 3)), layers.GRU(2, name="rnn"), layer, layers.Dense(2))
    model.run_eagerly = eagerly
    engine, before = GradientEngine(model), now()
    for _ in range(2):
        engine.compute(X, Y, training=True)
        assert now() == before
    layer.random = None  # the call fails after it assigned
    with pytest.raises(ValueError, match="could not be computed"):
        GradientEngine(model).compute(X[:4], Y[:4], quantities="hidden_gradient")
    assert [layer.count.numpy(), *layer.held["more"][0].numpy()] == [0.0, 1.0, 2.0]


def test_a_layer_whose_call_was_replaced_keeps_its_replacement() -> None:
    model = fragile()
    layer = model.get_layer("rnn")
    own = layer.call
    layer.__dict__["call"] = replacement = lambda *args, **kwargs: 2 * own(*args, **kwargs)
    GradientEngine(model).compute(X, Y)
    assert layer.__dict__["call"] is replacement
