"""How a cell is tapped that the model calls by itself, once per timestep."""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING

from .backend import Nested, Tape, Tensor, keras, tf
from .calls import LayerCall, Wanted, watch
from .cells import gates_of, leaf_cells, state_keys
from .library import library_of
from .repeats import Inside, Repeats, around
from .steps import Loop, Step, make_probes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .layers import Found


class CellTap:
    """A ``call`` for a bare cell that records each call as a layer's call of one timestep.

    What it records has a time axis of size 1.
    """

    def __init__(self, target: Found, tape: Tape, wanted: Wanted, repeats: Repeats) -> None:
        cell = target.layer
        self.calls: list[LayerCall] = []
        self._cell = cell
        self._tape = tape
        self._wanted = wanted
        self._repeats = repeats
        self._own_call = cell.__dict__.get("call")
        self._original = library_of(cell).original(cell)
        self._signature = inspect.signature(cell.call)
        # Keras' own cells need no graph of their own, in which a dropout mask would be lost.
        self._graph = not all(gates_of(leaf) for leaf in leaf_cells(cell))
        self._inside_owner = Inside()
        for owner in target.owners:
            around(owner, self._inside_owner.entered)

    def call(self, *args: Nested, **kwargs: Nested) -> Nested:
        """Call the cell and record what went in and out."""
        if self._inside_owner.depth:
            return self._original(*args, **kwargs)
        bound = self._signature.bind(*args, **kwargs)
        (x, given), (inputs, states) = list(bound.arguments)[:2], list(bound.arguments.values())[:2]
        expanded = keras.tree.map_structure(lambda t: t[:, None], inputs)
        if self._wanted.inputs:
            expanded = keras.tree.map_structure(lambda t: watch(self._tape, t), expanded)
            inputs = keras.tree.map_structure(lambda t: t[:, 0], expanded)
        flat = keras.tree.flatten(expanded)
        if not self._wanted.inside:
            bound.arguments[x] = inputs
            output, new = self._original(*bound.args, **bound.kwargs)
            loop = Loop()
        else:
            more = {k: v for k, v in bound.arguments.items() if k not in (x, given)}
            output, new, loop = self._step(inputs, states, flat[0], more)
        output = watch(self._tape, output[:, None])
        self.calls.append(
            LayerCall(
                outputs=(output,),
                inputs=tuple(flat) if self._wanted.inputs else (),
                mask=None,
                loops=(loop,),
                timesteps=1,
                repeat=self._repeats.next(),
            )
        )
        # The output leaves apart from the state that it may be: by it, the derivative is direct.
        return output[:, 0], new

    def _step(
        self, inputs: Nested, states: Nested, like: Tensor, more: dict[str, Nested]
    ) -> tuple[Tensor, Nested, Loop]:
        single = not keras.tree.is_nested(states)
        given = [states] if single else states
        keys = state_keys(self._cell, given)
        loop = make_probes(self._cell, given, keys, like, self._wanted.inside, self._tape)
        with self._as_it_was():

            def run(inputs: Nested, states: Nested) -> tuple[Nested, Nested]:
                call = library_of(self._cell).original(self._cell)
                output, new = call(inputs, states[0] if single else states, **more)
                return output, new

            step = Step(self._cell, run, loop, keys, graph=self._graph)
            with step.installed():
                taken = tf.function(step.__call__, autograph=False) if self._graph else step
                output, new = taken((inputs, *(probe[:, 0] for probe in loop.probes)), given)
        if self._wanted.inside.states:
            flat = zip(chain(*keys), keras.tree.flatten(new), strict=True)
            loop.states.update((key, state[:, None]) for key, state in flat)
        return output, new[0] if single else new, loop

    @contextmanager
    def _as_it_was(self) -> Iterator[None]:
        shadow = self._cell.__dict__.pop("call")
        if self._own_call is not None:
            self._cell.__dict__["call"] = self._own_call
        try:
            yield
        finally:
            self._cell.__dict__["call"] = shadow
