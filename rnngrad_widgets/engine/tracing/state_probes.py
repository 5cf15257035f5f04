"""Probes added to the states of a cell in each timestep.

Whatever reads a state within the same step must read it with the probe. In a graph those readers
are found once the step is traced (`probe_points`): at once in the body of a loop, at the end of the
forward pass in the graph of the model itself. In eager mode the loss is differentiated by the
tensors at which states are made (`eager_step`).
"""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

from rnngrad_widgets.engine.backend import Nested, Tensor, current_graph, keras, tf
from rnngrad_widgets.engine.differentiation.differentiator import EagerDifferentiator
from rnngrad_widgets.engine.differentiation.equal_results import UnreachableState
from rnngrad_widgets.engine.differentiation.probe_points import (
    ProbePoint,
    depends_on,
    find_probe_points,
    insert_probe,
)
from rnngrad_widgets.engine.tracing.eager_step import run_step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rnngrad_widgets.engine.calls.layer_call import RecordedLoop
    from rnngrad_widgets.engine.differentiation.differentiator import Differentiator
    from rnngrad_widgets.engine.layers.cells import StateKey


class StateProbes:
    """The probes of the states of one recurrence.

    Parameters
    ----------
    loop
        What the probes are made for; states that cannot be reached, or are not read, are written
        into it.
    differentiator
        The differentiator of the pass.
    in_body
        Whether the steps are traced in the body of a loop.
    """

    def __init__(
        self, loop: RecordedLoop, differentiator: Differentiator, *, in_body: bool
    ) -> None:
        self._loop = loop
        self._differentiator = differentiator
        self._in_body = in_body
        self._before_body = current_graph() if in_body else None
        # The probes of the timestep that is being computed.
        self._now: dict[StateKey, Tensor] = {}

    def begin_step(self, probes: Sequence[Tensor]) -> None:
        """Begin a timestep with the probe of each state that has one."""
        self._now = dict(zip(self._loop.state_probes, probes, strict=False))

    def probed_call(
        self,
        original: Callable[..., Nested],
        keys: Sequence[list[StateKey]],
        *,
        is_builtin: bool,
    ) -> Callable[..., tuple[Nested, Nested]]:
        """Return a ``call`` for a cell that adds probes to the states that it returns.

        Parameters
        ----------
        original
            The cell's own ``call``.
        keys
            Its states, for each position that it has in the stack.
        is_builtin
            Whether it is one of Keras' own, of which the output reads every state.
        """
        keys_in_turn = cycle(keys)

        def call(inputs: Tensor, states: Nested, *args: Nested, **kwargs: Nested) -> Nested:
            own = next(keys_in_turn)
            given = (inputs, states, *args)
            if isinstance(self._differentiator, EagerDifferentiator):
                return self._call_eagerly(original, own, given, kwargs)
            if current_graph() is self._before_body:
                return original(*given, **kwargs)
            return self._call_in_graph(original, own, given, kwargs, is_builtin=is_builtin)

        return call

    def _call_in_graph(
        self,
        original: Callable[..., Nested],
        keys: list[StateKey],
        args: tuple[Nested, ...],
        kwargs: dict[str, Nested],
        *,
        is_builtin: bool,
    ) -> tuple[Nested, Nested]:
        graph = current_graph()
        start = graph.version  # type: ignore[attr-defined]
        output, new = original(*args, **kwargs)
        old = {id(t) for t in keras.tree.flatten(args[:2])}

        def before(tensor: Tensor) -> bool:
            placeholder = tensor.op.type == "Placeholder"
            own = tensor.graph is graph and tensor.op._id > start  # noqa: SLF001
            return id(tensor) in old or placeholder or not own

        flat = keras.tree.flatten(new)
        for position, state in enumerate(flat):
            # Handed on unchanged, or twice: it is read as the other one, or as the old one.
            twice = any(state is earlier for earlier in flat[:position])
            if keys[position] in self._now and (twice or before(state)):
                flat[position] = tf.identity(state)
        outputs = keras.tree.flatten(output)
        replaced: dict[int, Tensor] = {}
        for key, points in self._find_points(keys, flat, before).items():
            if not is_builtin and not depends_on(outputs, points):
                self._loop.unread.add(key)
            self._probe(key, points, replaced)
        flat = [_replacement(tensor, replaced) for tensor in flat]
        output = keras.tree.map_structure(lambda tensor: _replacement(tensor, replaced), output)
        return output, keras.tree.pack_sequence_as(new, flat)

    def _call_eagerly(
        self,
        original: Callable[..., tuple[Nested, Nested]],
        keys: list[StateKey],
        args: tuple[Nested, ...],
        kwargs: dict[str, Nested],
    ) -> tuple[Nested, Nested]:
        """Compute a step in eager mode; probes are added when the loss is differentiated."""
        structure: Nested = None

        def call(copies: Sequence[Nested]) -> tuple[Nested, Nested]:
            nonlocal structure
            output, structure = original(*copies, **kwargs)
            return output, structure

        step = run_step(call, args, self._differentiator.watch)
        recorded = step.recording.tensor
        points_of = self._find_points(keys, list(map(recorded, step.states)), step.before)
        outputs = list(map(recorded, keras.tree.flatten(step.output)))
        for key, points in points_of.items():
            if not depends_on(outputs, points):
                self._loop.unread.add(key)
            self._probe(key, points, {})
        return step.output, keras.tree.pack_sequence_as(structure, step.states)

    def _find_points(
        self, keys: list[StateKey], states: list[Tensor], before: Callable[[Tensor], bool]
    ) -> dict[StateKey, list[ProbePoint]]:
        """Find where each state is made; a state of its own is not part of another one."""
        found: dict[StateKey, list[ProbePoint]] = {}
        for key, state in zip(keys, states, strict=True):
            if key in self._now:
                try:
                    found[key] = find_probe_points(state, before)
                except UnreachableState as error:
                    self._loop.unreachable[key] = str(error)
        used: set[int] = set()
        for key, state in sorted(
            ((key, state) for key, state in zip(keys, states, strict=True) if key in found),
            key=lambda item: len(found[item[0]]),  # whole states before those made of pieces
        ):
            if any(id(point.tensor) in used for point in found[key]):
                found[key] = [ProbePoint(state, lambda probe: probe)]
            used |= {id(point.tensor) for point in found[key]}
        return {key: found[key] for key in keys if key in found}

    def _probe(self, key: StateKey, points: list[ProbePoint], replaced: dict[int, Tensor]) -> None:
        """Add the probe of a state; note what takes the place of which tensor in the graph."""
        probe = self._now[key]
        for point in points:
            if not self._in_body:
                self._differentiator.insert_later(point, probe)
            else:
                # The body of a loop is finished when the loop is: its readers are there now.
                replaced[id(point.tensor)] = insert_probe(point, probe)


def _replacement(tensor: Tensor, replaced: dict[int, Tensor]) -> Tensor:
    while id(tensor) in replaced:
        tensor = replaced[id(tensor)]
    return tensor
