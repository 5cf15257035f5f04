"""The words for what the engine can hand over, and what each is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .axes import input_axes, output_axes, state_axes, weight_axes
from .backend import Tensor, tf
from .calls import LayerCall, Wanted
from .cells import (
    CELL,
    HIDDEN,
    StateKey,
    cell_of,
    cells_of,
    gates_of,
    has_cell_state,
    weights_of,
)
from .groups import Group, Joined, grouped
from .layers import directions, is_recurrent
from .library import library_of
from .steps import Inside, Loop

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
        Watched tensors to differentiate the loss by, or the values themselves: for each half of
        the last axis, one of each call.
    joined
        Along which axis the calls are joined.
    dims, directions, gates
        As in `GradientTensor`.
    masks
        A boolean (samples, timesteps) tensor of each call, or none.
    """

    layer: str
    quantity: str
    tensors: tuple[tuple[Tensor, ...], ...]
    dims: tuple[str, ...]
    directions: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()
    masks: tuple[Tensor, ...] = ()
    joined: Joined = ""

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
    for rnn in rnns if is_recurrent(target.layer) else ():
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
    path, groups = taken.target.info.path, grouped(taken.calls)
    for quantity in quantities:
        if _why_not(taken.target, quantity):
            continue
        if quantity in ("weight_gradient", "weight"):
            found += _weights(path, quantity, taken)
            continue
        for position, group in enumerate(groups):
            # A layer that is shared has one tensor per call.
            key = path if len(groups) == 1 else f"{path}[{position}]"
            found += _BUILDERS[quantity](key, quantity, taken.target, group)
    return found


def _output(key: str, quantity: str, target: Found, group: Group) -> list[Source]:
    layer, calls = target.layer, group.calls
    stepped = group.joined == "timestep"
    masks = _masks(group) if target.info.return_sequences or stepped else ()
    if getattr(layer, "go_backwards", False):
        # Such a layer returns its outputs in the order of processing.
        masks = tuple(tf.reverse(mask, [1]) for mask in masks)
    halves = getattr(layer, "merge_mode", "") in ("concat", None)
    return [
        Source(
            key,
            quantity,
            tuple(zip(*(call.outputs for call in calls), strict=True)),
            dims=output_axes(target, calls[0].outputs[0], stepped=stepped),
            directions=_halves(target) if halves else (),
            masks=masks,
            joined=group.joined,
        )
    ]


def _input(key: str, quantity: str, target: Found, group: Group) -> list[Source]:
    leaves = list(zip(*(call.inputs for call in group.calls), strict=True))
    return [
        Source(
            f"{key}/{position}" if len(leaves) > 1 else key,
            quantity,
            (inputs,),
            dims=input_axes(target.layer, inputs[0]),
            masks=_masks(group),
            joined=group.joined,
        )
        for position, inputs in enumerate(leaves)
    ]


def _state(key: str, quantity: str, target: Found, group: Group) -> list[Source]:
    role = CELL if quantity in _CELL else HIDDEN
    gradient = quantity.endswith("_gradient")

    def states(loop: Loop) -> dict[StateKey, Tensor]:
        return loop.state_probes if gradient else loop.states

    by_direction = list(zip(*(call.loops for call in group.calls), strict=True))
    # Both directions of a Bidirectional have the same states.
    return [
        Source(
            f"{key}/{state.label}" if state.label else key,
            quantity,
            tuple(tuple(states(loop)[state] for loop in loops) for loops in by_direction),
            dims=state_axes(target.layer, tensor),
            directions=_halves(target),
            masks=_masks(group),
            joined=group.joined,
        )
        for state, tensor in states(by_direction[0][0]).items()
        if state.role == role
    ]


def _gates(key: str, quantity: str, target: Found, group: Group) -> list[Source]:
    cells = cells_of(directions(target.layer)[0])
    by_direction = list(zip(*(call.loops for call in group.calls), strict=True))
    found = []
    for position, cell in enumerate(cells):
        gates = gates_of(cell)
        tensors = tuple(tuple(loop.gate_probes[position] for loop in ls) for ls in by_direction)
        found.append(
            Source(
                f"{key}/{position}" if len(cells) > 1 else key,
                quantity,
                tensors,
                dims=state_axes(target.layer, tensors[0][0]),
                directions=_halves(target),
                gates=gates.names if gates else (),
                masks=_masks(group),
                joined=group.joined,
            )
        )
    return found


def _masks(group: Group) -> tuple[Tensor, ...]:
    masks = [call.mask for call in group.calls]
    return () if any(mask is None for mask in masks) else tuple(masks)


def _weights(path: str, quantity: str, taken: Taken) -> list[Source]:
    rnns = directions(taken.target.layer)
    found = []
    for rnn, direction in zip(rnns, DIRECTIONS, strict=False):
        prefix = f"{path}/{direction}" if len(rnns) > 1 else path
        for name, weight in weights_of(rnn).items():
            tensor = taken.weights[id(weight.variable)]
            dims = weight_axes(weight, tensor)
            gates = weight.gates.names if weight.gates else ()
            key = f"{prefix}/{name}"
            found.append(Source(key, quantity, ((tensor,),), dims=dims, gates=gates))
    return found


def _halves(target: Found) -> tuple[str, ...]:
    rnns = directions(target.layer)
    sizes = {getattr(cell_of(rnn), "output_size", None) for rnn in rnns}
    # Halves are of one size; a backward layer of its own may have another.
    return DIRECTIONS if len(rnns) == 2 and len(sizes) == 1 else ()


_BUILDERS: dict[str, Callable[[str, str, Found, Group], list[Source]]] = {
    "output_gradient": _output,
    "output": _output,
    "input_gradient": _input,
    "hidden_gradient": _state,
    "cell_gradient": _state,
    "hidden_state": _state,
    "cell_state": _state,
    "gate_gradient": _gates,
}
