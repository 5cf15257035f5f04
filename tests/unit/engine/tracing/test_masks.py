"""Masks with an axis of channels, which Keras accepts: the tensor's mask is of timesteps."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine.eager import state_gradients

pytestmark = pytest.mark.usefixtures("float64", "unoptimised")

B, T, F, UNITS = 2, 5, 2, 3
RNG = np.random.default_rng(21)
X, Y = RNG.normal(size=(B, T, F)), RNG.normal(size=(B, 1))
MASK = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 0, 1]], bool)
BY_CHANNEL = RNG.random((B, T, UNITS)) > 0.5
BY_CHANNEL[~MASK] = False
BY_CHANNEL[..., 0] |= MASK & ~BY_CHANNEL.any(-1)

LAYERS: dict[str, Any] = {
    "lstm": lambda: layers.LSTM(UNITS, return_sequences=True, name="rnn"),
    "backwards": lambda: layers.GRU(
        UNITS, return_sequences=True, go_backwards=True, zero_output_for_mask=True, name="rnn"
    ),
    "bidirectional": lambda: layers.Bidirectional(
        layers.SimpleRNN(UNITS, return_sequences=True), name="rnn"
    ),
    "stack": lambda: layers.RNN(
        [layers.LSTMCell(UNITS), layers.GRUCell(UNITS)], return_sequences=True, name="rnn"
    ),
    "last": lambda: layers.LSTM(UNITS, name="rnn"),
}


def masked(rnn: Any, head: Any, shape: tuple[int, ...]) -> Any:
    inputs, mask = keras.Input((T, F)), keras.Input(shape, dtype="bool")
    hidden = rnn(inputs, mask=mask)
    hidden = hidden[:, -1] if len(hidden.shape) == 3 else hidden
    model = keras.Model([inputs, mask], head(hidden))
    model.compile("sgd", "mse")
    return model


@pytest.mark.one_case_in(6)
@pytest.mark.parametrize("name", LAYERS)
def test_a_mask_with_one_channel_is_the_mask_without(name: str) -> None:
    rnn, head = LAYERS[name](), layers.Dense(1)
    model, plain = masked(rnn, head, (T, 1)), masked(rnn, head, (T,))
    engine = GradientEngine(model)
    words = [w for w in engine.quantities("rnn") if w.endswith("gradient") or w == "output"]
    found = engine.compute([X, MASK[..., None]], Y, quantities=words)
    expected = GradientEngine(plain).compute([X, MASK], Y, quantities=words)
    assert list(found) == list(expected)
    assert found.loss == expected.loss
    for key, tensor in found.items():
        np.testing.assert_array_equal(tensor.values, expected[key].values)
        np.testing.assert_array_equal(tensor.mask, expected[key].mask)
        timed = "timestep" in tensor.dims
        assert (tensor.mask is not None) == timed
        if timed and key[1] in ("hidden_gradient", "input_gradient"):
            np.testing.assert_array_equal(tensor.mask, MASK)


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("name", ["lstm", "backwards"])
def test_a_mask_of_every_channel(name: str) -> None:
    rnn = LAYERS[name]()
    model = masked(rnn, layers.Dense(1), (T, UNITS))
    given = [X, BY_CHANNEL]
    assert (BY_CHANNEL.any(-1) & ~BY_CHANNEL.all(-1)).any()
    snapshot = GradientEngine(model).compute(given, Y, quantities=["hidden_gradient", "output"])
    tensor = snapshot["rnn", "hidden_gradient"]
    (expected,) = state_gradients(model, [rnn.cell], [*map(keras.ops.array, given)], Y)
    order = slice(None, None, -1) if name == "backwards" else slice(None)
    np.testing.assert_allclose(tensor.values[:, order], expected, rtol=1e-12, atol=1e-17)
    np.testing.assert_array_equal(tensor.mask, MASK)
    assert not tensor.values[~BY_CHANNEL].any()
    np.testing.assert_array_equal(snapshot["rnn", "output"].mask, MASK[:, order])
