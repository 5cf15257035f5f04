"""Keras 2, which is maintained as tf_keras.

A recurrent layer has no method for its loop alone, so all of its ``call`` is
shadowed. Autograph stays on inside of layers: Keras 2 promises that to theirs.
"""
# ruff: noqa: SLF001 - Keras offers no public way to what the functions here read.

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any

from rnngrad_widgets.engine.backend import Layer, Model, Nested, Tensor, current_graph, tf
from rnngrad_widgets.engine.keras_api.attributes import preserve_attributes
from rnngrad_widgets.engine.keras_api.base import KerasAdapter
from rnngrad_widgets.engine.keras_api.modules import is_a
from rnngrad_widgets.engine.keras_api.shadowing import (
    is_replaced,
    only_in_this_thread,
    without_tf_function,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Keras2(KerasAdapter):
    """Keras 2."""

    trainer_attributes = frozenset(
        (
            *("train_function", "train_tf_function", "test_function", "predict_function"),
            *("stop_training", "history", "_eval_data_handler", "_is_compiled", "_compile_config"),
            *("compiled_loss", "compiled_metrics", "optimizer", "loss", "_run_eagerly"),
            *("_steps_per_execution", "_jit_compile", "_train_counter", "_cluster_coordinator"),
            *("train_step", "test_step", "predict_step"),
        )
    )

    def floatx(self) -> str:
        """Return the dtype that ``fit`` gives to floating-point arrays."""
        return str(self.module.backend.floatx())

    def is_functional(self, layer: Layer) -> bool:
        """Return whether a layer is a Functional or Sequential model."""
        functional = import_module("tf_keras.src.engine.functional").Functional
        return isinstance(layer, (self.module.Sequential, functional))

    def is_compiled(self, model: Model) -> bool:
        """Return whether a model was compiled."""
        return bool(model._is_compiled)

    def compiled_loss(self, model: Model) -> object:
        """Return the object that compiling a model made of its loss."""
        return getattr(model, "compiled_loss", None)

    def iterations(self, model: Model) -> Tensor:
        """Return the number of steps that a model's optimizer has made."""
        return tf.convert_to_tensor(model.optimizer.iterations)  # which may be mirrored

    def weight_name(self, variable: Tensor) -> str:
        """Return a weight's own name, without its place in the model."""
        return str(variable.name).rsplit("/", 1)[-1].split(":", 1)[0]

    def predict(self, model: Model, x: Nested, training: bool) -> Nested:
        """Call a model as ``Model.train_step`` does."""
        with _autograph():
            return model(x, training=training)

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
        """Compute a model's loss as ``Model.train_step`` does."""
        predicted = self.predict(model, x, training)
        with _autograph():
            loss = model.compute_loss(x, y, predicted, sample_weight)
        if loss is None:
            raise ValueError("No loss to compute: compile the model with a loss=")
        return loss

    @contextmanager
    def preserve_layers(self, model: Model) -> Iterator[None]:
        """Restore the attributes of every layer on leaving."""
        every = self.all_layers(model)
        losses = [list(layer._eager_losses) for layer in every]  # of this thread
        with preserve_attributes(every, excluded=self.trainer_attributes):
            own: Any = self.compiled_loss(model)
            stand_in = None if own is None else _without_means(own)
            try:
                if stand_in is not None:
                    model.__dict__["compiled_loss"] = stand_in
                yield
            finally:
                if stand_in is not None and model.__dict__.get("compiled_loss") is stand_in:
                    model.__dict__["compiled_loss"] = own
                for layer, before in zip(every, losses, strict=True):
                    layer._eager_losses = before

    def original_call(self, layer: Layer, *, functions: bool = True) -> Callable[..., Nested]:
        """Return a layer's ``call``, converted by autograph where Keras would."""
        call = layer.call if functions else without_tf_function(layer, layer.call)
        converts = isinstance(layer, self.module.layers.Layer) and layer._should_use_autograph()
        return self.converting(call) if converts else call

    def shadow_call(self, layer: Layer, call: Callable[..., Nested]) -> None:
        """Replace a layer's ``call``; autograph does not convert the new one."""
        own = layer.call

        @wraps(call)
        def shadowing(*args: Nested, **kwargs: Nested) -> Nested:
            # A Sequential that infers its shapes calls its layers also to see what they return.
            trial = str(getattr(current_graph(), "name", "")).endswith("_scratch_graph")
            return own(*args, **kwargs) if trial else call(*args, **kwargs)

        layer.__dict__["call"] = self.opaque(only_in_this_thread(shadowing, own))

    def opaque(self, function: Callable[..., Nested]) -> Callable[..., Nested]:
        """Return a function that autograph leaves as it is."""
        artifact: Callable[..., Nested] = _impl("api").autograph_artifact(function)
        return artifact

    def converting(self, function: Callable[..., Nested]) -> Callable[..., Nested]:
        """Return a function as autograph would convert it, where it is called in a graph."""

        def converted(*args: Nested, **kwargs: Nested) -> Nested:
            if tf.executing_eagerly():
                return function(*args, **kwargs)
            private = tf.__internal__.autograph
            return private.tf_convert(function, private.control_status_ctx())(*args, **kwargs)

        return converted

    def shadow_loop(self, layer: Layer, inner_loop: Callable[..., Nested]) -> None:
        """Replace an RNN layer's loop, in a ``call`` like ``tf_keras.layers.RNN.call``."""

        def call(
            inputs: Nested,
            mask: Nested = None,
            training: Nested = None,
            initial_state: Nested = None,
            constants: Nested = None,
        ) -> Nested:
            backend: Any = import_module("tf_keras.src.backend")
            inputs, lengths = backend.convert_inputs_if_ragged(inputs)
            is_ragged = lengths is not None
            layer._validate_args_if_ragged(is_ragged, mask)
            inputs, initial_state, constants = layer._process_inputs(
                inputs, initial_state, constants
            )
            if is_ragged:
                mask = tf.sequence_mask(lengths, tf.shape(tf.nest.flatten(inputs)[0])[1])
            for cell in getattr(layer.cell, "cells", [layer.cell]):
                # Drawn once per sequence. ConvLSTM keeps its own otherwise.
                for name in ("reset_dropout_mask", "reset_recurrent_dropout_mask"):
                    getattr(cell, name, lambda: None)()
            more = {"constants": constants} if constants else {}
            mask = next((m for m in tf.nest.flatten(mask) if m is not None), None)
            states = tf.nest.map_structure(tf.convert_to_tensor, initial_state)
            last, outputs, new = inner_loop(inputs, states, mask, training=training, **more)
            if layer.stateful:
                pairs = zip(tf.nest.flatten(layer.states), tf.nest.flatten(new), strict=True)
                for variable, state in pairs:
                    variable.assign(tf.cast(state, variable.dtype))
            outputs = backend.maybe_convert_to_ragged(
                is_ragged, outputs, lengths, go_backwards=layer.go_backwards
            )
            output = outputs if layer.return_sequences else last
            return [output, *new] if layer.return_state else output

        self.shadow_call(layer, call)

    def custom_loop_reason(self, layer: Layer) -> str:
        """Refuse a layer that overrides Keras' ``call``, and TensorFlow 1's cells."""
        inherited = type(layer).call.__module__.startswith("tf_keras.")
        if not inherited or is_replaced(layer, "call"):
            return "the layer has a call of its own, so its loop cannot be looked into (tf_keras)"
        if hasattr(layer.cell, "_is_tf_rnn_cell") and not is_a(layer.cell, "StackedRNNCells"):
            return "its cell is one of TensorFlow 1's, which cannot be looked into"
        if getattr(layer.cell, "reverse_state_order", False):
            return "its cells keep their states in reverse order (reverse_state_order=True)"
        return ""

    def unsupported_reason(self, layer: Layer) -> str:
        """Refuse a layer whose axes are in another order."""
        if getattr(layer, "time_major", False):
            return "its axes are (timestep, sample, channel) with time_major=True: make it False"
        return ""

    def rnn_loop(
        self, step: Callable[..., Nested], sequences: Nested, states: Nested, **settings: Nested
    ) -> tuple[Nested, Nested, Nested]:
        """Run Keras' loop over time."""
        last, outputs, new = self.module.backend.rnn(step, sequences, states, **settings)
        return last, outputs, new


def _impl(name: str) -> Any:
    return import_module(f"tensorflow.python.autograph.impl.{name}")


def _autograph() -> AbstractContextManager[object]:
    """Allow layers to convert their calls, although the function around them is not converted."""
    core = "tensorflow.python.autograph.core"
    context, converter = import_module(f"{core}.ag_ctx"), import_module(f"{core}.converter")
    entered: AbstractContextManager[object] = context.ControlStatusCtx(
        status=context.Status.ENABLED, options=converter.ConversionOptions(recursive=True)
    )
    return entered


def _without_means(loss: Any) -> object:
    """Return the same compiled loss, but one that keeps no means of its values."""
    container = import_module("tf_keras.src.engine.compile_utils").LossesContainer

    class Untracked(container):  # type: ignore[misc,valid-type]
        def _create_metrics(self) -> None:
            self._per_output_metrics = [None] * len(self._output_names)

        @property
        def metrics(self) -> list[object]:
            return []  # a fit that begins in another thread resets those that it finds

    return Untracked(
        loss._user_losses,
        loss._user_loss_weights,
        output_names=loss._output_names,
        total_loss_mean=_NoMetric(),
    )


class _NoMetric:
    """Stand-in for a metric that keeps nothing."""

    def update_state(self, *args: Nested, **kwargs: Nested) -> None:
        """Do nothing."""
