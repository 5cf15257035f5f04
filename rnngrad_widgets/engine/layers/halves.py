"""What both layers of a Bidirectional have: only that can be the two halves of one tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnngrad_widgets.data.rules import DIRECTIONS
from rnngrad_widgets.engine.layers.cells import (
    CELL,
    cell_of,
    cells_of,
    gates_of,
    state_keys,
    state_like,
    units_of,
)
from rnngrad_widgets.engine.layers.kinds import directions, kind_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rnngrad_widgets.engine.backend import Layer, Tensor
    from rnngrad_widgets.engine.layers.cells import StateKey

_NOUNS = {True: "cell state", False: "hidden state"}


def equal_halves(tensors: Sequence[Tensor], dims: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of two tensors as halves of one channel axis; none where sizes differ."""
    sizes = {tensor.shape[-1] for tensor in tensors}
    equal = len(tensors) == 2 and len(sizes) == 1 and None not in sizes
    return DIRECTIONS if equal and dims[-1] == "channel" else ()


def output_halves(layer: Layer, output: Tensor, dims: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the halves of a Bidirectional's concatenated output; none if unequal."""
    widths = {units_of(cell_of(rnn)) for rnn in directions(layer)}
    width = widths.pop() or 0
    equal = not widths and output.shape[-1] == 2 * width
    return DIRECTIONS if equal and dims[-1] == "channel" else ()


def missing_state_reason(layer: Layer, role: str) -> str:
    """Return why a layer has no state of a role in all its directions; empty if it has."""
    rnns, noun = directions(layer), _NOUNS[role == CELL]
    found = [_state_keys(rnn, role) for rnn in rnns]
    if not any(found):
        return f"the layer has no {noun}"
    if set.intersection(*map(set, found)):
        return ""
    if not all(found):
        return f"only {_named(rnns, next(i for i, keys in enumerate(found) if keys))} has a {noun}"
    counts = [len(keys) for keys in found]
    if counts[0] == counts[1]:
        return f"no {noun} is in the same cell of the forward and of the backward layer"
    return (
        f"{_named(rnns, 0)} has {_count_words(counts[0], noun)}, {_named(rnns, 1)} has {counts[1]}"
    )


def common_cells(layer: Layer) -> list[int]:
    """Return the positions in a stack of the cells with the same gates in both directions."""
    names = [[gates_of(cell) for cell in cells_of(rnn)] for rnn in directions(layer)]
    first, last = names[0], names[-1]
    same = range(len(first)) if len(first) == len(last) else range(0)
    return [place for place in same if first[place] and first[place] == last[place]]


def missing_gates_reason(layer: Layer) -> str:
    """Return why a layer has no known gates in all its directions; empty if it has."""
    rnns = directions(layer)
    known = [all(gates_of(cell) for cell in cells_of(rnn)) for rnn in rnns]
    if not any(known):
        return "gates are known only of cells that compute exactly as Keras' own"
    if not all(known):
        return (
            f"only {_named(rnns, known.index(True))} has known gates: those of cells that compute "
            "exactly as Keras' own"
        )
    if common_cells(layer):
        return ""
    each = [f"{_named(rnns, i)} has the gates {_gate_names(rnn)}" for i, rnn in enumerate(rnns)]
    return ", ".join(each)


def _state_keys(rnn: Layer, role: str) -> list[StateKey]:
    cell = cell_of(rnn)
    return [key for keys in state_keys(cell, state_like(cell)) for key in keys if key.role == role]


def _gate_names(rnn: Layer) -> str:
    each = [gates_of(cell) for cell in cells_of(rnn)]
    return " and ".join(", ".join(gates.names) for gates in each if gates)


def _named(rnns: Sequence[Layer], place: int) -> str:
    """Write ``the forward layer, an LSTM,``."""
    kind = kind_of(rnns[place])
    article = "an" if kind[0] in "AEIOUaeio" or kind.startswith(("LSTM", "RNN")) else "a"
    return f"the {DIRECTIONS[place]} layer, {article} {kind},"


def _count_words(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count > 1)}"
