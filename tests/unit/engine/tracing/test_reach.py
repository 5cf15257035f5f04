"""The reach of each timestep of a loss, against other losses and by hand.

Against a hand-written unroll: `test_numbers.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from rnngrad_widgets.diagnosis.lag_profile import profiles_by_lag
from rnngrad_widgets.engine import GradientEngine

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rnngrad_widgets.data.tensor import GradientSnapshot

pytestmark = pytest.mark.usefixtures("float64", "unoptimised")

T = 5


def _of_direction(found: GradientSnapshot, key: str, layer: str) -> np.ndarray:
    """The hidden gradient of one direction, by the key of its reach."""
    parts = key.removeprefix(layer).strip("/").split("/")
    direction = next((part for part in parts if part in ("forward", "backward")), "")
    rest = [part for part in parts if part and part != direction]
    whole = found["/".join([layer, *rest]), "hidden_gradient"]
    if not direction:
        return whole.values
    half = whole.shape[-1] // 2
    return whole.values[..., :half] if direction == "forward" else whole.values[..., half:]


def _sequences(*middle: Any, head: Any = None, **compiled: Any) -> Any:
    model = keras.Sequential([keras.Input((T, 2)), *middle, head or layers.Dense(3)])
    model.compile(**{"optimizer": "sgd", "loss": "mse", **compiled})
    return model


def _probabilities(loss: str, activation: str) -> Any:
    head = layers.Dense(3, activation=activation)
    return _sequences(layers.LSTM(3, return_sequences=True, name="l"), head=head, loss=loss)


def _squared_mean(y: Any, predicted: Any) -> Any:
    """A loss that is no sum over timesteps."""
    return tf.reduce_mean(predicted * y) ** 2


MODELS: dict[str, Callable[[], Any]] = {
    "lstm": lambda: _sequences(layers.LSTM(3, return_sequences=True, name="l")),
    "softmax": lambda: _probabilities("categorical_crossentropy", "softmax"),
    "sigmoid": lambda: _probabilities("binary_crossentropy", "sigmoid"),
    "no sum": lambda: _sequences(
        layers.GRU(3, return_sequences=True, name="l"), loss=_squared_mean
    ),
    "stack": lambda: _sequences(
        layers.SimpleRNN(3, return_sequences=True, name="l"), layers.LSTM(2, return_sequences=True)
    ),
    "bidirectional": lambda: _sequences(
        layers.Bidirectional(layers.GRU(2, return_sequences=True), name="l")
    ),
    "cells": lambda: _sequences(
        layers.RNN([layers.GRUCell(3), layers.LSTMCell(2)], return_sequences=True, name="l")
    ),
    "mask": lambda: _sequences(layers.Masking(), layers.LSTM(3, return_sequences=True, name="l")),
    "strided": lambda: _sequences(
        layers.LSTM(3, return_sequences=True, name="l"), layers.AveragePooling1D(2)
    ),
    "backwards": lambda: _sequences(
        layers.GRU(3, return_sequences=True, go_backwards=True, name="l")
    ),
    "unrolled": lambda: _sequences(layers.LSTM(3, return_sequences=True, unroll=True, name="l")),
    "eager": lambda: _sequences(layers.LSTM(3, return_sequences=True, name="l"), run_eagerly=True),
}


EAGERLY = ("sigmoid", "no sum", "stack", "bidirectional", "cells", "backwards")
"""To trace all of them takes minutes."""


@pytest.mark.one_case_in(12)
@pytest.mark.parametrize("name", MODELS)
def test_by_the_loss_each_timestep_is_the_gradient_of_its_part(name: str) -> None:
    """The part: the inner product of the prediction with its gradient at this timestep."""
    keras.utils.set_random_seed(1)
    model = MODELS[name]()
    model.run_eagerly = model.run_eagerly or name in EAGERLY
    rng = np.random.default_rng(2)
    x = rng.normal(size=(4, T, 2))
    if name == "mask":
        x[1, 3:] = x[2, :2] = 0
    predicted = model(x)
    y = rng.uniform(size=predicted.shape)
    y /= y.sum(-1, keepdims=True)
    mask = getattr(predicted, "_keras_mask", None)
    predicted = tf.constant(predicted.numpy())  # without the logits that a loss would read
    if mask is not None:
        predicted._keras_mask = mask  # which a loss leaves out
    with tf.GradientTape() as tape:
        tape.watch(predicted)
        loss = model.compute_loss(x, y, predicted)
    gradient = tape.gradient(loss, predicted).numpy()
    steps = predicted.shape[1]
    seeds = tf.Variable(gradient)

    def part(model: Any, x: Any, *_: Any) -> Any:
        return tf.reduce_sum(model(x) * seeds)

    engine = GradientEngine(model)
    found = engine.compute(x, y, "l", "reach")
    assert found
    for timestep in range(steps):
        seeds.assign(gradient * np.eye(steps)[timestep][None, :, None])
        parts = engine.compute(x, None, "l", "hidden_gradient", loss=part)
        for (key, _), tensor in found.items():
            expected = np.linalg.norm(_of_direction(parts, key, "l"), axis=-1)
            assert tensor.loss_timesteps == tuple(range(steps))
            np.testing.assert_allclose(
                tensor.values[..., timestep], expected, rtol=1e-9, atol=1e-13
            )
            assert not tensor.values[..., -1].any()


def test_many_timesteps_are_carried_back_together() -> None:
    """A recurrence h = a h + x, with the loss sum(h): R[t, u] = a^(u - t), by hand."""
    count, a = 40, 0.9
    rnn = layers.SimpleRNN(1, activation="linear", use_bias=False, return_sequences=True, name="l")
    model = keras.Sequential([keras.Input((count, 1)), rnn])
    rnn.set_weights([np.ones((1, 1)), np.full((1, 1), a)])
    model.compile("sgd", lambda _, predicted: tf.reduce_sum(predicted))
    x = np.ones((50, count, 1))
    reach = GradientEngine(model).compute(x, x, "l", "reach", loss_timesteps=1)["l", "reach"]
    lag = np.arange(count) - np.arange(count)[:, None]
    expected = np.where(lag >= 0, a ** np.maximum(lag, 0), 0.0)
    np.testing.assert_allclose(reach.values[:, :, :-1], np.tile(expected, (50, 1, 1)), rtol=1e-12)
    spaced = GradientEngine(model).compute(x[:1], x[:1], "l", "reach")["l", "reach"]
    assert len(spaced.loss_timesteps) == 32
    np.testing.assert_array_equal(
        spaced.values[0, :, :-1], reach.values[0][:, list(spaced.loss_timesteps)]
    )


@pytest.mark.long
@pytest.mark.parametrize("kind", ["dropout", "batch_normalization", "stateful"])
def test_what_happens_in_training_happens_once(kind: str) -> None:
    keras.utils.set_random_seed(1)
    lstm = layers.LSTM(3, return_sequences=True, name="l", stateful=kind == "stateful")
    between = {"dropout": layers.Dropout(0.5), "batch_normalization": layers.BatchNormalization()}
    stack = [lstm, between[kind]] if kind in between else [lstm]
    first = keras.Input(batch_shape=(4, T, 2)) if kind == "stateful" else keras.Input((T, 2))
    model = keras.Sequential([first, *stack, layers.Dense(1)])
    model.compile("sgd", "mse")
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(4, T, 2)), rng.normal(size=(4, T, 1))
    if kind == "stateful":
        model.predict(x, verbose=0)
    weights = tf.Variable(np.zeros(T))

    def part(model: Any, x: Any, y: Any, _: Any, training: bool) -> Any:
        return tf.reduce_mean((model(x, training=training) - y) ** 2 * weights[:, None])

    before = [v.numpy() for v in model.variables]
    engine = GradientEngine(model)
    reach = engine.compute(x, y, "l", "reach", training=True)["l", "reach"]
    for timestep in range(T):
        weights.assign(np.eye(T)[timestep])
        parts = engine.compute(x, y, "l", "hidden_gradient", training=True, loss=part)
        expected = np.linalg.norm(parts["l", "hidden_gradient"].values, axis=-1)
        np.testing.assert_allclose(reach.values[..., timestep], expected, rtol=1e-9, atol=1e-13)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.long
def test_random_numbers_without_a_seed_are_drawn_once() -> None:
    model = keras.Sequential(
        [
            keras.Input((T, 1)),
            layers.SimpleRNN(1, activation="linear", return_sequences=True, name="l"),
            layers.Lambda(lambda h: h * tf.random.uniform([], 1.0, 2.0, dtype=h.dtype)),
        ]
    )
    model.compile("sgd", lambda _, predicted: tf.reduce_sum(predicted))
    x = np.ones((100, T, 1))  # more samples than for which all timesteps are carried back at once
    reach = GradientEngine(model).compute(x, x, "l", "reach", loss_timesteps=1)["l", "reach"]
    diagonal = np.einsum("stt->st", reach.values[:, :, :-1])
    assert np.ptp(diagonal) < 1e-12
    assert diagonal[0, 0] > 0


@pytest.mark.long
def test_the_rest_is_what_does_not_pass_through_the_prediction() -> None:
    keras.utils.set_random_seed(1)
    model = _sequences(
        layers.LSTM(
            3, return_sequences=True, name="l", activity_regularizer=keras.regularizers.L2(0.1)
        )
    )
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(4, T, 2)), rng.normal(size=(4, T, 3))

    def regularisation(model: Any, x: Any, *_: Any) -> Any:
        model(x)
        return tf.add_n(model.losses)

    engine = GradientEngine(model)
    expected = engine.compute(x, None, "l", "hidden_gradient", loss=regularisation)
    norm = np.linalg.norm(expected["l", "hidden_gradient"].values, axis=-1)
    assert norm.min() > 0
    for eagerly in (False, True):
        model.run_eagerly = eagerly
        reach = engine.compute(x, y, "l", "reach", loss_timesteps=[T - 1])["l", "reach"]
        np.testing.assert_allclose(reach.values[..., -1], norm, rtol=1e-9)
        assert reach.loss_timesteps == (T - 1,)


@pytest.mark.long
def test_without_an_axis_of_timesteps_it_is_by_the_output() -> None:
    model = keras.Sequential(
        [
            keras.Input((T, 2)),
            layers.GRU(3, return_sequences=True, name="l"),
            layers.GlobalAveragePooling1D(),
        ]
    )
    model.compile("sgd", "mse")
    x, y = np.ones((2, T, 2)), np.ones((2, 3))
    engine = GradientEngine(model)
    found = engine.compute(x, y, "l", "reach")
    expected = engine.compute(x, y, "l", "reach", by="output")["l", "reach"]
    np.testing.assert_array_equal(found["l", "reach"], expected)
    assert any("by the timesteps of the layer's output" in note for note in found.notes)
    with pytest.raises(ValueError, match=r"by='loss' .* no axis of timesteps.*by='output'"):
        engine.compute(x, y, "l", "reach", by="loss")


def test_of_the_last_output_each_direction_has_lags_from_its_own_end() -> None:
    """As far back as the gradient by the hidden state, which such a loss is the same as."""
    x = np.random.default_rng(3).normal(size=(3, 9, 2))
    x[0, 7:] = x[1, 2:] = x[2, :4] = 0.0
    model = keras.Sequential(
        [
            keras.Input((9, 2)),
            layers.Masking(),
            layers.Bidirectional(layers.GRU(3), name="l"),
            layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse", run_eagerly=True)  # to trace it takes seconds
    words = ["hidden_gradient", "reach"]
    found = GradientEngine(model).compute(x, np.ones((3, 1)), "l", words)
    whole = profiles_by_lag(found["l", "hidden_gradient"])
    for direction, timestep in (("forward", 8), ("backward", 0)):
        reach = found[f"l/{direction}", "reach"]
        assert reach.loss_timesteps == (timestep,)
        (profile,) = profiles_by_lag(reach).values()
        expected = whole[direction].norms / whole[direction].norms[:, :1]
        np.testing.assert_array_equal(profile.lengths, [7, 2, 5])
        np.testing.assert_allclose(profile.norms, expected, rtol=1e-10)


def test_a_loss_that_does_not_read_the_prediction_cannot_be_split_by_it() -> None:
    model = _sequences(layers.GRU(3, return_sequences=True, name="l"))
    engine = GradientEngine(model)

    def of_the_layer(model: Any, x: Any, *_: Any) -> Any:
        return tf.reduce_sum(model.layers[0](x) ** 2)

    with pytest.raises(ValueError, match=r"by='loss' .* calls the model 0 times.*by='output'"):
        engine.compute(np.ones((2, T, 2)), None, "l", "reach", loss=of_the_layer, by="loss")


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"by": "step"}, r"by must be 'loss', 'output' or None; received 'step'"),
        ({"loss_timesteps": [T]}, rf"0 to {T - 1}; received {T}"),
        ({"loss_timesteps": 0}, r"at least 1 .*; received 0"),
        (
            {"quantities": "output", "loss_timesteps": 2},
            r"loss_timesteps is for the quantity 'reach'; received loss_timesteps=2 with output",
        ),
        ({"quantities": "output", "by": "loss"}, r"by is for the quantity 'reach'"),
    ],
)
def test_wrong_wishes_are_refused(settings: dict[str, Any], message: str) -> None:
    engine = GradientEngine(_sequences(layers.GRU(3, return_sequences=True, name="l")))
    x, y = np.ones((2, T, 2)), np.ones((2, T, 3))
    with pytest.raises(ValueError, match=message):
        engine.compute(x, y, "l", **{"quantities": "reach", **settings})


def test_it_tells_how_far_it_is_and_can_be_interrupted() -> None:
    engine = GradientEngine(_sequences(layers.GRU(3, return_sequences=True, name="l")))
    x, y = np.ones((200, T, 2)), np.ones((200, T, 3))
    told: list[tuple[int, int]] = []
    whole = engine.compute(x, y, "l", "reach", progress=lambda *far: told.append(far))
    assert told == [(2, T), (4, T), (T, T)]

    def interrupt(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.compute(x, y, "l", "reach", progress=interrupt)
    again = engine.compute(x, y, "l", "reach")
    np.testing.assert_array_equal(again["l", "reach"], whole["l", "reach"])


@pytest.mark.long
def test_of_tf_keras_it_is_the_same() -> None:
    import tf_keras  # noqa: PLC0415 - takes seconds, and one test needs it

    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(4, T, 2)), rng.normal(size=(4, T, 3))
    found, weights = [], None
    for module in (keras, tf_keras):
        model = module.Sequential(
            [
                module.Input((T, 2), dtype="float64"),
                module.layers.LSTM(3, return_sequences=True, name="l", dtype="float64"),
                module.layers.Dense(3, dtype="float64"),
            ]
        )
        model.compile("sgd", "mse")
        if weights is not None:
            model.set_weights(weights)
        weights = model.get_weights()
        found.append(GradientEngine(model).compute(x, y, "l", "reach")["l", "reach"].values)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)


@pytest.mark.long
def test_dropout_of_tf_keras_is_drawn_once() -> None:
    import tf_keras  # noqa: PLC0415 - takes seconds, and one test needs it

    model = tf_keras.Sequential(
        [
            tf_keras.Input((T, 1)),
            tf_keras.layers.SimpleRNN(1, activation="linear", return_sequences=True, name="l"),
            tf_keras.layers.Dropout(0.5, noise_shape=(None, 1, 1)),
        ]
    )
    model.compile("sgd", lambda _, predicted: tf.reduce_sum(predicted))
    x = np.ones((200, T, 1))
    found = GradientEngine(model).compute(x, x, "l", "reach", training=True, loss_timesteps=1)
    diagonal = np.einsum("stt->st", found["l", "reach"].values[:, :, :-1])
    np.testing.assert_array_equal(diagonal.min(1), diagonal.max(1))  # kept or dropped at all
    assert set(np.unique(diagonal)) == {0.0, 2.0}


@pytest.mark.long
def test_in_half_precision_small_parts_are_scaled() -> None:
    keras.config.set_dtype_policy("mixed_float16")
    rnn = layers.SimpleRNN(1, activation="linear", use_bias=False, return_sequences=True, name="l")
    model = keras.Sequential([keras.Input((T, 1)), rnn])
    rnn.set_weights([np.ones((1, 1)), np.full((1, 1), 2.0**-6)])
    model.compile("sgd", lambda _, predicted: tf.reduce_sum(tf.cast(predicted, tf.float32)))
    x = np.ones((2, T, 1))
    reach = GradientEngine(model).compute(x, x, "l", "reach")["l", "reach"]
    # 2^-24 is the smallest number that is not zero in half precision
    np.testing.assert_array_equal(reach.values[0, :, T - 1], 2.0 ** (-6.0 * np.arange(T)[::-1]))
