"""Loops that run as they train: unrolled, eager, with a batch size of their own, or a layer's own.

A cell that does something in Python in each step does it as often as when the model trains.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from keras import layers, ops

from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine.own_cells import (
    FEATURES,
    FORMS,
    PLAIN,
    SAMPLES,
    TIMESTEPS,
    UNITS,
    OwnCell,
    assert_close,
    assert_total,
    derivatives,
    loss_by_hand,
    model_of,
    next_state,
    plain_step,
    weights_by_name,
)

pytestmark = pytest.mark.usefixtures("float64", "unoptimised")

RNG = np.random.default_rng(12)
X = RNG.normal(size=(SAMPLES, TIMESTEPS, FEATURES))
Y = RNG.normal(size=(SAMPLES, TIMESTEPS, 1))


def counting(self: Any, x: Any, states: Any) -> Any:
    """Do something else in each of five steps."""
    self.calls = getattr(self, "calls", 0) + 1
    h = next_state(self, x * (1 + self.calls % TIMESTEPS), states[0])
    return h, [h]


def counting_step(start: int) -> Any:
    calls = start

    def step(w: Any, x: Any, states: Any, tap: Any) -> Any:
        nonlocal calls
        calls += 1
        h = tap("", next_state(w, x * (1 + calls % TIMESTEPS), states[0]))
        return h, [h]

    return step


@pytest.mark.parametrize("library", [keras, tf_keras], ids=["keras", "tf_keras"])
@pytest.mark.parametrize("eagerly", [False, True])
def test_an_unrolled_cell_that_counts_its_calls(library: Any, eagerly: bool) -> None:
    x, y, dtype = X, Y, "float64"
    if library is tf_keras:
        x, y, dtype = X.astype("float32"), Y.astype("float32"), "float32"
    model = model_of(OwnCell(counting, plain_step).layer(library), library, unroll=True)
    model.run_eagerly = eagerly
    cell, engine = model.layers[-2].cell, GradientEngine(model)
    cell.calls = start = 0
    tolerance = 1e-12 if dtype == "float64" else 1e-5

    def loss(tap: Any) -> Any:
        return loss_by_hand(model, [counting_step(start)], x, y)(tap)

    value, expected = derivatives(loss)
    for words in (["output_gradient"], ["hidden_gradient"], ["hidden_gradient", "hidden_state"]):
        snapshot = engine.compute(x, y, quantities=words)
        assert snapshot.loss == pytest.approx(value, rel=tolerance)
        assert cell.calls == start  # what the cell keeps in Python is put back
    found = snapshot["rnn", "hidden_gradient"].values
    assert_close(found, expected[""], tolerance)
    evaluated = model.evaluate(x, y, verbose=0)
    assert cell.calls > start
    assert value == pytest.approx(evaluated, rel=1e-6)


def lossy(self: Any, x: Any, states: Any) -> Any:
    h = next_state(self, x, states[0])
    self.add_loss(tf.reduce_mean(h**2))
    return h, [h]


@pytest.mark.parametrize("form", ["unrolled", "eager unrolled"])
def test_a_cell_that_adds_losses(form: str) -> None:
    model = model_of(OwnCell(lossy, plain_step).layer(), **FORMS[form])
    snapshot = GradientEngine(model).compute(X, Y, quantities="hidden_gradient")

    def loss(tap: Any) -> Any:
        states: list[Any] = []

        def step(w: Any, x: Any, old: Any, tap: Any) -> Any:
            output, new = plain_step(w, x, old, tap)
            states.append(output)
            return output, new

        plain = loss_by_hand(model, [step], X, Y)(tap)
        return plain + tf.add_n([tf.reduce_mean(h**2) for h in states])

    assert_total(snapshot, loss, {"rnn": ("",)})
    assert snapshot.loss == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-12)
    assert snapshot.loss == pytest.approx(model.train_on_batch(X, Y), rel=1e-12)


class Keeping(keras.Model):
    """Keeps what its cell attends to in a list, and is judged by it."""

    def __init__(self, settings: dict[str, bool]) -> None:
        super().__init__()
        self.rnn = layers.RNN(
            OwnCell(attending, plain_step).layer(), return_sequences=True, **settings
        )
        self.head = layers.Dense(1)

    def call(self, x: Any) -> Any:
        cell = self.rnn.cell
        cell.__dict__["attention"] = kept = []
        hidden = self.rnn(x)
        return self.head(hidden) + ops.stack(kept[-TIMESTEPS:], 1)[..., :1]


def attending(self: Any, x: Any, states: Any) -> Any:
    h = next_state(self, x, states[0])
    self.__dict__["attention"].append(tf.nn.softmax(h))
    return h * 2.0, [h]


@pytest.mark.parametrize("form", ["unrolled", "eager", "eager unrolled"])
def test_attention_kept_in_a_list(form: str) -> None:
    settings = dict(FORMS[form])
    eagerly = settings.pop("run_eagerly", False)
    model = Keeping(settings)
    model.compile("sgd", "mse", run_eagerly=eagerly)
    snapshot = GradientEngine(model).compute(X, Y, quantities="hidden_gradient")
    weights = weights_by_name(model.rnn.cell)
    kernel, bias = (tf.constant(w.numpy()) for w in model.head.weights)

    def loss(tap: Any) -> Any:
        h, outputs = tf.zeros((SAMPLES, UNITS), "float64"), []
        for t in range(TIMESTEPS):
            h = tap("", t, next_state(weights, X[:, t], h))
            outputs.append(2.0 * h @ kernel + bias + tf.nn.softmax(h)[:, :1])
        return tf.reduce_mean((tf.stack(outputs, 1) - Y) ** 2)

    assert_total(snapshot, loss, {"rnn": ("",)})
    assert snapshot.loss == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-12)


def branching(self: Any, x: Any, states: Any) -> Any:
    h = next_state(self, x, states[0])
    if float(tf.reduce_sum(x)) > 0:
        h = h * 2.0
    return h, [h]


def branching_step(w: Any, x: Any, states: Any, tap: Any) -> Any:
    h = next_state(w, x, states[0]) * (2.0 if float(tf.reduce_sum(x)) > 0 else 1.0)
    h = tap("", h)
    return h, [h]


def through_numpy(self: Any, x: Any, states: Any) -> Any:
    h = next_state(self, x, states[0])
    h = h / (1.0 + np.abs(h.numpy()).max())
    return h, [h]


def through_numpy_step(w: Any, x: Any, states: Any, tap: Any) -> Any:
    h = next_state(w, x, states[0])
    h = tap("", h / (1.0 + np.abs(h.numpy()).max()))
    return h, [h]


def python_loop(self: Any, x: Any, states: Any) -> Any:
    h = next_state(self, x, states[0])
    while float(tf.norm(h)) > 1.0:
        h = 0.5 * h
    return h, [h]


def python_loop_step(w: Any, x: Any, states: Any, tap: Any) -> Any:
    h = next_state(w, x, states[0])
    while float(tf.norm(h)) > 1.0:
        h = 0.5 * h
    h = tap("", h)
    return h, [h]


def numpy_output(self: Any, x: Any, states: Any) -> Any:
    """Return an output in part of which the state is a constant."""
    h = next_state(self, x, states[0])
    return h * tf.constant(np.sign(h.numpy())), [h]


def numpy_output_step(w: Any, x: Any, states: Any, tap: Any) -> Any:
    h = tap("", next_state(w, x, states[0]))
    return h * np.sign(h.numpy()), [h]


@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize(
    ("call", "step", "smooth"),
    [
        (branching, branching_step, True),
        (through_numpy, through_numpy_step, False),
        (python_loop, python_loop_step, True),
        (numpy_output, numpy_output_step, True),
    ],
)
def test_eager_code_of_a_cell(call: Any, step: Any, smooth: bool, unroll: bool) -> None:
    model = keras.Sequential(
        [
            layers.RNN(
                OwnCell(call, step).layer(), return_sequences=True, unroll=unroll, name="rnn"
            ),
            layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse", run_eagerly=True)  # not built: a graph cannot take its code
    words = ["hidden_gradient", "hidden_state", "weight_gradient", "input_gradient"]
    snapshot = GradientEngine(model).compute(X, Y, quantities=words)
    loss = loss_by_hand(model, [step], X, Y)
    if smooth:
        assert_total(snapshot, loss, {"rnn": ("",)})
    else:  # what went through numpy is a constant for a tape, and changes in a difference
        value, expected = derivatives(loss)
        assert snapshot.loss == pytest.approx(value, rel=1e-12)
        assert_close(snapshot["rnn", "hidden_gradient"].values, expected[""])
    assert snapshot.loss == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-12)
    with tf.GradientTape() as tape:
        tape.watch(x := tf.constant(X))
        value = model.compute_loss(None, Y, model(x))
    by_x, by_kernel = tape.gradient(value, [x, model.layers[0].cell.kernel.value])
    assert_close(snapshot["rnn", "input_gradient"].values, by_x.numpy())
    assert_close(snapshot["rnn/kernel", "weight_gradient"].values, by_kernel.numpy())


@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize(
    "made",
    [
        lambda: layers.Bidirectional(layers.GRU(3, return_sequences=True, unroll=True), name="r"),
        lambda: layers.LSTM(3, return_sequences=True, unroll=True, go_backwards=True, name="r"),
        lambda: layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="r"),
    ],
)
def test_weight_gradients_do_not_depend_on_what_else_is_asked(made: Any, eagerly: bool) -> None:
    words = np.array([[1, 2, 3, 0, 0], [4, 5, 0, 0, 0], [6, 7, 8, 9, 1]])
    model = keras.Sequential(
        [
            keras.Input((TIMESTEPS,)),
            layers.Embedding(10, 2, mask_zero=True),
            made(),
            layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.SGD(1.0), "mse", run_eagerly=eagerly)
    engine = GradientEngine(model)
    alone = engine.compute(words, Y, quantities="weight_gradient")
    everything = [word for word in engine.quantities("r") if word != "weight_gradient"]
    for more in (["hidden_gradient"], ["gate_gradient"], ["hidden_state"], everything):
        snapshot = engine.compute(words, Y, quantities=["weight_gradient", *more])
        assert snapshot.loss == pytest.approx(alone.loss, rel=1e-13)
        for key, tensor in alone.items():
            assert_close(snapshot[key].values, tensor.values, 1e-11)
    assert alone.loss == pytest.approx(model.evaluate(words, Y, verbose=0), rel=1e-12)
    weights = model.get_layer("r").trainable_weights
    before = [weight.numpy() for weight in weights]
    assert alone.loss == pytest.approx(model.train_on_batch(words, Y), rel=1e-12)
    steps = [then - weight.numpy() for weight, then in zip(weights, before, strict=True)]
    assert len(steps) == len(alone)
    for tensor, step in zip(alone.values(), steps, strict=True):
        assert_close(tensor.values, step, 1e-10)


# --- a batch size of the model's own


def sized(*stack: Any) -> Any:
    model = keras.Sequential(stack)
    model.compile("sgd", "mse")
    return model


def stateful(kind: Any, **settings: Any) -> Any:
    return kind(3, stateful=True, return_sequences=True, **settings)


SIZED: dict[str, Any] = {
    "lstm": lambda: [stateful(layers.LSTM, name="r")],
    "gru": lambda: [stateful(layers.GRU, name="r")],
    "not stateful": lambda: [layers.LSTM(3, return_sequences=True, name="r")],
    "bidirectional": lambda: [layers.Bidirectional(stateful(layers.LSTM), name="r")],
    "two": lambda: [stateful(layers.GRU, name="r"), stateful(layers.LSTM)],
    "cells": lambda: [
        layers.RNN(
            [layers.LSTMCell(3), layers.GRUCell(2)],
            *(True, False, False, True),
            name="r",
        )
    ],
    "own cell": lambda: [layers.RNN(PLAIN.layer(), return_sequences=True, stateful=True, name="r")],
    "unrolled": lambda: [stateful(layers.SimpleRNN, name="r", unroll=True)],
}


@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize("name", SIZED)
def test_a_batch_of_one_sample(name: str, eagerly: bool) -> None:
    x, y = RNG.normal(size=(2, 1, 5, 1))
    model = sized(keras.Input(batch_shape=(1, 5, 1)), *SIZED[name](), layers.Dense(1))
    model.run_eagerly = eagerly
    model.predict(x[:, ::-1], verbose=0)  # states other than zero
    engine = GradientEngine(model)
    words = [w for w in engine.quantities("r") if "weight" not in w]
    snapshot = engine.compute(x, y, "r", words)
    again = engine.compute(x, y, "r", words)
    for key, tensor in snapshot.items():
        np.testing.assert_array_equal(again[key].values, tensor.values)
    layer = model.get_layer("r")
    states = [s for part in _directions(layer) for s in tf.nest.flatten(part.states or [])]
    before = [np.asarray(state) for state in states]

    def loss(x: Any) -> Any:
        for state, then in zip(states, before, strict=True):
            state.assign(then)
        for other in model.layers[1:]:
            if other is not layer and getattr(other, "stateful", False):
                for state, then in zip(other.states, others[id(other)], strict=True):
                    state.assign(then)
        return model.compute_loss(None, y, model(x))

    others = {
        id(other): [np.asarray(state) for state in other.states]
        for other in model.layers[1:]
        if other is not layer and getattr(other, "stateful", False)
    }
    assert snapshot.loss == pytest.approx(float(loss(tf.constant(x))), rel=1e-12)
    way = RNG.normal(size=x.shape)
    terms = way * snapshot["r", "input_gradient"].values
    difference = (float(loss(x + 1e-5 * way)) - float(loss(x - 1e-5 * way))) / 2e-5
    assert abs(difference - terms.sum()) <= 1e-7 * np.abs(terms).sum()
    for state, then in zip(states, before, strict=True):
        state.assign(then)


def _directions(layer: Any) -> list[Any]:
    both = [getattr(layer, name, None) for name in ("forward_layer", "backward_layer")]
    return [part for part in both if part is not None] or [layer]


class Starting(keras.Model):
    """Starts its layer from states that it makes itself."""

    def __init__(self, made: Any) -> None:
        super().__init__()
        self.made = made
        self.rnn = layers.GRU(3, return_sequences=True)
        self.head = layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.head(self.rnn(x, initial_state=[self.made(x)]))


def scanning(x: Any) -> Any:
    state = tf.zeros((x.shape[0], 3), x.dtype)
    for sample in range(x.shape[0]):  # in Python: needs a number
        state += tf.one_hot([sample], x.shape[0], axis=0, dtype=x.dtype)
    return state


@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize(
    ("made", "any_size"),
    [
        (lambda _: tf.ones((1, 3), "float64"), False),
        (lambda x: tf.zeros((x.shape[0], 3), x.dtype) + 0.5, True),
        (lambda x: tf.ones((tf.shape(x)[0], 3), x.dtype), True),
        (scanning, True),
    ],
)
def test_initial_states_of_a_size_in_numbers(made: Any, any_size: bool, eagerly: bool) -> None:
    model = Starting(made)
    model.compile("sgd", "mse", run_eagerly=eagerly)
    engine = GradientEngine(model)
    for size in (1, 4, 2) if any_size else (1, 1):
        x, y = RNG.normal(size=(2, size, 4, 1))
        words = ["hidden_gradient", "output_gradient"]
        snapshot = engine.compute(x, y, quantities=words)
        assert snapshot["rnn", "hidden_gradient"].shape == (size, 4, 3)
        with tf.GradientTape() as tape:
            hidden = model.rnn(x, initial_state=[made(tf.constant(x))])
            tape.watch(hidden)
            loss = tf.reduce_mean((model.head(hidden) - y) ** 2)
        assert snapshot.loss == pytest.approx(float(loss), rel=1e-12)
        direct = tape.gradient(loss, hidden)
        assert_close(snapshot["rnn", "output_gradient"].values, direct.numpy())
        assert_close(snapshot["rnn", "hidden_gradient"].values[:, -1], direct.numpy()[:, -1])


class Zeros(layers.Layer):
    """Puts zeros of the batch's size, a number, before the sequence."""

    def call(self, x: Any) -> Any:
        return tf.concat([tf.zeros((x.shape[0], 1, FEATURES), x.dtype), x], 1)

    def compute_output_shape(self, shape: Any) -> Any:
        return (shape[0], shape[1] + 1, shape[2])


def test_another_batch_size_where_the_model_allows_it() -> None:
    model = keras.Sequential([Zeros(), layers.LSTM(3, name="r"), layers.Dense(1)])
    model.compile("sgd", "mse")
    engine = GradientEngine(model)
    for size in (3, 1, 2, 3):
        x, y = X[:size], Y[:size, 0]
        snapshot = engine.compute(x, y, quantities=["hidden_gradient", "input_gradient"])
        assert snapshot["r", "hidden_gradient"].shape == (size, TIMESTEPS + 1, 3)
        expected = float(model.compute_loss(None, y, model(tf.constant(x))))
        assert snapshot.loss == pytest.approx(expected, rel=1e-12)
    fixed = sized(keras.Input(batch_shape=(2, 5, 1)), stateful(layers.LSTM), layers.Dense(1))
    # Keras' own words; those of Keras 3.5 are TensorFlow's.
    words = "the batch size of the input sequences must be|Dimensions must be equal"
    with pytest.raises(ValueError, match=f"x and y must fit the model.*({words})"):
        GradientEngine(fixed).compute(*RNG.normal(size=(2, 3, 5, 1)))


# --- a layer's own loop


class OwnLoop(layers.RNN):
    """Loops over its cell by itself."""

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None) -> Any:  # noqa: ARG002
        states = [tf.zeros((tf.shape(sequences)[0], UNITS), sequences.dtype)]
        outputs = []
        for t in range(sequences.shape[1]):
            output, states = self.cell(sequences[:, t], states)
            outputs.append(output)
        return tf.stack(outputs, 1)


class TwiceRNN(layers.RNN):
    """Runs Keras' loop twice over the same sequence."""

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None) -> Any:
        first = super().call(sequences, initial_state, mask)
        return first + super().call(0.5 * sequences, initial_state, mask)


class TwiceLSTM(layers.LSTM):
    """Runs Keras' loop over the sequence and over what it made of it."""

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None) -> Any:
        first = super().call(sequences, initial_state, mask)
        return first * super().call(sequences[:, ::-1], initial_state, mask)


class SkipsLSTM(layers.LSTM):
    """Does not run its loop at all."""

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None) -> Any:  # noqa: ARG002
        return tf.tanh(tf.matmul(sequences, self.cell.kernel))[..., : self.units]


OWN_LOOPS: dict[str, Any] = {
    "own loop": lambda: OwnLoop(PLAIN.layer(), return_sequences=True, name="own"),
    "twice": lambda: TwiceRNN(PLAIN.layer(), return_sequences=True, name="own"),
    "twice an LSTM": lambda: TwiceLSTM(3, return_sequences=True, name="own"),
    "never": lambda: SkipsLSTM(3, return_sequences=True, name="own"),
}


@pytest.mark.parametrize("form", ["loop", "eager"])
@pytest.mark.parametrize("name", OWN_LOOPS)
def test_a_layer_with_a_call_of_its_own(name: str, form: str) -> None:
    own, gru = OWN_LOOPS[name](), layers.GRU(3, return_sequences=True, name="gru")
    model = keras.Sequential([keras.Input((TIMESTEPS, FEATURES)), own, gru, layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=form == "eager")
    engine = GradientEngine(model)
    reason = (
        "layer 'own' must run its loop over time once in each call to have a {}; "
        "its own call does not; ask for output_gradient"
    )
    inside = ["hidden_gradient", "hidden_state"]
    words = [*inside, "output_gradient", "input_gradient", "weight_gradient"]
    with pytest.warns(UserWarning, match=reason.format("hidden_gradient")):
        snapshot = engine.compute(X, Y, quantities=words)
    assert not [key for key in snapshot if key[0].startswith("own") and key[1] in inside]
    assert {("gru", word) for word in words[:-1]} <= set(snapshot)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x := tf.constant(X))
        hidden = own(x)
        tape.watch(hidden)
        loss = tf.reduce_mean((model.layers[-1](gru(hidden)) - Y) ** 2)
    assert snapshot.loss == pytest.approx(float(loss), rel=1e-12)
    assert_close(snapshot["own", "output_gradient"].values, tape.gradient(loss, hidden).numpy())
    assert_close(snapshot["own", "input_gradient"].values, tape.gradient(loss, x).numpy())
    kernel = tape.gradient(loss, own.cell.kernel.value)
    assert_close(snapshot["own/kernel", "weight_gradient"].values, kernel.numpy())
    for word in inside:
        with pytest.raises(ValueError, match=reason.format(word)):
            engine.compute(X, Y, "own", word)
    followed = engine.compute(X, Y, "own", "output_gradient")  # as the message says
    assert list(followed) == [("own", "output_gradient")]


def test_a_call_of_its_own_that_runs_the_loop_once_is_looked_into() -> None:
    class Scaled(layers.RNN):  # type: ignore[misc]
        def call(self, sequences: Any, initial_state: Any = None, mask: Any = None) -> Any:
            return 2.0 * super().call(sequences, initial_state, mask)

    rnn = Scaled(PLAIN.layer(), return_sequences=True, name="rnn")
    model = keras.Sequential([keras.Input((TIMESTEPS, FEATURES)), rnn, layers.Dense(1)])
    model.compile("sgd", "mse")
    snapshot = GradientEngine(model).compute(X, Y, quantities="hidden_gradient")

    def doubled(w: Any, x: Any, states: Any, tap: Any) -> Any:
        h, states = plain_step(w, x, states, tap)
        return 2.0 * h, states

    assert_total(snapshot, loss_by_hand(model, [doubled], X, Y), {"rnn": ("",)})


# --- only the states go on


def answers(library: Any, form: str, *, sequences: bool) -> tuple[Any, str]:
    """Return what an encoder's hidden gradient is, and why it has no output gradient."""
    library.utils.set_random_seed(5)
    settings = dict(FORMS[form])
    eagerly = settings.pop("run_eagerly", False)
    kinds = library.layers
    encoder = kinds.LSTM(
        3, return_state=True, return_sequences=sequences, name="encoder", **settings
    )
    source, target = library.Input((TIMESTEPS, FEATURES)), library.Input((TIMESTEPS, FEATURES))
    _, *states = encoder(source)
    decoded = kinds.LSTM(3, return_sequences=True)(target, initial_state=states)
    model = library.Model([source, target], kinds.Dense(1)(decoded))
    model.compile("sgd", "mse", run_eagerly=eagerly)
    engine = GradientEngine(model)
    x = [X.astype("float32"), X.astype("float32")]
    words = ["output_gradient", "hidden_gradient", "cell_gradient"]
    with pytest.warns(UserWarning, match="the loss does not depend on the output of") as warned:
        snapshot = engine.compute(x, Y.astype("float32"), "encoder", words)
    assert set(snapshot) == {("encoder", word) for word in words[1:]}
    with pytest.raises(ValueError, match="so there is no output_gradient"):
        engine.compute(x, Y.astype("float32"), "encoder", "output_gradient")
    return snapshot, str([str(warning.message) for warning in warned])


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("library", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_an_output_that_nothing_reads_is_refused_in_every_form(
    library: Any, sequences: bool
) -> None:
    expected, also = answers(library, "loop", sequences=sequences)
    for form in ("unrolled", "eager", "eager unrolled"):
        found, said = answers(library, form, sequences=sequences)
        assert said == also
        for key, tensor in expected.items():
            assert_close(found[key].values, tensor.values, 1e-5)
