"""The weights of a layer: their names, axes and current values, read without a pass."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from rnngrad_widgets.data.rules import DIRECTIONS
from rnngrad_widgets.data.tensor import GradientTensor
from rnngrad_widgets.engine.backend import Layer, Nested, Tensor, keras, tf
from rnngrad_widgets.engine.keras_api.select import adapter_of
from rnngrad_widgets.engine.layers.cells import Gates, cell_of, cells_of, gates_of
from rnngrad_widgets.engine.layers.find import LayerMatch
from rnngrad_widgets.engine.layers.inner_layers import child_layers
from rnngrad_widgets.engine.layers.kinds import directions

_BOOKKEEPING = re.compile("_(non_)?trainable_(variables|weights)|_self_.*")
"""Attributes in which Keras and TensorFlow repeat variables that other attributes hold."""


class Weight(NamedTuple):
    """A weight of a layer.

    Parameters
    ----------
    variable
        The variable.
    name
        ``"kernel"``, ``"recurrent_kernel"`` or ``"bias"`` of a cell of Keras' own; else empty.
    gates
        The gates along the last axis of these.
    """

    variable: Tensor
    name: str = ""
    gates: Gates | None = None


def weights_of(layer: Layer) -> dict[str, Weight]:
    """Return every weight of a recurrent layer or cell by its name, trained or not.

    ``"kernel"``, in a Bidirectional ``"forward/kernel"``, in a stack of cells ``"0/kernel"``. A
    weight of a layer inside a cell has the name of the attribute before its own, ``"norm/gamma"``;
    one that the layer adds to its cell's has only its own. A name that is used several times is
    numbered: ``"kernel"``, ``"kernel_1"``.
    """
    names = _WeightNames(layer)
    states = {id(state) for rnn in directions(layer) for state in _state_variables(rnn)}
    found: dict[str, Weight] = {}
    for variable in {id(v): v for v in getattr(layer, "weights", ())}.values():
        if id(variable) in states:
            continue
        name, weight = names.of(variable)
        unique, count = name, 0
        while unique in found:
            count += 1
            unique = f"{name}_{count}"
        found[unique] = weight
    return found


def read_weights(found: LayerMatch) -> dict[str, GradientTensor]:
    """Return the weights of a layer by name: ``"kernel"``, ``"forward/kernel"``; current values.

    Raises
    ------
    ValueError
        If the layer has none yet.
    """
    read: dict[str, GradientTensor] = {}
    for name, weight in weights_of(found.layer).items():
        # A copy, as training goes on.
        values = np.atleast_1d(np.array(tf.convert_to_tensor(weight.variable)))
        read[name] = GradientTensor(
            values,
            weight_axes(weight, values),
            layer=f"{found.info.path}/{name}",
            quantity="weight",
            gates=weight.gates.names if weight.gates else (),
        )
    if not read:
        raise ValueError(
            f"layer {found.info.path!r} must have weights; it has none yet. "
            "Build the model first: call it on a batch"
        )
    return read


def weight_axes(weight: Weight, tensor: Tensor) -> tuple[str, ...]:
    """Return the names of a weight's axes; the channel axis comes last.

    A scalar counts as a weight of one channel.
    """
    rank = len(tensor.shape)
    if rank == 2 and weight.gates:
        # The bias of a GRU with reset_after=True has a row for the input and one for the state.
        first = {"kernel": "feature", "recurrent_kernel": "previous_channel", "bias": "part"}
        return (first[weight.name], "channel")
    return (*(f"axis_{i}" for i in range(rank - 1)), "channel")


class _WeightNames:
    """The names of a layer's variables, by where they are held."""

    def __init__(self, layer: Layer) -> None:
        self._known: dict[int, tuple[str, Weight]] = {}
        self._adapter = adapter_of(layer)
        seen: set[int] = set()
        rnns = directions(layer)
        for rnn, direction in zip(rnns, DIRECTIONS, strict=False):
            prefix = f"{direction}/" if len(rnns) > 1 else ""
            cells = cells_of(rnn)
            for position, cell in enumerate(cells):
                self._add(cell, f"{prefix}{position}/" if len(cells) > 1 else prefix, seen)
            self._add(cell_of(rnn), prefix, seen)
            self._add(rnn, prefix, seen)
        self._add(layer, "", seen)

    def of(self, variable: Tensor) -> tuple[str, Weight]:
        """Return the name of a variable, and its description."""
        own = self._adapter.weight_name(variable)
        return self._known.get(id(variable), (own, Weight(variable)))

    def _add(self, holder: Layer, prefix: str, seen: set[int]) -> None:
        if id(holder) in seen:
            return
        seen.add(id(holder))
        children = [(n, child) for n, child in child_layers(holder) if id(child) not in seen]
        inner = {id(v) for _, child in child_layers(holder) for v in getattr(child, "weights", ())}
        gates = gates_of(holder)
        parts = ("kernel", "recurrent_kernel", "bias") if gates else ()
        gated = {id(getattr(holder, part, None)): part for part in parts}
        for variable in getattr(holder, "weights", ()):
            if id(variable) in inner or id(variable) in self._known:
                continue
            part = gated.get(id(variable), "")
            name = part or self._own_name(holder, variable)
            weight = Weight(variable, part, gates if part else None)
            self._known[id(variable)] = prefix + name, weight
        for name, child in children:
            self._add(child, f"{prefix}{name}/", seen)

    def _own_name(self, holder: Layer, variable: Tensor) -> str:
        own = self._adapter.weight_name(variable)
        if not re.fullmatch(r"variable(_\d+)?", own, re.IGNORECASE):
            return own
        # Keras has counted variables that were given no name: another number in every build.
        places = (
            place
            for name, value in vars(holder).items()
            if not _BOOKKEEPING.fullmatch(name)
            for place in _attribute_paths(name, value, variable)
        )
        return next(places, own)


def _attribute_paths(name: str, value: Nested, variable: Tensor) -> Iterator[str]:
    if value is variable:
        yield name
    elif isinstance(value, (list, tuple)):
        for position, item in enumerate(value):
            yield from _attribute_paths(f"{name}/{position}", item, variable)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _attribute_paths(f"{name}/{key}", item, variable)


def _state_variables(rnn: Layer) -> list[Tensor]:
    """List the variables of a stateful layer's states, which Keras 3 counts as weights."""
    return keras.tree.flatten(getattr(rnn, "states", None) or [])  # type: ignore[no-any-return]
