"""TensorFlow and Keras, imported in one place, and a few helpers for their tensors and variables.

Both are `Any`: neither ships types that mypy can use, and following their sources takes minutes.
The aliases say what an `Any` stands for. What differs between Keras 3 and tf_keras (Keras 2) is in
`keras_api`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeAlias

Tensor: TypeAlias = Any
Layer: TypeAlias = Any
Model: TypeAlias = Any
Tape: TypeAlias = Any
Nested: TypeAlias = Any
"""Arrays or tensors, alone or in lists, tuples and dicts, as Keras takes them."""
LayerChoice: TypeAlias = Any
"""A path, a unique name, an index into ``model.layers``, or the layer object."""

MINIMUM_KERAS = (3, 5)


def _imported(name: str) -> Any:
    """Import TensorFlow or Keras; say what to install where it is not there.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:  # it is there, and lacks something
            raise
        raise ModuleNotFoundError(
            f"gradients of Keras models need {name}, which is not installed: pip install "
            "tensorflow, tensorflow-cpu or 'tensorflow[and-cuda]'; arrays need none: "
            "GradientExplorer.from_array(array)",
            name=name,
        ) from None


tf: Any = _imported("tensorflow")
keras: Any = _imported("keras")


def check_backend() -> None:
    """Refuse a Keras that the engine does not support.

    Raises
    ------
    RuntimeError
        If Keras is older than 3.5, or runs on another backend than TensorFlow.
    """
    version = tuple(int(part) for part in keras.__version__.split(".")[:2])
    if version < MINIMUM_KERAS:
        raise RuntimeError(
            f"the engine needs Keras 3.5 or newer; found {keras.__version__}; "
            "upgrade with: pip install -U keras"
        )
    name = keras.backend.backend()
    if name != "tensorflow":
        raise RuntimeError(
            f"the engine needs Keras on its TensorFlow backend; found {name!r}; "
            "set KERAS_BACKEND=tensorflow before keras is imported. Gradients that another backend "
            "has computed: GradientExplorer.from_array(array)"
        )


def current_graph() -> object:
    """Return the graph that is being traced; in eager mode a graph that stays empty."""
    graph: object = tf.compat.v1.get_default_graph()
    return graph


@contextmanager
def without_strategy() -> Iterator[None]:
    """Leave the scope of a distribution strategy: what is computed is one batch, on this machine.

    In a scope Keras divides losses by the number of replicas, of other machines too, and refuses
    some; callbacks of tf_keras are called in one. Of mirrored variables this machine's are read, so
    that no other worker is waited for.
    """
    strategies = import_module("tensorflow.python.distribute.distribute_lib")
    strategies._push_per_thread_mode(strategies._DefaultReplicaThreadMode())  # noqa: SLF001 - no public way
    try:
        yield
    finally:
        strategies._pop_per_thread_mode()  # noqa: SLF001


def is_keras_variable(value: object) -> bool:
    """Return whether something is a variable of Keras.

    In Keras 3.5 what layers make is not of ``keras.Variable``, which is a subclass of it.
    """
    plain = getattr(value, "_value", None)
    return isinstance(plain, (tf.Variable, tf.distribute.DistributedValues))


def components(variable: Tensor) -> list[Any]:
    """Return TensorFlow's variables behind a variable of Keras, which a strategy may mirror."""
    plain = getattr(variable, "_value", variable)
    return list(plain.values) if isinstance(plain, tf.distribute.DistributedValues) else [plain]
