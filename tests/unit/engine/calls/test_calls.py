"""Cells and layers that the model calls step by step: one tensor, as of a layer called once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine.architectures import FeedBack
from tests.unit.engine.nudged_cells import Peephole

if TYPE_CHECKING:
    from rnngrad_widgets.data.tensor import GradientSnapshot

pytestmark = pytest.mark.usefixtures("float64", "unoptimised")

B, T, F, S = 3, 4, 2, 2  # samples, timesteps, features, steps around
RNG = np.random.default_rng(9)
X = RNG.normal(size=(B, T, F))


def compiled(model: Any, **settings: Any) -> Any:
    model.compile("sgd", "mse", **settings)
    return model


def assert_same(found: GradientSnapshot, expected: GradientSnapshot, path: str) -> None:
    assert len(found) == len(expected)
    for (layer, quantity), tensor in expected.items():
        other = found[layer.replace("rnn", path, 1), quantity]
        assert (other.dims, other.directions, other.gates) == (
            (tensor.dims, tensor.directions, tensor.gates)
        )
        scale = np.abs(tensor.values).max()
        np.testing.assert_allclose(other.values, tensor.values, rtol=0, atol=1e-12 * scale)
        assert (other.mask is None) == (tensor.mask is None)
        np.testing.assert_array_equal(other.mask, tensor.mask)


class Stepping(keras.Model):
    """Steps a cell of its own through time, and reads its outputs and its last state."""

    def __init__(self, cell: Any) -> None:
        super().__init__()
        self.cells = {"one": cell}
        self.head = layers.Dense(1)

    def call(self, x: Any) -> Any:
        cell = self.cells["one"]
        states, outputs = cell.get_initial_state(ops.shape(x)[0]), []
        single = not isinstance(states, (list, tuple))
        for t in range(T):
            output, states = cell(x[:, t], [states] if single and t == 0 else states)
            outputs.append(output)
        return self.head(ops.stack(outputs, 1))


def stacked_cells() -> Any:
    return layers.StackedRNNCells([layers.LSTMCell(3), layers.GRUCell(2)])


@pytest.mark.one_case_in(6)
@pytest.mark.parametrize(
    ("made", "eagerly"),
    [
        (lambda: layers.LSTMCell(3), False),
        (lambda: layers.GRUCell(3), True),
        (stacked_cells, False),
        (lambda: Peephole(3), False),
        (lambda: Peephole(3), True),
    ],
)
def test_a_bare_cell_is_as_the_layer_that_runs_it(made: Any, eagerly: bool) -> None:
    cell, y = made(), RNG.normal(size=(B, T, 1))
    stepping = Stepping(cell)
    stepping(X)
    compiled(stepping, run_eagerly=eagerly)
    engine = GradientEngine(stepping)
    (info,) = engine.layers
    assert (info.path, info.kind) == ("cells/one", type(cell).__name__)
    # to trace a reach of such loops takes seconds
    words = [word for word in engine.quantities("one") if eagerly or word != "reach"]
    assert {"hidden_gradient", "output"} <= set(words)
    rnn = layers.RNN(cell, return_sequences=True, name="rnn")
    looped = compiled(keras.Sequential([keras.Input((T, F)), rnn, stepping.head]))
    found, expected = (
        engine.compute(X, y, "one", words),
        GradientEngine(looped).compute(X, y, "rnn", words),
    )
    assert_same(found, expected, "cells/one")
    assert cell.__dict__.get("call") is None


def test_a_cell_that_a_layer_owns_is_found_by_its_path() -> None:
    x, y = RNG.normal(size=(2, B, 3, 3))
    model = compiled(FeedBack())
    engine = GradientEngine(model)
    assert [layer.path for layer in engine.layers] == ["warm_up"]
    words = ["output", "output_gradient", "hidden_gradient", "gate_gradient"]
    snapshot = engine.compute(x, y, ["cell", "warm_up", model.cell], words)
    hidden, *states = model.warm_up(x)
    for step in range(2):  # the steps outside of the layer, and only those
        hidden, states = model.cell(model.head(hidden), states)
        output = snapshot["cell", "output"].values[:, step]
        np.testing.assert_allclose(output, hidden, rtol=1e-12)
    assert snapshot["cell", "output"].shape == (B, 2, 3)
    assert snapshot["warm_up", "gate_gradient"].shape == (B, 3, 12)
    error = 2 * (model.head(hidden) - y[:, -1]) / y.size
    direct = snapshot["cell", "output_gradient"].values[:, -1]
    np.testing.assert_allclose(direct, error @ ops.transpose(model.head.kernel), rtol=1e-10)
    np.testing.assert_allclose(snapshot["cell", "hidden_gradient"].values[:, -1], direct)
    with pytest.raises(ValueError, match="the model has no layer 'cells'; recurrent layers: 'warm"):
        engine.resolve("cells")


class Decoding(keras.Model):
    """Calls a layer with one timestep at a time."""

    def __init__(self, gru: Any) -> None:
        super().__init__()
        self.gru = gru
        self.head = layers.Dense(1)

    def call(self, x: Any) -> Any:
        state, outputs = None, []
        for t in range(T):
            output, state = self.gru(x[:, t : t + 1], initial_state=state)
            outputs.append(output[:, 0] if self.gru.return_sequences else output)
        return self.head(ops.stack(outputs, 1))


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("sequences", [False, True])
def test_a_layer_called_with_one_timestep_at_a_time(sequences: bool) -> None:
    y = RNG.normal(size=(B, T, 1))
    decoding = Decoding(layers.GRU(3, return_sequences=sequences, return_state=True))
    decoding(X)
    engine = GradientEngine(compiled(decoding))
    # to trace a reach of so many calls takes seconds
    words = [word for word in engine.quantities("gru") if word != "reach"]
    rnn = layers.GRU(3, return_sequences=True, name="rnn")
    whole = compiled(keras.Sequential([keras.Input((T, F)), rnn, decoding.head]))
    rnn.set_weights(decoding.gru.get_weights())
    expected = GradientEngine(whole).compute(X, y, "rnn", words)
    assert_same(engine.compute(X, y, "gru", words), expected, "gru")


def repeated(depth: int, calls: int) -> tuple[Any, Any, Any]:
    """Make a model with a layer inside TimeDistributed, and one where it sees more samples."""
    rnn = layers.LSTM(3, name="rnn")
    inputs = keras.Input((T, F))
    masked = layers.Masking()(inputs)
    returned = [rnn(masked) for _ in range(calls)]
    inner = keras.Model(inputs, layers.Add()(returned) if calls > 1 else returned[0])
    head, wrapped = layers.Dense(1), inner
    for _ in range(depth):
        wrapped = layers.TimeDistributed(wrapped)
    outer = keras.Input((S,) * depth + (T, F))
    flat = keras.Model(inputs, head(inner(inputs)))
    return compiled(keras.Model(outer, head(wrapped(outer)))), compiled(flat), rnn


@pytest.mark.one_case_in(6)
@pytest.mark.parametrize(("depth", "calls"), [(1, 1), (2, 1), (1, 2)])
def test_the_steps_of_a_time_distributed_are_samples(depth: int, calls: int) -> None:
    wrapped, flat, rnn = repeated(depth, calls)
    x = RNG.normal(size=(B * S**depth, T, F))
    x[::2, -1] = 0.0  # masked
    y = RNG.normal(size=(B * S**depth, 1))
    shape = (B, *(S,) * depth)
    words = ["output_gradient", "output", "hidden_gradient", "gate_gradient", "input_gradient"]
    words += ["hidden_state", "weight_gradient"]
    given = x.reshape(*shape, T, F), y.reshape(*shape, 1)
    found = GradientEngine(wrapped).compute(*given, rnn, words)
    expected = GradientEngine(flat).compute(x, y, rnn, words)
    path = GradientEngine(wrapped).resolve(rnn).path
    assert path.startswith("time_distributed")
    suffixes = [f"[{call}]" for call in range(calls)] if calls > 1 else [""]
    inside = GradientEngine(flat).resolve(rnn).path
    for suffix in suffixes:
        key = path + suffix, "hidden_gradient"
        assert found[key].shape == (B * S**depth, T, 3)
        assert found[key].mask is not None
    for (layer, quantity), tensor in expected.items():
        other = found[layer.replace(inside, path, 1), quantity]
        np.testing.assert_allclose(other.values, tensor.values, rtol=1e-9, atol=1e-14)
        np.testing.assert_array_equal(other.mask, tensor.mask)
        assert other.dims == tensor.dims
