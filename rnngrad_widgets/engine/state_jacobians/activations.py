"""Keras' activations, and their derivatives from their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rnngrad_widgets.engine.backend import Layer, Tensor, tf
from rnngrad_widgets.engine.keras_api.select import adapter_of

_SLOPES: dict[str, Callable[[Tensor], Tensor]] = {
    "hard_sigmoid": lambda y: tf.cast((y > 0) & (y < 1), y.dtype),  # times its steepness
    "linear": tf.ones_like,
    "relu": lambda y: tf.cast(y > 0, y.dtype),
    "sigmoid": lambda y: y * (1 - y),
    "tanh": lambda y: 1 - y * y,
}


class Activation(NamedTuple):
    """An activation.

    Parameters
    ----------
    value
        Keras' function.
    name
        Its name.
    steepness
        By what the derivative of that name is multiplied.
    """

    value: Callable[[Tensor], Tensor]
    name: str
    steepness: float

    def slope(self, values: Tensor) -> Tensor:
        """Return the derivatives where the activation has these values."""
        return _SLOPES[self.name](values) * self.steepness


def activation_of(cell: Layer, attribute: str) -> Activation:
    """Return an activation of a cell.

    Parameters
    ----------
    cell
        A cell of Keras' own.
    attribute
        ``"activation"`` or ``"recurrent_activation"``.

    Raises
    ------
    ValueError
        If its derivative is not known from its value.
    """
    functions, used = adapter_of(cell).module.activations, getattr(cell, attribute)
    found = [name for name in _SLOPES if used is getattr(functions, name)]
    if not found:
        raise ValueError(
            f"{attribute} must be one of {', '.join(_SLOPES)}, for a state curve; received "
            f"{getattr(used, '__name__', used)}"
        )
    (name,) = found
    if name != "hard_sigmoid":
        return Activation(used, name, 1.0)
    at_0, at_1 = used(tf.constant([0.0, 1.0], tf.float64)).numpy()
    return Activation(used, name, float(at_1 - at_0))  # 1/6 in Keras 3, 1/5 in tf_keras
