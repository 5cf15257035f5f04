"""Cells that are not Keras' own, and let a test nudge a state at the place where it is made.

Everything that reads the state then sees the nudge: what a total derivative means. The engine knows
nothing of it.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

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


class Copied(Own):
    """Hands on a copy of its output: an `Identity` operation."""

    def call(self, inputs: Any, states: Any) -> Any:
        h = self.next(inputs, states[0])
        return h, [tf.identity(h)]


def model_of(cell: Any, sequences: bool = True, masked: bool = False) -> Any:
    inputs = hidden = keras.Input((TIMESTEPS, FEATURES))
    if masked:
        hidden = layers.Masking()(hidden)
    hidden = layers.RNN(cell, return_sequences=sequences, name="rnn")(hidden)
    model = keras.Model(inputs, layers.Dense(2)(hidden))
    model.compile("sgd", lambda y, p: ops.mean((y - p) ** 2))
    return model


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
