"""Select the adapter for a model or layer."""

from __future__ import annotations

from rnngrad_widgets.engine.backend import keras
from rnngrad_widgets.engine.keras_api.base import KerasAdapter
from rnngrad_widgets.engine.keras_api.keras2 import Keras2
from rnngrad_widgets.engine.keras_api.keras3 import Keras3
from rnngrad_widgets.engine.keras_api.modules import modules


def adapter_of(thing: object) -> KerasAdapter:
    """Return the adapter of the Keras that a model or layer is from; Keras 3 for anything else."""
    for module in modules()[1:]:
        if isinstance(thing, module.layers.Layer):
            return Keras2(module)
    return Keras3(keras)
