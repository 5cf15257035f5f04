"""Which quantities a layer has, and what must be recorded of it for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnngrad_widgets.data.keywords import did_you_mean
from rnngrad_widgets.data.quantities import QUANTITIES
from rnngrad_widgets.engine.calls.layer_call import RecordRequest, RecurrenceRequest
from rnngrad_widgets.engine.keras_api.select import adapter_of
from rnngrad_widgets.engine.layers.cell_path import missing_cell_path_reason
from rnngrad_widgets.engine.layers.cells import CELL, HIDDEN
from rnngrad_widgets.engine.layers.halves import missing_gates_reason, missing_state_reason
from rnngrad_widgets.engine.layers.kinds import directions, is_recurrent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rnngrad_widgets.engine.layers.find import LayerMatch


def offered_quantities(target: LayerMatch) -> tuple[str, ...]:
    """Return the quantities that a layer has, in the order of the registry."""
    return tuple(word for word in QUANTITIES if not _missing_reason(target, word))


def check_quantities(
    quantities: str | Sequence[str], targets: Sequence[LayerMatch], *, every: bool
) -> tuple[str, ...]:
    """Return the quantities as a tuple of known words, each once.

    Raises
    ------
    ValueError
        If there is no word, one is unknown, or a layer does not have the quantity: any of the
        targets, or, with `every` False, all of them.
    """
    words = (quantities,) if isinstance(quantities, str) else tuple(quantities)
    if not words:
        raise ValueError("quantities must name at least one quantity; received none")
    for word in words:
        lacking = [target for target in targets if _missing_reason(target, word)]
        if lacking and (every or len(lacking) == len(targets)):
            known = ", ".join(repr(name) for name in offered_quantities(lacking[0]))
            raise ValueError(
                f"quantity must be one that layer '{lacking[0].info.path}' has: {known}; "
                f"received {word!r}: {_missing_reason(lacking[0], word)}"
            )
    return tuple(dict.fromkeys(words))


def _missing_reason(target: LayerMatch, word: str) -> str:
    if word not in QUANTITIES:
        return f"there is no such quantity. {did_you_mean(str(word), QUANTITIES)}".rstrip(" .")
    known = QUANTITIES[word]
    adapter = adapter_of(target.layer)
    for rnn in directions(target.layer) if is_recurrent(target.layer) else ():
        if why := adapter.unsupported_reason(rnn) or (
            known.is_inside_loop and adapter.custom_loop_reason(rnn)
        ):
            return why
    if known.is_state or known.of == "reach":
        return missing_state_reason(target.layer, CELL if known.of == "cell_state" else HIDDEN)
    if known.of == "cell_path":
        return missing_cell_path_reason(target.layer)
    return missing_gates_reason(target.layer) if known.of == "gate" else ""


def record_request(quantities: Sequence[str], target: LayerMatch) -> RecordRequest:
    """Return what to record of a layer for those of the quantities that it has."""
    words = set(quantities) & set(offered_quantities(target))
    return RecordRequest(
        inputs="input_gradient" in words,
        inside=RecurrenceRequest(
            state_gradients=bool(words & {"hidden_gradient", "cell_gradient"}),
            gate_gradients="gate_gradient" in words,
            states=bool(words & {"hidden_state", "cell_state"}),
            gates="gate" in words,
            initial_states="initial_state_gradient" in words,
        ),
    )
