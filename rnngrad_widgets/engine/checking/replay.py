"""Run a traced function again, operation by operation, with some results changed.

Everything that reads a changed result reads it changed. So any tensor inside of a user's code can
be moved a little, independently of how the engine inserts its own probes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from rnngrad_widgets.engine.backend import Nested, Tensor, tf

Key: TypeAlias = "tuple[str, ...]"
"""Key of a result: names of the function calls around its operation, of that, and its index."""

_CALLS = ("PartitionedCall", "StatefulPartitionedCall")


class CannotReplay(Exception):  # noqa: N818 - it is a finding, and never leaves the engine
    """An operation cannot be run again; the message says which."""


@dataclass(frozen=True, eq=False)
class ReplayedTensor:
    """A result as it was computed, and the results that it was computed from directly."""

    value: Tensor
    sources: frozenset[Key]


def replay(
    graph: Any,
    inputs: Sequence[Tensor],
    changes: Mapping[Key, Callable[[Tensor], Tensor]],
    seen: dict[Key, ReplayedTensor] | None = None,
) -> list[Tensor]:
    """Run a graph again, in the graph that is being traced or in eager mode.

    Parameters
    ----------
    graph
        The graph of a concrete function.
    inputs
        A value for each of ``graph.inputs``, captured ones too.
    changes
        Functions that replace results.
    seen
        Filled with all results, if given: also with those inside of functions, but not with those
        inside of branches and loops.

    Raises
    ------
    CannotReplay
        If there is an operation that cannot be run again.
    """
    keys = [(tensor.op.name,) for tensor in graph.inputs]
    results = _Replay(changes, seen).run(graph, list(zip(inputs, keys, strict=True)), ())
    return [value for value, _ in results]


_Result: TypeAlias = "tuple[Tensor, Key]"


class _Replay:
    def __init__(
        self,
        changes: Mapping[Key, Callable[[Tensor], Tensor]],
        seen: dict[Key, ReplayedTensor] | None,
    ) -> None:
        self._changes = changes
        self._seen = seen

    def run(self, graph: Any, inputs: Sequence[_Result], path: Key) -> list[_Result]:
        results = {id(t): given for t, given in zip(graph.inputs, inputs, strict=True)}
        for op in _needed(graph):
            given = [results[id(t)] for t in op.inputs]
            if op.type in _CALLS:
                # A function that was differentiated has got more outputs, behind its own.
                outcome = self.run(_graph(op, "f"), given, (*path, op.name))[: len(op.outputs)]
            else:
                outcome = self._results(op, given, path)
            results.update((id(t), one) for t, one in zip(op.outputs, outcome, strict=True))
        return [results[id(t)] for t in graph.outputs]

    def _results(self, op: Any, given: list[_Result], path: Key) -> list[_Result]:
        values = _once_more(op, [value for value, _ in given])
        sources = frozenset(key for _, key in given)
        outcome = []
        for index, value in enumerate(values):
            key = (*path, op.name, str(index))
            if self._seen is not None:
                self._seen[key] = ReplayedTensor(value, sources)
            change = self._changes.get(key)
            outcome.append((value if change is None else change(value), key))
        return outcome


def _needed(graph: Any) -> Iterator[Any]:
    """Return the operations that outputs or side effects need, in a runnable order."""
    given = {id(t.op) for t in graph.inputs}
    wanted = [t.op for t in graph.outputs] + list(graph.control_outputs)
    found: set[int] = set()
    while wanted:
        op = wanted.pop()
        if id(op) not in found:
            found.add(id(op))
            wanted += [t.op for t in op.inputs] + list(op.control_inputs)
    # In the order in which they were made, in which they can run.
    every = graph.get_operations()
    return (op for op in every if id(op) in found and id(op) not in given)


def _once_more(op: Any, inputs: list[Tensor]) -> list[Tensor]:
    if op.type == "Const":
        return [tf.constant(tf.make_ndarray(op.get_attr("value")))]
    if op.type in ("If", "StatelessIf"):
        branches = [_graph(op, name) for name in ("then_branch", "else_branch")]
        then, other = (_function(branch, inputs[1:]) for branch in branches)
        condition = inputs[0] if inputs[0].dtype == tf.bool else tf.not_equal(inputs[0], 0)
        return _flat(tf.cond(condition, then, other))
    if op.type in ("Case", "StatelessCase"):
        names = op.get_attr("branches")
        branches = [op.graph._get_function(name.name).graph for name in names]  # noqa: SLF001
        functions = [_function(branch, inputs[1:]) for branch in branches]
        return _flat(tf.switch_case(inputs[0], functions))
    if op.type in ("While", "StatelessWhile"):
        condition, body = _graph(op, "cond"), _graph(op, "body")
        return _flat(
            tf.while_loop(
                lambda *state: replay(condition, state, {})[0],
                lambda *state: replay(body, state, {}),
                inputs,
                shape_invariants=[t.shape for t in op.outputs],
            )
        )
    return _flat(_raw(op, inputs))


def _raw(op: Any, inputs: list[Tensor]) -> Nested:
    function = getattr(tf.raw_ops, op.type, None)
    definition, left = op.op_def, iter(inputs)
    if function is None or any(attr.type == "func" for attr in definition.attr):
        raise CannotReplay(f"its operation {op.type} cannot be run apart")
    arguments, inferred = {}, set()
    for argument in definition.input_arg:
        inferred |= {argument.type_attr, argument.number_attr, argument.type_list_attr}
        if argument.number_attr:
            count = op.get_attr(argument.number_attr)
        elif argument.type_list_attr:
            count = len(op.get_attr(argument.type_list_attr))
        else:
            arguments[argument.name] = next(left)
            continue
        arguments[argument.name] = [next(left) for _ in range(count)]
    for attribute in definition.attr:
        if attribute.name not in inferred:
            arguments[attribute.name] = op.get_attr(attribute.name)
    # Some have another name in Python; these are in the same order.
    names = [name for name in inspect.signature(function).parameters if name != "name"]
    theirs = iter(name for name in names if name not in arguments)
    return function(**{n if n in names else next(theirs): v for n, v in arguments.items()})


def _function(graph: Any, inputs: Sequence[Tensor]) -> Callable[[], list[Tensor]]:
    return lambda: replay(graph, inputs, {})


def _graph(op: Any, attribute: str) -> Any:
    name = op.get_attr(attribute).name
    return op.graph._get_function(name).graph  # noqa: SLF001 - there is no public way


def _flat(results: Nested) -> list[Tensor]:
    flat: list[Tensor] = [t for t in tf.nest.flatten(results) if tf.is_tensor(t)]
    return flat
