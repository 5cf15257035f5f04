"""One timestep of a cell, with probes added to its states and gates."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING

from rnngrad_widgets.engine.backend import Layer, Nested, Tensor, keras, tf
from rnngrad_widgets.engine.calls.layer_call import RecordedLoop, RecurrenceRequest
from rnngrad_widgets.engine.keras_api.select import adapter_of
from rnngrad_widgets.engine.keras_api.shadowing import only_in_this_thread
from rnngrad_widgets.engine.layers.cells import StateKey, gates_of, leaf_cells
from rnngrad_widgets.engine.tracing.gate_probes import GateProbes
from rnngrad_widgets.engine.tracing.state_probes import StateProbes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rnngrad_widgets.engine.differentiation.differentiator import Differentiator


def make_probes(
    cell: Layer,
    states: Nested,
    keys: list[list[StateKey]],
    like: Tensor,
    inside: RecurrenceRequest,
    differentiator: Differentiator,
) -> RecordedLoop:
    """Make zeros to add to the states and gates of a cell.

    Parameters
    ----------
    cell, states, keys
        The cell, its initial states, and the names of these.
    like
        A sequence, (samples, timesteps, ...): there is a probe for each of its timesteps.
    inside
        What to record.
    differentiator
        The differentiator of the pass; it watches the probes.
    """
    loop = RecordedLoop()
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


class ProbedStep:
    """The step function of one recurrence, and the shadowed cells that add the probes.

    Parameters
    ----------
    cell
        The cell, which may be a stack of cells.
    run
        Calls the cell: ``run(inputs, states)``.
    loop
        What the probes are made for; findings about the states are written into it.
    keys
        The states of each leaf cell.
    differentiator
        The differentiator of the pass.
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
        loop: RecordedLoop,
        keys: list[list[StateKey]],
        differentiator: Differentiator,
        *,
        gates: bool = False,
        in_body: bool = False,
    ) -> None:
        self._run = run
        self._loop = loop
        self._keys = keys
        self._cells = leaf_cells(cell)
        self._states = StateProbes(loop, differentiator, in_body=in_body)
        self._gates = GateProbes(self._cells, recorded=gates)

    def __call__(self, inputs: Nested, states: Nested) -> tuple[Nested, Nested]:
        """Compute one step; the inputs are followed by the probes."""
        x, *probes = inputs
        count = len(self._loop.state_probes)
        self._states.begin_step(probes[:count])
        self._gates.begin_step(probes[count:])
        output, new = self._run(x, states)
        return output, new if keras.tree.is_nested(new) else [new]

    def activated(self) -> list[Tensor]:
        """Return the gates' activations in the last step, of each cell, gate after gate."""
        return self._gates.activated()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Shadow the cells while the steps are computed."""
        shadowed: list[tuple[dict[str, object], str, object]] = []
        try:
            for positions in self._positions():
                cell = self._cells[positions[0]]
                for name, stand_in in self._stand_ins(cell, positions).items():
                    shadowed.append((cell.__dict__, name, cell.__dict__.get(name, _NOTHING)))
                    if name == "call":
                        adapter_of(cell).shadow_call(cell, stand_in)
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

    def _positions(self) -> list[list[int]]:
        """List the positions of each cell in the stack: a cell that is shared has several."""
        found: dict[int, list[int]] = {}
        for position, cell in enumerate(self._cells):
            found.setdefault(id(cell), []).append(position)
        return list(found.values())

    def _stand_ins(self, cell: Layer, positions: list[int]) -> dict[str, Callable[..., Nested]]:
        """Return what stands in for methods of a cell, by their names."""
        found: dict[str, Callable[..., Nested]] = {}
        gates = self._gates.of(positions[0])
        if self._loop.state_probes:
            found["call"] = self._states.probed_call(
                adapter_of(cell).original_call(cell, functions=False),
                [self._keys[position] for position in positions],
                is_builtin=gates is not None,
            )
        if gates is not None and (self._loop.gate_probes or self._gates.recorded):
            for name, order in gates.calls.items():
                found[name] = self._gates.probed_activation(getattr(cell, name), positions, order)
        return found


_NOTHING = object()
