"""Leave the variables alone that a forward pass assigns: seeds, running means, states, counters.

A traced pass works on copies of them, so that the model's own are never assigned, whatever
another thread does. In eager mode they are assigned, and then restored.

There is no ``keras.StatelessScope`` here: in it an assigned value stays connected to what it was
computed from, so gradients differ from those of training; and a seed that is drawn in a loop is
drawn only once.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from rnngrad_widgets.engine.backend import Model, Nested, Tensor, components, is_keras_variable, tf
from rnngrad_widgets.engine.keras_api.select import adapter_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_ANONYMOUS = "cd2c89b7-88b7-44c8-ad83-06c2a9158347"
"""TensorFlow's name for a resource that lives as long as its handle."""


class FunctionOnCopies:
    """A traced function that works on copies of the variables that it assigns.

    Reads and assignments have the order and the derivatives that they have in the model's own
    training step; only the variables are different ones. Each call begins with the values that
    the model's variables have.

    Parameters
    ----------
    concrete
        A concrete function. It is modified, so it must not be used elsewhere.
    """

    def __init__(self, concrete: Any) -> None:
        self._concrete = concrete
        self._lock = threading.Lock()
        self._captured = [outer for outer, _ in concrete.graph.captures]
        self._inner = [inner for _, inner in concrete.graph.captures]
        self._copies = {id(handle): _Copy(handle) for handle in self._assigned()}
        self._capture(self._copies)

    def __call__(self, *args: Tensor, values: Mapping[int, Tensor] | None = None) -> Nested:
        """Run the function.

        Parameters
        ----------
        values
            Values for variables instead of those that the model has, by the id of the variable's
            handle.
        """
        if not self._copies and not values:
            return self._concrete(*args)
        given = values or {}
        with self._lock:
            handles = {id(t): t for t in self._captured}
            copies = dict(self._copies)
            copies |= {key: _Copy(t) for key, t in handles.items() if key in given.keys() - copies}
            for key, copy in copies.items():
                copy.assign(given[key] if key in given else copy.read(handles[key]))
            self._capture(copies)
            try:
                return self._concrete(*args)
            finally:
                self._capture(self._copies)

    def variables(self) -> dict[int, Tensor]:
        """Return the values of all variables that the function reads, by the id of the handle."""
        return {id(t): _Copy(t).read(t) for t in self._captured if _is_variable(t)}

    def _capture(self, copies: Mapping[int, _Copy]) -> None:
        self._concrete.set_external_captures(
            [copies[id(t)].handle if id(t) in copies else t for t in self._captured]
        )

    def _assigned(self) -> list[Tensor]:
        utils = import_module("tensorflow.python.framework.auto_control_deps_utils")
        graph = self._concrete.graph
        only_read = utils.get_read_only_resource_input_indices_graph(graph)
        read = {id(graph.inputs[index]) for index in only_read}
        pairs = zip(self._captured, self._inner, strict=True)
        return [outer for outer, inner in pairs if id(inner) not in read and _is_variable(outer)]


class _Copy:
    """A private variable of the same kind as another."""

    def __init__(self, handle: Tensor) -> None:
        shape_and_type = handle._handle_data.shape_and_type[0]  # noqa: SLF001 - no public way
        self._dtype = shape_and_type.dtype
        # Not a tf.Variable, which a distribution scope would mirror.
        with tf.device(handle.device):
            self.handle = tf.raw_ops.VarHandleOp(
                dtype=self._dtype,
                shape=tf.TensorShape(shape_and_type.shape),
                shared_name=_ANONYMOUS,
            )

    def read(self, handle: Tensor) -> Tensor:
        """Read the variable that this is a copy of."""
        return tf.raw_ops.ReadVariableOp(resource=handle, dtype=self._dtype)

    def assign(self, value: Tensor) -> None:
        """Assign a value to the copy."""
        tf.raw_ops.AssignVariableOp(resource=self.handle, value=value)


@contextmanager
def restore_variables(model: Model) -> Iterator[None]:
    """Restore the variables of a model that a forward pass in eager mode assigns.

    Eager operations also draw their seeds from one generator, which is restored too.
    """
    context = import_module("tensorflow.python.eager.context").context()
    seeds = getattr(context, "_rng", None)  # none until a seed is set
    before = None if seeds is None else seeds.getstate()
    with ExitStack() as stack:
        for variable in _variables(model):
            stack.enter_context(_handle_restored(variable.handle))
        try:
            if seeds is not None:  # other seeds: random kernels remember those that they used
                seeds.seed(os.urandom(8))
            yield
        finally:
            if seeds is not None:
                seeds.setstate(before)


@contextmanager
def _handle_restored(handle: Tensor) -> Iterator[None]:
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
    """List the variables of a model, also plain ones in lists, dicts, metrics, generators."""
    adapter = adapter_of(model)
    found = {id(v): v for variable in model.variables for v in components(variable)}
    for layer in adapter.all_layers(model):
        found |= {id(variable): variable for variable in _variables_in(list(vars(layer).values()))}
    return [variable for variable in found.values() if _is_variable(variable.handle)]


def _variables_in(value: object) -> Iterator[Any]:
    if isinstance(value, tf.Variable):
        yield value
    elif is_keras_variable(value):  # a stateful layer's states are in no other list
        yield from (v for v in components(value) if isinstance(v, tf.Variable))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _variables_in(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _variables_in(item)
    elif isinstance(value, tf.random.Generator):
        yield value.state
    elif isinstance(value, tf.Module):
        yield from (v for v in value.variables if isinstance(v, tf.Variable))
    elif hasattr(value, "_generator"):  # of a random layer of Keras 2
        yield from _variables_in(value._generator)  # noqa: SLF001
