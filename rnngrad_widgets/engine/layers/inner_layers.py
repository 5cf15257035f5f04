"""The layers inside a layer, by their names in a model or the names of attributes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from rnngrad_widgets.engine.backend import Layer, Nested
from rnngrad_widgets.engine.keras_api.modules import is_a
from rnngrad_widgets.engine.keras_api.select import adapter_of

_BOOKKEEPING = frozenset(
    {
        "_metrics",
        "_functional",  # what a Sequential runs
        "_operations",
        "_operations_by_depth",
        "_self_tracked_trackables",
        "_self_unconditional_dependency_names",
    }
)
"""Attributes in which Keras and TensorFlow repeat what other attributes hold."""

_PLAIN = (str, int, float)


def child_layers(layer: Layer) -> Iterator[tuple[str, Layer]]:
    """Yield the layers that a layer holds, by name; one that is held twice comes twice.

    A Functional or Sequential model has names for its layers. Elsewhere, and for what such a model
    holds besides, it is the attribute's name, with the index in a list, the key in a dict. In a set
    the index is that in the order of the layers' names.
    """
    tracked = getattr(layer, "_flatten_layers", None)  # a cell may be no layer
    if tracked is not None and not any(True for _ in tracked(include_self=False, recursive=False)):
        return  # most layers: their attributes need not be looked through
    functional = adapter_of(layer).is_functional(layer)
    if functional:
        for child in layer.layers:
            yield child.name, child
    # Public attributes first: the name a user gave wins over a private second reference.
    attributes = getattr(layer, "__dict__", {})
    for name, value in sorted(attributes.items(), key=lambda item: item[0].startswith("_")):
        if not _is_bookkeeping(name, value, functional=functional):
            yield from _layers_in(name, value)


def inner_layers(layer: Layer) -> list[Layer]:
    """Return the layers inside a layer, at any depth, each once."""
    found: dict[int, Layer] = {}
    left = [layer]
    while left:
        for _, child in child_layers(left.pop()):
            if id(child) not in found and child is not layer:
                found[id(child)] = child
                left.append(child)
    return list(found.values())


def _is_bookkeeping(name: str, value: object, *, functional: bool) -> bool:
    if name == "_functional":
        return functional  # elsewhere it is an attribute of a user's class
    # In Keras 3 a plain list has the layers of all attributes; lists that users set are wrapped.
    return name in _BOOKKEEPING or (name == "_layers" and (functional or type(value) is list))


def _layers_in(name: str, value: Nested) -> Iterator[tuple[str, Layer]]:
    if value is None or isinstance(value, _PLAIN):
        return  # most attributes
    if is_a(value, "Layer"):
        yield name, value
    elif isinstance(value, (list, tuple)):
        for position, item in enumerate(value):
            yield from _layers_in(f"{name}/{position}", item)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _layers_in(f"{name}/{key}", item)
    elif isinstance(value, AbstractSet):
        # A set has another order in every run, a layer's name counts up.
        groups = [list(_layers_in("", item)) for item in value]
        ordered = sorted((g for g in groups if g), key=lambda g: [_sort_key(x.name) for _, x in g])
        for position, group in enumerate(ordered):
            for inner, layer in group:
                yield f"{name}/{position}{inner}", layer


def _sort_key(name: str) -> tuple[str, int]:
    """Split a name that Keras numbers, to sort by: ``"lstm_10"`` comes after ``"lstm_9"``."""
    stem, number = re.fullmatch(r"(.*?)(?:_(\d+))?", name, re.DOTALL).groups()  # type: ignore[union-attr]
    return stem, int(number or 0)
