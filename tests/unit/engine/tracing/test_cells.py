"""Total state gradients of cells that are not Keras' own, by central differences."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from rnngrad_widgets.data.tensor import REACH
from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine.nudged_cells import (
    FEATURES,
    MASK,
    RNG,
    SAMPLES,
    TIMESTEPS,
    UNITS,
    Attending,
    Conditional,
    LayerNormalised,
    Peephole,
    Readout,
    Several,
    Wrapper,
    X,
    difference,
    model_of,
)
from tests.unit.engine.unroll import Watcher, run_layer

pytestmark = pytest.mark.usefixtures("float64", "unoptimised")


def data(masked: bool) -> np.ndarray:
    return np.where(MASK[..., None], X, 0.0) if masked else X


def check(model: Any, cell: Any, names: dict[tuple[str, str], str], masked: bool = False) -> None:
    x = data(masked)
    y = RNG.normal(size=model(x).shape)
    snapshot = GradientEngine(model).compute(x, y, "rnn", sorted({q for _, q in names}))
    assert set(names) <= set(snapshot)
    for key, name in names.items():
        found = snapshot[key].values
        expected = difference(model, cell, x, y, name, found.shape)
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.long
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("sequences", [False, True])
def test_peephole_subclass_of_the_lstm_cell(sequences: bool, masked: bool) -> None:
    cell = Peephole(UNITS)
    names = {("rnn", "hidden_gradient"): "hidden", ("rnn", "cell_gradient"): "cell"}
    check(model_of(cell, sequences, masked), cell, names, masked)


@pytest.mark.one_case_in(8)
@pytest.mark.parametrize("cls", [Readout, LayerNormalised, Conditional, Wrapper])
def test_own_cells_with_one_state(cls: Any) -> None:
    cell = cls()
    check(model_of(cell), cell, {("rnn", "hidden_gradient"): ""})


@pytest.mark.long
@pytest.mark.parametrize("eagerly", [False, True])
def test_nested_states_have_one_tensor_each(eagerly: bool) -> None:
    cell = Several()
    model = model_of(cell)
    model.run_eagerly = eagerly
    labels = {f"rnn/{label}": label for label in ("0/mat", "0/vec")}
    check(model, cell, {(path, "hidden_gradient"): name for path, name in labels.items()})
    y = np.zeros((SAMPLES, TIMESTEPS, 2))
    snapshot = GradientEngine(model).compute(X, y, quantities=["hidden_gradient", "hidden_state"])
    shapes = {
        path: t.shape for (path, quantity), t in snapshot.items() if quantity == "hidden_state"
    }
    assert shapes == {
        "rnn/0/mat": (SAMPLES, TIMESTEPS, 2, UNITS),
        "rnn/0/vec": (SAMPLES, TIMESTEPS, UNITS),
        "rnn/1": (SAMPLES, TIMESTEPS, UNITS),
        "rnn/2": (SAMPLES, TIMESTEPS, UNITS),
        "rnn/3": (SAMPLES, TIMESTEPS, 1),
    }
    counts = snapshot["rnn/3", "hidden_state"].values[0, :, 0]
    np.testing.assert_array_equal(counts, np.arange(TIMESTEPS) + 1)
    # The loss does not depend on the count, and the repeated state is never read again.
    for path in ("rnn/2", "rnn/3"):
        assert not snapshot[path, "hidden_gradient"].values.any()


def test_an_attention_cell_and_the_window_it_attends_over() -> None:
    cell = Attending()
    names = {(f"rnn/{name}", "hidden_gradient"): name for name in ("0", "1")}
    check(model_of(cell, masked=True), cell, names, masked=True)


@pytest.mark.one_case_in(6)
@pytest.mark.parametrize(
    ("settings", "eagerly"), [({}, True), ({"unroll": True}, False), ({"unroll": True}, True)]
)
def test_unrolled_and_eager_loops(settings: dict[str, bool], eagerly: bool) -> None:
    model = keras.Sequential(
        [
            keras.Input((TIMESTEPS, FEATURES)),
            layers.LSTM(UNITS, return_sequences=True, name="rnn", **settings),
            layers.Dense(1),
        ]
    )
    y = RNG.normal(size=(SAMPLES, TIMESTEPS, 1))
    everything = list(GradientEngine(model).quantities("rnn"))
    if settings:
        everything.remove("reach")  # traced for seconds; once is enough
    found = []
    for run_eagerly in (eagerly, False):
        model.get_layer("rnn").unroll = settings.get("unroll", False) and run_eagerly == eagerly
        model.compile("sgd", "mse", run_eagerly=run_eagerly)
        found.append(GradientEngine(model).compute(X, y, "rnn", everything))
    for key, tensor in found[0].items():
        np.testing.assert_allclose(tensor.values, found[1][key].values, rtol=1e-10, atol=1e-14)


@pytest.mark.long
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_convolutional_lstm_of_one_pixel_is_an_lstm(rank: int) -> None:
    convolutional = getattr(layers, f"ConvLSTM{rank}D")
    pixel, axes = (1,) * rank, ("depth", "row", "column")[3 - rank :]
    conv = keras.Sequential(
        [
            keras.Input((TIMESTEPS, *pixel, FEATURES)),
            convolutional(UNITS, 1, return_sequences=True, name="rnn"),
            layers.Reshape((TIMESTEPS, UNITS)),
            layers.Dense(1),
        ]
    )
    plain = keras.Sequential(
        [
            keras.Input((TIMESTEPS, FEATURES)),
            layers.LSTM(UNITS, return_sequences=True, name="rnn"),
            layers.Dense(1),
        ]
    )
    pairs = zip(conv.get_weights(), plain.weights, strict=True)
    plain.set_weights([value.reshape(variable.shape) for value, variable in pairs])
    y = RNG.normal(size=(SAMPLES, TIMESTEPS, 1))
    for model in (conv, plain):
        model.compile("sgd", "mse")
    slow = () if rank == 1 else ("reach",)  # to trace it takes seconds
    offered = GradientEngine(conv).quantities("rnn")
    quantities = [q for q in offered if "weight" not in q and q not in slow]
    assert "cell_gradient" in quantities
    assert "gate_gradient" not in quantities
    expected = GradientEngine(plain).compute(X, y, "rnn", quantities)
    x = X.reshape(SAMPLES, TIMESTEPS, *pixel, FEATURES)
    found = GradientEngine(conv).compute(x, y, "rnn", quantities)
    for key, tensor in found.items():
        last = "feature" if key[1] == "input_gradient" else "channel"
        time = () if key[1] == "initial_state_gradient" else ("timestep",)
        assert tensor.dims == (REACH if key[1] == "reach" else ("sample", *time, *axes, last))
        values = tensor.values.reshape(expected[key].shape)
        np.testing.assert_allclose(values, expected[key].values, rtol=1e-10)


def test_the_scalar_linear_recurrence_has_powers_of_its_weight() -> None:
    # h_t = a h_{t-1} + x_t has dL/dh_t = a^(T-t) dL/dh_T, and no direct gradient before T.
    a, steps = 0.9, 20
    rnn = layers.SimpleRNN(1, activation=None, use_bias=False, return_sequences=True, name="rnn")
    model = keras.Sequential([keras.Input((steps, 1)), rnn, layers.Lambda(lambda h: h[:, -1])])
    rnn.set_weights([np.ones((1, 1)), np.full((1, 1), a)])
    model.compile("sgd", lambda y, p: ops.sum(p - y))
    snapshot = GradientEngine(model).compute(
        np.ones((1, steps, 1)), np.zeros((1, 1)), "rnn", ["hidden_gradient", "output_gradient"]
    )
    powers = a ** np.arange(steps - 1, -1, -1)
    total = snapshot["rnn", "hidden_gradient"].values.ravel()
    np.testing.assert_allclose(total, powers, rtol=1e-14)
    direct = snapshot["rnn", "output_gradient"].values.ravel()
    np.testing.assert_array_equal(direct, np.eye(steps)[-1])


def test_initial_states_and_masks_show_in_the_values() -> None:
    inputs, first = keras.Input((TIMESTEPS, FEATURES)), keras.Input((UNITS,))
    mask = ops.any(ops.not_equal(inputs, 0.0), -1)
    rnn = layers.GRU(UNITS, return_sequences=True, name="rnn")
    hidden = rnn(inputs, initial_state=first, mask=mask)
    model = keras.Model([inputs, first], layers.Dense(1)(hidden))
    model.compile("sgd", "mse")
    h0 = RNG.normal(size=(SAMPLES, UNITS))
    y = np.zeros((SAMPLES, TIMESTEPS, 1))
    snapshot = GradientEngine(model).compute([data(masked=True), h0], y, "rnn", "hidden_state")
    states = snapshot["rnn", "hidden_state"].values
    np.testing.assert_array_equal(states[1, 0], h0[1])  # masked from the start
    np.testing.assert_array_equal(states[0, 2], states[0, 1])
    np.testing.assert_array_equal(states[1, 3], states[1, 2])


def test_refused_quantities_say_why() -> None:
    engine = GradientEngine(model_of(Peephole(UNITS)))
    y = np.zeros((SAMPLES, TIMESTEPS, 2))
    with pytest.raises(ValueError, match="received 'gate_gradient': gates are known only of cells"):
        engine.compute(X, y, "rnn", "gate_gradient")
    assert "gate_gradient" not in engine.quantities("rnn")
    engine = GradientEngine(model_of(Readout()))
    with pytest.raises(ValueError, match="received 'cell_gradient': the layer has no cell state"):
        engine.compute(X, y, "rnn", "cell_gradient")


class OwnLoop(layers.SimpleRNN):
    def inner_loop(self, *args: Any, **kwargs: Any) -> Any:
        return super().inner_loop(*args, **kwargs)


def test_a_loop_of_its_own_is_not_looked_into() -> None:
    model = keras.Sequential([keras.Input((TIMESTEPS, FEATURES)), OwnLoop(2, name="rnn")])
    model.compile("sgd", "mse")
    engine = GradientEngine(model)
    assert engine.quantities("rnn") == (
        "output_gradient",
        "input_gradient",
        "weight_gradient",
        "output",
        "weight",
    )
    with pytest.raises(ValueError, match="'hidden_gradient': the layer runs a loop of its own"):
        engine.compute(X, np.zeros((SAMPLES, 2)), "rnn", "hidden_gradient")


def test_a_subclass_that_only_adds_settings_keeps_its_gates() -> None:
    class Settings(layers.GRUCell):
        def get_config(self) -> Any:
            return {**super().get_config(), "more": 1}

    rnn = layers.RNN(Settings(UNITS), name="rnn")
    assert "gate_gradient" in GradientEngine(keras.Sequential([rnn])).quantities("rnn")


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize(("unroll", "eagerly"), [(False, False), (True, False), (False, True)])
def test_a_cell_that_is_in_its_stack_twice_has_states_of_its_own_at_each_place(
    unroll: bool, eagerly: bool
) -> None:
    cell = layers.LSTMCell(FEATURES)
    stack = layers.RNN([cell, cell], return_sequences=True, unroll=unroll, name="rnn")
    model = keras.Sequential([keras.Input((TIMESTEPS, FEATURES)), stack])
    model.compile("sgd", "mse", run_eagerly=eagerly)
    snapshot = GradientEngine(model).compute(
        X,
        np.zeros_like(X),
        quantities=["hidden_gradient", "cell_gradient", "gate_gradient", "gate"],
    )
    with tf.GradientTape(persistent=True) as tape:
        watcher = Watcher(tape)
        returned, _ = run_layer(stack, tf.constant(X), tap=watcher)
        loss = tf.reduce_mean(returned**2)
    for place, quantity in ((p, q) for p in "01" for q in ("hidden", "cell", "gate")):
        seen = watcher.seen[f"{place}/{quantity}"]
        expected = np.stack([tape.gradient(loss, seen[t]) for t in range(TIMESTEPS)], axis=1)
        found = snapshot[f"rnn/{place}", f"{quantity}_gradient"].values
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    assert not np.allclose(snapshot["rnn/0", "gate"].values, snapshot["rnn/1", "gate"].values)
