"""Record eager operations as a graph, so that results can be traced back.

There is no graph in eager mode. So each operation is recorded as it runs, with the attributes of a
graph's operations that `probe_points` reads.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from rnngrad_widgets.engine.backend import Tensor
from rnngrad_widgets.engine.differentiation.operations import functions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@dataclass(frozen=True, eq=False)
class RecordedTensor:
    """A tensor of eager code; the same object represents it wherever it is read."""

    eager: Tensor
    op: RecordedOp
    value_index: int = 0

    @property
    def shape(self) -> Any:
        """Its shape."""
        return self.eager.shape


class RecordedOp:
    """An operation that ran.

    Parameters
    ----------
    graph
        The graph that it is part of.
    kind
        Its type; of a function that ran, ``"PartitionedCall"``, as in a graph.
    attributes
        By name.
    """

    def __init__(self, graph: RecordedGraph, kind: str, attributes: dict[str, Any]) -> None:
        self.graph = graph
        self.type = kind
        self.inputs: list[RecordedTensor] = []
        self.outputs: list[RecordedTensor] = []
        self._attributes = attributes

    def get_attr(self, name: str) -> Any:
        """Return an attribute; raises ValueError where there is none, as in a graph."""
        if name not in self._attributes:
            raise ValueError(name)
        return self._attributes[name]


class _Function(NamedTuple):
    name: str
    graph: Any


class RecordedGraph:
    """The operations that ran while it was listening.

    Parameters
    ----------
    watch
        Called with each floating-point tensor that is computed, before anything reads it.
    """

    def __init__(self, watch: Callable[[Tensor], None]) -> None:
        self._watch = watch
        self._tensors: dict[int, RecordedTensor] = {}
        self._functions: dict[str, _Function] = {}

    def tensor(self, eager: Tensor) -> RecordedTensor:
        """Return the record of a tensor; one that was not computed here has no inputs."""
        found = self._tensors.get(id(eager))
        if found is None:
            found = RecordedTensor(eager, RecordedOp(self, "Placeholder", {}))
            found.op.outputs.append(found)
            self._tensors[id(eager)] = found
        return found

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Record the operations that run until this is left."""
        callbacks = import_module("tensorflow.python.framework.op_callbacks")
        callbacks.add_op_callback(self._note)
        try:
            yield
        finally:
            callbacks.remove_op_callback(self._note)

    def _note(
        self,
        op_type: str | bytes,
        inputs: Sequence[Tensor],
        attrs: Sequence[Any],
        outputs: Sequence[Tensor],
        op_name: str | None = None,
        graph: object = None,
    ) -> None:
        del op_name
        if graph is not None:
            return  # a function is being traced
        kind = op_type.decode() if isinstance(op_type, bytes) else op_type
        attributes = dict(zip(attrs[::2], attrs[1::2], strict=True)) if attrs else {}
        if self._keep(kind):
            kind, attributes = "PartitionedCall", {"f": self._functions[kind]}
        op = RecordedOp(self, kind, attributes)
        op.inputs += map(self.tensor, inputs)
        for position, eager in enumerate(outputs):
            if eager.dtype.is_floating:
                self._watch(eager)
            made = self._tensors[id(eager)] = RecordedTensor(eager, op, position)
            op.outputs.append(made)

    def _keep(self, name: str) -> bool:
        """Save a function, and those it calls; the runtime may drop them after the call."""
        context = import_module("tensorflow.python.eager.context").context()
        if name not in self._functions and context.has_function(name):
            framework = import_module("tensorflow.python.framework.function_def_to_graph")
            graph = framework.function_def_to_graph(context.get_function_def(name))
            graph._get_function = self._get_function  # noqa: SLF001 - it knows none by itself
            self._functions[name] = _Function(name, graph)
            for op in graph.get_operations():
                for called in functions_of(op):
                    self._keep(called)
        return name in self._functions

    def _get_function(self, name: str) -> _Function:
        """Return a function by name, as a graph does."""
        return self._functions[name]
