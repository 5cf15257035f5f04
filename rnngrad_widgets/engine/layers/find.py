"""Find the recurrent layers of a model, and give each a path.

A layer is known by a path that stays the same from build to build: the layer's own name inside
Functional and Sequential models, the attribute's name (with list index or dict key) elsewhere,
for instance ``"encoder/lstm"`` or ``"left/rnns/0"``.

A standalone cell, which no recurrent layer owns, counts as a recurrent layer: the model calls it
once per timestep.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rnngrad_widgets.engine.backend import Layer, Model
from rnngrad_widgets.engine.keras_api.modules import is_a
from rnngrad_widgets.engine.keras_api.select import adapter_of
from rnngrad_widgets.engine.layers.cells import cell_of, is_cell, units_of
from rnngrad_widgets.engine.layers.inner_layers import child_layers, inner_layers
from rnngrad_widgets.engine.layers.kinds import directions, is_recurrent, kind_of


@dataclass(frozen=True)
class RecurrentLayer:
    """Description of a recurrent layer of a model.

    Parameters
    ----------
    path
        Stable path, ``"lstm"`` or ``"encoder/lstm"``; the key of its tensors in a snapshot.
    kind
        ``"LSTM"``, ``"GRU"``, ``"Bidirectional LSTM"``, ``"Bidirectional LSTM + GRU"``,
        ``"RNN(LSTMCell)"``, ``"LSTMCell"`` for a standalone cell, and so on.
    units
        Number of units (filters of a ConvLSTM); per direction for a Bidirectional.
        None where the cell does not declare it, or the directions differ.
    return_sequences
        Whether the layer returns every timestep; True for a cell.
    index
        Index into ``model.layers``; None for a layer inside another layer.
    """

    path: str
    kind: str
    units: int | None
    return_sequences: bool
    index: int | None


@dataclass(frozen=True, eq=False)
class LayerMatch:
    """A recurrent layer that was found in a model.

    Parameters
    ----------
    info
        Its description.
    layer
        The Keras object.
    time_distributed
        The outermost and the innermost TimeDistributed that call it; empty if there is none.
    owners
        Recurrent layers that run it as (part of) their cell; mostly none.
    """

    info: RecurrentLayer
    layer: Layer
    time_distributed: tuple[Layer, ...] = ()
    owners: tuple[Layer, ...] = ()


def find_recurrent(model: Model) -> tuple[LayerMatch, ...]:
    """Return the recurrent layers of a model, in the order in which the model holds them."""
    return tuple(found for found in find_all(model) if not found.owners)


def find_all(model: Model) -> tuple[LayerMatch, ...]:
    """Return the recurrent layers and all cells, also cells that a recurrent layer runs."""
    index = {id(layer): position for position, layer in enumerate(model.layers)}
    known = {id(layer) for layer in adapter_of(model).all_layers(model)}
    # What Keras does not track is not trained, and would not be restored.
    walked = [found for found in _walk(model, "", set(), ()) if id(found[1]) in known]
    owners: dict[int, list[Layer]] = {}
    for _, layer, _ in walked:
        for runner, inner in _runs(layer):
            owners.setdefault(id(inner), []).append(runner)
    taken: set[str] = set()
    return tuple(
        LayerMatch(
            _describe(layer, _unique(path, taken), index.get(id(layer))),
            layer,
            (time_distributed[0], time_distributed[-1]) if time_distributed else (),
            tuple(owners.get(id(layer), ())),
        )
        for path, layer, time_distributed in walked
    )


def _runs(layer: Layer) -> Iterator[tuple[Layer, Layer]]:
    """Yield what a recurrent layer or cell runs inside, each layer after the one that runs it."""
    if not is_recurrent(layer):
        yield from ((layer, inner) for inner in inner_layers(layer))
        return
    for rnn in directions(layer):
        if rnn is not layer:
            yield layer, rnn
        for inner in (rnn.cell, *inner_layers(rnn.cell)):
            yield rnn, inner


def _unique(path: str, taken: set[str]) -> str:
    unique, count = path, 0
    while unique in taken:  # the name of a layer may be that of an attribute, 0 may be "0"
        count += 1
        unique = f"{path}_{count}"
    taken.add(unique)
    return unique


def _walk(
    layer: Layer,
    path: str,
    seen: set[int],
    time_distributed: tuple[Layer, ...],
    besides: frozenset[int] = frozenset(),
) -> Iterator[tuple[str, Layer, tuple[Layer, ...]]]:
    if is_a(layer, "TimeDistributed"):
        time_distributed = (*time_distributed, layer)
    for name, child in child_layers(layer):
        if id(child) in seen or id(child) in besides:
            continue
        seen.add(id(child))
        child_path = f"{path}/{name}" if path else name
        if is_cell(child):
            yield child_path, child, time_distributed
        elif is_recurrent(child):
            yield child_path, child, time_distributed
            # A subclass may hold further layers, which it does not run over time.
            run = frozenset(id(inner) for _, inner in _runs(child))
            yield from _walk(child, child_path, seen, time_distributed, run)
        else:
            yield from _walk(child, child_path, seen, time_distributed)


def _describe(layer: Layer, path: str, index: int | None) -> RecurrentLayer:
    inner = directions(layer)
    kind = " + ".join(dict.fromkeys(kind_of(rnn) for rnn in inner))
    units = {units_of(cell_of(rnn)) for rnn in inner}
    return RecurrentLayer(
        path=path,
        kind=f"Bidirectional {kind}" if is_a(layer, "Bidirectional") else kind,
        units=units.pop() if len(units) == 1 else None,
        return_sequences=bool(getattr(inner[0], "return_sequences", True)),
        index=index,
    )
