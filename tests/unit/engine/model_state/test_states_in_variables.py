"""States that a layer keeps in variables between two calls cut the derivative there."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine.own_cells import (
    FEATURES,
    FORMS,
    SAMPLES,
    TIMESTEPS,
    assert_close,
    derivatives,
    own_name,
    weights_by_name,
)
from tests.unit.engine.unroll import lstm_step

pytestmark = pytest.mark.usefixtures("float64", "unoptimised")

RNG = np.random.default_rng(8)
X = RNG.normal(size=(SAMPLES, TIMESTEPS, FEATURES))
Y = RNG.normal(size=(SAMPLES, TIMESTEPS, 1))


def chunked(library: Any, kind: str, *, unroll: bool = False, run_eagerly: bool = False) -> Any:
    """Make a model that sees its sequence in two chunks, and is judged by the second one."""

    class Chunked(library.Model):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            settings = {"return_sequences": True, "unroll": unroll}
            self.rnn = library.layers.LSTM(3, stateful=True, **settings)
            self.other = library.layers.LSTM(3, **settings)
            self.head = library.layers.Dense(1)

        def call(self, x: Any) -> Any:
            self.rnn(x[:, :3])
            if kind == "stateful":
                return self.head(self.rnn(x[:, 3:]))
            states = [tf.convert_to_tensor(state) for state in self.rnn.states]
            if kind == "states of the layer":
                return self.head(self.rnn(x[:, 3:], initial_state=states))
            return self.head(self.other(x[:, 3:], initial_state=states))

    model = Chunked()
    model(CHUNKS)
    model.rnn.reset_states() if library is tf_keras else model.rnn.reset_state()
    model.compile(library.optimizers.SGD(1.0), "mse", run_eagerly=run_eagerly)
    return model


CHUNKS = RNG.normal(size=(SAMPLES, 6, FEATURES))
LAST = RNG.normal(size=(SAMPLES, 3, 1))


@pytest.fixture
def float64_of_keras_2() -> Any:
    before = tf_keras.backend.floatx()
    tf_keras.backend.set_floatx("float64")
    yield
    tf_keras.backend.set_floatx(before)


@pytest.mark.one_case_in(6)
@pytest.mark.usefixtures("float64_of_keras_2")
@pytest.mark.parametrize("form", ["loop", "unrolled", "eager"])
@pytest.mark.parametrize(
    ("library", "kind"),
    [
        (keras, "stateful"),
        (keras, "states of the layer"),
        (keras, "states for another layer"),
        (tf_keras, "stateful"),
    ],
)
def test_states_kept_in_variables_cut_the_derivative(library: Any, kind: str, form: str) -> None:
    """Truncated backpropagation through time: nothing reaches the first chunk."""
    model = chunked(library, kind, **FORMS[form])

    def kept() -> list[np.ndarray]:
        # Keras 3 does not count the states of a layer among its variables.
        return [np.asarray(variable) for variable in [*model.variables, *model.rnn.states]]

    before = kept()
    engine = GradientEngine(model)
    path = "other" if kind == "states for another layer" else "rnn"
    words = ["input_gradient", "hidden_gradient", "weight_gradient"]
    with pytest.warns(UserWarning, match="the loss does not depend on the .* of layer 'rnn"):
        snapshot = engine.compute(CHUNKS, LAST, quantities=words, training=True)
    for now, then in zip(kept(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    first, second = ("rnn", "other") if path == "other" else ("rnn[0]", "rnn[1]")
    assert (first, "input_gradient") not in snapshot
    assert (first, "hidden_gradient") not in snapshot
    loss, expected = second_chunk_by_hand(model, getattr(model, path))
    assert snapshot.loss == pytest.approx(loss, rel=1e-12)
    assert_close(snapshot[second, "hidden_gradient"].values, expected["hidden"])
    assert_close(snapshot[second, "input_gradient"].values, expected["input"])
    with warnings.catch_warnings():
        # Training warns too: the weights of the first of two layers have no gradient.
        warnings.filterwarnings("ignore", "Gradients do not exist", UserWarning)
        trained = model.train_on_batch(CHUNKS, LAST)
    assert snapshot.loss == pytest.approx(float(np.ravel(trained)[0]), rel=1e-12)
    for variable, then in zip(model.variables, before, strict=False):
        owner = getattr(model, path)
        if any(variable is weight for weight in owner.trainable_weights):
            found = snapshot[f"{path}/{own_name(variable)}", "weight_gradient"].values
            assert_close(found, then - np.asarray(variable), 1e-10)


def second_chunk_by_hand(model: Any, layer: Any) -> tuple[float, dict[str, np.ndarray]]:
    """Run both chunks by hand, from zeros, and differentiate by what is in the second."""
    first = weights_by_name(model.rnn.cell)
    states = [tf.zeros((SAMPLES, 3), "float64")] * 2
    for t in range(3):
        states = list(lstm_step(first, CHUNKS[:, t], states, lambda _, value: value))
    weights = weights_by_name(layer.cell)
    kernel, bias = (tf.constant(np.asarray(w)) for w in model.head.weights)

    def loss(tap: Any) -> Any:
        h, c = states
        outputs = []
        for t in range(3):
            x = tap("input", t, tf.constant(CHUNKS[:, 3 + t]))

            def named(name: str, value: Any, t: int = t) -> Any:
                return tap(name, t, value)

            h, c = lstm_step(weights, x, (h, c), named)
            outputs.append(h)
        return tf.reduce_mean((tf.stack(outputs, 1) @ kernel + bias - LAST) ** 2)

    return derivatives(loss)
