"""Names of the axes of outputs, inputs and states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnngrad_widgets.engine.backend import Layer, Tensor
from rnngrad_widgets.engine.keras_api.modules import is_a

if TYPE_CHECKING:
    from rnngrad_widgets.engine.layers.find import LayerMatch

_SPATIAL = {1: ("column",), 2: ("row", "column"), 3: ("depth", "row", "column")}


def output_axes(target: LayerMatch, output: Tensor, *, stepped: bool) -> tuple[str, ...]:
    """Return the names of an output's axes.

    Parameters
    ----------
    target
        The layer.
    output
        What one call of it returned.
    stepped
        Whether the model calls it once per timestep, and the outputs are joined over time.
    """
    sequences = target.info.return_sequences
    inner = _inner(target.layer, len(output.shape) - (2 if sequences else 1))
    return ("sample", "timestep", *inner) if sequences or stepped else ("sample", *inner)


def state_axes(layer: Layer, state: Tensor) -> tuple[str, ...]:
    """Return the names of the axes of a state over time."""
    return ("sample", "timestep", *_inner(layer, len(state.shape) - 2))


def initial_axes(layer: Layer, state: Tensor) -> tuple[str, ...]:
    """Return the names of the axes of a state before the first timestep."""
    return ("sample", *_inner(layer, len(state.shape) - 1))


def input_axes(layer: Layer, inputs: Tensor) -> tuple[str, ...]:
    """Return the names of the axes of a layer's input sequence."""
    inner = _inner(layer, len(inputs.shape) - 2)
    return ("sample", "timestep", *("feature" if n == "channel" else n for n in inner))


def _inner(layer: Layer, rank: int) -> tuple[str, ...]:
    if is_a(layer, "Bidirectional"):
        layer = layer.forward_layer
    spatial = _SPATIAL.get(rank - 1, ())
    convolutional = is_a(layer, "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
    if convolutional and layer.data_format == "channels_first":
        return ("channel", *spatial)
    if convolutional:
        return (*spatial, "channel")
    return (*(f"axis_{i}" for i in range(rank - 1)), "channel")
