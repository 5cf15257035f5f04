"""Which layers have a state curve."""

from __future__ import annotations

import operator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from rnngrad_widgets.data.rules import DIRECTIONS
from rnngrad_widgets.engine.layers.cells import cells_of, gates_of
from rnngrad_widgets.engine.layers.kinds import directions, is_recurrent
from rnngrad_widgets.engine.state_jacobians.cell_kind import kind_of_cell

if TYPE_CHECKING:
    from rnngrad_widgets.engine.layers.find import LayerMatch


def check_state_curve(target: LayerMatch, direction: str | None) -> int:
    """Return which of the directions of a layer is asked for, if its state curve can be had.

    Parameters
    ----------
    target
        The layer.
    direction
        ``"forward"`` or ``"backward"`` half of a Bidirectional; else None.

    Raises
    ------
    ValueError
        If it is no layer with one of Keras' own cells in each direction, the derivative of an
        activation is not known, or `direction` does not fit.
    """
    path, kind = target.info.path, target.info.kind
    rnns = directions(target.layer) if is_recurrent(target.layer) else ()
    stacks = [cells_of(rnn) for rnn in rnns]
    gates = [gates_of(cells[0]) if len(cells) == 1 else None for cells in stacks]
    if not gates or None in gates or gates[0] != gates[-1]:
        raise ValueError(
            "a state curve is that of an LSTM, GRU or SimpleRNN, or of half of a Bidirectional of "
            f"one kind, with Keras' own cell; '{path}' is a {kind}"
        )
    if len(rnns) == 1:
        if direction is not None:
            raise ValueError(
                f"direction chooses a half of a Bidirectional; '{path}' is a {kind}, and received "
                f"{direction!r}: leave it out"
            )
        place = 0
    elif direction in DIRECTIONS:
        place = DIRECTIONS.index(direction)
    else:
        raise ValueError(
            f"choose direction='forward' or direction='backward' of '{path}', a {kind}; received "
            f"{direction!r}"
        )
    kind_of_cell(stacks[place][0])
    return place


def check_whole(name: str, value: Any, least: int) -> None:
    """Raise an error if an argument is no whole number, or too small.

    Raises
    ------
    ValueError
        If so.
    """
    if not isinstance(value, (bool, np.bool_)):
        with suppress(TypeError):
            if operator.index(value) >= least:
                return
    raise ValueError(f"{name} must be a whole number, at least {least}; received {value!r}")
