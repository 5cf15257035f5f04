"""Keras 3."""
# ruff: noqa: SLF001 - Keras offers no public way to what the functions here read.

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from rnngrad_widgets.engine.backend import Layer, Model, Nested, Tensor, keras, tf
from rnngrad_widgets.engine.keras_api.attributes import preserve_attributes
from rnngrad_widgets.engine.keras_api.base import KerasAdapter
from rnngrad_widgets.engine.keras_api.shadowing import (
    is_replaced,
    only_in_this_thread,
    without_tf_function,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ENDLESS = 2**31 - 1
"""Passed to the loop as the number of timesteps where only the sequence itself knows it."""


class Keras3(KerasAdapter):
    """Keras 3."""

    trainer_attributes = frozenset(
        (
            *("train_function", "test_function", "predict_function", "stop_training", "history"),
            *("_eval_epoch_iterator", "_compile_config", "_compile_loss", "_compile_metrics"),
            *("_loss_tracker", "_optimizer", "optimizer", "compiled", "loss", "loss_weights"),
            *("_jit_compile", "_run_eagerly", "steps_per_execution", "_steps_per_execution"),
            *("train_step", "test_step", "predict_step"),
        )
    )

    def floatx(self) -> str:
        """Return the dtype that ``fit`` gives to floating-point arrays."""
        return str(keras.config.floatx())

    def is_functional(self, layer: Layer) -> bool:
        """Return whether a layer is a Functional or Sequential model."""
        functional = import_module("keras.src.models.functional").Functional
        return isinstance(layer, (keras.Sequential, functional))

    def is_compiled(self, model: Model) -> bool:
        """Return whether a model was compiled."""
        return bool(model.compiled)

    def compiled_loss(self, model: Model) -> object:
        """Return the object that compiling a model made of its loss."""
        return getattr(model, "_compile_loss", None)

    def iterations(self, model: Model) -> Tensor:
        """Return the number of steps that a model's optimizer has made."""
        steps = model.optimizer.iterations  # a tensor where gradients are accumulated
        return tf.convert_to_tensor(getattr(steps, "value", steps))

    def weight_name(self, variable: Tensor) -> str:
        """Return a weight's own name."""
        return str(variable.name)

    def predict(self, model: Model, x: Nested, training: bool) -> Nested:
        """Call a model as the Keras trainer does."""
        return model(x, training=training) if model._call_has_training_arg else model(x)

    def distribution_scope(self, model: Model) -> AbstractContextManager[object]:
        """Return the distribution scope of a model."""
        scope: AbstractContextManager[object] = model.distribute_strategy.scope()
        return scope

    def clear_losses(self, model: Model) -> None:
        """Drop the losses that a call in a graph left on the layers of a model."""
        model._clear_losses()

    def compute_loss(
        self, model: Model, x: Nested, y: Nested, sample_weight: Nested, *, training: bool
    ) -> Tensor:
        """Compute a model's loss as the Keras trainer does."""
        predicted = self.predict(model, x, training)
        return model._compute_loss(
            x=x, y=y, y_pred=predicted, sample_weight=sample_weight, training=training
        )

    @contextmanager
    def preserve_layers(self, model: Model) -> Iterator[None]:
        """Restore the attributes of every layer on leaving."""
        layers = self.all_layers(model)
        with preserve_attributes(layers, excluded=self.trainer_attributes):
            for layer in layers:
                if layer.__dict__.get("_remat_mode") is not None:
                    # A layer under keras.RematScope is recomputed in the backward pass: with the
                    # same values and gradients, but no tape sees into it.
                    layer.__dict__["_remat_mode"] = None
            own: Any = self.compiled_loss(model)
            stand_in = None if own is None or own.built else without_means(own)
            try:
                if stand_in is not None:
                    model.__dict__["_compile_loss"] = stand_in
                yield
            finally:
                if stand_in is not None and model.__dict__.get("_compile_loss") is stand_in:
                    model.__dict__["_compile_loss"] = own

    def original_call(self, layer: Layer, *, functions: bool = True) -> Callable[..., Nested]:
        """Return a layer's ``call``."""
        call: Callable[..., Nested] = layer.call
        return call if functions else without_tf_function(layer, call)

    def shadow_call(self, layer: Layer, call: Callable[..., Nested]) -> None:
        """Replace a layer's ``call``."""
        # Through __dict__: Keras tracks what setattr puts on a layer.
        layer.__dict__["call"] = only_in_this_thread(call, layer.call)

    def shadow_loop(self, layer: Layer, inner_loop: Callable[..., Nested]) -> None:
        """Replace an RNN layer's loop over time."""

        def loop(
            sequences: Nested, initial_state: Nested, mask: Nested = None, **more: Nested
        ) -> Nested:
            # LSTM and GRU hand over nested masks, GRU a bare state; a stateful layer its variables.
            mask = next((m for m in keras.tree.flatten(mask) if m is not None), None)
            if not keras.tree.is_nested(initial_state):
                initial_state = [initial_state]
            states = keras.tree.map_structure(tf.convert_to_tensor, initial_state)
            return inner_loop(sequences, states, mask, **more)

        if "use_cudnn" in layer.__dict__:
            # A Bidirectional on a GPU would else run both loops in one operation.
            layer.__dict__["use_cudnn"] = False
        layer.__dict__["inner_loop"] = only_in_this_thread(loop, layer.inner_loop)

    def custom_loop_reason(self, layer: Layer) -> str:
        """Refuse a layer that overrides Keras' loop."""
        inherited = type(layer).inner_loop.__module__.startswith("keras.")
        if inherited and not is_replaced(layer, "inner_loop"):
            return ""
        return "the layer runs a loop of its own, which cannot be looked into"

    def rnn_loop(
        self, step: Callable[..., Nested], sequences: Nested, states: Nested, **settings: Nested
    ) -> tuple[Nested, Nested, Nested]:
        """Run Keras' loop over time."""
        timesteps = keras.tree.flatten(sequences)[0].shape[1] or _ENDLESS
        run = import_module("keras.src.backend").rnn
        last, outputs, new = run(step, sequences, states, input_length=timesteps, **settings)
        return last, outputs, new


def without_means(loss: Any) -> Any:
    """Return a loss to build in place of a compiled one that is not built yet."""
    settings = (loss._user_loss, loss._user_loss_weights, loss.reduction, loss.output_names)
    kind, owner = type(loss), threading.get_ident()

    class WithoutMeans(kind):  # type: ignore[misc,valid-type]
        """A compiled loss that keeps no means of its values: they are variables."""

        def build(self, *args: Nested) -> None:
            state = import_module("keras.src.backend.common.global_state")
            name = "uninitialized_variables"
            waiting = state.get_global_attribute(name, [], set_to_default=True)
            before = len(waiting)
            with keras.StatelessScope(initialize_variables=False):
                super().build(*args)
            del waiting[before:]

        @property
        def metrics(self) -> list[None]:
            # A fit that begins in another thread resets the metrics that it finds.
            here = threading.get_ident() == owner
            # Keras before 3.6 calls them flat_losses.
            losses: Any = getattr(self, "_flat_losses", None) or getattr(self, "flat_losses", ())
            return [None] * len(losses) if here else []

    return WithoutMeans(*settings)
