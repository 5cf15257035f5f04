"""Which layers have a cell path: LSTMs, of which all that leaves a timestep is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnngrad_widgets.engine.keras_api.select import adapter_of
from rnngrad_widgets.engine.layers.cells import cells_of, gates_of
from rnngrad_widgets.engine.layers.kinds import directions, is_recurrent

if TYPE_CHECKING:
    from rnngrad_widgets.engine.backend import Layer

LSTM_GATES = ("i", "f", "c", "o")


def missing_cell_path_reason(layer: Layer) -> str:
    """Return why a layer has no cell path; empty if it has."""
    if not is_recurrent(layer):
        return "the model steps the cell itself, so its states may go anywhere"
    for rnn in directions(layer):
        cells = cells_of(rnn)
        gates = gates_of(cells[0]) if len(cells) == 1 else None
        if gates is None or gates.names != LSTM_GATES:
            return "a cell path is that of an LSTM with Keras' own cell"
        if cells[0].activation is not adapter_of(rnn).module.activations.tanh:
            return "a cell path is known for activation='tanh'"
    if getattr(layer, "return_state", False):
        return "its last cell state goes on elsewhere, with return_state=True"
    if getattr(layer, "merge_mode", "concat") not in ("concat", "sum", "ave", None):
        return f"its halves are not joined linearly, with merge_mode={layer.merge_mode!r}"
    return ""
