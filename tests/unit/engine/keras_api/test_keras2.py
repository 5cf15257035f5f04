"""Models of tf_keras (Keras 2): the numbers of Keras 3, and nothing of the model changed."""

from __future__ import annotations

import random
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tf_keras import layers

from rnngrad_widgets.engine import GradientEngine

pytestmark = pytest.mark.usefixtures("unoptimised")

RNG = np.random.default_rng(6)
B, T, F = 4, 5, 2
X = RNG.normal(size=(B, T, F)).astype("float32")
X[1, 3:] = X[2, :2] = X[3, 2] = 0.0  # masked where there is a Masking layer
FRAMES = RNG.normal(size=(B, T, 4, F)).astype("float32")
Y = RNG.normal(size=(B, 2)).astype("float32")


def peephole(library: Any) -> Any:
    """Make a cell that reads its new state, and is not Keras' own."""

    class Peephole(library.layers.LSTMCell):  # type: ignore[misc,name-defined]
        def call(self, inputs: Any, states: Any, training: Any = None) -> Any:  # noqa: ARG002
            h, c = states
            z = inputs @ self.kernel + h @ self.recurrent_kernel + self.bias
            i, f, g, o = tf.split(z, 4, axis=-1)
            c = tf.sigmoid(f + 0.5 * c) * c + tf.sigmoid(i) * tf.tanh(g)
            h = tf.sigmoid(o + 0.7 * c) * tf.tanh(c)
            return h, [h, c]

    return Peephole(3)


# name: the stack of layers, for either library
STACKS: dict[str, Any] = {
    "lstm": lambda k: [k.layers.LSTM(3, return_sequences=True, name="rnn")],
    "gru": lambda k: [k.layers.GRU(3, return_sequences=True, name="rnn")],
    "gru before": lambda k: [
        k.layers.GRU(3, return_sequences=True, reset_after=False, name="rnn"),
    ],
    "simple": lambda k: [k.layers.SimpleRNN(3, return_sequences=True, name="rnn")],
    "last": lambda k: [k.layers.LSTM(3, name="rnn"), k.layers.Reshape((1, 3))],
    "masked": lambda k: [
        k.layers.Masking(),
        k.layers.GRU(3, return_sequences=True, zero_output_for_mask=True, name="rnn"),
    ],
    "masked last": lambda k: [
        k.layers.Masking(),
        k.layers.LSTM(3, go_backwards=True, name="rnn"),
        k.layers.Reshape((1, 3)),
    ],
    "unroll": lambda k: [
        k.layers.Masking(),
        k.layers.LSTM(3, return_sequences=True, unroll=True, name="rnn"),
    ],
    "bidirectional": lambda k: [
        k.layers.Masking(),
        k.layers.Bidirectional(k.layers.GRU(3, return_sequences=True), name="rnn"),
    ],
    "stack": lambda k: [
        k.layers.Masking(),
        k.layers.RNN(
            [k.layers.LSTMCell(3), k.layers.GRUCell(2)], return_sequences=True, name="rnn"
        ),
    ],
    "peephole": lambda k: [k.layers.RNN(peephole(k), return_sequences=True, name="rnn")],
    "stateful": lambda k: [
        k.layers.GRU(3, return_sequences=True, stateful=True, name="rnn"),
    ],
    "repeated": lambda k: [
        k.layers.TimeDistributed(k.layers.LSTM(3, return_sequences=True, name="rnn"), name="td"),
        k.layers.Reshape((T, 12)),
    ],
    "frames": lambda k: [
        k.layers.ConvLSTM1D(
            *(3, 2),
            padding="same",
            recurrent_activation="sigmoid",
            return_sequences=True,
            name="rnn",
        ),
        k.layers.Reshape((T, 12)),
    ],
}


def stacked(library: Any, name: str) -> Any:
    given = FRAMES if name in ("frames", "repeated") else X
    model = library.Sequential(
        [
            library.Input(batch_size=B if name == "stateful" else None, shape=given.shape[1:]),
            *STACKS[name](library),
            library.layers.GlobalAveragePooling1D(),
            library.layers.Dense(2, kernel_regularizer="l2"),
        ]
    )
    # to trace all of them takes a minute
    model.compile("sgd", "mse", run_eagerly=name not in TRACED)
    return model, given


TRACED = ("lstm", "masked", "bidirectional", "stack", "stateful", "unroll")

WITH_REACH = ("stateful",)
"""The others would trace it for seconds each."""


@pytest.mark.one_case_in(12)
@pytest.mark.parametrize("name", STACKS)
def test_the_numbers_of_keras_3(name: str) -> None:
    (new, x), (old, _) = stacked(keras, name), stacked(tf_keras, name)
    for weight in new.trainable_weights:
        weight.assign(weight + RNG.normal(scale=0.3, size=weight.shape))
    old.set_weights([weight.numpy() for weight in new.trainable_weights])
    if name == "stateful":
        for model in (new, old):
            model.predict(x[::-1], batch_size=B, verbose=0)
    engines = GradientEngine(new), GradientEngine(old)
    words = engines[0].quantities("rnn")
    assert engines[1].quantities("rnn") == words
    if name not in WITH_REACH:
        words = tuple(word for word in words if word != "reach")
    assert engines[1].layers == engines[0].layers
    expected, found = (engine.compute(x, Y, "rnn", words) for engine in engines)
    assert list(found) == list(expected)
    assert found.loss == pytest.approx(expected.loss, rel=1e-6)
    assert found.loss == pytest.approx(old.evaluate(x, Y, batch_size=B, verbose=0), rel=1e-6) or (
        name == "stateful"  # whose state moves on
    )
    for key, tensor in found.items():
        other = expected[key]
        assert (tensor.dims, tensor.directions, tensor.gates) == (
            (other.dims, other.directions, other.gates)
        )
        scale = np.abs(other.values).max()
        assert np.abs(tensor.values - other.values).max() <= 1e-6 * scale
        assert (tensor.mask is None) == (other.mask is None)
        np.testing.assert_array_equal(tensor.mask, other.mask)


@pytest.mark.long
def test_an_encoder_and_a_decoder() -> None:
    def made(library: Any) -> Any:
        inputs = library.Input((T, F))
        lstm = library.layers.LSTM
        output, *states = lstm(3, return_state=True, name="encoder")(inputs)
        decoded = lstm(3, name="decoder")(inputs, initial_state=states)
        added = library.layers.Add()([output, decoded])
        model = library.Model(inputs, library.layers.Dense(2)(added))
        model.compile("sgd", "mse")
        return model

    new, old = made(keras), made(tf_keras)
    old.set_weights(new.get_weights())
    words = ["output_gradient", "hidden_gradient", "input_gradient"]
    expected, found = (GradientEngine(m).compute(X, Y, quantities=words) for m in (new, old))
    for key, tensor in expected.items():
        np.testing.assert_allclose(found[key].values, tensor.values, rtol=1e-5, atol=1e-8)


def test_a_stateful_layer_that_is_called_twice_goes_on() -> None:
    inputs = tf_keras.Input(batch_shape=(B, T, F))
    rnn = layers.GRU(F, stateful=True, return_sequences=True, name="rnn")
    model = tf_keras.Model(inputs, rnn(rnn(inputs)))
    model.compile("sgd", "mse")
    found = GradientEngine(model).compute(X, X, quantities=["output", "hidden_gradient"])
    expected = model.predict(X, batch_size=B, verbose=0)
    np.testing.assert_allclose(found["rnn[1]", "output"].values, expected, rtol=1e-5, atol=1e-7)


class WithConstants(layers.Layer):
    state_size = output_size = 3

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight("kernel", (shape[-1], 3))
        self.of_constant = self.add_weight("of_constant", (3, 3))

    def call(self, inputs: Any, states: Any, constants: Any) -> Any:
        h = tf.tanh(inputs @ self.kernel + 0.5 * states[0] + constants[0] @ self.of_constant)
        return h * constants[0], [h]


def test_constants_go_into_every_timestep() -> None:
    inputs, constant = tf_keras.Input((T, F)), tf_keras.Input((3,))
    rnn = layers.RNN(WithConstants(), name="rnn")
    model = tf_keras.Model([inputs, constant], rnn(inputs, constants=constant))
    model.compile("sgd", "mse")
    given, y = RNG.normal(size=(B, 3)).astype("float32"), np.zeros((B, 3), "float32")
    words = ["hidden_gradient", "hidden_state", "input_gradient", "output"]
    found = GradientEngine(model).compute([X, given], y, quantities=words)
    states = found["rnn", "hidden_state"].values
    np.testing.assert_allclose(found["rnn", "output"].values, states[:, -1] * given, rtol=1e-6)
    # dL/dh at the last timestep through the output, and h_t decays by 1 - h^2 and 0.5.
    last = 2 * found["rnn", "output"].values / y.size * given
    np.testing.assert_allclose(found["rnn", "hidden_gradient"].values[:, -1], last, rtol=1e-5)
    before = last * (1 - states[:, -1] ** 2) * 0.5
    np.testing.assert_allclose(found["rnn", "hidden_gradient"].values[:, -2], before, rtol=1e-5)


class OfTwo(layers.Layer):
    state_size = output_size = 2

    def call(self, inputs: Any, states: Any) -> Any:
        first, second = inputs
        h = first * second + 0.5 * states[0]
        return h, [h]


def test_nested_inputs_have_a_tensor_each() -> None:
    first, second = tf_keras.Input((T, F)), tf_keras.Input((T, F))
    model = tf_keras.Model([first, second], layers.RNN(OfTwo(), name="rnn")((first, second)))
    model.compile("sgd", lambda y, p: tf.reduce_sum(p - y, -1))
    found = GradientEngine(model).compute(
        [X, 2 * X], np.zeros((B, F)), quantities=["input_gradient", "hidden_gradient"]
    )
    halves = 0.5 ** np.arange(T)[::-1, None] / B
    total = found["rnn", "hidden_gradient"].values
    np.testing.assert_allclose(total, np.broadcast_to(halves, X.shape), rtol=1e-6)
    for position, other in enumerate((2 * X, X)):
        values = found[f"rnn/{position}", "input_gradient"].values
        np.testing.assert_allclose(values, halves * other, rtol=1e-5, atol=1e-8)


class Looping(tf_keras.Model):
    """Loops and branches over tensors, which autograph must make work; adds a loss per sample."""

    def __init__(self) -> None:
        super().__init__()
        self.rnns = [layers.LSTM(3, return_sequences=True), layers.GRU(2)]
        self.head = layers.Dense(2)

    def call(self, x: Any) -> Any:
        hidden = self.rnns[0](x)
        total = tf.zeros_like(hidden[:, 0])
        for t in tf.range(tf.shape(x)[1]):
            if tf.reduce_sum(x[:, t]) > 0:
                total += hidden[:, t]
        self.add_loss(tf.reduce_sum(total**2, -1))
        return self.head(self.rnns[1](hidden))


def test_python_loops_over_tensors_and_a_loss_per_sample() -> None:
    model = Looping()
    model.compile("sgd")  # only what is added
    engine = GradientEngine(model)
    assert [layer.path for layer in engine.layers] == ["rnns/0", "rnns/1"]
    snapshot = engine.compute(X, None, "rnns/0", ["output", "output_gradient"])
    hidden = snapshot["rnns/0", "output"].values
    used = (X.sum((0, 2)) > 0)[:, None]
    total = (hidden * used).sum(1)
    # The mean is what fit reports, the gradient that of the sum.
    assert snapshot.loss == pytest.approx((total**2).sum(-1).mean(), rel=1e-5)
    expected = 2 * total[:, None] * used
    found = snapshot["rnns/0", "output_gradient"].values
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)
    assert snapshot.loss == pytest.approx(model.evaluate(X, verbose=0), rel=1e-5)


class Counting(layers.Layer):
    """Assigns a variable that Keras does not know of."""

    def __init__(self) -> None:
        super().__init__()
        self.held = {"count": [tf.Variable(0.0, trainable=False)]}

    def call(self, h: Any) -> Any:
        self.held["count"][0].assign_add(1.0)
        return h


def lively(**settings: Any) -> Any:
    """Make a model with everything that changes during a forward pass."""
    tf_keras.utils.set_random_seed(11)
    model = tf_keras.Sequential(
        [
            tf_keras.Input(batch_shape=(B, T, F)),
            layers.GaussianNoise(0.1),
            layers.Bidirectional(layers.GRU(3, dropout=0.3, return_sequences=True)),
            layers.BatchNormalization(),
            Counting(),
            layers.SimpleRNN(3, stateful=True, activity_regularizer="l2", name="last"),
            layers.Dropout(0.2),
            layers.Dense(2, kernel_regularizer="l2"),
        ]
    )
    model.compile("adam", "mse", metrics=["mae"], **settings)
    return model


EVERYTHING = ("output_gradient", "hidden_gradient", "gate_gradient", "weight_gradient", "output")


class Looking(tf_keras.callbacks.Callback):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.engine = GradientEngine(model)
        self.losses: list[float | None] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras names them
        for training in (True, False):
            snapshot = self.engine.compute(X, Y, None, EVERYTHING, training=training)
            self.losses.append(snapshot.loss)


@pytest.mark.long
@pytest.mark.parametrize("eagerly", [False, True])
def test_training_with_the_engine_in_between_is_bit_identical(eagerly: bool) -> None:
    def trained(*looking: Any) -> tuple[Any, Any, Any]:
        model = lively(run_eagerly=eagerly)
        look = [Looking(model) for _ in looking]
        x, y = np.tile(X, (2, 1, 1)), np.tile(Y, (2, 1))
        history = model.fit(x, y, batch_size=B, epochs=2, verbose=0, callbacks=look, shuffle=False)
        assert all(len(one.losses) == 8 for one in look)
        return model, history.history, random.getstate()

    (watched, ours, state), (alone, theirs, expected) = trained(Looking), trained()
    assert ours == theirs
    assert state == expected
    for one, other in zip(kept(watched), kept(alone), strict=True):
        np.testing.assert_array_equal(one, other)


def kept(model: Any) -> list[np.ndarray]:
    variables = [*model.variables, *model.optimizer.variables, *model.get_layer("last").states]
    variables += [v for metric in model.metrics for v in metric.variables]
    variables += [
        v for layer in model.layers for v in getattr(layer, "held", {"count": []})["count"]
    ]
    return [variable.numpy() for variable in variables]


def test_nothing_is_left_on_the_layers() -> None:
    def attributes() -> list[set[Any]]:
        return [
            {*layer.__dict__, *map(id, layer._eager_losses)} for layer in model._flatten_layers()
        ]

    model = lively()
    before = attributes(), [metric.name for metric in model.metrics]
    GradientEngine(model).compute(X, Y, quantities=EVERYTHING, training=True)
    assert before == (attributes(), [metric.name for metric in model.metrics])


def test_an_unbuilt_model_gets_the_weights_that_fit_would_give_it() -> None:
    def weights(use_engine: bool) -> list[np.ndarray]:
        tf_keras.utils.set_random_seed(3)
        model = tf_keras.Sequential([layers.LSTM(3, name="rnn"), layers.Dense(2)])
        model.compile("adam", "mse")
        if use_engine:
            GradientEngine(model).compute(X, Y)
        model.fit(X, Y, verbose=0)
        return list(model.get_weights())

    for ours, theirs in zip(weights(True), weights(False), strict=True):
        np.testing.assert_array_equal(ours, theirs)


class Batches(tf_keras.utils.Sequence):  # type: ignore[misc]
    def __len__(self) -> int:
        return 2

    def __getitem__(self, i: int) -> Any:
        return X[2 * i : 2 * i + 2], Y[2 * i : 2 * i + 2]


def test_several_outputs_batches_and_clipping() -> None:
    inputs = tf_keras.Input((T, F))
    hidden = layers.GRU(3, name="rnn")(inputs)
    outputs = [layers.Dense(2, name="a")(hidden), layers.Dense(2, name="b")(hidden)]
    model = tf_keras.Model(inputs, outputs)
    optimizer = tf_keras.optimizers.SGD(1.0, global_clipnorm=0.01)
    model.compile(optimizer, {"a": "mse", "b": "mae"}, loss_weights={"a": 1.0, "b": 0.3})
    engine = GradientEngine(model)
    pairs = ((x, [y, y]) for x, y in (Batches()[0], Batches()[1]))
    joined = engine.compute(pairs, None, steps=2)
    assert joined["rnn", "output_gradient"].shape == (B, 3)
    assert [metric.name for metric in model.metrics] == []  # until fit makes them
    clipped = engine.compute(X, [Y, Y], quantities="weight_gradient", clip=True)
    before = [variable.numpy() for variable in model.layers[1].weights]
    loss = model.train_on_batch(X, [Y, Y])[0]
    assert clipped.loss == pytest.approx(loss, rel=1e-6)
    assert joined.loss == pytest.approx(loss, rel=1e-5)
    for variable, old, tensor in zip(
        model.layers[1].weights, before, clipped.values(), strict=True
    ):
        np.testing.assert_allclose(tensor.values, old - variable.numpy(), rtol=1e-2, atol=3e-7)
    assert engine.compute(X, [Y, Y]).step == 1
    single = tf_keras.Model(inputs, outputs[0])
    single.compile("sgd", "mse")
    assert GradientEngine(single).compute(Batches(), None)["rnn", "output_gradient"].shape == (B, 3)


def test_mixed_precision() -> None:
    def output_gradient(dtype: str) -> np.ndarray:
        tf_keras.utils.set_random_seed(1)
        model = tf_keras.Sequential(
            [
                tf_keras.Input((T, F)),
                layers.GRU(3, return_sequences=True, dtype=dtype, name="rnn"),
                layers.GRU(3, dtype=dtype),
                layers.Dense(2, dtype="float32"),
            ]
        )
        model.compile("sgd", loss=lambda y, p: 1e-4 * tf.reduce_mean((y - p) ** 2))
        words = ["hidden_gradient", "weight_gradient"]
        snapshot = GradientEngine(model).compute(X, Y, "rnn", words)
        assert {tensor.values.dtype for tensor in snapshot.values()} == {np.dtype("float32")}
        return snapshot["rnn", "hidden_gradient"].values

    found, expected = output_gradient("mixed_float16"), output_gradient("float32")
    assert np.count_nonzero(found) == found.size
    np.testing.assert_allclose(found, expected, rtol=0.1, atol=0.05 * np.abs(expected).max())


class OwnCall(layers.LSTM):  # type: ignore[misc]
    def call(self, *args: Any, **kwargs: Any) -> Any:
        return 2.0 * super().call(*args, **kwargs)


class OwnStep(tf_keras.Sequential):  # type: ignore[misc]
    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


@pytest.mark.parametrize(
    ("rnn", "quantity", "message"),
    [
        (OwnCall, "hidden_gradient", "a call of its own, so its loop cannot be looked into"),
        (
            lambda units, **names: layers.LSTM(units, time_major=True, **names),
            "output_gradient",
            r"'output_gradient': its axes are \(timestep, sample, channel\) with time_major=True",
        ),
        (
            lambda _, **names: layers.RNN(
                layers.StackedRNNCells(
                    [layers.LSTMCell(2), layers.LSTMCell(2)], reverse_state_order=True
                ),
                **names,
            ),
            "hidden_gradient",
            "its cells keep their states in reverse order",
        ),
    ],
)
def test_layers_that_are_refused(rnn: Any, quantity: str, message: str) -> None:
    model = tf_keras.Sequential([tf_keras.Input((T, F)), rnn(3, name="rnn"), layers.Dense(2)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=message):
        GradientEngine(model).compute(X, Y, "rnn", quantity)
    if rnn is OwnCall:
        assert GradientEngine(model).compute(X, Y)["rnn", "output_gradient"].shape == (B, 3)


def test_models_that_are_refused() -> None:
    stack = [tf_keras.Input((T, F)), layers.GRU(2, name="rnn")]
    model = tf_keras.Sequential(stack)
    with pytest.raises(ValueError, match="must be compiled"):
        GradientEngine(model).compute(X, Y)
    model.compile("sgd")
    with pytest.raises(ValueError, match="No loss to compute"):
        GradientEngine(model).compute(X, Y)
    own = OwnStep(stack)
    own.compile("sgd", "mse")
    with pytest.raises(ValueError, match="own train_step; OwnStep overrides it"):
        GradientEngine(own).compute(X, Y)
