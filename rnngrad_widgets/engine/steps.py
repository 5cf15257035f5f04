"""One timestep of a cell, with probes added to its states and gates.

Whatever reads a state within the same step must read it with the probe. In a loop, or in a function
of its own, those readers are found in the graph once the step is traced. Keras' own cells need no
graph: it is known where they read their states.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from .backend import Layer, Nested, Tape, Tensor, current_graph, insert, keras, plus, tf
from .cells import CELL, StateKey, gates_of, leaf_cells
from .library import library_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_SHADOWED = ("call", "activation", "recurrent_activation")


@dataclass(frozen=True)
class Inside:
    """What to record inside a recurrence; each costs memory and time over the whole sequence."""

    state_gradients: bool = False
    gate_gradients: bool = False
    states: bool = False

    def __bool__(self) -> bool:
        return self.state_gradients or self.gate_gradients or self.states


@dataclass(frozen=True, eq=False)
class Loop:
    """The tensors of one run of a recurrence, in input time order.

    Parameters
    ----------
    states
        Values over time.
    state_probes
        Probes of the states: differentiate by them.
    gate_probes
        For each cell, the probe of its gates' pre-activations, gate after gate.
    """

    states: dict[StateKey, Tensor] = field(default_factory=dict)
    state_probes: dict[StateKey, Tensor] = field(default_factory=dict)
    gate_probes: list[Tensor] = field(default_factory=list)

    @property
    def probes(self) -> list[Tensor]:
        """The probes, of states first."""
        return [*self.state_probes.values(), *self.gate_probes]


def make_probes(
    cell: Layer,
    states: Nested,
    keys: list[list[StateKey]],
    like: Tensor,
    inside: Inside,
    tape: Tape,
) -> Loop:
    """Make zeros to add to the states and gates of a cell at the timesteps of `like`."""
    loop = Loop()
    start = [tf.shape(like)[0], tf.shape(like)[1]]
    if inside.state_gradients:
        for key, state in zip(chain(*keys), keras.tree.flatten(states), strict=True):
            if state.dtype.is_floating:
                zeros = tf.zeros([*start, *tf.unstack(tf.shape(state)[1:])], state.dtype)
                shape = (None, like.shape[1], *state.shape[1:])
                loop.state_probes[key] = tf.ensure_shape(zeros, shape)
    if inside.gate_gradients:
        for leaf in leaf_cells(cell):
            gates = gates_of(leaf)
            width = leaf.units * len(gates.names if gates else ())
            loop.gate_probes.append(tf.zeros([*start, width], leaf.compute_dtype))
    for probe in loop.probes:
        tape.watch(probe)
    return loop


class Step:
    """The step function of one recurrence, and the shadowed cells that add the probes.

    Parameters
    ----------
    cell
        The cell, which may be a stack of cells.
    run
        Calls the cell: ``run(inputs, states)``.
    loop
        What the probes are made for.
    keys
        The states of each leaf cell.
    emit
        Whether the new states go out together with the output.
    graph
        Whether each step is traced into a graph of its own, in which readers can be found. If not,
        all leaf cells must be Keras' own.
    """

    def __init__(
        self,
        cell: Layer,
        run: Callable[[Nested, Nested], tuple[Nested, Nested]],
        loop: Loop,
        keys: list[list[StateKey]],
        *,
        emit: bool = False,
        graph: bool = True,
    ) -> None:
        self._run = run
        self._keys = keys
        self._probed = list(loop.state_probes)
        self._emit = emit
        self._graph = graph
        self._cells = leaf_cells(cell)
        self._gates = [gates_of(leaf) for leaf in self._cells]
        self._gates_probed = bool(loop.gate_probes)
        # The loop asks for one step before it starts, only to see the output's shape.
        self._outside = current_graph() if graph else None
        # Where in what is emitted each state is.
        self.places: list[int] = []
        # The probes of the timestep that is being traced.
        self._state_now: dict[StateKey, Tensor] = {}
        self._gates_now: list[list[Tensor]] = []

    def __call__(self, inputs: Nested, states: Nested) -> tuple[Nested, Nested]:
        """Take one step; the inputs are followed by the probes."""
        x, *probes = inputs
        self._state_now = dict(zip(self._probed, probes, strict=False))
        self._gates_now = [
            tf.split(probe, len(gates.names if gates else ()), axis=-1)
            for gates, probe in zip(self._gates, probes[len(self._probed) :], strict=False)
        ]
        output, new = self._run(x, states)
        if not keras.tree.is_nested(new):
            new = [new]
        if not self._emit:
            return output, new
        emitted, self.places = [output], []
        for state in keras.tree.flatten(new):
            # Most cells return their hidden state: emitted once, it takes half the memory.
            self.places.append(0 if state is output else len(emitted))
            emitted += [] if state is output else [state]
        return tuple(emitted), new

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Shadow the cells while the steps are traced."""
        saved = [(cell.__dict__, dict(cell.__dict__)) for cell in self._cells]
        try:
            for position, cell in enumerate(self._cells):
                if self._probed:
                    library_of(cell).shadow(cell, self._probed_call(cell, self._keys[position]))
                gates = self._gates[position]
                if self._gates_probed or not self._graph:
                    for name, calls in gates.calls.items() if gates else ():
                        cell.__dict__[name] = self._probed_activation(position, name, calls)
            yield
        finally:
            for namespace, attributes in saved:
                for name in _SHADOWED:
                    namespace.pop(name, None)
                    if name in attributes:
                        namespace[name] = attributes[name]

    def _probed_call(
        self, cell: Layer, keys: list[StateKey]
    ) -> Callable[..., tuple[Nested, Nested]]:
        original = library_of(cell).original(cell)

        def call(inputs: Tensor, states: Nested, *args: Nested, **kwargs: Nested) -> Nested:
            output, new = original(inputs, states, *args, **kwargs)
            if self._graph and current_graph() is self._outside:
                return output, new
            flat = keras.tree.flatten(new)
            replaced = self._with_probes(keys, keras.tree.flatten(states), flat)
            output = keras.tree.map_structure(lambda t: replaced.get(id(t), t), output)
            return output, keras.tree.pack_sequence_as(new, flat)

        return call

    def _with_probes(
        self, keys: list[StateKey], old: Sequence[Tensor], new: list[Tensor]
    ) -> dict[int, Tensor]:
        """Add the probes to the new states, in place; return what each was replaced by."""
        before = {id(tensor) for tensor in old}
        replaced: dict[int, Tensor] = {}
        for place, (key, state) in enumerate(zip(keys, new, strict=True)):
            if key not in self._state_now:
                continue
            probe = self._state_now[key]
            if self._graph:
                # A state that is handed on unchanged is also read as the old one.
                known = id(state) in (before | replaced.keys())
                own = not known and state.graph is current_graph()
                new[place] = insert(state if own else tf.identity(state), probe)
            else:
                new[place] = plus(state, probe)
            replaced.setdefault(id(state), new[place])
        return replaced

    def _probed_activation(
        self, position: int, name: str, gates: tuple[int | None, ...]
    ) -> Callable[[Tensor], Tensor]:
        original = getattr(self._cells[position], name)
        cell_state = next((key for key in self._keys[position] if key.role == CELL), None)
        count = 0

        def activation(value: Tensor) -> Tensor:
            nonlocal count
            gate, count = gates[count], (count + 1) % len(gates)
            if gate is not None and self._gates_now:
                return original(plus(value, self._gates_now[position][gate]))
            # The one that is no gate's reads an LSTM's new cell state.
            if gate is None and not self._graph and cell_state in self._state_now:
                return original(plus(value, self._state_now[cell_state]))
            return original(value)

        return activation
