"""What the engine needs of Keras 3 or tf_keras (Keras 2), as one interface.

All that differs between them is behind `KerasAdapter`; the rest of the engine names neither.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from rnngrad_widgets.engine.backend import Layer, Model, Nested, Tensor

if TYPE_CHECKING:
    from collections.abc import Callable


class KerasAdapter(ABC):
    """One Keras: its classes, and the private parts that the engine needs.

    Parameters
    ----------
    module
        ``keras`` or ``tf_keras``.
    """

    trainer_attributes: frozenset[str]
    """Attributes that ``fit`` and ``compile`` set on a model, perhaps in another thread."""

    def __init__(self, module: Any) -> None:
        self.module = module

    @abstractmethod
    def floatx(self) -> str:
        """Return the dtype that ``fit`` gives to floating-point arrays."""

    @abstractmethod
    def is_functional(self, layer: Layer) -> bool:
        """Return whether a layer is a Functional or Sequential model: its layers have names."""

    @abstractmethod
    def is_compiled(self, model: Model) -> bool:
        """Return whether a model was compiled."""

    @abstractmethod
    def compiled_loss(self, model: Model) -> object:
        """Return the object that compiling a model makes of its loss; a new one each time."""

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
    def distribution_scope(self, model: Model) -> AbstractContextManager[object]:
        """Return a context in which to make the variables of a model."""

    @abstractmethod
    def clear_losses(self, model: Model) -> None:
        """Drop the losses that a call in a graph left on the layers of a model."""

    @abstractmethod
    def compute_loss(
        self, model: Model, x: Nested, y: Nested, sample_weight: Nested, *, training: bool
    ) -> Tensor:
        """Compute a model's loss as its own ``train_step`` does.

        An overridden ``compute_loss``, ``add_loss``, regularisation and loss weights all count.
        """

    @abstractmethod
    def preserve_layers(self, model: Model) -> AbstractContextManager[None]:
        """Restore the attributes of every layer on leaving, whatever a call does to them.

        A compiled loss that is not built yet stays so. Weights are not restored.
        """

    @abstractmethod
    def original_call(self, layer: Layer, *, functions: bool = True) -> Callable[..., Nested]:
        """Return a layer's own ``call``, for the function that shadows it.

        With `functions` False, without a ``tf.function`` around it.
        """

    @abstractmethod
    def shadow_call(self, layer: Layer, call: Callable[..., Nested]) -> None:
        """Replace a layer's ``call`` in this thread; use inside `preserve_layers`."""

    @abstractmethod
    def shadow_loop(self, layer: Layer, inner_loop: Callable[..., Nested]) -> None:
        """Replace an RNN layer's loop over time; use inside `preserve_layers`.

        The layer then does not use cuDNN, whose loop cannot be tapped. The loop is called as
        ``inner_loop(sequences, initial_state, mask, **arguments of the cell)`` and returns the last
        output, the outputs and the states.
        """

    @abstractmethod
    def custom_loop_reason(self, layer: Layer) -> str:
        """Return why `shadow_loop` does not work for an RNN layer; empty if it does."""

    @abstractmethod
    def rnn_loop(
        self, step: Callable[..., Nested], sequences: Nested, states: Nested, **settings: Nested
    ) -> tuple[Nested, Nested, Nested]:
        """Run Keras' loop over time; return the last output, the outputs and the states."""

    def unsupported_reason(self, layer: Layer) -> str:  # noqa: ARG002
        """Return why nothing of an RNN layer can be computed; empty if it can."""
        return ""

    def is_builtin(self, method: Callable[..., object]) -> bool:
        """Return whether a method of a layer's class is Keras' own."""
        return method.__module__.split(".", 1)[0] in ("keras", "tf_keras")

    def all_layers(self, model: Model) -> list[Layer]:
        """Return a model and every layer inside it, at any depth."""
        return list(model._flatten_layers())  # noqa: SLF001 - there is no public way

    def has_own_train_step(self, model: Model) -> bool:
        """Return whether a model trains with a ``train_step`` that is not Keras' own."""
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


def _inner_optimizer(model: Model) -> Any:
    # A loss-scaling optimizer leaves the clipping to the one that it wraps.
    return getattr(model.optimizer, "inner_optimizer", model.optimizer)
