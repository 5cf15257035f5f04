"""One timestep of Keras' own cells, written out, with nudges of the gates' pre-activations.

The formulas are those of Keras' cells: LSTM as in Gers, Schmidhuber and Cummins (2000, Neural
Computation 12, 2451-2471), without peepholes; GRU as in Cho et al. (2014, arXiv:1406.1078), with
``reset_after=True`` in the form that cuDNN computes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from rnngrad_widgets.engine.backend import Layer, Nested, Tensor, keras, tf
from rnngrad_widgets.engine.keras_api.modules import is_a

AddNudges: TypeAlias = "Callable[[Tensor], Tensor]"
"""Adds nudges to the pre-activations of all gates, gate after gate along the last axis."""


def step_by_hand(
    cell: Layer, x: Tensor, states: Nested, add_nudges: AddNudges
) -> tuple[Tensor, Nested]:
    """Compute the output and the new states, without dropout.

    Parameters
    ----------
    cell
        An LSTMCell, GRUCell or SimpleRNNCell that computes as Keras' own.
    x, states
        Its arguments.
    add_nudges
        Adds the nudges.
    """
    flat = keras.tree.flatten(states)
    step = _lstm if is_a(cell, "LSTMCell") else _gru if is_a(cell, "GRUCell") else _simple
    new = step(cell, x, flat, add_nudges)
    packed = list(new) if keras.tree.is_nested(states) else new[0]
    return new[0], packed


def _lstm(
    cell: Layer, x: Tensor, states: list[Tensor], add_nudges: AddNudges
) -> tuple[Tensor, ...]:
    h, c = states
    gates = add_nudges(x @ _kernel(cell, x) + h @ _recurrent(cell, x) + _bias(cell, x))
    i, f, g, o = tf.split(gates, 4, axis=-1)
    sigmoid, tanh = cell.recurrent_activation, cell.activation
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def _gru(cell: Layer, x: Tensor, states: list[Tensor], add_nudges: AddNudges) -> tuple[Tensor, ...]:
    (h,) = states
    recurrent, units = _recurrent(cell, x), cell.units
    bias = _bias(cell, x)
    if cell.reset_after and cell.use_bias:
        from_x, from_h = x @ _kernel(cell, x) + bias[0], bias[1]
    else:
        from_x, from_h = x @ _kernel(cell, x) + bias, tf.zeros([3 * units], x.dtype)
    # The nudges alone: the third gate's pre-activation depends on the second gate.
    nudge = add_nudges(tf.zeros_like(from_x))
    zr = from_x[:, : 2 * units] + h @ recurrent[:, : 2 * units] + from_h[: 2 * units]
    z, r = tf.split(cell.recurrent_activation(zr + nudge[:, : 2 * units]), 2, axis=-1)
    last = recurrent[:, 2 * units :]
    inner = r * (h @ last + from_h[2 * units :]) if cell.reset_after else (r * h) @ last
    candidate = cell.activation(from_x[:, 2 * units :] + inner + nudge[:, 2 * units :])
    return (z * h + (1 - z) * candidate,)


def _simple(
    cell: Layer, x: Tensor, states: list[Tensor], add_nudges: AddNudges
) -> tuple[Tensor, ...]:
    (h,) = states
    gates = x @ _kernel(cell, x) + h @ _recurrent(cell, x) + _bias(cell, x)
    return (cell.activation(add_nudges(gates)),)


def _kernel(cell: Layer, x: Tensor) -> Tensor:
    return tf.cast(tf.convert_to_tensor(cell.kernel), x.dtype)


def _recurrent(cell: Layer, x: Tensor) -> Tensor:
    return tf.cast(tf.convert_to_tensor(cell.recurrent_kernel), x.dtype)


def _bias(cell: Layer, x: Tensor) -> Tensor:
    if not cell.use_bias:
        return tf.zeros([], x.dtype)
    return tf.cast(tf.convert_to_tensor(cell.bias), x.dtype)
