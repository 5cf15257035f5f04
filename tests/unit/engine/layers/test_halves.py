"""Bidirectional layers of two kinds: what both halves have is right, the rest is refused."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from keras import layers

from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine.unroll import Watcher, run_layer

pytestmark = pytest.mark.usefixtures("float64", "unoptimised")

B, T, F = 2, 4, 2
RNG = np.random.default_rng(12)
X, Y = RNG.normal(size=(B, T, F)), RNG.normal(size=(B, T, 1))
BOTH = ("forward", "backward")


def rnn(kind: Any, units: int = 3, **settings: Any) -> Any:
    if isinstance(kind, str):
        return getattr(layers, kind)(units, return_sequences=True, **settings)
    cells = [getattr(layers, name)(units) for name in kind]
    return layers.RNN(cells, return_sequences=True, **settings)


class Two(keras.Model):
    """A layer and a head; a functional model would double the units of the forward layer."""

    def __init__(self, both: Any) -> None:
        super().__init__()
        self.bi = both
        self.head = layers.Dense(1)

    def call(self, x: Any) -> Any:
        hidden = self.bi(x)
        return self.head(keras.ops.concatenate(hidden, -1) if isinstance(hidden, tuple) else hidden)


def model_of(forward: Any, backward: Any, units: int = 3, merge: str | None = "concat") -> Any:
    second = rnn(backward, units, go_backwards=True)
    model = Two(layers.Bidirectional(rnn(forward), merge, backward_layer=second, name="bi"))
    model(X)
    model.compile("sgd", "mse")
    return model


def unrolled(model: Any) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the values that a hand-written unroll has by name, and the gradients by them."""
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        watcher = Watcher(tape)
        returned, _ = run_layer(model.get_layer("bi"), tf.constant(X), None, watcher)
        joined = tf.concat(returned, -1) if isinstance(returned, tuple) else returned
        kernel, bias = (tf.constant(w.numpy()) for w in model.layers[-1].weights)
        loss = tf.reduce_mean((joined @ kernel + bias - Y) ** 2)
    values, gradients = {}, {}
    for name, seen in watcher.seen.items():
        order = [seen[t] for t in sorted(seen)]
        values[name] = np.stack(order, 1)
        found = tape.gradient(loss, order, unconnected_gradients="zero")
        gradients[name] = np.stack(found, 1)
    return values, gradients


def both(found: dict[str, np.ndarray], name: str) -> np.ndarray:
    return np.concatenate([found[f"{direction}/{name}"] for direction in BOTH], -1)


def close(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == expected.shape
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


TWO_KINDS = [
    ("LSTM", "GRU", "only the forward layer, an LSTM, has a cell state"),
    ("GRU", "LSTM", "only the backward layer, an LSTM, has a cell state"),
    ("SimpleRNN", "GRU", "the layer has no cell state"),
    (["LSTMCell"], "SimpleRNN", r"only the forward layer, an RNN\(LSTMCell\), has a cell state"),
]
GATES = {
    "LSTM": "an LSTM, has the gates i, f, c, o",
    "GRU": "a GRU, has the gates z, r, h",
    "SimpleRNN": "a SimpleRNN, has the gates h",
}


@pytest.mark.one_case_in(4)
@pytest.mark.parametrize(("forward", "backward", "no_cell"), TWO_KINDS)
def test_what_both_halves_have(forward: Any, backward: Any, no_cell: str) -> None:
    model = model_of(forward, backward)
    engine = GradientEngine(model)
    words = engine.quantities("bi")
    assert words == (
        *("output_gradient", "hidden_gradient", "input_gradient", "initial_state_gradient"),
        *("weight_gradient", "reach", "output", "hidden_state", "weight"),
    )
    quick = [word for word in words if word != "reach"]  # to trace it takes seconds
    snapshot = engine.compute(X, Y, quantities=quick)
    values, gradients = unrolled(model)
    close(snapshot["bi", "hidden_gradient"].values, both(gradients, "hidden"))
    close(snapshot["bi", "hidden_state"].values, both(values, "hidden_state"))
    close(snapshot["bi", "output"].values, values["output"][:, 0])
    for quantity in ("hidden_gradient", "hidden_state", "output", "output_gradient"):
        assert snapshot["bi", quantity].directions == BOTH
    for word in ("cell_gradient", "cell_state"):
        with pytest.raises(ValueError, match=f"received '{word}': {no_cell}$"):
            engine.compute(X, Y, "bi", word)
    if isinstance(forward, str):
        told = f"the forward layer, {GATES[forward]}, the backward layer, {GATES[backward]}$"
        with pytest.raises(ValueError, match=f"received 'gate_gradient': {told}"):
            engine.compute(X, Y, "bi", "gate_gradient")


def test_the_weights_of_each_half_have_its_own_gates() -> None:
    snapshot = GradientEngine(model_of("LSTM", "GRU")).compute(X, Y, quantities="weight_gradient")
    gates = {path.removeprefix("bi/"): tensor.gates for (path, _), tensor in snapshot.items()}
    names = ("kernel", "recurrent_kernel", "bias")
    expected = {f"forward/{name}": ("i", "f", "c", "o") for name in names}
    assert gates == expected | {f"backward/{name}": ("z", "r", "h") for name in names}


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize(
    ("forward", "backward", "why"),
    [
        ("LSTM", ["LSTMCell", "GRUCell"], "has 1 hidden state, the backward layer, an RNN"),
        (["GRUCell", "GRUCell"], "GRU", "has 2 hidden states, the backward layer, a GRU, has 1"),
        (["GRUCell"] * 3, ["GRUCell"] * 2, None),
    ],
)
def test_different_numbers_of_states(forward: Any, backward: Any, why: str | None) -> None:
    engine = GradientEngine(model_of(forward, backward))
    y = Y
    if why is None:  # of a stack of three and one of two, the first two are in both
        found = engine.compute(X, y, "bi", ["hidden_gradient", "hidden_state"])
        assert list(found) == [
            (f"bi/{cell}", q) for q in ("hidden_gradient", "hidden_state") for cell in (0, 1)
        ]
        return
    assert not {"hidden_gradient", "hidden_state", "gate_gradient"} & set(engine.quantities("bi"))
    with pytest.raises(ValueError, match=f"received 'hidden_gradient': the forward layer.*{why}"):
        engine.compute(X, y, "bi", "hidden_gradient")
    assert engine.compute(X, y, "bi").loss is not None


@pytest.mark.long
def test_stacks_in_which_some_cells_are_the_same() -> None:
    model = model_of(["LSTMCell", "GRUCell"], ["LSTMCell", "LSTMCell"])
    engine = GradientEngine(model)
    words = ["hidden_gradient", "cell_gradient", "gate_gradient"]
    snapshot = engine.compute(X, Y, "bi", words)
    assert list(snapshot) == [
        ("bi/0", "hidden_gradient"),
        ("bi/1", "hidden_gradient"),
        ("bi/0", "cell_gradient"),
        ("bi/0", "gate_gradient"),
    ]
    _, gradients = unrolled(model)
    for (path, quantity), tensor in snapshot.items():
        name = f"{path.removeprefix('bi/')}/{quantity.removesuffix('_gradient')}"
        close(tensor.values, both(gradients, name))
        assert tensor.directions == BOTH
    assert snapshot["bi/0", "gate_gradient"].gates == ("i", "f", "c", "o")
    crossed = GradientEngine(model_of(["LSTMCell", "GRUCell"], ["GRUCell", "LSTMCell"]))
    with pytest.raises(ValueError, match="no cell state is in the same cell of the forward and"):
        crossed.compute(X, Y, "bi", "cell_gradient")


@pytest.mark.parametrize("merge", ["concat", None])
def test_halves_of_two_sizes_have_a_tensor_each(merge: str | None) -> None:
    model = model_of("LSTM", "LSTM", 5, merge)
    engine = GradientEngine(model)
    assert engine.layers[0].kind == "Bidirectional LSTM"
    assert engine.layers[0].units is None
    words = [word for word in engine.quantities("bi") if word != "reach"]
    snapshot = engine.compute(X, Y, quantities=words)
    values, gradients = unrolled(model)
    assert snapshot["bi", "output"].directions == ()
    assert snapshot["bi", "output"].shape == (B, T, 8)
    for quantity, found, name in (
        ("hidden_gradient", gradients, "hidden"),
        ("cell_gradient", gradients, "cell"),
        ("cell_state", values, "cell_state"),
        ("gate_gradient", gradients, "gate"),
    ):
        assert ("bi", quantity) not in snapshot
        for direction in BOTH:
            tensor = snapshot[f"bi/{direction}", quantity]
            close(tensor.values, found[f"{direction}/{name}"])
            assert tensor.directions == (() if direction == "forward" else ("backward",))
    for direction, units in zip(BOTH, (3, 5), strict=True):
        tensor = snapshot[f"bi/{direction}", "gate_gradient"]
        assert (tensor.shape, tensor.gates) == ((B, T, 4 * units), ("i", "f", "c", "o"))


def test_a_forward_layer_that_goes_backwards_is_no_half_that_begins_with_the_first_timestep() -> (
    None
):
    first = rnn("LSTM", go_backwards=True)
    model = Two(layers.Bidirectional(first, backward_layer=rnn("LSTM"), name="bi"))
    model(X)
    model.compile("sgd", "mse")
    words = ["output_gradient", "hidden_gradient", "cell_state", "gate"]
    snapshot = GradientEngine(model).compute(X, Y, "bi", words)
    values, gradients = unrolled(model)
    assert snapshot["bi", "output_gradient"].directions == BOTH  # in the order of processing
    for direction in BOTH:
        tensor = snapshot[f"bi/{direction}", "hidden_gradient"]
        close(tensor.values, gradients[f"{direction}/hidden"])
        assert tensor.directions == (("backward",) if direction == "forward" else ())
        close(snapshot[f"bi/{direction}", "cell_state"].values, values[f"{direction}/cell_state"])


class Peephole(layers.LSTMCell):
    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:  # noqa: ARG002
        h, c = states
        i, f, g, o = keras.ops.split(
            inputs @ self.kernel + h @ self.recurrent_kernel + self.bias, 4, axis=-1
        )
        c = keras.ops.sigmoid(f + 0.2 * c) * c + keras.ops.sigmoid(i) * keras.ops.tanh(g)
        h = keras.ops.sigmoid(o + 0.2 * c) * keras.ops.tanh(c)
        return h, [h, c]


def test_only_one_half_is_keras_own() -> None:
    backward = layers.RNN(Peephole(3), return_sequences=True, go_backwards=True)
    with keras.utils.custom_object_scope({"Peephole": Peephole}):
        both = layers.Bidirectional(rnn("LSTM"), backward_layer=backward, name="bi")
    model = keras.Sequential([keras.Input((T, F)), both])
    engine = GradientEngine(model)
    assert "cell_gradient" in engine.quantities("bi")
    model.compile("sgd", "mse")
    why = "only the forward layer, an LSTM, has known gates: those of cells that compute exactly"
    with pytest.raises(ValueError, match=why):
        engine.compute(X, np.zeros((B, T, 6)), "bi", "gate_gradient")


def test_two_kinds_of_keras_2() -> None:
    k = tf_keras.layers
    both = k.Bidirectional(
        k.LSTM(3, return_sequences=True),
        backward_layer=k.GRU(3, return_sequences=True, go_backwards=True),
        name="bi",
    )
    model = tf_keras.Sequential([tf_keras.Input((T, F)), both, k.Dense(1)])
    model.compile("sgd", "mse")
    other = model_of("LSTM", "GRU")
    for layer in other.layers:
        for variable in layer.weights:
            variable.assign(variable + RNG.normal(scale=0.3, size=variable.shape))
    model.set_weights(other.get_weights())
    engine = GradientEngine(model)
    offered = GradientEngine(other).quantities("bi")
    assert engine.quantities("bi") == offered
    words = [word for word in offered if word != "reach"]  # to trace it takes seconds
    expected, found = GradientEngine(other).compute(X, Y, "bi", words), engine.compute(
        X, Y, "bi", words
    )  # fmt: skip
    assert list(found) == list(expected)
    for key, tensor in expected.items():
        np.testing.assert_allclose(found[key].values, tensor.values, rtol=2e-4, atol=1e-6)
        assert found[key].directions == tensor.directions
