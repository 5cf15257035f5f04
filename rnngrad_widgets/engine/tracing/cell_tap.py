"""Tap of a standalone cell, which the model calls once per timestep."""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING

from rnngrad_widgets.engine.backend import Nested, Tensor, keras
from rnngrad_widgets.engine.calls.layer_call import LayerCall, RecordedLoop, RecordRequest
from rnngrad_widgets.engine.calls.time_distributed import (
    CallDepth,
    TimeDistributedCalls,
    wrap_calls,
)
from rnngrad_widgets.engine.keras_api.select import adapter_of
from rnngrad_widgets.engine.layers.cells import state_keys
from rnngrad_widgets.engine.tracing.cell_step import ProbedStep, make_probes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rnngrad_widgets.engine.differentiation.differentiator import Differentiator
    from rnngrad_widgets.engine.layers.find import LayerMatch


class CellTap:
    """Record each call of a standalone cell as a layer's call of one timestep.

    The recorded tensors have a time axis of size 1.

    Parameters
    ----------
    target, differentiator, request
        As of `tap`.
    repeats
        Calls of a TimeDistributed around the cell.
    """

    def __init__(
        self,
        target: LayerMatch,
        differentiator: Differentiator,
        request: RecordRequest,
        repeats: TimeDistributedCalls,
    ) -> None:
        cell = target.layer
        self.calls: list[LayerCall] = []
        self._cell = cell
        self._differentiator = differentiator
        self._request = request
        self._repeats = repeats
        self._own_call = cell.__dict__.get("call")
        self._original = adapter_of(cell).original_call(cell)
        self._signature = inspect.signature(cell.call)
        self._inside_owner = CallDepth()
        for owner in target.owners:
            wrap_calls(owner, self._inside_owner.entered)

    def call(self, *args: Nested, **kwargs: Nested) -> Nested:
        """Call the cell and record what went in and out."""
        if self._inside_owner.depth:
            return self._original(*args, **kwargs)
        watched = self._differentiator.watched
        bound = self._signature.bind(*args, **kwargs)
        (x, given), (inputs, states) = list(bound.arguments)[:2], list(bound.arguments.values())[:2]
        expanded = keras.tree.map_structure(lambda t: t[:, None], inputs)
        if self._request.inputs:
            expanded = keras.tree.map_structure(watched, expanded)
            inputs = keras.tree.map_structure(lambda t: t[:, 0], expanded)
        flat = keras.tree.flatten(expanded)
        if not self._request.inside:
            bound.arguments[x] = inputs
            output, new = self._original(*bound.args, **bound.kwargs)
            loop = RecordedLoop()
        else:
            more = {k: v for k, v in bound.arguments.items() if k not in (x, given)}
            output, new, loop = self._step(inputs, states, flat[0], more)
        outputs = keras.tree.map_structure(lambda t: watched(t[:, None]), output)
        self.calls.append(
            LayerCall(
                outputs=tuple(keras.tree.flatten(outputs)),
                inputs=tuple(flat) if self._request.inputs else (),
                mask=None,
                loops=(loop,),
                timesteps=1,
                repeat=self._repeats.next(),
            )
        )
        # A copy of the output, which may be the state too: the derivative by it is direct.
        return keras.tree.map_structure(lambda t: t[:, 0], outputs), new

    def _step(
        self, inputs: Nested, states: Nested, like: Tensor, more: dict[str, Nested]
    ) -> tuple[Tensor, Nested, RecordedLoop]:
        inside = self._request.inside
        single = not keras.tree.is_nested(states)
        given = [states] if single else states
        keys = state_keys(self._cell, given)
        loop = make_probes(self._cell, given, keys, like, inside, self._differentiator)
        if inside.initial_states:
            given = keras.tree.map_structure(self._differentiator.watched, given)
            loop.initial_states.update(zip(chain(*keys), keras.tree.flatten(given), strict=True))
        with self._unshadowed():

            def run(inputs: Nested, states: Nested) -> tuple[Nested, Nested]:
                call = adapter_of(self._cell).original_call(self._cell)
                output, new = call(inputs, states[0] if single else states, **more)
                return output, new

            step = ProbedStep(self._cell, run, loop, keys, self._differentiator, gates=inside.gates)
            with step.installed():
                output, new = step((inputs, *(probe[:, 0] for probe in loop.probes)), given)
        if inside.states:
            flat = zip(chain(*keys), keras.tree.flatten(new), strict=True)
            loop.states.update((key, state[:, None]) for key, state in flat)
        if inside.gates:
            loop.gates.extend(activated[:, None] for activated in step.activated())
        return output, new[0] if single else new, loop

    @contextmanager
    def _unshadowed(self) -> Iterator[None]:
        shadow = self._cell.__dict__.pop("call")
        if self._own_call is not None:
            self._cell.__dict__["call"] = self._own_call
        try:
            yield
        finally:
            self._cell.__dict__["call"] = shadow
