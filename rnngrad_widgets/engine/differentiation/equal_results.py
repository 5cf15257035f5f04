"""Results of an inner function that are the same tensor inside of it."""

from __future__ import annotations

from collections.abc import Iterator

from rnngrad_widgets.engine.backend import Tensor
from rnngrad_widgets.engine.differentiation.operations import (
    FUNCTIONS,
    LOOPS,
    PLAIN_CALLS,
    copied_tensor,
    function_graphs,
    hands_on,
    passed_argument,
    upstream,
)

UNREACHABLE = (
    "a state is made and read inside of an inner {kind} of the cell, where a derivative by it "
    "cannot be taken; move that out of the inner {kind}"
)


class UnreachableState(Exception):  # noqa: N818 - it is a finding, and never leaves the engine
    """Something inside a function of its own reads the state; the message says what to do."""


def equal_results(tensor: Tensor) -> list[Tensor]:
    """Return the results of a function that have the same value as one of them, including it.

    Raises
    ------
    UnreachableState
        If another result is computed from that value, or is a piece of it.
    """
    op, origin = tensor.op, _origin(tensor)
    twins = [output for output in op.outputs if _origin(output) == origin]
    others = [output for output in op.outputs if _origin(output) != origin]
    read = any(
        _origin(result) == _origin(value) or _computed_from(result, value)
        for graph in function_graphs(op)
        for value in _joined_from(graph.outputs[tensor.value_index])
        for result in (graph.outputs[other.value_index] for other in others)
    )
    # Results of a loop that are equal after an iteration may begin with different values.
    if read or (op.type in LOOPS and len(twins) > 1):
        kind = "loop" if op.type in LOOPS else "branch"
        kind = "tf.function" if op.type in PLAIN_CALLS else kind
        raise UnreachableState(UNREACHABLE.format(kind=kind))
    return twins


def _computed_from(tensor: Tensor, made: Tensor) -> bool:
    """Return whether a tensor that has another value is computed from this one."""
    needed = [t for op in upstream(tensor) for t in op.inputs]
    if any(t is made for t in needed):
        return True
    if made.op.type not in FUNCTIONS:
        return False
    for other in made.op.outputs:
        if other is tensor or any(t is other for t in needed):
            if _origin(other) == _origin(made):
                return True
            if any(
                _computed_from(graph.outputs[other.value_index], value)
                for graph in function_graphs(made.op)
                for value in _joined_from(graph.outputs[made.value_index])
            ):
                return True
    return False


def _joined_from(tensor: Tensor) -> Iterator[Tensor]:
    """Yield the tensors that one is a copy of or was joined from; not old ones among several."""
    made = copied_tensor(tensor)
    count = {"ConcatV2": -1, "Pack": None}.get(made.op.type, 0)
    pieces = made.op.inputs[:count]
    for piece in pieces:
        yield from (t for t in _joined_from(piece) if t.op.type != "Placeholder")
    if not pieces:
        yield made


def _origin(tensor: Tensor) -> object:
    """Return a key that is equal for tensors that are known to have the same values."""
    op = tensor.op
    given = op.inputs[0] if hands_on(op) else passed_argument(tensor)
    if given is not None:
        return _origin(given)
    if op.type not in FUNCTIONS:
        return id(op), tensor.value_index
    return id(op), tuple(
        _origin(graph.outputs[tensor.value_index]) for graph in function_graphs(op)
    )
