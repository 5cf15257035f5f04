"""The words for what the engine can hand over, and what each is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnngrad_widgets.tensor import NO_TIME, SEQUENCE

from .backend import Tensor, keras

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .layers import Found, RecurrentLayer
    from .probes import LayerCall

QUANTITIES = ("output_gradient",)
"""The quantities that the engine computes, in the order in which they are offered."""

DIRECTIONS = ("forward", "backward")


@dataclass(frozen=True, eq=False)
class Source:
    """The tensors that one quantity of one layer call is computed from.

    Parameters
    ----------
    layer, quantity
        The key in the snapshot.
    tensors
        Watched tensors to differentiate the loss by; joined along the channel axis.
    dims, directions
        As in `GradientTensor`.
    mask
        Boolean (samples, timesteps) tensor, or None.
    """

    layer: str
    quantity: str
    tensors: tuple[Tensor, ...]
    dims: tuple[str, ...]
    directions: tuple[str, ...] = ()
    mask: Tensor | None = None


def offered(layer: RecurrentLayer) -> tuple[str, ...]:
    """List the quantities that a layer has."""
    del layer
    return QUANTITIES


def check_quantities(quantities: str | Sequence[str], targets: Sequence[Found]) -> tuple[str, ...]:
    """Return the quantities as a tuple of known words, each once.

    Raises
    ------
    ValueError
        If a word is unknown, a layer does not have the quantity, or there is none.
    """
    words = (quantities,) if isinstance(quantities, str) else tuple(quantities)
    if not words:
        raise ValueError("quantities must name at least one quantity; received none")
    for word in words:
        for target in targets:
            if word not in offered(target.info):
                known = ", ".join(repr(name) for name in offered(target.info))
                raise ValueError(
                    f"quantity must be one that layer '{target.info.path}' has: {known}; "
                    f"received {word!r}"
                )
    return tuple(dict.fromkeys(words))


def sources(target: Found, calls: Sequence[LayerCall], quantities: Sequence[str]) -> list[Source]:
    """List what to differentiate by: one source for each quantity of each call of a layer."""
    found: list[Source] = []
    for position, call in enumerate(calls):
        # A layer that is shared has one tensor per call.
        key = target.info.path if len(calls) == 1 else f"{target.info.path}[{position}]"
        found.extend(_output(key, quantity, target, call) for quantity in quantities)
    return found


def _output(key: str, quantity: str, target: Found, call: LayerCall) -> Source:
    halves = getattr(target.layer, "merge_mode", "") in ("concat", None)
    bidirectional = isinstance(target.layer, keras.layers.Bidirectional)
    return Source(
        layer=key,
        quantity=quantity,
        tensors=call.outputs,
        dims=SEQUENCE if target.info.return_sequences else NO_TIME,
        directions=DIRECTIONS if bidirectional and halves else (),
        mask=call.mask,
    )
