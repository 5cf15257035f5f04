"""Which recurrent layers a model has, and what each is called.

A layer is known by a path that stays the same from build to build: the layer's own name inside
Functional and Sequential models, the attribute's name (with list index or dict key) elsewhere,
for instance ``"encoder/lstm"`` or ``"left/rnns/0"``.

A cell that no recurrent layer owns counts as one: the model calls it once per timestep.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass

from rnngrad_widgets.engine.backend import Layer, LayerChoice, Model
from rnngrad_widgets.engine.keras_api.modules import is_a
from rnngrad_widgets.engine.keras_api.select import library_of
from rnngrad_widgets.engine.layers.cells import cell_of, is_cell, units_of
from rnngrad_widgets.engine.layers.inner_layers import held_layers, layers_inside

DIRECTIONS = ("forward", "backward")


@dataclass(frozen=True)
class RecurrentLayer:
    """A recurrent layer of a model, as it is offered for a choice.

    Parameters
    ----------
    path
        Stable path, ``"lstm"`` or ``"encoder/lstm"``; the key of its tensors in a snapshot.
    kind
        ``"LSTM"``, ``"GRU"``, ``"Bidirectional LSTM"``, ``"Bidirectional LSTM + GRU"``,
        ``"RNN(LSTMCell)"``, ``"LSTMCell"`` for a cell that the model steps by itself, and so on.
    units
        Number of units (filters of a ConvLSTM); per direction for a Bidirectional.
        None where the cell does not tell, or the directions differ.
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
class Found:
    """A recurrent layer together with the Keras object it describes.

    Parameters
    ----------
    repeaters
        The outermost and the innermost TimeDistributed that call it; empty if there is none.
    owners
        The layers that run it too, as (part of) their cell; mostly none.
    """

    info: RecurrentLayer
    layer: Layer
    repeaters: tuple[Layer, ...] = ()
    owners: tuple[Layer, ...] = ()


def is_recurrent(layer: Layer) -> bool:
    """Tell whether a Keras layer is recurrent; a Bidirectional is one recurrent layer."""
    if is_a(layer, "Bidirectional"):
        return is_a(layer.forward_layer, "RNN")
    return is_a(layer, "RNN")


def find_recurrent(model: Model) -> tuple[Found, ...]:
    """List the recurrent layers of a model, in the order in which the model holds them."""
    return tuple(found for found in _find(model) if not found.owners)


def _find(model: Model) -> tuple[Found, ...]:
    """List the recurrent layers and every cell, also those that another one runs."""
    index = {id(layer): position for position, layer in enumerate(model.layers)}
    known = {id(layer) for layer in library_of(model).all_layers(model)}
    # What Keras does not know of is not trained, and would not be put back as it was.
    walked = [found for found in _walk(model, "", set(), ()) if id(found[1]) in known]
    owners: dict[int, list[Layer]] = {}
    for _, layer, _ in walked:
        for runner, inner in _runs(layer):
            owners.setdefault(id(inner), []).append(runner)
    taken: set[str] = set()
    return tuple(
        Found(
            _describe(layer, _unique(path, taken), index.get(id(layer))),
            layer,
            (repeaters[0], repeaters[-1]) if repeaters else (),
            tuple(owners.get(id(layer), ())),
        )
        for path, layer, repeaters in walked
    )


def _runs(layer: Layer) -> Iterator[tuple[Layer, Layer]]:
    """List what a recurrent layer or cell runs inside, each with the layer that runs it."""
    if not is_recurrent(layer):
        yield from ((layer, inner) for inner in layers_inside(layer))
        return
    for rnn in directions(layer):
        if rnn is not layer:
            yield layer, rnn
        for inner in (rnn.cell, *layers_inside(rnn.cell)):
            yield rnn, inner


def _unique(path: str, taken: set[str]) -> str:
    unique, count = path, 0
    while unique in taken:  # the name of a layer may be that of an attribute, 0 may be "0"
        count += 1
        unique = f"{path}_{count}"
    taken.add(unique)
    return unique


def directions(layer: Layer) -> tuple[Layer, ...]:
    """Return the layer itself, or the forward and the backward layer of a Bidirectional."""
    if is_a(layer, "Bidirectional"):
        return layer.forward_layer, layer.backward_layer
    return (layer,)


def resolve(model: Model, layer: LayerChoice) -> Found:
    """Find the one recurrent layer that a path, name, index or layer object stands for.

    A cell that a recurrent layer owns is found by its path or as an object only.

    Raises
    ------
    ValueError
        If there is no such layer, it is not recurrent, or the name stands for several.
    """
    every = _find(model)
    if isinstance(layer, RecurrentLayer):
        layer = layer.path
    for candidate in every:
        if candidate.owners and (candidate.layer is layer or candidate.info.path == layer):
            return candidate
    found = tuple(candidate for candidate in every if not candidate.owners)
    if isinstance(layer, str):
        return _by_name(model, found, layer)
    if is_a(layer, "Layer"):
        return _by_object(found, layer)
    try:
        position = operator.index(layer)
    except TypeError:
        raise ValueError(
            f"layer must be a path, a name, an index or a layer; received {layer!r}; "
            f"{listing(found)}"
        ) from None
    return _by_index(model, found, position)


def listing(found: tuple[Found, ...]) -> str:
    """Name the recurrent layers there are, for an error message."""
    if not found:
        return "the model has no recurrent layers"
    names = (
        f"'{f.info.path}'" + (f" ({f.info.index})" if f.info.index is not None else "")
        for f in found
    )
    return "recurrent layers: " + ", ".join(names)


def _by_name(model: Model, found: tuple[Found, ...], name: str) -> Found:
    for candidate in found:
        if candidate.info.path == name:
            return candidate
    bare = [f for f in found if name in (f.layer.name, f.info.path.rsplit("/", 1)[-1])]
    if len(bare) == 1:
        return bare[0]
    if bare:
        paths = ", ".join(f"'{f.info.path}'" for f in bare)
        raise ValueError(f"layer '{name}' is ambiguous: it names {paths}; give the path")
    if any(layer.name == name for layer in model.layers):
        raise ValueError(f"layer '{name}' is not recurrent; {listing(found)}")
    raise ValueError(f"the model has no layer '{name}'; {listing(found)}")


def _by_object(found: tuple[Found, ...], layer: Layer) -> Found:
    for candidate in found:
        if candidate.layer is layer:
            return candidate
    if is_recurrent(layer):
        raise ValueError(
            f"layer '{layer.name}' is not a layer of its own in this model; {listing(found)}"
        )
    raise ValueError(f"layer '{layer.name}' is not recurrent; {listing(found)}")


def _by_index(model: Model, found: tuple[Found, ...], position: int) -> Found:
    count = len(model.layers)
    if not -count <= position < count:
        raise ValueError(
            f"layer index must be between {-count} and {count - 1}; received {position}; "
            f"{listing(found)}"
        )
    layer = model.layers[position]
    for candidate in found:
        if candidate.layer is layer:
            return candidate
    raise ValueError(f"layer '{layer.name}' ({position}) is not recurrent; {listing(found)}")


def _walk(
    layer: Layer,
    path: str,
    seen: set[int],
    repeaters: tuple[Layer, ...],
    besides: frozenset[int] = frozenset(),
) -> Iterator[tuple[str, Layer, tuple[Layer, ...]]]:
    if is_a(layer, "TimeDistributed"):
        repeaters = (*repeaters, layer)
    for name, child in held_layers(layer):
        if id(child) in seen or id(child) in besides:
            continue
        seen.add(id(child))
        child_path = f"{path}/{name}" if path else name
        if is_cell(child):
            yield child_path, child, repeaters
        elif is_recurrent(child):
            yield child_path, child, repeaters
            # A class of one's own may hold more than what it runs over time.
            run = frozenset(id(inner) for _, inner in _runs(child))
            yield from _walk(child, child_path, seen, repeaters, run)
        else:
            yield from _walk(child, child_path, seen, repeaters)


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


def kind_of(layer: Layer) -> str:
    """Name the kind of a recurrent layer or cell: ``"LSTM"``, ``"RNN(LSTMCell)"``."""
    if type(layer) is not library_of(layer).module.layers.RNN:
        return type(layer).__name__
    cells = getattr(layer.cell, "cells", [layer.cell])
    return f"RNN({', '.join(type(cell).__name__ for cell in cells)})"
