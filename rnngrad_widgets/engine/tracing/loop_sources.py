"""Sources inside the loop over time: of states, initial states and gates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rnngrad_widgets.data.quantities import QUANTITIES
from rnngrad_widgets.data.rules import BACKWARD, DIRECTIONS
from rnngrad_widgets.data.tensor import REACH
from rnngrad_widgets.engine.backend import Layer, Tensor
from rnngrad_widgets.engine.calls.groups import CallGroup
from rnngrad_widgets.engine.calls.layer_call import RecordedLoop
from rnngrad_widgets.engine.layers.axes import initial_axes, state_axes
from rnngrad_widgets.engine.layers.cells import CELL, HIDDEN, StateKey, cells_of, gates_of
from rnngrad_widgets.engine.layers.halves import common_cells, equal_halves
from rnngrad_widgets.engine.layers.kinds import directions, is_backward
from rnngrad_widgets.engine.tracing.source import NamedCalls, Source, masks_of

_Halves = tuple[tuple[Tensor, ...], ...]
"""The tensors of each direction, one for each call."""


def state_sources(quantity: str, calls: NamedCalls) -> list[Source]:
    """List the sources of a quantity of states: of each state, over time."""
    known = QUANTITIES[quantity]
    role = CELL if known.of == "cell_state" else HIDDEN

    def states(loop: RecordedLoop) -> dict[StateKey, Tensor]:
        return loop.state_probes if known.is_gradient else loop.states

    by_direction = calls.group.loops_by_direction()
    found = []
    for state in states(by_direction[0][0]):
        # What only one of two directions has is left out.
        if state.role == role and all(state in states(loops[0]) for loops in by_direction):
            halves = tuple(tuple(states(loop)[state] for loop in loops) for loops in by_direction)
            found += _of_halves(quantity, calls, state.label, halves)
    return found


def reach_sources(quantity: str, calls: NamedCalls) -> list[Source]:
    """List the sources of a reach: of each hidden state, in each direction by itself."""
    found = []
    for source in state_sources("hidden_gradient", calls):
        apart = DIRECTIONS if len(source.tensors) > 1 else ("",)
        label = source.layer.removeprefix(calls.key).strip("/")
        for direction, half in zip(apart, source.tensors, strict=True):
            backward = direction == BACKWARD or source.directions == (BACKWARD,)
            found.append(
                replace(
                    source,
                    layer="/".join(filter(None, (calls.key, direction, label))),
                    quantity=quantity,
                    tensors=(half,),
                    dims=REACH,
                    directions=(BACKWARD,) if backward else (),
                )
            )
    return found


def initial_sources(quantity: str, calls: NamedCalls) -> list[Source]:
    """List the sources of a quantity of the states before the first timestep."""
    # A layer that the model steps starts once: at its first call.
    if calls.group.joined == "timestep":
        calls = replace(calls, group=CallGroup(calls.group.calls[:1]))
    by_direction = calls.group.loops_by_direction()
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
        label = "/".join(filter(None, (state.label, role)))
        found += _of_halves(quantity, calls, label, halves, timed=False)
    return found


def gate_sources(quantity: str, calls: NamedCalls) -> list[Source]:
    """List the sources of a quantity of gates: of each cell, over time."""

    def tensors(loop: RecordedLoop) -> list[Tensor]:
        return loop.gate_probes if QUANTITIES[quantity].is_gradient else loop.gates

    cells = cells_of(directions(calls.target.layer)[0])
    by_direction = calls.group.loops_by_direction()
    found = []
    for position in common_cells(calls.target.layer):
        gates = gates_of(cells[position])
        label = str(position) if len(cells) > 1 else ""
        halves = tuple(tuple(tensors(loop)[position] for loop in ls) for ls in by_direction)
        names = gates.names if gates else ()
        found += _of_halves(quantity, calls, label, halves, gates=names)
    return found


def _of_halves(
    quantity: str,
    calls: NamedCalls,
    label: str,
    halves: _Halves,
    *,
    gates: tuple[str, ...] = (),
    timed: bool = True,
) -> list[Source]:
    """Make one tensor of both directions, or one of each where they do not line up."""
    layer, axes = calls.target.layer, state_axes if timed else initial_axes
    return [
        Source(
            "/".join(filter(None, (calls.key, direction, label))),
            quantity,
            part,
            dims=axes(layer, part[0][0]),
            directions=named,
            gates=gates,
            call=calls.key,
            masks=masks_of(calls.group) if timed else (),
            joined=calls.group.joined,
        )
        for direction, part, named in _parts(layer, halves, timed=timed)
    ]


def _parts(
    layer: Layer, halves: _Halves, *, timed: bool
) -> Iterator[tuple[str, _Halves, tuple[str, ...]]]:
    """Yield the direction that is in the name of a tensor, its halves and their directions.

    Over time both halves are in one tensor only where its channels say which is which, and the
    forward layer begins with the first timestep: what is read of a tensor over time, as how far a
    gradient reaches, depends on which timestep was processed last.
    """
    rnns = directions(layer)
    backwards = [timed and is_backward(rnn) for rnn in rnns]
    own = [(BACKWARD,) if backward else () for backward in backwards]
    if len(halves) == 1:
        yield "", halves, own[0]
        return
    axes = state_axes if timed else initial_axes
    named = equal_halves([half[0] for half in halves], axes(layer, halves[0][0]))
    same_rank = len({tuple(half[0].shape[1:-1]) for half in halves}) == 1
    if (named and not backwards[0]) or (not timed and same_rank):
        yield "", halves, named
        return
    for direction, half, name in zip(DIRECTIONS, halves, own, strict=True):
        yield direction, (half,), name
