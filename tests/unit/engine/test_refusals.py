"""Wrong input gets an error that states the rule, what was received, and the way out."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from rnngrad_widgets.engine import GradientEngine

pytestmark = pytest.mark.usefixtures("unoptimised")

X = np.ones((4, 6, 3), "float32")
Y = np.ones((4, 2), "float32")


def compiled(cls: Any = keras.Model) -> Any:
    inputs = keras.Input((6, 3))
    model = cls(inputs, layers.Dense(2)(layers.GRU(4, name="rnn")(inputs)))
    model.compile("sgd", "mse")
    return model


@pytest.fixture(scope="module")
def engine() -> GradientEngine:
    return GradientEngine(compiled())


RAGGED = tf.ragged.constant([[[1.0, 2, 3]], [[1.0, 2, 3], [4, 5, 6]]], ragged_rank=1)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (None, Y, "x must be an array, or a list or dict of arrays; received None"),
        (X.astype(object), Y, r"x must hold numbers.*object, with a float in it.*np\.asarray\(x, "),
        (X.astype(complex), Y, "x must hold numbers, booleans or text; received dtype complex128"),
        (X.astype(str), Y, "x must hold numbers, the model's input is float32; received text"),
        (tf.constant(X.astype(str)), Y, "x must hold numbers, the model's input is float32"),
        (X, Y.astype(object), r"y must hold numbers.*dtype object, with a float in it"),
        (X, Y.astype(str), r"could not be computed for x \(4, 6, 3\) and y \(4, 2\) of text"),
        (3.0, Y, r"x must have a samples axis first; received the scalar 3\.0"),
        (RAGGED, Y[:2], r"for x \(2, None, 3\) ragged \(.*pad it with \.to_tensor\(\)\) and y"),
        (X[:0], Y[:0], r"a batch must hold at least one sample; received x \(0, 6, 3\)"),
        (X, Y[:3], "must have the same number of samples; received 4 in x and 3 in y"),
        (X[:, :5], Y, r"built for, \(samples, 6, 3\); received \(4, 5, 3\)"),
        (X[..., :2], Y, r"built for, \(samples, 6, 3\); received \(4, 6, 2\)"),
        (X[0], Y[:1], r"\(samples, 6, 3\); received \(6, 3\); one sample is the batch x\[None\]"),
        (X[:, 0], Y, r"built for, \(samples, 6, 3\); received \(4, 3\)"),
        ([X, X], Y, "one array for each of the model's 1 inputs; received 2"),
        (X, np.ones((4, 5)), r"could not be computed for x \(4, 6, 3\) and y \(4, 5\): .*5"),
        (X, None, r"could not be computed for x \(4, 6, 3\) and y None.*hand it over, or"),
    ],
)
def test_arrays_that_do_not_fit(engine: GradientEngine, x: Any, y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        engine.compute(x, y)
    assert engine.compute(X, Y).loss is not None


def test_a_sample_weight_that_does_not_fit(engine: GradientEngine) -> None:
    with pytest.raises(ValueError, match="received 4 in x and 2 in sample_weight"):
        engine.compute(X, Y, sample_weight=np.ones(2))


def test_labels_out_of_range_fail_when_the_pass_runs() -> None:
    inputs = keras.Input((6,), dtype="int32")
    hidden = layers.GRU(2)(layers.Embedding(5, 3)(inputs))
    model = keras.Model(inputs, layers.Dense(2)(hidden))
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"could not be computed for x \(4, 6\).*indices"):
        GradientEngine(model).compute(np.full((4, 6), 7), Y)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"layers": "x"}, "the model has no layer 'x'; recurrent layers: 'rnn'"),
        ({"layers": []}, "layers must name at least one layer; received none; recurrent layers"),
        (
            {"layers": ["rnn", 2]},
            r"layer 'dense\w*' \(2\) is not recurrent; recurrent layers: 'rnn'",
        ),
        (
            {"quantities": "gradient"},
            "that layer 'rnn' has: 'output_gradient'.*received 'gradient'",
        ),
        ({"quantities": ()}, "quantities must name at least one quantity; received none"),
    ],
)
def test_unknown_words(engine: GradientEngine, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        engine.compute(X, Y, **asked)


def test_an_uncompiled_model() -> None:
    model = keras.Sequential([keras.Input((6, 3)), layers.GRU(4)])
    with pytest.raises(ValueError, match=r"must be compiled.*call model\.compile\(optimizer"):
        GradientEngine(model).compute(X, Y)


def test_a_model_compiled_without_a_loss() -> None:
    model = keras.Sequential([keras.Input((6, 3)), layers.GRU(4)])
    model.compile("sgd")
    with pytest.raises(ValueError, match=r"could not be computed.*No loss to compute"):
        GradientEngine(model).compute(X, Y)


class OwnStep(keras.Model):
    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


def test_an_overridden_train_step() -> None:
    with pytest.raises(ValueError, match=r"own train_step; OwnStep overrides it, and its loss may"):
        GradientEngine(compiled(OwnStep)).compute(X, Y)


@pytest.mark.parametrize("thing", [None, "model.keras", layers.LSTM(3)])
def test_something_that_is_no_model(thing: Any) -> None:
    with pytest.raises(TypeError, match=r"must be a keras\.Model or tf_keras\.Model; received a"):
        GradientEngine(thing)


class Inner(layers.Layer):
    """Call its RNN inside a tf.function, where its tensors cannot be reached."""

    def __init__(self, traced_again: bool) -> None:
        super().__init__()
        self.rnn = layers.GRU(4)
        self.function = tf.function(self.rnn.__call__)
        self.traced_again = traced_again

    def build(self, shape: Any) -> None:
        self.rnn.build(shape)

    def call(self, x: Any) -> Any:
        return tf.function(self.rnn.__call__)(x) if self.traced_again else self.function(x)


@pytest.mark.parametrize(
    ("traced_again", "message"),
    [
        (
            True,
            "must be called where the loss can see it; it is called inside an inner tf.function",
        ),
        (False, "layer 'inner.*/rnn' .* not called there, or only inside an inner tf.function"),
    ],
)
def test_a_layer_inside_an_inner_function(traced_again: bool, message: str) -> None:
    model = keras.Sequential([keras.Input((6, 3)), Inner(traced_again), layers.Dense(2)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=message):
        GradientEngine(model).compute(X, Y)


class Skips(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = layers.GRU(4)
        self.unused = layers.GRU(4)
        self.head = layers.Dense(2)

    def call(self, x: Any) -> Any:
        return self.head(self.rnn(x))


def test_a_layer_that_is_never_called() -> None:
    model = Skips()
    model.unused.build((None, 6, 3))
    model.compile("sgd", "mse")
    engine = GradientEngine(model)
    reason = "layer 'unused' must be called in the model's forward pass; it is not called there"
    with pytest.raises(ValueError, match=reason):
        engine.compute(X, Y, "unused")
    with pytest.warns(UserWarning, match=reason):
        assert list(engine.compute(X, Y)) == [("rnn", "output_gradient")]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("__version__", "3.4.1", "needs Keras 3.5 or newer; found 3.4.1; upgrade"),
        (
            "backend",
            type("", (), {"backend": lambda: "jax"}),
            "TensorFlow backend; found 'jax'; set",
        ),
    ],
)
def test_a_keras_that_the_engine_cannot_use(
    name: str, value: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = compiled()
    monkeypatch.setattr(keras, name, value)
    with pytest.raises(RuntimeError, match=message):
        GradientEngine(model)


def test_the_reason_of_a_layer_that_fails_is_told() -> None:
    class Failing(layers.Layer):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            if self.ready:
                raise RuntimeError("the sensor is off")
            return inputs

    failing = Failing()
    failing.ready = False
    inputs = keras.Input((6, 3))
    model = keras.Model(inputs, failing(layers.GRU(4, name="rnn")(inputs)))
    model.compile("sgd", "mse")
    failing.ready = True
    with pytest.raises(ValueError, match=r"could not be computed.*the sensor is off"):
        GradientEngine(model).compute(X, np.ones((4, 4), "float32"))
