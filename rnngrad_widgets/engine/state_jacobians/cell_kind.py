"""What is constant of a cell, whatever its weights and batch are: one traced function for each."""

from __future__ import annotations

from typing import NamedTuple

from rnngrad_widgets.engine.backend import Layer
from rnngrad_widgets.engine.layers.cells import gates_of
from rnngrad_widgets.engine.state_jacobians.activations import Activation, activation_of


class CellKind(NamedTuple):
    """The kind of a cell of Keras' own.

    Parameters
    ----------
    gates
        Names of its gates.
    units
        How many channels it has.
    activation, recurrent_activation
        Its activations; twice the same of a SimpleRNN.
    reset_after
        Of a GRU: whether it resets after the product of matrices.
    """

    gates: tuple[str, ...]
    units: int
    activation: Activation
    recurrent_activation: Activation
    reset_after: bool


def kind_of_cell(cell: Layer) -> CellKind:
    """Return the kind of a cell of Keras' own.

    Raises
    ------
    ValueError
        If the derivative of one of its activations is not known.
    """
    gates = gates_of(cell)
    gated = hasattr(cell, "recurrent_activation")
    return CellKind(
        gates.names if gates else (),
        cell.units,
        activation_of(cell, "activation"),
        activation_of(cell, "recurrent_activation" if gated else "activation"),
        bool(getattr(cell, "reset_after", False)),
    )
