"""The words for what the engine can hand over, and what each is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .axes import input_axes, output_axes, state_axes, weight_axes
from .backend import Tensor, tf
from .cells import CELL, HIDDEN, cells_of, gates_of, has_cell_state, weights_of
from .library import library_of
from .probes import LayerCall, Wanted, directions
from .states import Inside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .layers import Found

QUANTITIES = (
    "output_gradient",
    "hidden_gradient",
    "cell_gradient",
    "gate_gradient",
    "input_gradient",
    "weight_gradient",
    "output",
    "hidden_state",
    "cell_state",
    "weight",
)
"""The quantities that the engine computes, in the order in which they are offered."""

DIRECTIONS = ("forward", "backward")

_CELL = frozenset({"cell_gradient", "cell_state"})
_INSIDE = frozenset({"hidden_gradient", "gate_gradient", "hidden_state"}) | _CELL


@dataclass(frozen=True, eq=False)
class Source:
    """The tensors that one quantity of one layer call is computed from.

    Parameters
    ----------
    layer, quantity
        The key in the snapshot.
    tensors
        Watched tensors to differentiate the loss by, or the values themselves; joined along the
        last axis.
    dims, directions, gates
        As in `GradientTensor`.
    mask
        Boolean (samples, timesteps) tensor, or None.
    """

    layer: str
    quantity: str
    tensors: tuple[Tensor, ...]
    dims: tuple[str, ...]
    directions: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()
    mask: Tensor | None = None

    @property
    def is_gradient(self) -> bool:
        """Whether the loss is differentiated by the tensors."""
        return self.quantity.endswith("_gradient")


@dataclass(frozen=True, eq=False)
class Taken:
    """What tracing took of one layer.

    Parameters
    ----------
    target
        The layer.
    calls
        Its calls, in the order of the forward pass.
    weights
        The tensors that stood for its variables, by id of the variable.
    """

    target: Found
    calls: Sequence[LayerCall]
    weights: Mapping[int, Tensor] = field(default_factory=dict)


def offered(target: Found) -> tuple[str, ...]:
    """List the quantities that a layer has."""
    return tuple(word for word in QUANTITIES if not _why_not(target, word))


def check_quantities(
    quantities: str | Sequence[str], targets: Sequence[Found], *, every: bool
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
        lacking = [target for target in targets if _why_not(target, word)]
        if lacking and (every or len(lacking) == len(targets)):
            known = ", ".join(repr(name) for name in offered(lacking[0]))
            raise ValueError(
                f"quantity must be one that layer '{lacking[0].info.path}' has: {known}; "
                f"received {word!r}: {_why_not(lacking[0], word)}"
            )
    return tuple(dict.fromkeys(words))


def _why_not(target: Found, word: str) -> str:
    if word not in QUANTITIES:
        return "there is no such quantity"
    rnns = directions(target.layer)
    cells = [cell for rnn in rnns for cell in cells_of(rnn)]
    library = library_of(target.layer)
    for rnn in rnns:
        if why := library.why_not(rnn) or (word in _INSIDE and library.why_no_loop(rnn)):
            return why
    if word in _CELL and not any(has_cell_state(cell) for cell in cells):
        return "the layer has no cell state"
    if word == "gate_gradient" and not all(gates_of(cell) for cell in cells):
        return "gates are known only of cells that compute exactly as Keras' own"
    return ""


def wanted(quantities: Sequence[str], target: Found) -> Wanted:
    """Tell what to record of a layer so that those of the quantities that it has are computed."""
    words = set(quantities) & set(offered(target))
    return Wanted(
        inputs="input_gradient" in words,
        inside=Inside(
            state_gradients=bool(words & {"hidden_gradient", "cell_gradient"}),
            gate_gradients="gate_gradient" in words,
            states=bool(words & {"hidden_state", "cell_state"}),
        ),
    )


def sources(taken: Taken, quantities: Sequence[str]) -> list[Source]:
    """List what the quantities of a layer are computed from."""
    found: list[Source] = []
    path, calls = taken.target.info.path, taken.calls
    for quantity in quantities:
        if _why_not(taken.target, quantity):
            continue
        if quantity in ("weight_gradient", "weight"):
            found += _weights(path, quantity, taken)
            continue
        for position, call in enumerate(calls):
            # A layer that is shared has one tensor per call.
            key = path if len(calls) == 1 else f"{path}[{position}]"
            found += _BUILDERS[quantity](key, quantity, taken.target, call)
    return found


def _output(key: str, quantity: str, target: Found, call: LayerCall) -> list[Source]:
    layer, mask = target.layer, call.mask
    if not target.info.return_sequences:
        mask = None
    elif mask is not None and getattr(layer, "go_backwards", False):
        # Such a layer returns its outputs in the order of processing.
        mask = tf.reverse(mask, [1])
    halves = getattr(layer, "merge_mode", "") in ("concat", None)
    return [
        Source(
            key,
            quantity,
            call.outputs,
            dims=output_axes(target, call.outputs[0]),
            directions=_halves(target) if halves else (),
            mask=mask,
        )
    ]


def _input(key: str, quantity: str, target: Found, call: LayerCall) -> list[Source]:
    several = len(call.inputs) > 1
    return [
        Source(
            f"{key}/{position}" if several else key,
            quantity,
            (inputs,),
            dims=input_axes(target.layer, inputs),
            mask=call.mask,
        )
        for position, inputs in enumerate(call.inputs)
    ]


def _state(key: str, quantity: str, target: Found, call: LayerCall) -> list[Source]:
    role = CELL if quantity in _CELL else HIDDEN
    gradient = quantity.endswith("_gradient")
    by_loop = [loop.state_probes if gradient else loop.states for loop in call.loops]
    # Both directions of a Bidirectional have the same states.
    return [
        Source(
            f"{key}/{state.label}" if state.label else key,
            quantity,
            tuple(of_loop[state] for of_loop in by_loop),
            dims=state_axes(target.layer, tensor),
            directions=_halves(target),
            mask=call.mask,
        )
        for state, tensor in by_loop[0].items()
        if state.role == role
    ]


def _gates(key: str, quantity: str, target: Found, call: LayerCall) -> list[Source]:
    cells = cells_of(directions(target.layer)[0])
    found = []
    for position, cell in enumerate(cells):
        gates = gates_of(cell)
        tensors = tuple(loop.gate_probes[position] for loop in call.loops)
        found.append(
            Source(
                f"{key}/{position}" if len(cells) > 1 else key,
                quantity,
                tensors,
                dims=state_axes(target.layer, tensors[0]),
                directions=_halves(target),
                gates=gates.names if gates else (),
                mask=call.mask,
            )
        )
    return found


def _weights(path: str, quantity: str, taken: Taken) -> list[Source]:
    rnns = directions(taken.target.layer)
    found = []
    for rnn, direction in zip(rnns, DIRECTIONS, strict=False):
        prefix = f"{path}/{direction}" if len(rnns) > 1 else path
        for name, weight in weights_of(rnn).items():
            tensor = taken.weights[id(weight.variable)]
            dims = weight_axes(weight, tensor)
            gates = weight.gates.names if weight.gates else ()
            found.append(Source(f"{prefix}/{name}", quantity, (tensor,), dims=dims, gates=gates))
    return found


def _halves(target: Found) -> tuple[str, ...]:
    rnns = directions(target.layer)
    sizes = {getattr(rnn.cell, "output_size", None) for rnn in rnns}
    # Halves are of one size; a backward layer of its own may have another.
    return DIRECTIONS if len(rnns) == 2 and len(sizes) == 1 else ()


_BUILDERS: dict[str, Callable[[str, str, Found, LayerCall], list[Source]]] = {
    "output_gradient": _output,
    "output": _output,
    "input_gradient": _input,
    "hidden_gradient": _state,
    "cell_gradient": _state,
    "hidden_state": _state,
    "cell_state": _state,
    "gate_gradient": _gates,
}
