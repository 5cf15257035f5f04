"""How the states and gates inside an RNN's loop are reached.

Zero sequences, the *probes*, enter the loop beside the input sequence. In each timestep a probe is
added to a new state, in the place of everything that reads that state: the next timestep, the
step's own output, and whatever else the cell makes of it. dL/d(probe_t) is then exactly the total
derivative dL/d(state_t). A probe added to a gate's pre-activation gives dL/d(pre-activation_t).
Keras reverses the probes together with the input of a layer that runs backwards, so the results
are in the order of the input. A masked timestep keeps the old state: its derivative is exactly 0.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from .backend import Layer, Nested, Tape, Tensor, current_graph, insert, keras, tf
from .cells import StateKey, cells_of, gates_of, state_keys
from .library import library_of, takes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SHADOWED = ("call", "activation", "recurrent_activation")


@dataclass(frozen=True)
class Inside:
    """What to record inside the loops; each costs memory and time over the whole sequence."""

    state_gradients: bool = False
    gate_gradients: bool = False
    states: bool = False

    def __bool__(self) -> bool:
        return self.state_gradients or self.gate_gradients or self.states


@dataclass(frozen=True, eq=False)
class Loop:
    """The tensors of one run of an RNN layer's loop, in input time order.

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


class LoopProbe:
    """An ``inner_loop`` for one RNN layer that adds probes and can emit the states.

    Parameters
    ----------
    layer
        An RNN layer; for a Bidirectional, one of its two.
    tape
        The tape that watches the probes.
    inside
        What to record.
    """

    def __init__(self, layer: Layer, tape: Tape, inside: Inside) -> None:
        self._layer = layer
        self._tape = tape
        self._inside = inside
        self.loops: list[Loop] = []
        """One for each call of the layer, filled while tracing."""

    def inner_loop(
        self, sequences: Nested, initial_state: Nested, mask: Tensor | None, **arguments: Nested
    ) -> tuple[Tensor, Tensor, Nested]:
        """Run the loop over time as the layer does, with the probes; see `Library.shadow_loop`."""
        layer, emit = self._layer, self._inside.states
        keys = state_keys(layer, initial_state)
        loop = self._make_probes(sequences, initial_state, keys)
        self.loops.append(loop)
        step = _Step(layer, loop, keys, emit=emit, arguments=arguments)
        with step.installed():
            last, outputs, states = library_of(layer).rnn_loop(
                step.function(),
                (sequences, *loop.state_probes.values(), *loop.gate_probes),
                initial_state,
                go_backwards=layer.go_backwards,
                mask=mask,
                # Emitted states are carried over masked timesteps, not zeroed.
                zero_output_for_mask=layer.zero_output_for_mask and not emit,
                return_all_outputs=layer.return_sequences or emit,
            )
        if emit:
            last, outputs = self._take_states(loop, keys, outputs, initial_state, mask)
        return last, outputs, states

    def _make_probes(
        self, sequences: Nested, initial_state: Nested, keys: list[list[StateKey]]
    ) -> Loop:
        loop = Loop()
        sequence = keras.tree.flatten(sequences)[0]
        start = [tf.shape(sequence)[0], tf.shape(sequence)[1]]
        if self._inside.state_gradients:
            flat = zip(chain(*keys), keras.tree.flatten(initial_state), strict=True)
            for key, state in flat:
                if state.dtype.is_floating:
                    zeros = tf.zeros([*start, *tf.unstack(tf.shape(state)[1:])], state.dtype)
                    shape = (None, sequence.shape[1], *state.shape[1:])
                    loop.state_probes[key] = tf.ensure_shape(zeros, shape)
        if self._inside.gate_gradients:
            for cell in cells_of(self._layer):
                gates = gates_of(cell)
                width = cell.units * len(gates.names if gates else ())
                loop.gate_probes.append(tf.zeros([*start, width], cell.compute_dtype))
        for probe in (*loop.state_probes.values(), *loop.gate_probes):
            self._tape.watch(probe)
        return loop

    def _take_states(
        self,
        loop: Loop,
        keys: list[list[StateKey]],
        emitted: Nested,
        initial_state: Nested,
        mask: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        layer = self._layer
        outputs, *states = emitted
        if mask is not None:
            # In the order of processing, as everything that leaves the loop.
            mask = tf.cast(tf.reverse(mask, [1]) if layer.go_backwards else mask, tf.bool)
        flat = zip(chain(*keys), keras.tree.flatten(initial_state), states, strict=True)
        for key, first, emitted_values in flat:
            values = emitted_values
            if mask is not None:
                # Before its first unmasked timestep a sample still has its initial state.
                started = tf.cumsum(tf.cast(mask, tf.int32), axis=1) > 0
                values = tf.where(_expand(started, values), values, first[:, None])
            loop.states[key] = tf.reverse(values, [1]) if layer.go_backwards else values
        if mask is not None and layer.zero_output_for_mask:
            outputs = tf.where(_expand(mask, outputs), outputs, tf.zeros_like(outputs))
        last = outputs[:, -1]
        return last, outputs if layer.return_sequences else last[:, None]


class _Step:
    """The step function of one loop, and the shadowed cells that add the probes."""

    def __init__(
        self,
        layer: Layer,
        loop: Loop,
        keys: list[list[StateKey]],
        *,
        emit: bool,
        arguments: dict[str, Nested],
    ) -> None:
        self._layer = layer
        self._keys = keys
        self._probed = list(loop.state_probes)
        self._emit = emit
        self._cell = layer.cell if callable(layer.cell) else layer.cell.call
        self._arguments = {k: v for k, v in arguments.items() if takes(layer.cell.call, k)}
        self._cells = cells_of(layer)
        self._gates = [gates_of(cell) for cell in self._cells] if loop.gate_probes else []
        self._outside = current_graph()
        # The probes of the timestep that is being traced.
        self._state_now: dict[StateKey, Tensor] = {}
        self._gates_now: list[list[Tensor]] = []

    def function(self) -> Callable[[Nested, Nested], tuple[Nested, Nested]]:
        """Return the step function; in eager mode with a graph of its own.

        What reads a state can be found in a graph only.
        """
        eager = self._probed and tf.executing_eagerly()
        return tf.function(self._step, autograph=False) if eager else self._step

    def _step(self, inputs: Nested, states: Nested) -> tuple[Nested, Nested]:
        x, *probes = inputs
        self._state_now = dict(zip(self._probed, probes, strict=False))
        of_gates = probes[len(self._probed) :]
        self._gates_now = [
            tf.split(probe, len(gates.names if gates else ()), axis=-1)
            for gates, probe in zip(self._gates, of_gates, strict=True)
        ]
        output, new = self._cell(x, states, **self._arguments)
        if not keras.tree.is_nested(new):
            new = [new]
        return ((output, *keras.tree.flatten(new)) if self._emit else output), new

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Shadow the cells while the loop is traced."""
        saved = [(cell.__dict__, dict(cell.__dict__)) for cell in self._cells]
        try:
            for position, cell in enumerate(self._cells):
                if self._probed:
                    library_of(cell).shadow(cell, self._probed_call(cell, self._keys[position]))
                gates = self._gates[position] if self._gates else None
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
            graph = current_graph()
            if graph is self._outside:
                # The loop asks for one step before it starts, only to see the output's shape.
                return output, new
            old = {id(tensor) for tensor in keras.tree.flatten(states)}
            flat = keras.tree.flatten(new)
            replaced: dict[int, Tensor] = {}
            for place, (key, state) in enumerate(zip(keys, flat, strict=True)):
                if key not in self._state_now:
                    continue
                # A state that is handed on unchanged is also read as the old one.
                own = id(state) not in (old | replaced.keys()) and state.graph is graph
                flat[place] = insert(state if own else tf.identity(state), self._state_now[key])
                replaced.setdefault(id(state), flat[place])
            output = keras.tree.map_structure(lambda t: replaced.get(id(t), t), output)
            return output, keras.tree.pack_sequence_as(new, flat)

        return call

    def _probed_activation(
        self, position: int, name: str, gates: tuple[int | None, ...]
    ) -> Callable[[Tensor], Tensor]:
        original = getattr(self._cells[position], name)
        count = 0

        def activation(value: Tensor) -> Tensor:
            nonlocal count
            gate, count = gates[count], (count + 1) % len(gates)
            return original(value if gate is None else value + self._gates_now[position][gate])

        return activation


def _expand(mask: Tensor, like: Tensor) -> Tensor:
    for _ in range(len(like.shape) - 2):
        mask = mask[..., None]
    return mask
