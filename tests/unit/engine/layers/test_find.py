"""Layers in places where Keras tracks them, and cells that another layer runs."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from typing import Any

import keras
import numpy as np
import pytest
import tf_keras
from keras import layers, ops

from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine.eager import state_gradients

pytestmark = pytest.mark.usefixtures("float64", "unoptimised")

B, T, F = 2, 4, 3
RNG = np.random.default_rng(8)
X, Y = RNG.normal(size=(B, T, F)), RNG.normal(size=(B, 1))
Pair = namedtuple("Pair", "a b")


def paths(model: Any) -> list[str]:
    return [layer.path for layer in GradientEngine(model).layers]


def compiled(model: Any) -> Any:
    model.compile("sgd", "mse")
    return model


def made(holder: Any, rnn: Any, library: Any = keras) -> Any:
    """Make a model of one layer, which holds recurrent layers somewhere and calls them all."""

    class Holder(library.layers.Layer):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__(name="held")
            every = holder(self, rnn)
            self.called = lambda: every  # not an attribute in which Keras would find them

        def call(self, x: Any) -> Any:
            for layer in self.called():
                x = layer(x)
            return x

    inputs = library.Input((T, F))
    return compiled(library.Model(inputs, library.layers.Dense(1)(Holder()(inputs))))


def put(name: str) -> Any:
    def holder(layer: Any, rnn: Any) -> list[Any]:
        one = rnn()
        setattr(layer, name, one)
        return [one]

    return holder


def nested(layer: Any, rnn: Any) -> list[Any]:
    every = [rnn() for _ in range(5)]
    a, b, c, d, e = every
    layer.kept = {"a": [a, {"b": (b,)}], "c": OrderedDict(d=[[c]]), "p": Pair(d, [e])}
    return every


def a_set(layer: Any, rnn: Any) -> list[Any]:
    every = [rnn() for _ in range(12)]  # more than nine: the names are not sorted as text
    layer.kept = set(every)
    layer.more = [{every[0]}]
    return every


NAMES = ["_self_rnn", "_layers_rnn", "_metrics_rnn", "_functional", "_tracker_rnn", "_functional_a"]
PLACES = [
    *((put(name), [f"held/{name}"]) for name in NAMES),
    (nested, ["held/kept/a/0", "held/kept/a/1/b/0", "held/kept/c/d/0/0", "held/kept/p/0"]),
]


@pytest.mark.one_case_in(8)
@pytest.mark.parametrize("library", [keras, tf_keras])
@pytest.mark.parametrize(("holder", "expected"), PLACES)
def test_layers_in_any_attribute(holder: Any, expected: list[str], library: Any) -> None:
    def gru() -> Any:
        return library.layers.GRU(2, return_sequences=True)

    for _ in range(2):
        model = made(holder, gru, library)
        assert paths(model)[: len(expected)] == expected
        assert len(paths(model)) == len(model.layers[1].called())
    found = GradientEngine(model).compute(X, RNG.normal(size=(B, T, 1)), quantities="output")
    last = found[paths(model)[-1], "output"].values
    np.testing.assert_allclose(last, model.layers[1](X), rtol=1e-5)


def test_layers_in_a_set_are_in_the_order_of_their_making() -> None:
    for _ in range(2):
        model = made(a_set, lambda: layers.SimpleRNN(2, return_sequences=True))
        assert paths(model) == [f"held/kept/{position}" for position in range(12)]
        engine, called = GradientEngine(model), model.layers[1].called()
        assert [engine.resolve(layer).path for layer in called] == paths(model)


def test_a_list_that_has_the_name_of_keras_own() -> None:
    def holder(layer: Any, rnn: Any) -> list[Any]:
        layer._layers = [rnn(), rnn()]
        return list(layer._layers)

    assert paths(made(holder, lambda: layers.GRU(2, return_sequences=True))) == [
        "held/_layers/0",
        "held/_layers/1",
    ]


class FunctionalWithMore(keras.Model):
    """A functional model that holds a layer besides, whose attribute is another layer's name."""

    def __init__(self) -> None:
        inputs = keras.Input((T, F))
        super().__init__(inputs, layers.GRU(1, name="more", return_sequences=True)(inputs))
        self.more = layers.LSTM(1)

    def call(self, x: Any) -> Any:
        return self.more(super().call(x))


def test_an_attribute_that_has_another_layers_name() -> None:
    model = compiled(FunctionalWithMore())
    if model.more not in model._flatten_layers():
        pytest.skip("this Keras does not track, nor train, what a functional model holds besides")
    assert [(one.path, one.kind) for one in GradientEngine(model).layers] == [
        ("more", "GRU"),
        ("more_1", "LSTM"),
    ]
    snapshot = GradientEngine(model).compute(X, Y, quantities="output")
    np.testing.assert_allclose(snapshot["more_1", "output"].values, model(X), rtol=1e-12)


def test_paths_are_unique_where_names_are_not() -> None:
    class Keyed(layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.by = {"0": layers.GRU(1), 0: layers.LSTM(1), "1/a": layers.GRU(1)}

    by = ["by/0", "by/0_1", "by/1/a"]
    assert paths(keras.Sequential([Keyed(name="k")])) == [f"k/{path}" for path in by]


# -- cells -----------------------------------------------------------------------------------------


class Carrying(layers.Layer):
    """A cell whose second argument has a name of its own."""

    state_size = output_size = 3

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 3), name="kernel")

    def call(self, x: Any, carry: Any) -> Any:
        h = ops.tanh(x @ self.kernel + 0.7 * carry[0])
        return h, [h]


class Hidden(Carrying):
    def call(self, inputs: Any, h: Any, training: Any = None) -> Any:  # noqa: ARG002
        return super().call(inputs, h)


class Previous(Carrying):
    def call(self, inputs: Any, prev_states: Any) -> Any:
        return super().call(inputs, prev_states)


class Stepped(keras.Model):
    def __init__(self, cell: Any) -> None:
        super().__init__()
        self.cell = cell
        self.head = layers.Dense(1)

    def call(self, x: Any) -> Any:
        states = [ops.zeros((B, 3), dtype=x.dtype)]
        for t in range(T):
            output, states = self.cell(x[:, t], states)
        return self.head(output)


@pytest.mark.parametrize("cell", [Carrying, Hidden, Previous])
def test_a_stepped_cell_whatever_its_states_are_called(cell: Any) -> None:
    model = Stepped(cell())
    model(X)
    compiled(model)
    snapshot = GradientEngine(model).compute(X, Y, quantities="hidden_gradient")
    (expected,) = state_gradients(model, [model.cell], X, Y)
    assert expected.shape == (B, T, 3)
    np.testing.assert_allclose(snapshot["cell", "hidden_gradient"].values, expected, rtol=1e-12)


class NotACell(layers.Layer):
    """Has a state size, and is a layer all the same; what it holds is found."""

    state_size = 3

    def __init__(self) -> None:
        super().__init__()
        self.rnn = layers.GRU(3, return_state=True)


class WithLengths(NotACell):
    def call(self, x: Any, lengths: Any) -> Any:
        return self.rnn(x) * lengths


class WithMask(NotACell):
    def call(self, x: Any, mask: Any) -> Any:
        return self.rnn(x, mask=mask)


class WithStart(NotACell):
    def call(self, x: Any, initial_state: Any) -> Any:
        return self.rnn(x, initial_state=initial_state)


class Unready(NotACell):
    @property
    def state_size(self) -> Any:  # type: ignore[override]
        raise RuntimeError("not built yet")

    def call(self, x: Any) -> Any:
        return self.rnn(x)


@pytest.mark.parametrize("layer", [WithLengths, WithMask, WithStart, Unready])
def test_a_layer_with_a_state_size_is_no_cell(layer: Any) -> None:
    class Holding(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner = layer()

    assert paths(Holding()) == ["inner/rnn"]


# -- cells that another layer runs -----------------------------------------------------------------


class Residual(layers.Layer):
    """A cell around another one (Prakash et al. 2016, residual LSTM)."""

    def __init__(self, cell: Any) -> None:
        super().__init__()
        self.inner = cell
        self.state_size, self.output_size = cell.state_size, F

    def build(self, shape: Any) -> None:
        if not self.inner.built:
            self.inner.build(shape)
            self.inner.built = True

    def call(self, inputs: Any, states: Any) -> Any:
        output, states = self.inner(inputs, states)
        return output + inputs, states


class Highway(Residual):
    """A gate between a cell's output and its input (Zilly et al. 2017)."""

    def __init__(self, cell: Any) -> None:
        super().__init__(cell)
        self.gate = layers.Dense(F, activation="sigmoid")

    def build(self, shape: Any) -> None:
        super().build(shape)
        self.gate.build(shape)

    def call(self, inputs: Any, states: Any) -> Any:
        output, states = self.inner(inputs, states)
        carried = self.gate(inputs)
        return carried * output + (1 - carried) * inputs, states


class Memory(layers.Layer):
    """The cell of a Legendre Memory Unit (Voelker et al. 2019), with another cell inside."""

    def __init__(self, hidden_cell: Any) -> None:
        super().__init__()
        self.hidden_cell = hidden_cell
        self.state_size = [F, 2]
        self.output_size = F

    def build(self, shape: Any) -> None:
        self.encoder = self.add_weight(shape=(shape[-1], 1), name="encoder")
        self.hidden_cell.build((shape[0], shape[-1] + 2))
        self.hidden_cell.built = True

    def call(self, inputs: Any, states: Any) -> Any:
        h, m = states
        m = 0.8 * m + inputs @ self.encoder * np.array([[1.0, -0.5]])
        output, (h,) = self.hidden_cell(ops.concatenate([inputs, m], -1), [h])
        return output, [h, m]


class LMU(layers.Layer):
    """Keeps the cell beside the layer that runs it, as the layer of keras-lmu does."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden_cell = layers.SimpleRNNCell(F)
        self.layer = layers.RNN(Memory(self.hidden_cell), return_sequences=True)

    def build(self, shape: Any) -> None:
        self.layer.build(shape)

    def call(self, x: Any) -> Any:
        return self.layer(x)


class Beside(layers.Layer):
    """Keeps the cell that something else is wrapped around."""

    def __init__(self, around: Any, cell: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cell = cell
        self.rnn = layers.RNN(around(cell), return_sequences=True)

    def call(self, x: Any) -> Any:
        return self.rnn(x)


class Deeper(Beside):
    """The inner cell of a stack, of a wrapper in a wrapper."""

    def __init__(self, **kwargs: Any) -> None:
        cell = layers.GRUCell(F)
        super().__init__(
            lambda c: layers.StackedRNNCells([Residual(Highway(c)), layers.SimpleRNNCell(F)]),
            cell,
            **kwargs,
        )


def innermost(cell: Any) -> Any:
    """Find the cell that makes the state: what is around it reads the state for its output."""
    return innermost(cell.inner) if hasattr(cell, "inner") else cell


OWNED = [
    (LMU, ["r/layer"], "r/hidden_cell"),
    (lambda name: Beside(Residual, layers.LSTMCell(F), name=name), ["r/rnn"], "r/cell"),
    (lambda name: Beside(Highway, layers.GRUCell(F), name=name), ["r/rnn"], "r/cell"),
    (lambda name: Beside(lambda c: c, layers.GRUCell(F), name=name), ["r/rnn"], "r/cell"),
    (Deeper, ["r/rnn"], "r/cell"),
]


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize(("layer", "expected", "inner"), OWNED)
def test_a_cell_inside_another_is_owned_by_it(layer: Any, expected: list[str], inner: str) -> None:
    model = keras.Sequential([keras.Input((T, F)), layer(name="r"), layers.Dense(1)])
    compiled(model)
    engine = GradientEngine(model)
    assert paths(model) == expected
    y = RNG.normal(size=(B, T, 1))
    words = [q for q in engine.quantities(expected[0]) if "gate" not in q and q != "reach"]
    snapshot = engine.compute(X, y, quantities=words)
    path = expected[0]
    rnn = model.layers[0].rnn if path == "r/rnn" else model.layers[0].layer
    np.testing.assert_allclose(snapshot[path, "output"].values, rnn(X), rtol=1e-12)
    cells = [innermost(cell) for cell in getattr(rnn.cell, "cells", [rnn.cell])]
    several = (path, "hidden_gradient") not in snapshot
    for position, wanted in enumerate(state_gradients(model, cells, X, y)):
        found = snapshot[f"{path}/{position}" if several else path, "hidden_gradient"].values
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-16)
    assert engine.resolve(inner).path == inner  # and is still known by its path


def test_one_cell_in_two_layers() -> None:
    class Shared(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.cell = layers.GRUCell(F)
            self.one = layers.RNN(self.cell, return_sequences=True)
            self.two = layers.RNN(layers.StackedRNNCells([self.cell]), go_backwards=True)
            self.head = layers.Dense(1)

        def call(self, x: Any) -> Any:
            return self.head(self.two(self.one(x)))

    model = Shared()
    model(X)
    engine = GradientEngine(compiled(model))
    assert paths(model) == ["one", "two"]
    snapshot = engine.compute(X, Y, quantities=["hidden_gradient", "output_gradient"])
    (both,) = state_gradients(model, [model.cell], X, Y)
    np.testing.assert_allclose(snapshot["one", "hidden_gradient"].values, both[:, :T], rtol=1e-10)
    backwards = snapshot["two", "hidden_gradient"].values[:, ::-1]
    np.testing.assert_allclose(backwards, both[:, T:], rtol=1e-10)


def test_a_stepped_cell_owns_the_one_inside() -> None:
    class Outer(Stepped):
        def __init__(self) -> None:
            inner = layers.SimpleRNNCell(F)
            super().__init__(Residual(inner))
            self.inner = inner

    model = Outer()
    model(X)
    snapshot = GradientEngine(compiled(model)).compute(X, Y, quantities="hidden_gradient")
    assert paths(model) == ["cell"]
    (expected,) = state_gradients(model, [model.inner], X, Y)
    np.testing.assert_allclose(snapshot["cell", "hidden_gradient"].values, expected, rtol=1e-10)


def test_the_layers_of_a_bidirectional_are_its_own() -> None:
    class Two(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.backward = layers.GRU(2, go_backwards=True)
            self.both = layers.Bidirectional(layers.GRU(2), backward_layer=self.backward)

    assert paths(Two()) == ["both"]


def test_a_subclass_of_a_layer_may_hold_another_one() -> None:
    class Encoded(layers.SimpleRNN):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.before = layers.GRU(F, return_sequences=True)

        def call(self, sequences: Any, initial_state: Any = None, **kwargs: Any) -> Any:
            return super().call(self.before(sequences), initial_state, **kwargs)

    model = compiled(
        keras.Sequential([keras.Input((T, F)), Encoded(2, name="rnn"), layers.Dense(1)])
    )
    assert paths(model) == ["rnn", "rnn/before"]
    snapshot = GradientEngine(model).compute(X, Y, "rnn/before", ["output", "hidden_gradient"])
    rnn = model.layers[0]
    np.testing.assert_allclose(snapshot["rnn/before", "output"].values, rnn.before(X), rtol=1e-12)
    (expected,) = state_gradients(model, [rnn.before.cell], X, Y)
    found = snapshot["rnn/before", "hidden_gradient"].values
    np.testing.assert_allclose(found, expected, rtol=1e-10)
