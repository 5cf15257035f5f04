"""Kinds of recurrent layers: which layers are recurrent, their directions, their names."""

from __future__ import annotations

from rnngrad_widgets.engine.backend import Layer
from rnngrad_widgets.engine.keras_api.modules import is_a
from rnngrad_widgets.engine.keras_api.select import adapter_of


def is_recurrent(layer: Layer) -> bool:
    """Return whether a Keras layer is recurrent; a Bidirectional is one recurrent layer."""
    if is_a(layer, "Bidirectional"):
        return is_a(layer.forward_layer, "RNN")
    return is_a(layer, "RNN")


def directions(layer: Layer) -> tuple[Layer, ...]:
    """Return the layer itself, or the forward and the backward layer of a Bidirectional."""
    if is_a(layer, "Bidirectional"):
        return layer.forward_layer, layer.backward_layer
    return (layer,)


def is_backward(layer: Layer) -> bool:
    """Return whether a layer, no Bidirectional, processes the last timestep first."""
    return not is_a(layer, "Bidirectional") and bool(getattr(layer, "go_backwards", False))


def kind_of(layer: Layer) -> str:
    """Return the name of a layer's or cell's kind: ``"LSTM"``, ``"RNN(LSTMCell)"``."""
    if type(layer) is not adapter_of(layer).module.layers.RNN:
        return type(layer).__name__
    cells = getattr(layer.cell, "cells", [layer.cell])
    return f"RNN({', '.join(type(cell).__name__ for cell in cells)})"
