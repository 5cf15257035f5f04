"""One timestep of a cell, with probes added to its states and gates.

Whatever reads a state within the same step must read it with the probe. In a graph those readers
are found once the step is traced (`readers`): at once in the body of a loop, at the end of the
forward pass in the graph of the model itself. In eager mode the loss is differentiated by the
places where states are made.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain, cycle, product
from typing import TYPE_CHECKING

from rnngrad_widgets.engine.backend import Layer, Nested, Tensor, current_graph, keras, tf
from rnngrad_widgets.engine.calls.layer_call import Inside, Loop
from rnngrad_widgets.engine.differentiation.differentiator import EagerDifferentiator
from rnngrad_widgets.engine.differentiation.probe_points import (
    Place,
    Unreachable,
    insert,
    places_of,
    plus,
    reads,
)
from rnngrad_widgets.engine.keras_api.select import library_of
from rnngrad_widgets.engine.keras_api.shadowing import only_in_this_thread
from rnngrad_widgets.engine.layers.cells import StateKey, gates_of, leaf_cells
from rnngrad_widgets.engine.tracing.eager_step import take_step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rnngrad_widgets.engine.differentiation.differentiator import Differentiator
    from rnngrad_widgets.engine.layers.cells import Gates


def make_probes(
    cell: Layer,
    states: Nested,
    keys: list[list[StateKey]],
    like: Tensor,
    inside: Inside,
    differentiator: Differentiator,
) -> Loop:
    """Make zeros to add to the states and gates of a cell at the timesteps of `like`."""
    loop = Loop()
    start = [tf.shape(like)[0], tf.shape(like)[1]]
    if inside.state_gradients:
        for key, state in zip(chain(*keys), keras.tree.flatten(states), strict=True):
            if state.dtype.is_floating:
                zeros = tf.zeros([*start, *tf.unstack(tf.shape(state)[1:])], state.dtype)
                shape = (like.shape[0], like.shape[1], *state.shape[1:])
                loop.state_probes[key] = tf.ensure_shape(zeros, shape)
    if inside.gate_gradients:
        for leaf in leaf_cells(cell):
            gates = gates_of(leaf)
            width = leaf.units * len(gates.names if gates else ())
            loop.gate_probes.append(tf.zeros([*start, width], leaf.compute_dtype))
    for probe in loop.probes:
        differentiator.watch(probe)
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
        What the probes are made for; what is found out about the states is written into it.
    keys
        The states of each leaf cell.
    differentiator
        Of the pass.
    gates
        Whether the gates' activations are recorded.
    in_body
        Whether the steps are traced in the body of a loop. Keras also takes one step before such a
        loop begins, only to see the output's shape.
    """

    def __init__(
        self,
        cell: Layer,
        run: Callable[[Nested, Nested], tuple[Nested, Nested]],
        loop: Loop,
        keys: list[list[StateKey]],
        differentiator: Differentiator,
        *,
        gates: bool = False,
        in_body: bool = False,
    ) -> None:
        self._run = run
        self._loop = loop
        self._keys = keys
        self._differentiator = differentiator
        self._cells = leaf_cells(cell)
        self._gates: list[Gates | None] = [gates_of(leaf) for leaf in self._cells]
        self._gates_recorded = gates
        self._before_body = current_graph() if in_body else None
        self._in_body = in_body
        # The probes of the timestep that is being computed.
        self._state_now: dict[StateKey, Tensor] = {}
        self._gates_now: list[list[Tensor]] = []
        self._activated: list[dict[int, Tensor]] = []

    def __call__(self, inputs: Nested, states: Nested) -> tuple[Nested, Nested]:
        """Take one step; the inputs are followed by the probes."""
        x, *probes = inputs
        probed = list(self._loop.state_probes)
        self._state_now = dict(zip(probed, probes, strict=False))
        self._gates_now = [
            tf.split(probe, len(gates.names if gates else ()), axis=-1)
            for gates, probe in zip(self._gates, probes[len(probed) :], strict=False)
        ]
        self._activated = [{} for _ in self._cells]
        output, new = self._run(x, states)
        return output, new if keras.tree.is_nested(new) else [new]

    def activated(self) -> list[Tensor]:
        """Return the gates' activations in the last step, of each cell, gate after gate."""
        return [
            tf.concat([now[gate] for gate in range(len(gates.names))], axis=-1)
            for gates, now in zip(self._gates, self._activated, strict=True)
            if gates is not None
        ]

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Shadow the cells while the steps are computed."""
        shadowed: list[tuple[dict[str, object], str, object]] = []
        try:
            for positions in self._places_in_stack():
                cell, gates = self._cells[positions[0]], self._gates[positions[0]]
                stand_ins: dict[str, Callable[..., Nested]] = {}
                if self._loop.state_probes:
                    stand_ins["call"] = self._probed_call(cell, positions)
                if gates is not None and (self._loop.gate_probes or self._gates_recorded):
                    for name, order in gates.calls.items():
                        stand_ins[name] = self._probed_activation(positions, name, order)
                for name, stand_in in stand_ins.items():
                    shadowed.append((cell.__dict__, name, cell.__dict__.get(name, _NOTHING)))
                    if name == "call":
                        library_of(cell).shadow(cell, stand_in)
                    else:
                        own = getattr(cell, name)
                        cell.__dict__[name] = only_in_this_thread(stand_in, own)
            yield
        finally:
            for namespace, name, before in reversed(shadowed):
                if before is _NOTHING:
                    namespace.pop(name, None)
                else:
                    namespace[name] = before

    def _places_in_stack(self) -> list[list[int]]:
        """List where in the stack each cell is: one that shares its weights is there twice."""
        found: dict[int, list[int]] = {}
        for position, cell in enumerate(self._cells):
            found.setdefault(id(cell), []).append(position)
        return list(found.values())

    def _probed_call(
        self, cell: Layer, positions: Sequence[int]
    ) -> Callable[..., tuple[Nested, Nested]]:
        original = library_of(cell).original(cell, functions=False)
        turns = cycle(positions)

        def call(inputs: Tensor, states: Nested, *args: Nested, **kwargs: Nested) -> Nested:
            keys = self._keys[next(turns)]
            graph = current_graph()
            if isinstance(self._differentiator, EagerDifferentiator):
                return self._eagerly(original, keys, (inputs, states, *args), kwargs)
            if graph is self._before_body:
                return original(inputs, states, *args, **kwargs)
            start = graph.version  # type: ignore[attr-defined]
            output, new = original(inputs, states, *args, **kwargs)
            old = {id(t) for t in keras.tree.flatten((inputs, states))}

            def before(tensor: Tensor) -> bool:
                placeholder = tensor.op.type == "Placeholder"
                own = tensor.graph is graph and tensor.op._id > start  # noqa: SLF001
                return id(tensor) in old or placeholder or not own

            flat = keras.tree.flatten(new)
            for position, state in enumerate(flat):
                # Handed on unchanged, or twice: it is read as the other one, or as the old one.
                twice = any(state is earlier for earlier in flat[:position])
                if keys[position] in self._state_now and (twice or before(state)):
                    flat[position] = tf.identity(state)
            places = self._places(keys, flat, before)
            outputs = keras.tree.flatten(output)
            replaced: dict[int, Tensor] = {}
            for key, found in places.items():
                if self._gates_of(cell) is None and not reads(outputs, found):
                    self._loop.unread.add(key)
                self._probe(key, found, replaced)
            swap = _swapping(replaced)
            flat = [swap(tensor) for tensor in flat]
            return keras.tree.map_structure(swap, output), keras.tree.pack_sequence_as(new, flat)

        return call

    def _places(
        self, keys: list[StateKey], states: list[Tensor], before: Callable[[Tensor], bool]
    ) -> dict[StateKey, list[Place]]:
        """Find where each state is made; what is a state of its own is not part of another."""
        found: dict[StateKey, list[Place]] = {}
        for key, state in zip(keys, states, strict=True):
            if key in self._state_now:
                try:
                    found[key] = places_of(state, before)
                except Unreachable as error:
                    self._loop.unreachable[key] = str(error)
        taken: set[int] = set()
        for key, state in sorted(
            ((key, state) for key, state in zip(keys, states, strict=True) if key in found),
            key=lambda item: len(found[item[0]]),  # whole states before those made of pieces
        ):
            if any(id(place.tensor) in taken for place in found[key]):
                found[key] = [Place(state, lambda probe: probe)]
            taken |= {id(place.tensor) for place in found[key]}
        return {key: found[key] for key in keys if key in found}

    def _probe(self, key: StateKey, places: list[Place], replaced: dict[int, Tensor]) -> None:
        probe = self._state_now[key]
        for place in places:
            if not self._in_body:
                self._differentiator.insert_later(place, probe)
            else:
                # The body of a loop is finished when the loop is: its readers are there now.
                replaced[id(place.tensor)] = insert(place, probe)

    def _eagerly(
        self,
        original: Callable[..., tuple[Nested, Nested]],
        keys: list[StateKey],
        args: Sequence[Nested],
        kwargs: dict[str, Nested],
    ) -> tuple[Nested, Nested]:
        """Take a step in eager mode; its probes are added when the loss is differentiated."""
        structure: Nested = None

        def call(copies: Sequence[Nested]) -> tuple[Nested, Nested]:
            nonlocal structure
            output, structure = original(*copies, **kwargs)
            return output, structure

        step = take_step(call, args, self._differentiator.watch)
        recorded = step.recording.tensor
        places = self._places(keys, list(map(recorded, step.states)), step.before)
        outputs = list(map(recorded, keras.tree.flatten(step.output)))
        for key, found in places.items():
            if not reads(outputs, found):
                self._loop.unread.add(key)
            self._probe(key, found, {})
        return step.output, keras.tree.pack_sequence_as(structure, step.states)

    def _gates_of(self, cell: Layer) -> Gates | None:
        return self._gates[next(i for i, own in enumerate(self._cells) if own is cell)]

    def _probed_activation(
        self, positions: Sequence[int], name: str, gates: tuple[int | None, ...]
    ) -> Callable[[Tensor], Tensor]:
        original = getattr(self._cells[positions[0]], name)
        turns = cycle(product(positions, gates))

        def activation(value: Tensor) -> Tensor:
            position, gate = next(turns)
            if gate is None:
                return original(value)
            if self._gates_now:
                value = plus(value, self._gates_now[position][gate])
            activated = self._activated[position][gate] = original(value)
            return activated

        return activation


_NOTHING = object()


def _swapping(replaced: dict[int, Tensor]) -> Callable[[Tensor], Tensor]:
    def swap(tensor: Tensor) -> Tensor:
        while id(tensor) in replaced:
            tensor = replaced[id(tensor)]
        return tensor

    return swap
