"""The tensors that each quantity of a layer is computed from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rnngrad_widgets.data.quantities import QUANTITIES, Subject
from rnngrad_widgets.engine.backend import Tensor, tf
from rnngrad_widgets.engine.calls.groups import Group, Joined, grouped
from rnngrad_widgets.engine.calls.layer_call import LayerCall, Loop
from rnngrad_widgets.engine.layers.axes import (
    initial_axes,
    input_axes,
    output_axes,
    state_axes,
)
from rnngrad_widgets.engine.layers.cells import CELL, HIDDEN, StateKey, cells_of, gates_of
from rnngrad_widgets.engine.layers.find import DIRECTIONS, directions, is_recurrent
from rnngrad_widgets.engine.layers.halves import (
    common_cells,
    equal_halves,
    output_halves,
)
from rnngrad_widgets.engine.layers.weights import weight_axes, weights_of
from rnngrad_widgets.engine.quantities import offered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rnngrad_widgets.engine.layers.find import Found


@dataclass(frozen=True, eq=False)
class Source:
    """The tensors that one quantity of one layer call is computed from.

    Parameters
    ----------
    layer, quantity
        The key in the snapshot.
    tensors
        Watched tensors to differentiate the loss by, or the values themselves: for each half of
        the last axis, one of each call.
    joined
        Along which axis the calls are joined.
    dims, directions, gates
        As in `GradientTensor`.
    call
        Of a state, the layer's path, with the number of the call where there are several.
    masks
        A boolean (samples, timesteps) tensor of each call, or none.
    optional
        Whether it is left out without a word where the loss does not depend on it: a weight that
        is not trained.
    """

    layer: str
    quantity: str
    tensors: tuple[tuple[Tensor, ...], ...]
    dims: tuple[str, ...]
    directions: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()
    call: str = ""
    masks: tuple[Tensor, ...] = ()
    joined: Joined = ""
    optional: bool = False

    @property
    def is_gradient(self) -> bool:
        """Whether the loss is differentiated by the tensors."""
        return QUANTITIES[self.quantity].is_gradient


@dataclass(frozen=True, eq=False)
class Taken:
    """What tracing took of one layer.

    Parameters
    ----------
    target
        The layer.
    calls
        Its calls, in the order of the forward pass.
    weights
        Its variables by their id, to differentiate by.
    values
        What they held before the pass, which may assign them.
    """

    target: Found
    calls: Sequence[LayerCall]
    weights: Mapping[int, Tensor] = field(default_factory=dict)
    values: Mapping[int, Tensor] = field(default_factory=dict)


def sources(taken: Taken, quantities: Sequence[str]) -> list[Source]:
    """List what the quantities of a layer are computed from."""
    found: list[Source] = []
    path, groups = taken.target.info.path, grouped(taken.calls)
    for quantity in quantities:
        if quantity not in offered(taken.target):
            continue
        if QUANTITIES[quantity].of == "weight":
            found += _weights(path, quantity, taken)
            continue
        for position, group in enumerate(groups):
            # A layer that is shared has one tensor per call.
            key = path if len(groups) == 1 else f"{path}[{position}]"
            found += _BUILDERS[QUANTITIES[quantity].of](key, quantity, taken.target, group)
    return found


def _output(key: str, quantity: str, target: Found, group: Group) -> list[Source]:
    layer = target.layer
    stepped = group.joined == "timestep"
    masks = _masks(group) if target.info.return_sequences or stepped else ()
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
                f"{key}/{position}" if outputs > 1 else key,
                quantity,
                halves,
                dims=dims,
                directions=named,
                masks=masks,
                joined=group.joined,
            )
        )
    return found


def _input(key: str, quantity: str, target: Found, group: Group) -> list[Source]:
    leaves = list(zip(*(call.inputs for call in group.calls), strict=True))
    return [
        Source(
            f"{key}/{position}" if len(leaves) > 1 else key,
            quantity,
            (inputs,),
            dims=input_axes(target.layer, inputs[0]),
            masks=_masks(group),
            joined=group.joined,
        )
        for position, inputs in enumerate(leaves)
    ]


def _state(key: str, quantity: str, target: Found, group: Group) -> list[Source]:
    known = QUANTITIES[quantity]
    role = CELL if known.of == "cell_state" else HIDDEN

    def states(loop: Loop) -> dict[StateKey, Tensor]:
        return loop.state_probes if known.is_gradient else loop.states

    by_direction = list(zip(*(call.loops for call in group.calls), strict=True))
    found = []
    for state in states(by_direction[0][0]):
        # What only one of two directions has is not offered.
        if state.role == role and all(state in states(loops[0]) for loops in by_direction):
            halves = tuple(tuple(states(loop)[state] for loop in loops) for loops in by_direction)
            found += _of_halves(key, state.label, quantity, target, group, halves)
    return found


def _initial(key: str, quantity: str, target: Found, group: Group) -> list[Source]:
    # A layer that the model steps starts once: at its first call.
    calls = group.calls[:1] if group.joined == "timestep" else group.calls
    by_direction = list(zip(*(call.loops for call in calls), strict=True))
    common = [
        state
        for state in by_direction[0][0].initial_states
        if all(state in loops[0].initial_states for loops in by_direction)
    ]
    labels = [state.label for state in common]
    found = []
    for state in common:
        halves = tuple(
            tuple(loop.initial_states[state] for loop in loops) for loops in by_direction
        )
        role = state.role if labels.count(state.label) > 1 else ""
        found += _of_halves(
            key,
            "/".join(filter(None, (state.label, role))),
            quantity,
            target,
            replace(group, calls=calls, joined="" if len(calls) == 1 else group.joined),
            halves,
            timed=False,
        )
    return found


def _gates(key: str, quantity: str, target: Found, group: Group) -> list[Source]:
    def tensors(loop: Loop) -> list[Tensor]:
        return loop.gate_probes if QUANTITIES[quantity].is_gradient else loop.gates

    cells = cells_of(directions(target.layer)[0])
    by_direction = list(zip(*(call.loops for call in group.calls), strict=True))
    found = []
    for position in common_cells(target.layer):
        gates = gates_of(cells[position])
        label = str(position) if len(cells) > 1 else ""
        halves = tuple(tuple(tensors(loop)[position] for loop in ls) for ls in by_direction)
        found += _of_halves(
            key, label, quantity, target, group, halves, gates=gates.names if gates else ()
        )
    return found


def _of_halves(
    key: str,
    label: str,
    quantity: str,
    target: Found,
    group: Group,
    halves: tuple[tuple[Tensor, ...], ...],
    *,
    gates: tuple[str, ...] = (),
    timed: bool = True,
) -> list[Source]:
    """Make one tensor of both directions, or one of each where they do not line up."""
    axes = state_axes if timed else initial_axes
    named = equal_halves([half[0] for half in halves], axes(target.layer, halves[0][0]))
    shapes = {tuple(half[0].shape[1 + timed : -1]) for half in halves}
    # Gates divide a half evenly, which halves of two sizes have no common measure of.
    apart = len(halves) > 1 and not named and (bool(gates) or len(shapes) > 1)
    parts = (
        [(direction, (half,)) for direction, half in zip(DIRECTIONS, halves, strict=True)]
        if apart
        else [("", halves)]
    )
    return [
        Source(
            "/".join(filter(None, (key, direction, label))),
            quantity,
            part,
            dims=axes(target.layer, part[0][0]),
            directions=named,
            gates=gates,
            call=key,
            masks=_masks(group) if timed else (),
            joined=group.joined,
        )
        for direction, part in parts
    ]


def _masks(group: Group) -> tuple[Tensor, ...]:
    masks: list[Tensor] = [call.mask for call in group.calls]
    if any(mask is None for mask in masks):
        return ()
    # Keras takes masks with an axis of channels too: a timestep counts where one of them does.
    return tuple(tf.reduce_any(mask, axis=[*range(2, len(mask.shape))]) for mask in masks)


def _weights(path: str, quantity: str, taken: Taken) -> list[Source]:
    found = []
    for name, weight in weights_of(taken.target.layer).items():
        gradient = QUANTITIES[quantity].is_gradient
        tensor = (taken.weights if gradient else taken.values)[id(weight.variable)]
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


_BUILDERS: dict[Subject, Callable[[str, str, Found, Group], list[Source]]] = {
    "output": _output,
    "input": _input,
    "hidden_state": _state,
    "cell_state": _state,
    "gate": _gates,
    "initial_state": _initial,
}
"""How the sources of a quantity are found, by what it is of."""
