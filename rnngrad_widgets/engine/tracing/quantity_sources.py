"""List the tensors that each quantity of a layer is computed from.

A new quantity gets a builder here, if it is of something that no other quantity is of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnngrad_widgets.data.quantities import QUANTITIES, Subject
from rnngrad_widgets.data.rules import BACKWARD
from rnngrad_widgets.engine.backend import tf
from rnngrad_widgets.engine.calls.groups import group_calls
from rnngrad_widgets.engine.layers.axes import input_axes, output_axes
from rnngrad_widgets.engine.layers.halves import equal_halves, output_halves
from rnngrad_widgets.engine.layers.kinds import directions, is_backward, is_recurrent
from rnngrad_widgets.engine.layers.weights import weight_axes, weights_of
from rnngrad_widgets.engine.quantities import offered_quantities
from rnngrad_widgets.engine.tracing.loop_sources import (
    gate_sources,
    initial_sources,
    reach_sources,
    state_sources,
)
from rnngrad_widgets.engine.tracing.source import NamedCalls, Source, TracedLayer, masks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def list_sources(traced: TracedLayer, quantities: Sequence[str]) -> list[Source]:
    """List the sources of quantities of a layer; quantities that it does not have are left out."""
    found: list[Source] = []
    offered = offered_quantities(traced.target)
    path, groups = traced.target.info.path, group_calls(traced.calls)
    for quantity in quantities:
        if quantity not in offered:
            continue
        if QUANTITIES[quantity].of == "weight":
            found += _weights(path, quantity, traced)
            continue
        for position, group in enumerate(groups):
            # A layer that is shared has one tensor per call.
            key = path if len(groups) == 1 else f"{path}[{position}]"
            calls = NamedCalls(key, traced.target, group)
            found += _BUILDERS[QUANTITIES[quantity].of](quantity, calls)
    return found


def _output(quantity: str, calls: NamedCalls) -> list[Source]:
    target, group = calls.target, calls.group
    layer = target.layer
    stepped = group.joined == "timestep"
    masks = masks_of(group) if target.info.return_sequences or stepped else ()
    first = directions(layer)[0] if is_recurrent(layer) else layer
    ragged = any(call.ragged for call in group.calls)
    if getattr(first, "go_backwards", False) and not ragged:
        # Such a layer returns its outputs in the order of processing, and Bidirectional turns the
        # other half round to that.
        masks = tuple(tf.reverse(mask, [1]) for mask in masks)
    by_output = list(zip(*(call.outputs for call in group.calls), strict=True))
    apart = getattr(layer, "merge_mode", "") is None
    outputs = len(by_output) // 2 if apart else len(by_output)
    found = []
    for position in range(outputs):
        # With merge_mode=None those of the forward layer come first.
        halves = tuple(by_output[position::outputs])
        dims = output_axes(target, halves[0][0], stepped=stepped)
        named = (
            equal_halves([half[0] for half in halves], dims)
            if apart
            else output_halves(layer, halves[0][0], dims)
            if getattr(layer, "merge_mode", "") == "concat"
            else ()
        )
        found.append(
            Source(
                f"{calls.key}/{position}" if outputs > 1 else calls.key,
                quantity,
                halves,
                dims=dims,
                directions=named,
                masks=masks,
                joined=group.joined,
            )
        )
    return found


def _input(quantity: str, calls: NamedCalls) -> list[Source]:
    group = calls.group
    leaves = list(zip(*(call.inputs for call in group.calls), strict=True))
    return [
        Source(
            f"{calls.key}/{position}" if len(leaves) > 1 else calls.key,
            quantity,
            (inputs,),
            dims=input_axes(calls.target.layer, inputs[0]),
            directions=(BACKWARD,) if is_backward(calls.target.layer) else (),
            masks=masks_of(group),
            joined=group.joined,
        )
        for position, inputs in enumerate(leaves)
    ]


def _weights(path: str, quantity: str, traced: TracedLayer) -> list[Source]:
    found = []
    for name, weight in weights_of(traced.target.layer).items():
        gradient = QUANTITIES[quantity].is_gradient
        tensor = (traced.weights if gradient else traced.values)[id(weight.variable)]
        if gradient and not tf.as_dtype(tensor.dtype).is_floating:
            continue  # a counter
        found.append(
            Source(
                f"{path}/{name}",
                quantity,
                ((tensor,),),
                dims=weight_axes(weight, tensor),
                gates=weight.gates.names if weight.gates else (),
                optional=gradient and not weight.variable.trainable,
            )
        )
    return found


_BUILDERS: dict[Subject, Callable[[str, NamedCalls], list[Source]]] = {
    "output": _output,
    "input": _input,
    "hidden_state": state_sources,
    "cell_state": state_sources,
    "gate": gate_sources,
    "initial_state": initial_sources,
    "reach": reach_sources,
}
"""Builders of the sources of a quantity, by what it is of (`Quantity.of`)."""
