"""`get_rnn_gradients`: the engine in one line."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from rnngrad_widgets.engine import GradientEngine
from rnngrad_widgets.functions import get_rnn_gradients

pytestmark = pytest.mark.usefixtures("unoptimised")

X = np.random.default_rng(2).normal(size=(4, 6, 3)).astype("float32")
Y = np.ones((4, 2), "float32")


@pytest.fixture(scope="module")
def model() -> Any:
    model = keras.Sequential(
        [
            keras.Input((6, 3)),
            layers.GRU(4, return_sequences=True, name="one"),
            layers.LSTM(5, name="two"),
            layers.Dense(2, name="head"),
        ]
    )
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize(
    ("how", "path"),
    [({"layer_idx": 0}, "one"), ({"layer_name": "two"}, "two"), ({"layer": 1}, "two")],
)
def test_the_same_numbers_as_the_engine(model: Any, how: dict[str, Any], path: str) -> None:
    weight = np.array([1.0, 2.0, 0.0, 3.0])
    found = get_rnn_gradients(model, X, Y, **how, sample_weight=weight)
    snapshot = GradientEngine(model).compute(X, Y, path, sample_weight=weight)
    np.testing.assert_array_equal(found, snapshot[path, "output_gradient"].values)
    assert isinstance(found, np.ndarray)
    assert found.flags.writeable


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({}, "choose a layer with layer=; the model has 2 recurrent layers: 'one', 'two'"),
        ({"layer_idx": 0, "layer_name": "one"}, "at most one of layer_idx, layer_name, layer may"),
        ({"layer_idx": 2}, r"layer 'head' \(2\) is not recurrent; recurrent layers: 'one' \(0\)"),
        ({"layer": "one", "quantity": "gradients"}, "received 'gradients'"),
    ],
)
def test_wrong_input(model: Any, how: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        get_rnn_gradients(model, X, Y, **how)


def test_a_layer_that_is_called_twice() -> None:
    shared, inputs = layers.GRU(3, name="rnn"), keras.Input((6, 3))
    model = keras.Model(inputs, layers.Add()([shared(inputs), shared(-inputs)]))
    model.compile("sgd", "mse")
    message = r"it is called 2 times: 'rnn\[0\]', 'rnn\[1\]'; take one of them from"
    with pytest.raises(ValueError, match=message):
        get_rnn_gradients(model, X, np.ones((4, 3)))
