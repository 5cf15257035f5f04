"""The loss that is differentiated is held against that of the model as it is, once a trace."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from keras import layers

from rnngrad_widgets.engine import GradientEngine
from rnngrad_widgets.engine.loss.loss_function import LossFunction
from rnngrad_widgets.engine.tracing.rnn_loop import LoopTap

pytestmark = pytest.mark.usefixtures("unoptimised")

RNG = np.random.default_rng(31)
X = RNG.normal(size=(3, 5, 2)).astype("float32")
Y = RNG.normal(size=(3, 1)).astype("float32")
MESSAGE = (
    r"^the loss that is differentiated must be the model's own, \d\.\d+; with hidden_gradient it "
    r"is \d\.\d+, so no gradient is returned; ask for another quantity, and please report this "
    r"model$"
)


def model_of(*more: Any, library: Any = keras, **settings: Any) -> Any:
    rnn = library.layers.LSTM(3, name="rnn")
    stack = [library.Input((5, 2)), rnn, *more, library.layers.Dense(1)]
    model = library.Sequential(stack)
    model.compile("sgd", "mse", **settings)
    return model


@pytest.fixture
def wrong_loop(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the engine's loop return a little more than the layer's own."""

    def wrong(by: float) -> None:
        own = LoopTap.inner_loop

        def inner_loop(self: Any, *args: Any, **kwargs: Any) -> Any:
            last, outputs, states = own(self, *args, **kwargs)
            return last * (1.0 + by), outputs, states

        monkeypatch.setattr(LoopTap, "inner_loop", inner_loop)

    return wrong


@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize("library", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_another_loss_than_the_models_is_an_error(
    library: Any, eagerly: bool, wrong_loop: Any
) -> None:
    model = model_of(library=library, run_eagerly=eagerly)
    engine = GradientEngine(model)
    expected = engine.compute(X, Y, quantities="output_gradient")
    wrong_loop(0.01)
    for x, y in ((X, Y), (X, Y), (X[:2], Y[:2])):  # never an answer, however often one asks
        with pytest.raises(RuntimeError, match=MESSAGE):
            engine.compute(x, y, quantities="hidden_gradient")
    again = engine.compute(X, Y, quantities="output_gradient")
    assert again.loss == expected.loss


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("eagerly", [False, True])
def test_in_double_precision_a_millionth_is_too_much(eagerly: bool, wrong_loop: Any) -> None:
    model = model_of(run_eagerly=eagerly)
    wrong_loop(1e-6)
    with pytest.raises(RuntimeError, match=MESSAGE):
        GradientEngine(model).compute(X, Y, quantities="hidden_gradient")


def test_with_dropout_the_seeds_are_the_same(wrong_loop: Any) -> None:
    model = model_of(layers.Dropout(0.5), layers.GaussianNoise(0.3))
    engine = GradientEngine(model)
    engine.compute(X, Y, quantities="hidden_state", training=True)
    wrong_loop(0.01)
    with pytest.raises(RuntimeError, match=MESSAGE):
        engine.compute(X, Y, quantities="hidden_gradient", training=True)


class Noise(layers.Layer):
    """Draws anew in each call, from what no seed of Keras holds."""

    def call(self, h: Any) -> Any:
        return h + tf.random.normal(tf.shape(h))


@pytest.mark.parametrize("eagerly", [False, True])
def test_a_model_that_is_random_is_computed(eagerly: bool) -> None:
    model = model_of(Noise(), run_eagerly=eagerly)
    engine = GradientEngine(model)
    words = ["hidden_gradient", "output_gradient"]
    losses = {engine.compute(X, Y, quantities=words).loss for _ in range(3)}
    assert len(losses) == 3


@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_no_number_is_its_own_equal(value: float, eagerly: bool) -> None:
    model = model_of(run_eagerly=eagerly)
    y = Y.copy()
    y[0] = value
    loss = GradientEngine(model).compute(X, y, quantities="hidden_gradient").loss
    np.testing.assert_equal(loss, value)


def test_it_costs_one_pass_for_each_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name in ("__init__", "__call__"):
        own = getattr(LossFunction, name)

        def counted(self: Any, *args: Any, own: Any = own, name: str = name, **kwargs: Any) -> Any:
            calls.append(name)
            return own(self, *args, **kwargs)

        monkeypatch.setattr(LossFunction, name, counted)
    engine = GradientEngine(model_of())
    for size in (3, 2, 3):
        engine.compute(X[:size], Y[:size], quantities="hidden_gradient")
    assert calls == ["__init__", "__call__"]
    engine.compute(X, Y, quantities="output_gradient")
    assert calls == ["__init__", "__call__", "__call__"]
