"""One timestep of every cell by hand, in double precision.

A step is ``step(take, x, states)`` and returns the output and the new states. ``take`` has the
cell's weights and dropout masks and the `tap` through which each value goes that is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable


class Take:
    """What one cell computes with in one timestep.

    Parameters
    ----------
    weights
        By name.
    tap
        ``tap(name, value)`` returns the value to go on with.
    dropped, dropped_again
        Dropout masks of the input and of the state, one or one for each gate; empty: none.
    drawn
        The next mask that the cell's own Dropout layer draws, of a shape.
    count
        How often the cell was called, this time included.
    """

    def __init__(
        self,
        weights: dict[str, Any],
        tap: Callable[[str, Any], Any],
        dropped: list[Any],
        dropped_again: list[Any],
        drawn: Callable[[Any], Any],
        count: float,
    ) -> None:
        self.weights, self.tap, self.drawn, self.count = weights, tap, drawn, count
        self._dropped, self._again = dropped, dropped_again

    def from_input(self, x: Any, gates: int) -> list[Any]:
        """Multiply an input by the kernel, gate by gate."""
        return self._times(x, self.weights["kernel"], self._dropped, gates)

    def from_state(self, h: Any, gates: int) -> list[Any]:
        """Multiply a state by the recurrent kernel, gate by gate."""
        return self._times(h, self.weights["recurrent_kernel"], self._again, gates)

    def state_for(self, h: Any, gate: int) -> Any:
        """Return a state as one gate sees it."""
        return h * self._again[gate % len(self._again)] if self._again else h

    def bias(self, gates: int) -> tuple[list[Any], list[Any]]:
        """Return the biases of the input's and of the recurrent part, gate by gate."""
        bias = self.weights.get("bias")
        if bias is None:
            return [0.0] * gates, [0.0] * gates
        if len(bias.shape) == 1:
            return tf.split(bias, gates), [0.0] * gates
        return tf.split(bias[0], gates), tf.split(bias[1], gates)

    @staticmethod
    def _times(value: Any, kernel: Any, masks: list[Any], gates: int) -> list[Any]:
        if len(masks) <= 1:
            value = value * masks[0] if masks else value
            return tf.split(value @ kernel, gates, axis=1)
        parts = tf.split(kernel, gates, axis=1)
        return [(value * mask) @ part for mask, part in zip(masks, parts, strict=True)]


def lstm(take: Take, x: Any, states: list[Any], peep: tuple[float, ...] = (0, 0, 0)) -> Any:
    h, c = states
    bias, _ = take.bias(4)
    z = zip(take.from_input(x, 4), take.from_state(h, 4), bias, strict=True)
    i, f, g, o = tf.split(take.tap("gates", tf.concat([a + b + d for a, b, d in z], 1)), 4, axis=1)
    forget, into, out = peep
    i, f = tf.sigmoid(i + into * c), tf.sigmoid(f + forget * c)
    g = tf.tanh(g)
    c = take.tap("state/1", f * c + i * g)
    o = tf.sigmoid(o + out * c)
    take.tap("gate", tf.concat([i, f, g, o], 1))
    h = take.tap("state/0", o * tf.tanh(c))
    return h, [h, c]


def peephole(take: Take, x: Any, states: list[Any]) -> Any:
    return lstm(take, x, states, (0.5, 0.3, 0.7))


def gru(take: Take, x: Any, states: list[Any]) -> Any:
    (h,) = states
    bias, again = take.bias(3)
    reset_after = "bias" not in take.weights or len(take.weights["bias"].shape) == 2
    reset_after = take.weights.get("reset_after", reset_after)
    in_z, in_r, in_h = (a + b for a, b in zip(take.from_input(x, 3), bias, strict=True))
    from_z, from_r, from_h = (a + b for a, b in zip(take.from_state(h, 3), again, strict=True))
    z, r = tf.split(take.tap("gates/0", tf.concat([in_z + from_z, in_r + from_r], 1)), 2, axis=1)
    z, r = tf.sigmoid(z), tf.sigmoid(r)
    if not reset_after:
        kernel = tf.split(take.weights["recurrent_kernel"], 3, axis=1)[2]
        from_h = (r * take.state_for(h, 2)) @ kernel
    candidate = tf.tanh(take.tap("gates/1", in_h + (r * from_h if reset_after else from_h)))
    take.tap("gate", tf.concat([z, r, candidate], 1))
    h = take.tap("state/0", z * h + (1 - z) * candidate)
    return h, [h]


def simple(take: Take, x: Any, states: list[Any]) -> Any:
    (h,) = states
    (bias,), _ = take.bias(1)
    z = take.from_input(x, 1)[0] + take.from_state(h, 1)[0] + bias
    activation = tf.tanh(take.tap("gates", z))
    take.tap("gate", activation)
    h = take.tap("state/0", activation)
    return h, [h]


def _next(take: Take, x: Any, h: Any) -> Any:
    return tf.tanh(x @ take.weights["kernel"] + h @ take.weights["recurrent"])


def plain(take: Take, x: Any, states: list[Any]) -> Any:
    h = take.tap("state/0", _next(take, x, states[0]))
    return h, [h]


def readout(take: Take, x: Any, states: list[Any]) -> Any:
    h = take.tap("state/0", _next(take, x, states[0]))
    return h**2 + tf.sin(h), [h]


def copied(take: Take, x: Any, states: list[Any]) -> Any:
    h = take.tap("state/0", _next(take, x, states[0]))
    return h, [take.tap("handed/0", h)]


def joined(take: Take, x: Any, states: list[Any]) -> Any:
    h, c = tf.split(states[0], 2, axis=1)
    new = _next(take, x, h)
    c = take.tap("state/0/1", tf.sigmoid(new) * c + new)
    h = take.tap("state/0/0", tf.tanh(c))
    return h, [take.tap("handed/0", tf.concat([h, c], 1))]


def dropping(take: Take, x: Any, states: list[Any]) -> Any:
    return plain(take, x * take.drawn(x), states)


def counting(take: Take, x: Any, states: list[Any]) -> Any:
    return plain(take, x, [states[0] + 0.1 * take.count])


def nested(take: Take, x: Any, states: list[Any]) -> Any:
    fast, slow = states  # in the order in which Keras flattens a dict
    fast = take.tap("state/0", _next(take, x, fast + slow))
    slow = take.tap("state/1", 0.8 * slow + 0.2 * fast)
    return fast * slow, [fast, slow]


STEPS: dict[str, Callable[[Take, Any, list[Any]], Any]] = {
    "LSTMCell": lstm,
    "GRUCell": gru,
    "SimpleRNNCell": simple,
    "Peephole": peephole,
    "Plain": plain,
    "Function": plain,
    "Readout": readout,
    "Identity": copied,
    "Copy": copied,
    "Reshape": copied,
    "Concat": joined,
    "Dropping": dropping,
    "Counting": counting,
    "Nested": nested,
}

COPIES = ("Identity", "Copy", "Reshape", "Concat")
"""Cells whose returned state is another tensor than the one that the output is made of."""


def state_keys(cell: str) -> list[tuple[str, str]]:
    """Name each state of a cell by its quantity, hidden or cell, and a label."""
    if cell in ("LSTMCell", "Peephole"):
        return [("hidden", ""), ("cell", "")]
    if cell == "Nested":
        return [("hidden", "0/fast"), ("hidden", "0/slow")]
    return [("hidden", "")]
