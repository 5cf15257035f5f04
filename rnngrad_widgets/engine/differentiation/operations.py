"""Operations of a graph: those that copy, those that run functions, and what they depend on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rnngrad_widgets.engine.backend import Tensor

RESHAPING = frozenset(("Reshape", "Squeeze", "ExpandDims"))
_SAME_VALUES = RESHAPING | {"Identity", "EnsureShape", "CheckNumerics", "Snapshot"}
"""Operations that return their first input, at most in another shape."""

FUNCTIONS = {
    "PartitionedCall": ("f",),
    "StatefulPartitionedCall": ("f",),
    "If": ("then_branch", "else_branch"),
    "StatelessIf": ("then_branch", "else_branch"),
    "Case": ("branches",),
    "StatelessCase": ("branches",),
    "While": ("body",),
    "StatelessWhile": ("body",),
}
"""Operations that run functions, and the attributes that name these."""

PLAIN_CALLS = frozenset(("PartitionedCall", "StatefulPartitionedCall"))
LOOPS = frozenset(("While", "StatelessWhile"))


def hands_on(op: Any) -> bool:
    """Return whether an operation returns its first input, and its gradient does the same."""
    return op.type in _SAME_VALUES and not _is_custom(op)


def _is_custom(op: Any) -> bool:
    try:
        op.get_attr("_gradient_op_type")
    except ValueError:
        return False
    return True


def copied_tensor(tensor: Tensor) -> Tensor:
    """Return the tensor that one is a copy of."""
    while hands_on(tensor.op):
        tensor = tensor.op.inputs[0]
    return tensor


def passed_argument(tensor: Tensor) -> Tensor | None:
    """Return what a function was given, where its result is nothing but that."""
    op = tensor.op
    if op.type not in PLAIN_CALLS:
        return None
    (graph,) = function_graphs(op)
    inside = copied_tensor(graph.outputs[tensor.value_index])
    return next((op.inputs[i] for i, t in enumerate(graph.inputs) if t is inside), None)


def functions_of(op: Any) -> list[str]:
    """Return the names of the functions that an operation runs, if it does."""
    called: list[Any] = []
    for attribute in FUNCTIONS.get(op.type, ()):
        value = op.get_attr(attribute)
        called += value if isinstance(value, list) else [value]
    return [function.name for function in called]


def function_graphs(op: Any) -> list[Any]:
    """Return the graphs of the functions that an operation runs."""
    get = op.graph._get_function  # noqa: SLF001 - there is no public way
    return [get(name).graph for name in functions_of(op)]


def upstream(tensor: Tensor) -> Iterator[Any]:
    """Walk over every operation that a tensor is computed by, in its own graph."""
    seen, waiting = {tensor.op}, [tensor.op]
    while waiting:
        op = waiting.pop()
        yield op
        for given in op.inputs:
            if given.op not in seen:
                seen.add(given.op)
                waiting.append(given.op)
