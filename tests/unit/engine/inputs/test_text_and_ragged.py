"""Text, and sequences of different lengths: what the model takes is what the engine takes."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tf_keras

from rnngrad_widgets.engine import GradientEngine

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("unoptimised")

LIBRARIES = [keras, tf_keras]
TEXTS = ["a b c", "b c", "c", "a a a b"]
Y = np.array([[1.0], [0.0], [2.0], [1.0]], "float32")
RAGGED = tf.ragged.constant(
    [[[1.0, 2]], [[0.5, -1], [3, 4]], [[1, 0], [0.2, 0.1], [5, 6]]], ragged_rank=1
)
QUANTITIES = ["output_gradient", "hidden_gradient"]


def reader(library: Any, *, with_input: bool = True) -> Any:
    """A classifier of texts, by whole words."""
    library.utils.set_random_seed(4)
    words = library.layers.TextVectorization(output_sequence_length=4)
    words.adapt(TEXTS)
    begin = [library.Input((1,), dtype="string")] if with_input else []
    embedding = library.layers.Embedding(10, 2)
    rnn = library.layers.SimpleRNN(3, name="rnn")
    model = library.Sequential([*begin, words, embedding, rnn, library.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


FORMS: dict[str, Callable[[], Any]] = {
    "tensor": lambda: tf.constant(TEXTS),
    "array": lambda: np.array(TEXTS),
    "column": lambda: np.array(TEXTS)[:, None],
    "bytes": lambda: np.array(TEXTS).astype("S"),
    "objects": lambda: np.array(TEXTS, object),
    "list": lambda: TEXTS,
    "Series": lambda: pd.Series(TEXTS),
}


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("library", LIBRARIES)
def test_texts(library: Any) -> None:
    model = reader(library)
    engine = GradientEngine(model)
    expected = model.evaluate(tf.constant(TEXTS), Y, verbose=0)
    numbers = model.layers[0](tf.constant(TEXTS))
    inputs = library.Input((4,), dtype="int64")
    hidden = inputs
    for layer in model.layers[1:]:
        hidden = layer(hidden)
    after = library.Model(inputs, hidden)
    after.compile("sgd", "mse")
    plain = GradientEngine(after).compute(numbers, Y, "rnn", QUANTITIES)
    for form in FORMS.values():
        snapshot = engine.compute(form(), Y, "rnn", QUANTITIES)
        assert snapshot.loss == pytest.approx(expected, rel=1e-6)
        assert snapshot.notes == ()
        for key, tensor in plain.items():
            np.testing.assert_allclose(snapshot[key].values, tensor.values, rtol=1e-5)
    batches = tf.data.Dataset.from_tensor_slices((TEXTS, Y)).batch(3)
    assert engine.compute(batches, layers="rnn")["rnn", "output_gradient"].shape == (4, 3)


@pytest.mark.parametrize("library", LIBRARIES)
def test_texts_of_a_model_that_was_trained(library: Any) -> None:
    model = reader(library, with_input=False)
    model.fit(tf.constant(TEXTS), Y, verbose=0)
    found = GradientEngine(model).compute(tf.constant(TEXTS), Y).loss
    assert found == pytest.approx(model.evaluate(tf.constant(TEXTS), Y, verbose=0), rel=1e-6)


@pytest.mark.parametrize("library", LIBRARIES)
def test_categories_beside_numbers(library: Any) -> None:
    library.utils.set_random_seed(4)
    look_up = library.layers.StringLookup(vocabulary=["a", "b"])
    numbers = library.Input((3, 2), name="numbers")
    kinds = library.Input((3,), dtype="string", name="kinds")
    embedded = library.layers.Embedding(4, 2)(look_up(kinds))
    hidden = library.layers.GRU(2, name="rnn")(library.layers.Concatenate()([numbers, embedded]))
    model = library.Model({"numbers": numbers, "kinds": kinds}, library.layers.Dense(1)(hidden))
    model.compile("sgd", "mse")
    x = {
        "numbers": np.random.default_rng(0).normal(size=(4, 3, 2)),
        "kinds": tf.constant([["a", "b", "x"]] * 4),
    }
    engine = GradientEngine(model)
    snapshot = engine.compute(x, Y, quantities=QUANTITIES)
    assert snapshot.loss == pytest.approx(model.evaluate(x, Y, verbose=0), rel=1e-6)
    x["numbers"][2, 1, 0] = np.nan
    assert engine.compute(x, Y).notes == ("x holds 1 NaN or Inf value",)


def test_labels_that_are_text() -> None:
    def named(model: Any, x: Any, y: Any, *_: Any) -> Any:
        return tf.reduce_mean((tf.cast(tf.equal(y, "yes"), tf.float32) - model(x)) ** 2)

    inputs = keras.Input((3, 2))
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.SimpleRNN(2)(inputs)))
    model.compile("sgd", "mse")
    engine = GradientEngine(model)
    x, texts = np.ones((2, 3, 2), "float32"), tf.constant([["yes"], ["no"]])
    with pytest.raises(ValueError, match=r"y \(2, 1\) of text: "):
        engine.compute(x, texts)
    expected = engine.compute(x, np.array([[1.0], [0.0]])).loss
    assert engine.compute(x, texts, loss=named).loss == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_model_that_pads(library: Any) -> None:
    """Ragged and padded are one, but for the gradient of the padding, which counts in both."""

    class Pads(library.Model):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.rnn = library.layers.GRU(3, return_sequences=True)
            self.head = library.layers.Dense(1)

        def call(self, x: Any) -> Any:
            dense = x.to_tensor() if isinstance(x, tf.RaggedTensor) else x
            return self.head(self.rnn(dense)[:, -1])

    library.utils.set_random_seed(4)
    model = Pads()
    model.compile("sgd", "mse")
    dense = RAGGED.to_tensor()
    model(dense)
    engine = GradientEngine(model)
    found = engine.compute(RAGGED, Y[:3], quantities=QUANTITIES)
    assert found.loss == pytest.approx(model.evaluate(RAGGED, Y[:3], verbose=0), rel=1e-6)
    expected = engine.compute(dense, Y[:3], quantities=QUANTITIES)
    for key, tensor in expected.items():
        np.testing.assert_allclose(found[key].values, tensor.values, rtol=1e-6)
    other = engine.compute(RAGGED[1:], Y[1:3], quantities=QUANTITIES)
    assert other["rnn", "output_gradient"].shape == (2, 3, 3)


def test_a_ragged_input_of_keras_2() -> None:
    tf_keras.utils.set_random_seed(4)
    inputs = tf_keras.Input((None, 2), ragged=True)
    hidden = tf_keras.layers.GRU(3, name="rnn")(inputs)
    model = tf_keras.Model(inputs, tf_keras.layers.Dense(1)(hidden))
    model.compile("sgd", "mse")
    snapshot = GradientEngine(model).compute(RAGGED, Y[:3])
    assert snapshot.loss == pytest.approx(model.evaluate(RAGGED, Y[:3], verbose=0), rel=1e-6)
    error = 2 * (np.array(model(RAGGED)) - Y[:3]) / 3
    np.testing.assert_allclose(
        snapshot["rnn", "output_gradient"].values,
        error @ model.layers[-1].get_weights()[0].T,
        rtol=1e-5,
    )


def ragged_and_padded(form: str) -> tuple[Any, Any]:
    """Return a model of a ragged sequence, and one with the same weights of a padded one."""
    layers, models = tf_keras.layers, []
    for ragged in (True, False):
        tf_keras.utils.set_random_seed(4)
        inputs = tf_keras.Input((None, 2), ragged=ragged)
        hidden = inputs if ragged else layers.Masking()(inputs)
        first = layers.LSTM(3, return_sequences=True, go_backwards=form == "backwards")
        if form == "bidirectional":
            first = layers.Bidirectional(first, name="rnn")
        first._name = "rnn"
        last = layers.RNN([layers.GRUCell(4), layers.LSTMCell(2)], name="last")
        model = tf_keras.Model(inputs, layers.Dense(1)(last(first(hidden))))
        model.compile("sgd", "mse", run_eagerly=form == "eager")
        models.append(model)
    return models[0], models[1]


@pytest.mark.long
@pytest.mark.parametrize("form", ["loop", "eager", "bidirectional"])
def test_ragged_sequences_of_keras_2_have_what_padded_ones_have(form: str) -> None:
    ragged, padded = ragged_and_padded(form)
    engine = GradientEngine(ragged)
    words = {word for layer in engine.layers for word in engine.quantities(layer)}
    if form != "eager":
        words -= {"reach"}  # traced for seconds
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = engine.compute(RAGGED, Y[:3], quantities=sorted(words))
    assert found.loss == pytest.approx(ragged.evaluate(RAGGED, Y[:3], verbose=0), rel=1e-6)
    expected = GradientEngine(padded).compute(RAGGED.to_tensor(), Y[:3], quantities=sorted(words))
    assert set(found) == set(expected)
    for key, tensor in expected.items():
        values = found[key].values
        assert tensor.dims == found[key].dims
        right = tensor.values
        if tensor.mask is not None:
            np.testing.assert_array_equal(found[key].mask, tensor.mask)
            values, right = values[tensor.mask], right[tensor.mask]
        np.testing.assert_allclose(values, right, rtol=1e-5, atol=1e-7)


def test_ragged_sequences_that_are_read_backwards() -> None:
    """Each row of the output begins with what was seen first, at the first timestep."""
    model, _ = ragged_and_padded("backwards")
    words = ["output", "hidden_state", "output_gradient"]
    found = GradientEngine(model).compute(RAGGED, Y[:3], "rnn", words)
    output, states = found["rnn", "output"], found["rnn", "hidden_state"]
    assert output.mask is not None
    assert output.mask.sum(axis=1).tolist() == [1, 2, 3]
    for row, state, length in zip(output.values, states.values, [1, 2, 3], strict=True):
        np.testing.assert_allclose(row[:length], state[:length][::-1], rtol=1e-6)
        assert not row[length:].any()
    np.testing.assert_array_equal(found["rnn", "output_gradient"].mask, output.mask)


def test_a_model_that_does_not_take_it_says_what_to_do() -> None:
    inputs = keras.Input((None, 2))
    hidden = keras.layers.GRU(3)(keras.layers.Masking()(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
    model.compile("sgd", "mse")
    engine = GradientEngine(model)
    with pytest.raises(ValueError, match=r"x \(3, None, 2\) ragged \(.*pad it with .to_tensor\(\)"):
        engine.compute(RAGGED, Y[:3])
    found = engine.compute(RAGGED.to_tensor(), Y[:3], quantities="hidden_gradient")
    (tensor,) = found.values()
    assert tensor.mask is not None
    assert tensor.mask.sum(axis=1).tolist() == [1, 2, 3]
