"""Which quantities of a traced layer can be computed, and why the others cannot."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from rnngrad_widgets.data.quantities import QUANTITIES
from rnngrad_widgets.engine.backend import Tensor
from rnngrad_widgets.engine.tracing.quantity_sources import list_sources
from rnngrad_widgets.engine.tracing.source import Source, TracedLayer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rnngrad_widgets.engine.calls.layer_call import LayerCall

_INSIDE = frozenset(each.name for each in QUANTITIES.values() if each.is_inside_loop)
"""Quantities inside the loop over time."""


@dataclass(frozen=True, eq=False)
class Findings:
    """What was found out about the layers of a pass while it was traced.

    Parameters
    ----------
    missing
        Why a quantity cannot be computed, by the layer's path (or call) and the quantity.
    notes
        Remarks on the results, for the user, in order.
    """

    missing: dict[tuple[str, str], str] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)

    def reachable(
        self, traced: TracedLayer, quantities: Sequence[str], loss: Tensor
    ) -> list[Source]:
        """List the sources of a layer's quantities that the loss can be differentiated by."""
        path = traced.target.info.path
        if not traced.calls:
            self.missing[path, ""] = (
                f"layer '{path}' must be called in the model's forward pass; it is not called "
                "there, or only inside an inner tf.function"
            )
        possible = list(quantities)
        if any(call.runs and set(call.runs) != {1} for call in traced.calls):
            for quantity in [word for word in possible if word in _INSIDE]:
                possible.remove(quantity)
                self.missing[path, quantity] = (
                    f"layer '{path}' must run its loop over time once in each call to have a "
                    f"{quantity}; its own call does not; ask for output_gradient"
                )
        self._note_states(path, traced.calls)
        found = []
        for source in list_sources(traced, possible):
            if reason := _unreachable_reason(source, traced.calls, loss):
                self.missing[source.layer, source.quantity] = reason
            else:
                found.append(source)
        return found

    def _note_states(self, path: str, calls: Sequence[LayerCall]) -> None:
        for loop in chain(*(call.loops for call in calls)):
            for state in loop.unread - loop.unreachable.keys():
                name = f"state {state.label} of " if state.label else "the state of "
                self.notes[
                    f"{name}layer '{path}' is not read by the output of the same timestep: its "
                    "gradient is that through the later timesteps"
                ] = None


def _unreachable_reason(source: Source, calls: Sequence[LayerCall], loss: Tensor) -> str:
    """Return why a source cannot be differentiated by; empty if it can."""
    if source.quantity == "weight_gradient":
        return ""  # variables are of no graph
    here = set(map(id, chain(*source.tensors)))
    for loop in chain(*(call.loops for call in calls)):
        for state, reason in loop.unreachable.items():
            if id(loop.state_probes.get(state)) in here:
                return f"there is no {source.quantity} of layer '{source.layer}': {reason}"
    for tensor in chain(*source.tensors):
        if getattr(tensor, "graph", None) is not getattr(loss, "graph", None):
            return (
                f"layer '{source.layer}' must be called where the loss can see it; it is "
                "called inside an inner tf.function or loop; remove the inner tf.function"
            )
    return ""
