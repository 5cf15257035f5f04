"""Variables that a model's forward pass assigns, put back to the values they had.

Keras 3 keeps its own variables by itself while the engine calls a model. What is left are plain
``tf.Variable`` and random generators, and every variable of a Keras 2 model: running means, states
of stateful layers, metrics.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .backend import Model, Tensor, tf
from .library import library_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_WRITING = (
    *("Assign", "ResourceScatter", "ResourceApply", "ResourceStridedSliceAssign"),
    *("ResourceCountUpTo", "RngReadAndSkip", "RngSkip", "StatefulStandardNormal"),
    *("StatefulTruncatedNormal", "StatefulUniform", "StatefulRandomBinomial"),
)
"""How the names of the operations begin that change a variable."""


def keeping(concrete: Any) -> Callable[..., list[Tensor]]:
    """Wrap a traced function so that the variables that it assigns are as they were afterwards."""
    definition = concrete.graph.as_graph_def()
    nodes = [*definition.node, *(n for f in definition.library.function for n in f.node_def)]
    if not any(node.op.startswith(_WRITING) for node in nodes):
        return concrete  # type: ignore[no-any-return]
    # All that it reads: which of them a nested function assigns is not worth finding out.
    handles = [outer for outer, _ in concrete.graph.captures if _is_variable(outer)]

    def run(*args: Tensor) -> list[Tensor]:
        with ExitStack() as stack:
            for handle in handles:
                stack.enter_context(_handle_kept(handle))
            returned: list[Tensor] = concrete(*args)
        return returned

    return run


@contextmanager
def kept_eagerly(model: Model) -> Iterator[None]:
    """Put back what a forward pass in eager mode assigns of what a model's layers hold.

    Eager operations also draw their seeds from one generator; it goes on where it was.
    """
    context = import_module("tensorflow.python.eager.context").context()
    seeds = getattr(context, "_rng", None)  # none until a seed is set
    before = None if seeds is None else seeds.getstate()
    with ExitStack() as stack:
        for variable in _variables(model):
            stack.enter_context(_handle_kept(variable.handle))
        try:
            if seeds is not None:  # other seeds: the random kernels remember each that they had
                seeds.seed(os.urandom(8))
            yield
        finally:
            if seeds is not None:
                seeds.setstate(before)


@contextmanager
def _handle_kept(handle: Tensor) -> Iterator[None]:
    shape_and_type = handle._handle_data.shape_and_type[0]  # noqa: SLF001 - there is no public way
    value = tf.raw_ops.ReadVariableOp(resource=handle, dtype=shape_and_type.dtype)
    try:
        yield
    finally:
        tf.raw_ops.AssignVariableOp(resource=handle, value=value)


def _is_variable(handle: Tensor) -> bool:
    # A lookup table is a resource too, but knows no shape.
    if handle.dtype != tf.resource:
        return False
    data = handle._handle_data  # noqa: SLF001 - there is no public way
    return bool(data is not None and data.is_set and tf.raw_ops.VarIsInitializedOp(resource=handle))


def _variables(model: Model) -> list[Any]:
    """List the plain variables of a model's layers, also in lists, dicts, metrics, generators."""
    found: dict[int, Any] = {}
    for layer in library_of(model).all_layers(model):
        found |= {id(variable): variable for variable in _held(list(vars(layer).values()))}
    return list(found.values())


def _held(value: object) -> Iterator[Any]:
    if isinstance(value, tf.Variable):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _held(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _held(item)
    elif isinstance(value, tf.random.Generator):
        yield value.state
    elif isinstance(value, tf.Module):
        yield from (v for v in value.variables if isinstance(v, tf.Variable))
    elif hasattr(value, "_generator"):  # of a random layer of Keras 2
        yield from _held(value._generator)  # noqa: SLF001
