"""Sources inside the loop over time: of states, initial states and gates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rnngrad_widgets.data.quantities import QUANTITIES
from rnngrad_widgets.engine.backend import Tensor
from rnngrad_widgets.engine.calls.groups import CallGroup
from rnngrad_widgets.engine.calls.layer_call import RecordedLoop
from rnngrad_widgets.engine.layers.axes import initial_axes, state_axes
from rnngrad_widgets.engine.layers.cells import CELL, HIDDEN, StateKey, cells_of, gates_of
from rnngrad_widgets.engine.layers.halves import common_cells, equal_halves
from rnngrad_widgets.engine.layers.kinds import DIRECTIONS, directions
from rnngrad_widgets.engine.tracing.source import Source, masks_of

if TYPE_CHECKING:
    from rnngrad_widgets.engine.layers.find import LayerMatch


def state_sources(key: str, quantity: str, target: LayerMatch, group: CallGroup) -> list[Source]:
    """List the sources of a quantity of states: of each state, over time."""
    known = QUANTITIES[quantity]
    role = CELL if known.of == "cell_state" else HIDDEN

    def states(loop: RecordedLoop) -> dict[StateKey, Tensor]:
        return loop.state_probes if known.is_gradient else loop.states

    by_direction = list(zip(*(call.loops for call in group.calls), strict=True))
    found = []
    for state in states(by_direction[0][0]):
        # What only one of two directions has is left out.
        if state.role == role and all(state in states(loops[0]) for loops in by_direction):
            halves = tuple(tuple(states(loop)[state] for loop in loops) for loops in by_direction)
            found += _of_halves(key, state.label, quantity, target, group, halves)
    return found


def initial_sources(key: str, quantity: str, target: LayerMatch, group: CallGroup) -> list[Source]:
    """List the sources of a quantity of the states before the first timestep."""
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


def gate_sources(key: str, quantity: str, target: LayerMatch, group: CallGroup) -> list[Source]:
    """List the sources of a quantity of gates: of each cell, over time."""

    def tensors(loop: RecordedLoop) -> list[Tensor]:
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
    target: LayerMatch,
    group: CallGroup,
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
            masks=masks_of(group) if timed else (),
            joined=group.joined,
        )
        for direction, part in parts
    ]
