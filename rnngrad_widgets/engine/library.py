"""What the engine needs of a Keras, whichever of the two it is: Keras 3, or tf_keras (Keras 2).

All that differs between them is behind `Library`; the rest of the engine names neither.
"""

from __future__ import annotations

import inspect
import sys
import threading
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, contextmanager
from functools import cache, wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .backend import Layer, Model, Nested, Tensor, keras

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence


class Library(ABC):
    """One Keras: its classes, and what the engine needs of its private side."""

    trainer_attributes: frozenset[str]
    """What ``fit`` and ``compile`` set on a model, perhaps in another thread while one traces."""

    def __init__(self, module: Any) -> None:
        self.module = module

    @abstractmethod
    def floatx(self) -> str:
        """Return the dtype that ``fit`` gives to floating-point arrays."""

    @abstractmethod
    def is_functional(self, layer: Layer) -> bool:
        """Tell whether a layer is a Functional or Sequential model: its layers have names."""

    @abstractmethod
    def is_compiled(self, model: Model) -> bool:
        """Tell whether a model was compiled."""

    @abstractmethod
    def compiled_loss(self, model: Model) -> object:
        """Return the object that compiling a model made of its loss; a new one each time."""

    @abstractmethod
    def iterations(self, model: Model) -> Tensor:
        """Return the number of steps that a model's optimizer has made."""

    @abstractmethod
    def weight_name(self, variable: Tensor) -> str:
        """Return a weight's own name, ``"kernel"``."""

    @abstractmethod
    def predict(self, model: Model, x: Nested, training: bool) -> Nested:
        """Call a model, in eager mode or in a graph, as its ``train_step`` does."""

    @abstractmethod
    def scope(self, model: Model) -> AbstractContextManager[object]:
        """Enter to make the variables of a model."""

    @abstractmethod
    def forget_losses(self, model: Model) -> None:
        """Drop the losses that a call in a graph left on the layers of a model."""

    @abstractmethod
    def compute_loss(
        self, model: Model, x: Nested, y: Nested, sample_weight: Nested, *, training: bool
    ) -> Tensor:
        """Compute a model's loss as its own ``train_step`` does.

        An overridden ``compute_loss``, ``add_loss``, regularisation and loss weights all count.
        """

    @abstractmethod
    def undistributed(self, loss: Tensor) -> Tensor:
        """Undo what is done to a loss inside a distribution scope: this is one batch."""

    @abstractmethod
    def untouched(self, model: Model) -> AbstractContextManager[None]:
        """Put every layer of a model back as it was, whatever a call does to it.

        A compiled loss that is not built yet stays so. Weights are not its business.
        """

    @abstractmethod
    def original(self, layer: Layer, *, functions: bool = True) -> Callable[..., Nested]:
        """Return a layer's ``call``, to be called by the one that shadows it.

        With `functions` False, a ``tf.function`` that is around it is taken off.
        """

    @abstractmethod
    def shadow(self, layer: Layer, call: Callable[..., Nested]) -> None:
        """Let `call` stand in for a layer's own, in this thread; use inside `untouched`."""

    @abstractmethod
    def shadow_loop(self, layer: Layer, inner_loop: Callable[..., Nested]) -> None:
        """Let an RNN layer run another loop; use inside `untouched`.

        The layer does not use cuDNN then, whose loop cannot be looked into.
        It is called as ``inner_loop(sequences, initial_state, mask, **arguments of the cell)`` and
        returns the last output, the outputs and the states.
        """

    @abstractmethod
    def why_no_loop(self, layer: Layer) -> str:
        """Say why `shadow_loop` does not do for an RNN layer; empty if it does."""

    @abstractmethod
    def rnn_loop(
        self, step: Callable[..., Nested], sequences: Nested, states: Nested, **settings: Nested
    ) -> tuple[Nested, Nested, Nested]:
        """Run the loop over time: last output, outputs, states."""

    def why_not(self, layer: Layer) -> str:  # noqa: ARG002
        """Say why nothing of an RNN layer can be computed; empty if it can."""
        return ""

    def is_own(self, method: Callable[..., object]) -> bool:
        """Tell whether a method of a layer's class is Keras' own."""
        return method.__module__.split(".", 1)[0] in ("keras", "tf_keras")

    def all_layers(self, model: Model) -> list[Layer]:
        """List a model and every layer inside it, at any depth."""
        return list(model._flatten_layers())  # noqa: SLF001 - there is no public way

    def has_own_train_step(self, model: Model) -> bool:
        """Tell whether a model trains with a ``train_step`` that is not Keras' own."""
        own = getattr(model.train_step, "__wrapped__", model.train_step)
        return getattr(own, "__func__", own) is not self.module.Model.train_step

    def training_step(self, model: Model) -> int | None:
        """Return how many training steps a model has made; None without an optimizer."""
        return None if getattr(model, "optimizer", None) is None else int(self.iterations(model))

    def clip_settings(self, model: Model) -> tuple[float | None, ...]:
        """Return how a model's optimizer clips: by norm, by the norm of all, by value."""
        inner = _inner_optimizer(model)
        return tuple(
            getattr(inner, name, None) for name in ("clipnorm", "global_clipnorm", "clipvalue")
        )

    def clip(self, model: Model, gradients: list[Tensor]) -> list[Tensor]:
        """Clip the gradients of all trainable variables as the model's optimizer does."""
        clipped: list[Tensor] = _inner_optimizer(model)._clip_gradients(gradients)  # noqa: SLF001
        return clipped


def library_of(thing: object) -> Library:
    """Return the library that a model or layer is of; Keras 3 for what is of none."""
    from .keras2 import Keras2  # noqa: PLC0415 - both need this module
    from .keras3 import Keras3  # noqa: PLC0415

    for module in _modules()[1:]:
        if isinstance(thing, module.layers.Layer):
            return Keras2(module)
    return Keras3(keras)


def is_a(thing: object, *names: str) -> bool:
    """Tell whether something is one of these layers, of either library."""
    return isinstance(thing, _classes(names, len(_modules())))


@cache
def _classes(names: tuple[str, ...], _libraries: int) -> tuple[type, ...]:
    # Asked of every attribute of every layer.
    return tuple(getattr(module.layers, name) for module in _modules() for name in names)


def is_model(thing: object) -> bool:
    """Tell whether something is a model of either library."""
    return any(isinstance(thing, module.Model) for module in _modules())


def is_sequence(thing: object) -> bool:
    """Tell whether something yields batches by index: ``PyDataset``, in Keras 2 ``Sequence``."""
    return isinstance(thing, tuple(module.utils.Sequence for module in _modules()))


def _modules() -> list[Any]:
    # A model of tf_keras can only be there once tf_keras was imported.
    loaded: Any = sys.modules.get("tf_keras")
    # The version tells which one it is, not the name; it has none while it is being imported.
    return [keras, loaded] if str(getattr(loaded, "__version__", "")).startswith("2.") else [keras]


def takes(function: Callable[..., object], argument: str) -> bool:
    """Tell whether a function has an argument of this name."""
    return argument in inspect.signature(function).parameters


def only_in_this_thread(
    stand_in: Callable[..., Nested], own: Callable[..., Nested]
) -> Callable[..., Nested]:
    """Return a function that is `stand_in` where it is called by this thread, else `own`."""
    here = threading.get_ident()

    @wraps(own)
    def dispatch(*args: Nested, **kwargs: Nested) -> Nested:
        return (stand_in if threading.get_ident() == here else own)(*args, **kwargs)

    dispatch.__module__ = __name__  # `is_replaced` tells the engine's shadows by it
    return dispatch


def is_replaced(layer: Layer, method: str) -> bool:
    """Tell whether somebody else than the engine put another method onto a layer."""
    found = layer.__dict__.get(method)
    while found is not None and str(found.__module__).startswith(str(__package__)):
        found = getattr(found, "__wrapped__", None)
    return found is not None and getattr(found, "__func__", found) is not getattr(
        type(layer), method, None
    )


@contextmanager
def attributes_kept(layers: Sequence[Layer], free: Container[str] = ()) -> Iterator[None]:
    """Put back what is on these layers, also in their lists, dicts and sets.

    Parameters
    ----------
    free
        Attributes that others may set meanwhile; they stay as they are then.
    """
    saved = [Attributes(layer.__dict__, free) for layer in layers]
    try:
        yield
    finally:
        for attributes in saved:
            attributes.put_back()


class Attributes:
    """What is on an object now, and in its lists, dicts and sets.

    Parameters
    ----------
    namespace
        The ``__dict__`` of the object.
    free
        Names that are not kept.
    """

    def __init__(self, namespace: dict[str, Any], free: Container[str] = ()) -> None:
        self._namespace = namespace
        self._free = free
        # list() first: another thread may set an attribute meanwhile.
        self._values = {k: v for k, v in list(namespace.items()) if k not in free}
        held = {id(v): v for v in self._values.values() if isinstance(v, (list, dict, set))}
        self._held = [(v, _contents(v)) for v in held.values()]

    def put_back(self) -> None:
        """Make it so again; nothing that is still so is touched."""
        namespace, values = self._namespace, self._values
        for name in [n for n in list(namespace) if n not in values and n not in self._free]:
            del namespace[name]
        for name, value in values.items():
            if namespace.get(name, self) is not value:
                namespace[name] = value
        for value, before in self._held:
            now = _contents(value)
            if len(now) != len(before) or any(a is not b for a, b in zip(now, before, strict=True)):
                _refill(value, before)


def _contents(value: Any) -> list[Any]:
    return (
        [part for item in value.items() for part in item] if isinstance(value, dict) else [*value]
    )


def _refill(value: Any, contents: list[Any]) -> None:
    # By the plain type's methods: those of Keras' containers track what is put into them.
    if isinstance(value, dict):
        dict.clear(value)
        dict.update(value, zip(contents[::2], contents[1::2], strict=True))
    elif isinstance(value, list):
        list.__setitem__(value, slice(None), contents)
    else:
        set.clear(value)
        set.update(value, contents)


def without_function(layer: Layer, call: Callable[..., Nested]) -> Callable[..., Nested]:
    """Take a ``tf.function`` off a layer's ``call``, so that what is inside is traced in place."""
    own = getattr(type(layer).call, "python_function", None)
    if own is None or is_replaced(layer, "call"):
        return call
    autograph: Any = import_module("tensorflow").autograph
    converted: Callable[..., Nested] = autograph.to_graph(own)

    @wraps(own)
    def plain(*args: Nested, **kwargs: Nested) -> Nested:
        return converted(layer, *args, **kwargs)

    return plain


def _inner_optimizer(model: Model) -> Any:
    # A loss-scaling optimizer leaves the clipping to the one that it wraps.
    return getattr(model.optimizer, "inner_optimizer", model.optimizer)
