"""Total state gradients of cells that are not Keras' own, by central differences.

Each cell lets the test nudge a state at the place where it is made, so that everything that reads
it sees the nudge: what a total derivative means. The engine knows nothing of it.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine.unroll import Watcher, run_layer

pytestmark = pytest.mark.usefixtures("float64", "unoptimised")

SAMPLES, TIMESTEPS, FEATURES, UNITS = 2, 4, 2, 3
RNG = np.random.default_rng(4)
X = RNG.normal(size=(SAMPLES, TIMESTEPS, FEATURES))
MASK = np.array([[1, 1, 0, 1], [0, 1, 1, 0]], bool)


class Nudged:
    """Adds a nudge to a named state in one timestep, when told to."""

    # The state's name and timestep, and what to add.
    nudge: tuple[str, int, np.ndarray] | None = None
    # The loop calls a cell once before it starts.
    steps = -1

    def made(self, name: str, state: Any) -> Any:
        if self.nudge is not None and self.nudge[:2] == (name, self.steps):
            return state + self.nudge[2]
        return state


class Peephole(Nudged, layers.LSTMCell):
    """An LSTM cell whose gates also see the cell state: a subclass of Keras' own."""

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:  # noqa: ARG002
        h, c = states
        z = inputs @ self.kernel + h @ self.recurrent_kernel + self.bias
        i, f, g, o = ops.split(z, 4, axis=-1)
        c = ops.sigmoid(f + 0.5 * c) * c + ops.sigmoid(i + 0.3 * c) * ops.tanh(g)
        c = self.made("cell", c)
        h = self.made("hidden", ops.sigmoid(o + 0.7 * c) * ops.tanh(c))
        return h, [h, c]


class Own(Nudged, layers.Layer):
    """A cell with weights for one hidden state."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size: Any = UNITS
        self.output_size = UNITS

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], UNITS), name="kernel")
        self.recurrent = self.add_weight(shape=(UNITS, UNITS), name="recurrent")

    def next(self, inputs: Any, h: Any) -> Any:
        return ops.tanh(inputs @ self.kernel + h @ self.recurrent)


class Readout(Own):
    """The output is made from the state, and is not the state."""

    def call(self, inputs: Any, states: Any) -> Any:
        h = self.made("", self.next(inputs, states[0]))
        return h**2 + ops.sin(h), [h]


class LayerNormalised(Own):
    """The state goes through a layer of its own before it is returned, and the old one after."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = layers.LayerNormalization()

    def call(self, inputs: Any, states: Any) -> Any:
        h = self.made("", self.norm(self.next(inputs, states[0])))
        return h + 0.1 * states[0], [h]


class Conditional(Own):
    """The state is read inside a branch, in a graph of its own."""

    def call(self, inputs: Any, states: Any) -> Any:
        h = self.made("", self.next(inputs, states[0]))
        return ops.cond(ops.sum(inputs) > 0, lambda: h * h, lambda: -h), [h]


class Several(Own):
    """States that are nested, of different shapes, unchanged, repeated and counting."""

    def __init__(self) -> None:
        super().__init__()
        self.state_size = [UNITS, UNITS, UNITS, 1]

    def get_initial_state(self, batch_size: Any = None) -> Any:
        def zeros(*shape: int) -> Any:
            return ops.zeros((batch_size, *shape), dtype=self.compute_dtype)

        memory = {"mat": zeros(2, UNITS), "vec": zeros(UNITS)}
        return [memory, ops.ones((batch_size, UNITS)), zeros(UNITS), zeros(1)]

    def call(self, inputs: Any, states: Any) -> Any:
        memory, unchanged, _, count = states
        vec = self.made("0/vec", self.next(inputs, memory["vec"] * unchanged))
        mat = self.made("0/mat", 0.5 * memory["mat"] + vec[:, None] * ops.ones((2, 1)))
        output = ops.sum(mat, 1) * vec
        return output, [{"mat": mat, "vec": vec}, unchanged, vec, count + 1]


class Attending(Own):
    """Attends over a window of its last states, which is a state too (Cheng et al. 2016)."""

    WINDOW = 2

    def __init__(self) -> None:
        super().__init__()
        self.state_size = [UNITS, UNITS]

    def get_initial_state(self, batch_size: Any = None) -> Any:
        h = ops.zeros((batch_size, UNITS), dtype=self.compute_dtype)
        return [h, ops.repeat(h[:, None], self.WINDOW, axis=1)]

    def call(self, inputs: Any, states: Any) -> Any:
        h, window = states
        weights = ops.softmax(ops.sum(window * h[:, None], -1))
        context = ops.sum(window * weights[..., None], 1)
        h = self.made("0", self.next(inputs, h + context))
        window = ops.concatenate([window[:, 1:], h[:, None]], 1)
        window = self.made("1", window)
        return h + context, [h, window]


class Wrapper(Own):
    """A cell around a cell of Keras' own."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = layers.GRUCell(UNITS)

    def build(self, shape: Any) -> None:
        self.inner.build(shape)

    def call(self, inputs: Any, states: Any) -> Any:
        _, (h,) = self.inner(inputs, states)
        h = self.made("", h)
        return ops.softmax(h) * h, [h]


def model_of(cell: Any, sequences: bool = True, masked: bool = False) -> Any:
    inputs = hidden = keras.Input((TIMESTEPS, FEATURES))
    if masked:
        hidden = layers.Masking()(hidden)
    hidden = layers.RNN(cell, return_sequences=sequences, name="rnn")(hidden)
    model = keras.Model(inputs, layers.Dense(2)(hidden))
    model.compile("sgd", lambda y, p: ops.mean((y - p) ** 2))
    return model


def data(masked: bool) -> np.ndarray:
    return np.where(MASK[..., None], X, 0.0) if masked else X


def difference(model: Any, cell: Any, x: np.ndarray, y: Any, name: str, shape: Any) -> np.ndarray:
    """Differentiate the loss by a state, one entry of one timestep after the other."""
    own = type(cell).call

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.steps += 1
        return own(self, *args, **kwargs)

    def loss(nudge: Any) -> float:
        cell.nudge, cell.steps = nudge, -2
        return float(model.compute_loss(None, y, model(x)))

    cell.__dict__["call"] = counted.__get__(cell)
    gradient = np.zeros(shape)
    for position in np.ndindex(*shape):
        sample, timestep, *rest = position
        one = np.zeros((shape[0], *shape[2:]))
        one[(sample, *rest)] = 1e-5
        slope = loss((name, timestep, one)) - loss((name, timestep, -one))
        gradient[position] = slope / 2e-5
    cell.nudge = None
    del cell.__dict__["call"]
    return gradient


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


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("sequences", [False, True])
def test_peephole_subclass_of_the_lstm_cell(sequences: bool, masked: bool) -> None:
    cell = Peephole(UNITS)
    names = {("rnn", "hidden_gradient"): "hidden", ("rnn", "cell_gradient"): "cell"}
    check(model_of(cell, sequences, masked), cell, names, masked)


@pytest.mark.parametrize("cls", [Readout, LayerNormalised, Conditional, Wrapper])
def test_own_cells_with_one_state(cls: Any) -> None:
    cell = cls()
    check(model_of(cell), cell, {("rnn", "hidden_gradient"): ""})


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
    everything = GradientEngine(model).quantities("rnn")
    found = []
    for run_eagerly in (eagerly, False):
        model.get_layer("rnn").unroll = settings.get("unroll", False) and run_eagerly == eagerly
        model.compile("sgd", "mse", run_eagerly=run_eagerly)
        found.append(GradientEngine(model).compute(X, y, "rnn", everything))
    for key, tensor in found[0].items():
        np.testing.assert_allclose(tensor.values, found[1][key].values, rtol=1e-10, atol=1e-14)


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
    quantities = [q for q in GradientEngine(conv).quantities("rnn") if "weight" not in q]
    assert "cell_gradient" in quantities
    assert "gate_gradient" not in quantities
    expected = GradientEngine(plain).compute(X, y, "rnn", quantities)
    x = X.reshape(SAMPLES, TIMESTEPS, *pixel, FEATURES)
    found = GradientEngine(conv).compute(x, y, "rnn", quantities)
    for key, tensor in found.items():
        last = "feature" if key[1] == "input_gradient" else "channel"
        time = () if key[1] == "initial_state_gradient" else ("timestep",)
        assert tensor.dims == ("sample", *time, *axes, last)
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
