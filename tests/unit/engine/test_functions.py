"""`get_rnn_gradients`: the engine in one line."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from rnngrad_widgets.engine import GradientEngine
from rnngrad_widgets.engine.functions import get_rnn_gradients

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


@pytest.mark.one_case_in(2)
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
    y = np.ones((4, 3))
    message = (
        r"'rnn' must have one output_gradient; it has 2, one for each call: 'rnn\[0\]', 'rnn\[1\]';"
        r" .*: GradientEngine\(model\)\.compute\(\.\.\.\)\['rnn\[0\]', 'output_gradient'\]"
    )
    with pytest.raises(ValueError, match=message):
        get_rnn_gradients(model, X, y)
    assert GradientEngine(model).compute(X, y)["rnn[0]", "output_gradient"].shape == (4, 3)


def test_cells_of_a_stack() -> None:
    stack = layers.RNN([layers.GRUCell(2), layers.GRUCell(3)], name="rnn")
    model = keras.Sequential([keras.Input((6, 3)), stack])
    model.compile("sgd", "mse")
    y = np.ones((4, 3))
    with pytest.raises(ValueError, match=r"it has 2, one for each cell or state: 'rnn/0', 'rnn/1'"):
        get_rnn_gradients(model, X, y, quantity="hidden_gradient")
    found = get_rnn_gradients(model, X, y, quantity="weight_gradient")
    names = [f"{i}/{name}" for i in "01" for name in ("kernel", "recurrent_kernel", "bias")]
    assert list(found) == names


@pytest.mark.parametrize("quantity", ["weight_gradient", "weight"])
def test_weights_are_a_dict(model: Any, quantity: Any) -> None:
    found = get_rnn_gradients(model, X, Y, layer="two", quantity=quantity)
    snapshot = GradientEngine(model).compute(X, Y, "two", quantity)
    assert list(found) == ["kernel", "recurrent_kernel", "bias"]
    for name, array in found.items():
        assert type(array) is np.ndarray
        np.testing.assert_array_equal(array, snapshot[f"two/{name}", quantity].values)


def test_the_options_of_the_loss(model: Any) -> None:
    y = np.eye(2, dtype="float32")[[0, 1, 1, 0]]
    data = tf.data.Dataset.from_tensor_slices((X, y)).batch(2).repeat()
    found = get_rnn_gradients(
        model, data, layer="one", class_weight={0: 2.0, 1: 0.5}, steps=1, loss="mae"
    )
    model.compile("sgd", "mae")
    expected = get_rnn_gradients(
        model, X[:2], y[:2], layer="one", sample_weight=np.array([2.0, 0.5])
    )
    model.compile("sgd", "mse")
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert np.abs(found).max() > 0


def test_values_of_a_model_that_is_not_compiled() -> None:
    model = keras.Sequential([keras.Input((6, 3)), layers.GRU(4)])
    np.testing.assert_allclose(
        get_rnn_gradients(model, X, quantity="output"), model(X).numpy(), rtol=1e-6
    )


def test_a_model_without_a_recurrent_layer() -> None:
    model = keras.Sequential([keras.Input((6, 3)), layers.Dense(4)])
    model.compile("sgd", "mse")
    kinds = "LSTM, GRU, SimpleRNN, RNN, ConvLSTM, or one of yours made of them"
    way_out = r"GradientExplorer\.from_array shows gradients of other layers"
    told = rf"^the model must have a recurrent layer: {kinds}; it has none\. {way_out}$"
    with pytest.raises(ValueError, match=told):
        get_rnn_gradients(model, X, np.ones((4, 6, 4)))
