"""Cells as people write them, each with a way of its own to make and to hand on its state."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import layers, ops

register = keras.saving.register_keras_serializable("rnngrad_random_models")


@register
class Peephole(layers.LSTMCell):
    """A subclass of Keras' own cell whose gates also see the cell state."""

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:  # noqa: ARG002
        h, c = states
        z = inputs @ self.kernel + h @ self.recurrent_kernel + self.bias
        i, f, g, o = ops.split(z, 4, axis=-1)
        c = ops.sigmoid(f + 0.5 * c) * c + ops.sigmoid(i + 0.3 * c) * ops.tanh(g)
        h = ops.sigmoid(o + 0.7 * c) * ops.tanh(c)
        return h, [h, c]


class Own(layers.Layer):
    """A cell of one hidden state, with weights."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.state_size: Any = units
        self.output_size = units

    def build(self, shape: Any) -> None:
        # Not larger: the recurrence of many units would be chaotic over many timesteps.
        start = keras.initializers.RandomNormal(stddev=0.7 / self.units**0.5, seed=self.units)
        self.kernel = self.add_weight((shape[-1], self.units), start, name="kernel")
        self.recurrent = self.add_weight((self.units, self.units), start, name="recurrent")

    def get_config(self) -> Any:
        return {**super().get_config(), "units": self.units}

    def next(self, inputs: Any, h: Any) -> Any:
        return ops.tanh(inputs @ self.kernel + h @ self.recurrent)

    def call(self, inputs: Any, states: Any) -> Any:
        h = self.next(inputs, states[0])
        return h, [h]


@register
class Plain(Own):
    """The state is the output."""


@register
class Readout(Own):
    """The output is made from the state, and is not the state."""

    def call(self, inputs: Any, states: Any) -> Any:
        h = self.next(inputs, states[0])
        return h**2 + ops.sin(h), [h]


@register
class Identity(Own):
    """The state is a copy of the output."""

    def call(self, inputs: Any, states: Any) -> Any:
        h = self.next(inputs, states[0])
        return h, [tf.identity(h)]


@register
class Copy(Own):
    """The state is a copy of the output, by Keras."""

    def call(self, inputs: Any, states: Any) -> Any:
        h = self.next(inputs, states[0])
        return h, [ops.copy(h)]


@register
class Reshape(Own):
    """The state is the output in a shape that happens to be the same."""

    def call(self, inputs: Any, states: Any) -> Any:
        h = self.next(inputs, states[0])
        return h, [ops.reshape(h, (-1, self.units))]


@register
class Concat(Own):
    """An LSTM of sorts, with both states in one tensor, as older code has it."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.state_size = 2 * units

    def call(self, inputs: Any, states: Any) -> Any:
        h, c = ops.split(states[0], 2, axis=-1)
        new = self.next(inputs, h)
        c = ops.sigmoid(new) * c + new
        h = ops.tanh(c)
        return h, [ops.concatenate([h, c], axis=-1)]


@register
class Function(Own):
    """The cell is a function of its own, in a graph of its own."""

    @tf.function
    def call(self, inputs: Any, states: Any) -> Any:
        h = self.next(inputs, states[0])
        return h, [h]


@register
class Dropping(Own):
    """Draws a new dropout mask in every timestep."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.drop = layers.Dropout(0.4, seed=units)

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        h = self.next(self.drop(inputs, training=training), states[0])
        return h, [h]


@register
class Counting(Own):
    """Counts its calls in a variable of its own, and reads it."""

    def build(self, shape: Any) -> None:
        super().build(shape)
        self.count = self.add_weight((), "zeros", trainable=False, name="count")

    def call(self, inputs: Any, states: Any) -> Any:
        self.count.assign_add(1.0)
        h = self.next(inputs, states[0] + ops.cast(0.1 * self.count, inputs.dtype))
        return h, [h]


@register
class Nested(Own):
    """Two states in a dict."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.state_size = [units]

    def get_initial_state(self, batch_size: Any = None) -> Any:
        zeros = ops.zeros((batch_size, self.units), dtype=self.compute_dtype)
        return [{"slow": zeros, "fast": zeros}]

    def call(self, inputs: Any, states: Any) -> Any:
        slow, fast = states[0]["slow"], states[0]["fast"]
        fast = self.next(inputs, fast + slow)
        slow = 0.8 * slow + 0.2 * fast
        return fast * slow, [{"slow": slow, "fast": fast}]


OWN = {
    cell.__name__: cell
    for cell in (
        Peephole, Plain, Readout, Identity, Copy, Reshape, Concat, Function, Dropping, Counting,
        Nested,
    )
}  # fmt: skip
"""The cells of this module, by name."""
