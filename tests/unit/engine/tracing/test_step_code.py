"""Cells that do something in Python in each step, as often as when the model trains."""

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


@pytest.mark.one_case_in(6)
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


@pytest.mark.one_case_in(2)
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


@pytest.mark.long
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
    alike = ("weight_gradient", "reach")  # a reach has a pass of its own
    everything = [word for word in engine.quantities("r") if word not in alike]
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
