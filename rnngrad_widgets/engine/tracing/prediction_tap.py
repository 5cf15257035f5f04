"""Tap of a model: the prediction that its loss reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnngrad_widgets.engine.backend import Model, Nested, Tensor, keras, tf
from rnngrad_widgets.engine.keras_api.select import adapter_of

if TYPE_CHECKING:
    from collections.abc import Callable

_ACTIVATIONS = ("Softmax", "Sigmoid")
"""Operations before which a loss of Keras reads the logits, also where nobody named these."""


class PredictionTap:
    """Record what a model returns, while it is traced.

    Use it inside `KerasAdapter.preserve_layers`, after the layers are tapped.

    Parameters
    ----------
    model
        The model.
    """

    def __init__(self, model: Model) -> None:
        self._returned: list[Nested] = []
        adapter = adapter_of(model)
        original: Callable[..., Nested] = adapter.original_call(model)

        def call(*args: Nested, **kwargs: Nested) -> Nested:
            returned = original(*args, **kwargs)
            self._returned.append(returned)
            return returned

        adapter.shadow_call(model, call)

    @property
    def calls(self) -> int:
        """How often the model was called."""
        return len(self._returned)

    def sequences(self) -> list[Tensor]:
        """Return the tensors of the prediction that have an axis of timesteps, their second one.

        A tensor counts from rank 3 on: of one with two axes nothing says which of both the second
        is. Instead of probabilities there are the logits, where Keras' losses read these.
        """
        flat = [tensor for returned in self._returned for tensor in keras.tree.flatten(returned)]
        return [
            _logits(tensor)
            for tensor in flat
            if isinstance(tensor, tf.Tensor) and len(tensor.shape) > 2 and tensor.dtype.is_floating
        ]


def _logits(tensor: Tensor) -> Tensor:
    named = getattr(tensor, "_keras_logits", None)
    if named is not None:
        return named
    operation = None if tf.executing_eagerly() else tensor.op
    if operation is not None and operation.type in _ACTIVATIONS:
        return operation.inputs[0]
    return tensor
