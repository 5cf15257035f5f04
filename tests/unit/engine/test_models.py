"""Kinds of model and loss: each result against an independent way to the same number."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from rnngrad_widgets.data.tensor import NothingThereError
from rnngrad_widgets.engine import GradientEngine

pytestmark = pytest.mark.usefixtures("unoptimised")

RNG = np.random.default_rng(5)
X = RNG.normal(size=(6, 7, 3)).astype("float32")
Y = RNG.normal(size=(6, 2)).astype("float32")


def eager_gradient(model: Any, rest: Any, y_mid: Any, **loss: Any) -> tuple[np.ndarray, float]:
    """Differentiate the loss by a layer's output, given what comes after that layer."""
    y_mid = tf.convert_to_tensor(y_mid)
    with tf.GradientTape() as tape:
        tape.watch(y_mid)
        value = model.compute_loss(y=Y, y_pred=rest(y_mid), **loss)
    return tape.gradient(value, y_mid).numpy(), float(value)


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = layers.LSTM(4, return_sequences=True)
        self.head = layers.Dense(2, kernel_regularizer="l2")

    def call(self, x: Any) -> Any:
        return self.head(self.rnn(x)[:, -1] ** 2)


def sequential(built: bool) -> Any:
    first = [keras.Input(X.shape[1:])] if built else []
    return keras.Sequential(
        [
            *first,
            layers.LSTM(4, return_sequences=True, kernel_regularizer="l2", name="rnn"),
            layers.Lambda(lambda h: h[:, -1] ** 2, output_shape=(4,)),
            layers.Dense(2, kernel_regularizer="l2", name="head"),
        ]
    )


@pytest.mark.parametrize("made", [Subclassed, lambda: sequential(True), lambda: sequential(False)])
def test_models_with_regularisation(made: Any) -> None:
    model = made()
    model.compile("adam", "mse")
    snapshot = GradientEngine(model).compute(X, Y)
    head, rnn = model.layers[-1], model.layers[0]
    expected, loss = eager_gradient(model, lambda h: head(h[:, -1] ** 2), rnn(X))
    np.testing.assert_allclose(snapshot["rnn", "output_gradient"].values, expected, rtol=1e-5)
    assert snapshot.loss == pytest.approx(loss, rel=1e-6)
    assert snapshot.loss == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-6)


def test_an_unbuilt_model_gets_the_weights_that_fit_would_give_it() -> None:
    def weights(use_engine: bool) -> list[np.ndarray]:
        keras.utils.set_random_seed(3)
        model = sequential(built=False)
        model.compile("adam", "mse")
        if use_engine:
            GradientEngine(model).compute(X, Y, training=True)
        model.fit(X, Y, batch_size=2, epochs=2, verbose=0)
        return list(model.get_weights())

    for ours, theirs in zip(weights(True), weights(False), strict=True):
        np.testing.assert_array_equal(ours, theirs)


class OwnLoss(keras.Model):
    def compute_loss(self, x: Any, y: Any, y_pred: Any, *_args: Any, **_settings: Any) -> Any:
        return 3.0 * keras.ops.mean((y - y_pred) ** 2) + keras.ops.mean(x)


def test_an_overridden_compute_loss_counts() -> None:
    inputs = keras.Input(X.shape[1:])
    hidden = layers.GRU(4, name="rnn")(inputs)
    head = layers.Dense(2)
    model, plain = OwnLoss(inputs, head(hidden)), keras.Model(inputs, head(hidden))
    model.compile("sgd", "mae")
    plain.compile("sgd", "mse")
    ours = GradientEngine(model).compute(X, Y)["rnn", "output_gradient"].values
    theirs = GradientEngine(plain).compute(X, Y)["rnn", "output_gradient"].values
    np.testing.assert_allclose(ours, 3 * theirs, rtol=1e-6)


class AddsLoss(layers.Layer):
    def call(self, h: Any) -> Any:
        self.add_loss(keras.ops.mean(h**2))
        return h


def test_add_loss_without_targets() -> None:
    model = keras.Sequential([keras.Input(X.shape[1:]), layers.GRU(4, name="rnn"), AddsLoss()])
    model.compile("sgd")
    h = model.predict(X, verbose=0)
    tensor = GradientEngine(model).compute(X, None)["rnn", "output_gradient"]
    np.testing.assert_allclose(tensor.values, 2 * h / h.size, rtol=1e-5)


def several_outputs() -> Any:
    a, b = keras.Input(X.shape[1:], name="a"), keras.Input((3,), name="b")
    hidden = layers.LSTM(4, name="rnn")(a)
    one = layers.Dense(2, name="one")(layers.Concatenate()([hidden, b]))
    two = layers.Dense(2, activation="softmax", name="two")(hidden)
    model = keras.Model({"a": a, "b": b}, {"one": one, "two": two})
    model.compile(
        "adam",
        {"one": "mse", "two": "categorical_crossentropy"},
        loss_weights={"one": 1.0, "two": 0.3},
        metrics={"one": ["mae"]},
    )
    return model


def test_several_inputs_and_outputs_before_and_after_training() -> None:
    x = {"a": X, "b": X[:, 0]}
    y = {"one": Y, "two": np.eye(2, dtype="float32")[[0, 1, 0, 1, 0, 1]]}
    model, twin = several_outputs(), several_outputs()
    twin.set_weights(model.get_weights())
    engine = GradientEngine(model)
    snapshot = engine.compute(x, y)
    assert snapshot.loss == pytest.approx(twin.evaluate(x, y, verbose=0)[0], rel=1e-6)
    # The untrained model's loss trackers were not made by the engine.
    assert [m.name for m in model.metrics] == ["loss", "compile_metrics"]
    assert model.fit(x, y, verbose=0).history == twin.fit(x, y, verbose=0).history
    after = engine.compute(x, y)
    assert after.step == 1
    assert after.loss == pytest.approx(twin.evaluate(x, y, verbose=0)[0], rel=1e-6)


class Saturated(layers.LSTM):
    """Its output carries logits, which a cross-entropy reads in place of the output."""

    def call(self, sequences: Any, initial_state: Any = None, **settings: Any) -> Any:
        hidden = super().call(sequences, initial_state=initial_state, **settings)
        return keras.activations.softmax(1e3 * hidden)


class Masked(layers.LSTM):
    """Its output carries a mask of its own, which the next layer reads."""

    def call(self, sequences: Any, initial_state: Any = None, **settings: Any) -> Any:
        hidden = super().call(sequences, initial_state=initial_state, **settings)
        hidden._keras_mask = keras.ops.cumsum(keras.ops.ones_like(hidden[..., 0]), 1) < 4
        return hidden


@pytest.mark.parametrize(
    "stack",
    [
        [Saturated(2)],
        [Masked(2, return_sequences=True), layers.LSTM(2, activation="softmax")],
    ],
    ids=["logits", "mask"],
)
def test_what_keras_attaches_to_an_output_is_kept(stack: list[Any]) -> None:
    model = keras.Sequential([keras.Input(X.shape[1:]), *stack])
    labels = np.array([0, 1, 0, 1, 0, 1])
    model.compile("adam", "sparse_categorical_crossentropy")
    snapshot = GradientEngine(model).compute(X, labels, 0, "input_gradient")
    assert snapshot.loss == pytest.approx(model.evaluate(X, labels, verbose=0), rel=1e-5)
    assert snapshot.loss == pytest.approx(model.test_on_batch(X, labels), rel=1e-5)


def test_a_shared_layer_has_one_tensor_per_call() -> None:
    shared = layers.GRU(4, name="rnn")
    a, b = keras.Input(X.shape[1:]), keras.Input(X.shape[1:])
    model = keras.Model([a, b], layers.Dense(2)(layers.Subtract()([shared(a), shared(b)])))
    model.compile("sgd", "mse")
    snapshot = GradientEngine(model).compute([X, X[::-1]], Y)
    assert list(snapshot) == [("rnn[0]", "output_gradient"), ("rnn[1]", "output_gradient")]
    first, second = (tensor.values for tensor in snapshot.values())
    np.testing.assert_array_equal(first, -second)


def test_returned_states_stay_connected() -> None:
    # The decoder starts at the encoder's state: the loss depends on both returned tensors.
    inputs = keras.Input(X.shape[1:])
    output, *states = layers.LSTM(4, return_state=True, name="encoder")(inputs)
    decoded = layers.LSTM(4, name="decoder")(inputs, initial_state=states)
    head = layers.Dense(2)
    model = keras.Model(inputs, head(layers.Add()([output, decoded])))
    model.compile("sgd", "mse")
    snapshot = GradientEngine(model).compute(X, Y)
    np.testing.assert_array_equal(
        snapshot["encoder", "output_gradient"].values, snapshot["decoder", "output_gradient"].values
    )


def test_the_mask_travels_with_the_tensor() -> None:
    inputs = keras.Input((5,), dtype="int32")
    hidden = layers.Embedding(9, 3, mask_zero=True)(inputs)
    hidden = layers.LSTM(4, return_sequences=True, go_backwards=True, name="rnn")(hidden)
    model = keras.Model(inputs, layers.Dense(2)(layers.GRU(3, name="last")(hidden)))
    model.compile("sgd", "mse")
    x = np.array([[1, 2, 3, 0, 0], [4, 0, 0, 0, 0]])
    snapshot = GradientEngine(model).compute(x, Y[:2])
    mask = snapshot["rnn", "output_gradient"].mask
    assert mask is not None
    np.testing.assert_array_equal(mask, (x != 0)[:, ::-1])  # in the order of the outputs
    assert snapshot["last", "output_gradient"].mask is None


def test_a_new_batch_size_and_new_weights_are_not_traced_again() -> None:
    calls = []

    class Counting(layers.Layer):
        def call(self, h: Any) -> Any:
            calls.append(h.shape)
            return h

    model = keras.Sequential([keras.Input((None, 3)), layers.GRU(4), Counting(), layers.Dense(2)])
    model.compile("sgd", "mse")
    engine = GradientEngine(model)
    calls.clear()
    first = engine.compute(X, Y)
    model.set_weights([0.5 * w for w in model.get_weights()])
    second = engine.compute(X[:4], Y[:4])
    engine.compute(X.astype("float64"), Y.astype("float64"))  # fit, too, makes it float32
    traced = len(calls)
    assert traced == 2  # the pass, and the model's own loss that it is held against
    assert first.loss != second.loss
    engine.compute(X[:, :5], Y)  # another number of timesteps
    assert len(calls) == 2 * traced


def test_compiling_again_is_seen() -> None:
    model = sequential(built=True)
    engine = GradientEngine(model)
    losses = []
    for loss in ("mse", "mae"):
        model.compile("sgd", loss)
        losses.append(engine.compute(X, Y).loss)
        assert losses[-1] == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-6)
    assert losses[0] != losses[1]


@pytest.mark.parametrize("settings", [{"run_eagerly": True}, {"jit_compile": True}])
def test_ways_to_run(settings: dict[str, bool]) -> None:
    model = sequential(built=True)
    model.compile("sgd", "mse")
    expected = GradientEngine(model).compute(X, Y)["rnn", "output_gradient"].values
    model.compile("sgd", "mse", **settings)
    found = GradientEngine(model).compute(X, Y)["rnn", "output_gradient"].values
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-8)


def test_random_numbers_of_compiled_code() -> None:
    dropped = [layers.GRU(3, return_sequences=True, name="rnn"), layers.Dropout(0.5)]
    model = keras.Sequential([keras.Input(X.shape[1:]), *dropped, layers.Dense(2)])
    model.compile("sgd", "mse", jit_compile=True)
    y = np.zeros((*X.shape[:2], 2))
    for quantities in ("output", ["hidden_gradient", "weight_gradient"]):
        found = GradientEngine(model).compute(X, y, quantities=quantities, training=True)
    assert found.loss == pytest.approx(float(model.train_on_batch(X, y)), rel=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_returns_float32_without_underflow(policy: str) -> None:
    def output_gradient(dtype: str) -> np.ndarray:
        keras.utils.set_random_seed(1)
        model = keras.Sequential(
            [
                keras.Input(X.shape[1:]),
                layers.GRU(4, return_sequences=True, dtype=dtype, name="rnn"),
                layers.Lambda(lambda h: h[:, -1] + 1e-3 * keras.ops.mean(h, 1), dtype=dtype),
                layers.Dense(2, dtype="float32"),
            ]
        )
        model.compile("sgd", loss=lambda y, p: 1e-3 * keras.ops.mean((y - p) ** 2))
        return GradientEngine(model).compute(X, Y)["rnn", "output_gradient"].values

    found, expected = output_gradient(policy), output_gradient("float32")
    assert found.dtype == np.float32
    assert np.count_nonzero(found) == found.size
    np.testing.assert_allclose(found, expected, rtol=0.1, atol=0.05 * np.abs(expected).max())


def test_dropout_is_active_only_when_training() -> None:
    model = keras.Sequential(
        [keras.Input(X.shape[1:]), layers.GRU(4, dropout=0.5, name="rnn"), layers.Dense(2)]
    )
    model.compile("sgd", "mse")
    engine = GradientEngine(model)
    quiet = engine.compute(X, Y).loss
    assert quiet == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-6)
    noisy = engine.compute(X, Y, training=True).loss
    assert noisy != pytest.approx(quiet, rel=1e-3)
    # The engine sees the mask that the next training step will draw, and does not use it up.
    assert engine.compute(X, Y, training=True).loss == noisy
    model.reset_metrics()
    assert model.train_on_batch(X, Y) == pytest.approx(noisy, rel=1e-6)


CLIPPING = [{"clipnorm": 0.01}, {"global_clipnorm": 0.01}, {"clipvalue": 0.001}, {}]


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("settings", CLIPPING, ids=str)
def test_clip_gives_what_the_optimizer_sees(settings: dict[str, float]) -> None:
    model = sequential(built=True)
    model.compile(keras.optimizers.SGD(1.0, **settings), "mse")
    engine = GradientEngine(model)
    clipped = engine.compute(X, Y, quantities="weight_gradient", clip=True)
    raw = engine.compute(X, Y, quantities="weight_gradient")
    variables = model.layers[0].trainable_variables
    before = [variable.numpy() for variable in variables]
    model.train_on_batch(X, Y)
    for variable, old, key in zip(variables, before, clipped, strict=True):
        np.testing.assert_allclose(clipped[key].values, old - variable, rtol=1e-2, atol=3e-7)
        same = np.allclose(clipped[key].values, raw[key].values, rtol=1e-6)
        assert same == (not settings)


def test_clip_is_for_weights_and_needs_an_optimizer() -> None:
    model = sequential(built=True)
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"clip is for weight_gradient, .* with output_gradient"):
        GradientEngine(model).compute(X, Y, clip=True)
    uncompiled = sequential(built=True)
    with pytest.raises(ValueError, match="clip needs the model's optimizer"):
        GradientEngine(uncompiled).compute(
            X, Y, quantities="weight_gradient", clip=True, loss=lambda *_: keras.ops.zeros(())
        )


def test_layers_that_the_loss_does_not_need_are_named() -> None:
    inputs = keras.Input(X.shape[1:])
    model = keras.Model(
        inputs,
        [
            layers.Dense(2, name="a")(layers.GRU(3, name="used")(inputs)),
            layers.GRU(3, name="idle")(inputs),
        ],
    )
    model.compile("sgd", {"a": "mse", "idle": None})
    engine = GradientEngine(model)
    reason = "the loss does not depend on the output of layer 'idle', so there is no output_grad"
    with pytest.warns(UserWarning, match=f"left out of the snapshot: {reason}"):
        assert list(engine.compute(X, [Y, Y])) == [("used", "output_gradient")]
    with pytest.raises(NothingThereError, match=reason):
        engine.compute(X, [Y, Y], "idle")
    # What was asked for by name fails no other, and the snapshot knows.
    with pytest.warns(UserWarning, match=f"left out of the snapshot: {reason}"):
        some = engine.compute(X, [Y, Y], ["used", "idle"])
    assert list(some) == [("used", "output_gradient")]
    assert [note for note in some.notes if reason in note] == list(some.notes) != []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        engine.compute(X, [Y, Y], "used")


def test_a_layer_of_which_only_the_states_go_on() -> None:
    inputs = keras.Input(X.shape[1:])
    _, *states = layers.LSTM(4, return_state=True, name="encoder")(inputs)
    decoded = layers.LSTM(4, name="decoder")(inputs, initial_state=states)
    model = keras.Model(inputs, layers.Dense(2)(decoded))
    model.compile("sgd", "mse")
    words = ["output_gradient", "hidden_gradient", "cell_gradient"]
    with pytest.warns(UserWarning, match="on the output of layer 'encoder', so there is no"):
        snapshot = GradientEngine(model).compute(X, Y, "encoder", words)
    assert [quantity for _, quantity in snapshot] == words[1:]
    with tf.GradientTape() as tape:
        seen = [tf.identity(state) for state in model.get_layer("encoder")(X)[1:]]
        tape.watch(seen)
        last = model.get_layer("decoder")(X, initial_state=seen)
        loss = tf.reduce_mean((model.layers[-1](last) - Y) ** 2)
    expected = tape.gradient(loss, seen)
    for quantity, gradient in zip(words[1:], expected, strict=True):
        values = snapshot["encoder", quantity].values
        if quantity == "hidden_gradient":  # c_T is also read through h_T
            np.testing.assert_allclose(values[:, -1], gradient, rtol=1e-5, atol=1e-8)
        assert np.abs(values[:, 0]).max() > 0


def test_steps_where_gradients_are_accumulated() -> None:
    model = keras.Sequential([keras.Input(X.shape[1:]), layers.LSTM(2), layers.Dense(Y.shape[-1])])
    model.compile(keras.optimizers.SGD(gradient_accumulation_steps=2), "mse")
    engine = GradientEngine(model)
    model.fit(X, Y, batch_size=3, epochs=2, verbose=0)
    assert engine.compute(X, Y).step == int(model.optimizer.iterations)
