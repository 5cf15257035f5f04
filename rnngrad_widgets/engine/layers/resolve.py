"""Find the recurrent layer that a path, name, index or layer object stands for."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence

from rnngrad_widgets.data.rules import NO_RECURRENT_LAYER
from rnngrad_widgets.engine.backend import Layer, LayerChoice, Model
from rnngrad_widgets.engine.keras_api.modules import is_a
from rnngrad_widgets.engine.layers.find import LayerMatch, RecurrentLayer, find_all, find_recurrent
from rnngrad_widgets.engine.layers.kinds import is_recurrent


def resolve(model: Model, layer: LayerChoice) -> LayerMatch:
    """Find the one recurrent layer that a path, name, index or layer object stands for.

    A cell that a recurrent layer owns is found by its path or as an object only.

    Raises
    ------
    ValueError
        If there is no such layer, it is not recurrent, or the name stands for several.
    """
    every = find_all(model)
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


def resolve_all(
    model: Model, layers: LayerChoice | Sequence[LayerChoice]
) -> tuple[LayerMatch, ...]:
    """Find the recurrent layers that are asked for, each once; all for None.

    Raises
    ------
    ValueError
        As `resolve`, or if there is none.
    """
    if layers is None:
        found = find_recurrent(model)
        if not found:
            raise ValueError(NO_RECURRENT_LAYER)
        return found
    single = isinstance(layers, (str, RecurrentLayer)) or is_a(layers, "Layer")
    several = not single and isinstance(layers, Iterable)
    asked = list(layers) if several else [layers]
    if not asked:
        raise ValueError(
            f"layers must name at least one layer; received none; {listing(find_recurrent(model))}"
        )
    return tuple({f.info.path: f for f in (resolve(model, a) for a in asked)}.values())


def resolve_one(model: Model, layer: LayerChoice) -> LayerMatch:
    """Find the recurrent layer that is asked for; the only one for None.

    Raises
    ------
    ValueError
        As `resolve_all`, or if there are several.
    """
    found = resolve_all(model, layer)
    if len(found) == 1:
        return found[0]
    names = ", ".join(repr(target.info.path) for target in found)
    raise ValueError(f"choose one layer with layer=; the model has {len(found)}: {names}")


def listing(found: tuple[LayerMatch, ...]) -> str:
    """Return a list of the recurrent layers in words, for an error message."""
    if not found:
        return "the model has no recurrent layers"
    names = (
        f"'{f.info.path}'" + (f" ({f.info.index})" if f.info.index is not None else "")
        for f in found
    )
    return "recurrent layers: " + ", ".join(names)


def _by_name(model: Model, found: tuple[LayerMatch, ...], name: str) -> LayerMatch:
    for candidate in found:
        if candidate.info.path == name:
            return candidate
    same = [f for f in found if name in (f.layer.name, f.info.path.rsplit("/", 1)[-1])]
    if len(same) == 1:
        return same[0]
    if same:
        paths = ", ".join(f"'{f.info.path}'" for f in same)
        raise ValueError(f"layer '{name}' is ambiguous: it names {paths}; give the path")
    if any(layer.name == name for layer in model.layers):
        raise ValueError(f"layer '{name}' is not recurrent; {listing(found)}")
    raise ValueError(f"the model has no layer '{name}'; {listing(found)}")


def _by_object(found: tuple[LayerMatch, ...], layer: Layer) -> LayerMatch:
    for candidate in found:
        if candidate.layer is layer:
            return candidate
    if is_recurrent(layer):
        raise ValueError(
            f"layer '{layer.name}' is not a layer of its own in this model; {listing(found)}"
        )
    raise ValueError(f"layer '{layer.name}' is not recurrent; {listing(found)}")


def _by_index(model: Model, found: tuple[LayerMatch, ...], position: int) -> LayerMatch:
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
