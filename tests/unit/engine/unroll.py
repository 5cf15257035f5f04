"""Recurrent layers written out step by step in eager TensorFlow: the reference for the engine.

Nothing of Keras' own forward pass is used here, only the weights and settings of its layers.
A `tap` is called with every intermediate value, ``tap(name, timestep, value)``, and returns the
value to go on with, so that it can be watched by a tape or nudged for a finite difference.
"""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable

    Tap = Callable[[str, int, Any], Any]


def no_tap(_name: str, _timestep: int, value: Any) -> Any:
    return value


class Watcher:
    """Watch every value by a tape, so that the loss can be differentiated by it."""

    def __init__(self, tape: tf.GradientTape) -> None:
        self._tape = tape
        self.seen: dict[str, dict[int, Any]] = defaultdict(dict)

    def __call__(self, name: str, timestep: int, value: Any) -> Any:
        watched = tf.identity(value)
        self._tape.watch(watched)
        self.seen[name][timestep] = watched
        return watched


def run_layer(layer: Any, x: Any, mask: Any = None, tap: Tap = no_tap) -> tuple[Any, Any]:
    """Return what the layer returns, and the mask that goes on with it."""
    if isinstance(layer, keras.layers.Bidirectional):
        returned = _bidirectional(layer, x, mask, tap)
    else:
        returned = _rnn(layer, x, mask, tap)
    if isinstance(returned, tuple):
        returned = tuple(tap(f"output/{i}", 0, part) for i, part in enumerate(returned))
    else:
        returned = tap("output", 0, returned)
    return returned, mask if layer.return_sequences else None


def _bidirectional(layer: Any, x: Any, mask: Any, tap: Tap) -> Any:
    def named(direction: str) -> Tap:
        return lambda name, timestep, value: tap(f"{direction}/{name}", timestep, value)

    forward = _rnn(layer.forward_layer, x, mask, named("forward"))
    backward = _rnn(layer.backward_layer, x, mask, named("backward"))
    if layer.return_sequences:
        backward = backward[:, ::-1]
    merge = {
        "concat": lambda: tf.concat([forward, backward], -1),
        "sum": lambda: forward + backward,
        "ave": lambda: (forward + backward) / 2,
        "mul": lambda: forward * backward,
        None: lambda: (forward, backward),
    }
    return merge[layer.merge_mode]()


def _rnn(layer: Any, x: Any, mask: Any, tap: Tap) -> Any:
    cells = getattr(layer.cell, "cells", [layer.cell])
    taps = [partial(_tap_in, tap, f"{i}/" if len(cells) > 1 else "") for i in range(len(cells))]
    weights = [
        {w.name: tap_in(w.name, 0, tf.constant(w.numpy())) for w in cell.weights}
        for cell, tap_in in zip(cells, taps, strict=True)
    ]
    zeros = [tf.zeros((x.shape[0], cell.units), x.dtype) for cell in cells]
    states, output, outputs = [(zero, zero) for zero in zeros], zeros[-1], []
    order = range(x.shape[1])
    for t in reversed(order) if layer.go_backwards else order:
        new, through = [], tap("input", t, x[:, t])
        for cell, w, old, tap_in in zip(cells, weights, states, taps, strict=True):
            new.append(_STEPS[type(cell)](w, through, old, partial(_tap_at, tap_in, t)))
            through = new[-1][0]
        if mask is None:
            states, output = new, through
        else:
            keep = mask[:, t, None]
            output = tf.where(keep, through, zeros[-1] if layer.zero_output_for_mask else output)
            states = [
                tuple(tf.where(keep, n, o) for n, o in zip(after, before, strict=True))
                for after, before in zip(new, states, strict=True)
            ]
        for (h, c), tap_in in zip(states, taps, strict=True):
            tap_in("hidden_state", t, h)
            tap_in("cell_state", t, c)
        outputs.append(output)
    return tf.stack(outputs, 1) if layer.return_sequences else output


def _tap_in(tap: Tap, prefix: str, name: str, timestep: int, value: Any) -> Any:
    return tap(prefix + name, timestep, value)


def _tap_at(tap: Tap, timestep: int, name: str, value: Any) -> Any:
    return tap(name, timestep, value)


def lstm_step(w: Any, x: Any, states: Any, tap: Any) -> Any:
    h, c = states
    gates = x @ w["kernel"] + h @ w["recurrent_kernel"] + w.get("bias", 0.0)
    i, f, g, o = tf.split(tap("gate", gates), 4, axis=1)
    c = tap("cell", tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g))
    return tap("hidden", tf.sigmoid(o) * tf.tanh(c)), c


def _gru(w: Any, x: Any, states: Any, tap: Any) -> Any:
    h, unused = states
    n = h.shape[1]
    # reset_after=True has a bias of its own for the recurrent part.
    reset_after = len(w["bias"].shape) == 2
    bias = w["bias"] if reset_after else tf.stack([w["bias"], tf.zeros_like(w["bias"])])
    from_x = x @ w["kernel"] + bias[0]
    r_kernel = w["recurrent_kernel"]
    zr = from_x[:, : 2 * n] + h @ r_kernel[:, : 2 * n] + bias[1, : 2 * n]
    # The third pre-activation needs the reset gate, which is tapped together with it.
    z, r = tf.split(tap("gate_zr", zr), 2, axis=1)
    r = tf.sigmoid(r)
    if reset_after:
        from_h = r * (h @ r_kernel[:, 2 * n :] + bias[1, 2 * n :])
    else:
        from_h = (r * h) @ r_kernel[:, 2 * n :]
    candidate = tf.tanh(tap("gate_h", from_x[:, 2 * n :] + from_h))
    z = tf.sigmoid(z)
    return tap("hidden", z * h + (1 - z) * candidate), unused


def _simple(w: Any, x: Any, states: Any, tap: Any) -> Any:
    h, unused = states
    gates = tap("gate", x @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"])
    return tap("hidden", tf.tanh(gates)), unused


_STEPS = {
    keras.layers.LSTMCell: lstm_step,
    keras.layers.GRUCell: _gru,
    keras.layers.SimpleRNNCell: _simple,
}
