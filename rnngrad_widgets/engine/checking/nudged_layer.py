"""Nudges of a layer's outputs and inputs, and of tensors inside of it."""

from __future__ import annotations

import inspect

from rnngrad_widgets.engine.backend import Nested, keras
from rnngrad_widgets.engine.calls.layer_call import LayerCall
from rnngrad_widgets.engine.calls.time_distributed import (
    CallDepth,
    TimeDistributedCalls,
    wrap_calls,
)
from rnngrad_widgets.engine.checking.nudged_steps import NudgedSteps
from rnngrad_widgets.engine.checking.nudges import Nudges, Site
from rnngrad_widgets.engine.keras_api.select import adapter_of
from rnngrad_widgets.engine.layers.cells import is_cell
from rnngrad_widgets.engine.layers.find import LayerMatch
from rnngrad_widgets.engine.layers.kinds import directions


class NudgedLayer:
    """A layer whose calls add nudges.

    Parameters
    ----------
    target
        The layer.
    kind
        ``"outside"`` for its outputs and inputs, ``"state"`` or ``"gate"`` for tensors inside.
    nudges
        The nudges.
    """

    def __init__(self, target: LayerMatch, kind: str, nudges: Nudges) -> None:
        self.target = target
        self.calls: list[LayerCall] = []
        """The calls of the layer, in order; they are grouped as in the engine."""
        self.steps: list[NudgedSteps] = []
        """The steps of each direction; none for ``"outside"``."""
        self._kind = kind
        self._nudges = nudges
        rnns = directions(target.layer) if kind != "outside" else ()
        for direction, rnn in enumerate(rnns):
            self.steps.append(NudgedSteps(target, rnn, kind, direction, nudges))

    def install(self) -> None:
        """Shadow the layer's calls; use inside `KerasAdapter.preserve_layers`."""
        layer, adapter = self.target.layer, adapter_of(self.target.layer)
        self.calls.clear()
        for steps in self.steps:
            steps.install()
        repeats, original = TimeDistributedCalls(self.target), adapter.original_call(layer)
        signature, cell = inspect.signature(layer.call), is_cell(layer)
        inside = CallDepth()
        for owner in self.target.owners:
            wrap_calls(owner, inside.entered)

        def call(*args: Nested, **kwargs: Nested) -> Nested:
            if inside.depth:
                return original(*args, **kwargs)
            bound = signature.bind(*args, **kwargs)
            first = next(iter(bound.arguments))
            given = bound.arguments[first]
            # In Keras 2 initial states may come in a list with the sequence.
            sequence, *more = given if isinstance(given, list) else [given]
            shape = keras.tree.flatten(sequence)[0].shape
            if self._kind == "outside":
                sequence = self._added("input", sequence)
                bound.arguments[first] = [sequence, *more] if isinstance(given, list) else sequence
            for steps in self.steps:
                steps.active = True
            try:
                returned = original(*bound.args, **bound.kwargs)
            finally:
                for steps in self.steps:
                    steps.active = False
            if self._kind == "outside":
                returned = self._outputs_added(returned)
            timesteps = 1 if cell else shape[1]
            self.calls.append(LayerCall((), (), None, (), timesteps, repeat=repeats.next()))
            return returned

        adapter.shadow_call(layer, call)

    def _added(self, kind: str, nested: Nested) -> Nested:
        flat = [
            self._nudges.added(self._site(kind, part), tensor)
            for part, tensor in enumerate(keras.tree.flatten(nested))
        ]
        return keras.tree.pack_sequence_as(nested, flat)

    def _outputs_added(self, returned: Nested) -> Nested:
        layer = self.target.layer
        if not isinstance(returned, (list, tuple)):
            return self._added("output", returned)
        # The first is the output; states, or other results of a user's call, come after it.
        apart = getattr(layer, "merge_mode", "") is None
        with_states = getattr(layer, "return_state", False) or is_cell(layer)
        own = adapter_of(layer).is_builtin(type(layer).call)
        count = 2 if apart else 1 if with_states or not own else len(returned)
        moved = self._added("output", list(returned[:count]))
        return type(returned)([*moved, *returned[count:]])

    def _site(self, kind: str, part: int) -> Site:
        return Site(self.target.info.path, kind, len(self.calls), part=part)
