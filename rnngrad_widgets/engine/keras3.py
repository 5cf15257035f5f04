"""Keras 3."""
# ruff: noqa: SLF001 - Keras offers no public way to what the functions here read.

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .backend import Layer, Model, Nested, Tensor, keras, tf
from .library import Library, attributes_kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_ENDLESS = 2**31 - 1
"""Given to the loop as the number of timesteps where only the sequence itself knows it."""


class Keras3(Library):
    """Keras 3: variables are kept from being assigned by its own ``StatelessScope``."""

    def floatx(self) -> str:
        """Return the dtype that ``fit`` gives to floating-point arrays."""
        return str(keras.config.floatx())

    def is_functional(self, layer: Layer) -> bool:
        """Tell whether a layer is a Functional or Sequential model."""
        functional = import_module("keras.src.models.functional").Functional
        return isinstance(layer, (keras.Sequential, functional))

    def is_compiled(self, model: Model) -> bool:
        """Tell whether a model was compiled."""
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

    def build(self, model: Model, x: Nested, training: bool) -> None:
        """Make the variables of a model, and assign none."""
        with keras.StatelessScope():
            _predict(model, x, training)

    def predict(self, model: Model, x: Nested, training: bool) -> Nested:
        """Call a model."""
        return _predict(model, x, training)

    def compute_loss(
        self, model: Model, x: Nested, y: Nested, sample_weight: Nested, *, training: bool
    ) -> Tensor:
        """Compute a model's loss as the Keras trainer does."""
        predicted = _predict(model, x, training)
        return model._compute_loss(
            x=x, y=y, y_pred=predicted, sample_weight=sample_weight, training=training
        )

    def undistributed(self, loss: Tensor) -> Tensor:
        """Undo a division: Keras 3.5 leaves the loss as it is, later ones divide by replicas."""
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        divided = hasattr(import_module("keras.src.losses.loss"), "scale_loss_for_distribution")
        return loss * replicas if divided and replicas > 1 else loss

    def tracing(self) -> AbstractContextManager[object]:
        """Keep variables that Keras makes while tracing, such as trackers, out of the graph.

        They are initialised when this is left.
        """
        scope: AbstractContextManager[object] = keras.StatelessScope()
        return scope

    @contextmanager
    def forward(self, variables: Mapping[int, Tensor]) -> Iterator[Mapping[int, Tensor]]:
        """Let tensors stand for the variables.

        Every trainable one must be among them: Keras reads regularised ones from the scope.
        """
        values = {key: tf.convert_to_tensor(v.value) for key, v in variables.items()}
        mapping = [(v, values[key]) for key, v in variables.items()]
        with keras.StatelessScope(mapping, collect_losses=True):
            yield values

    @contextmanager
    def untouched(self, model: Model) -> Iterator[None]:
        """Put every layer of a model back as it was."""
        every = self.all_layers(model)
        ids = [set(layer._loss_ids) for layer in every]
        with attributes_kept(every):
            try:
                stand_in = _unbuilt_stand_in(self.compiled_loss(model))
                if stand_in is not None:
                    model.__dict__["_compile_loss"] = stand_in
                yield
            finally:
                # Sets that grow in place: an id left in one may later be that of another loss.
                for layer, before in zip(every, ids, strict=True):
                    layer._loss_ids.clear()
                    layer._loss_ids.update(before)

    def original(self, layer: Layer) -> Callable[..., Nested]:
        """Return a layer's ``call``."""
        call: Callable[..., Nested] = layer.call
        return call

    def shadow(self, layer: Layer, call: Callable[..., Nested]) -> None:
        """Let `call` stand in for a layer's own."""
        # Through __dict__: Keras tracks what setattr puts on a layer.
        layer.__dict__["call"] = call

    def shadow_loop(self, layer: Layer, inner_loop: Callable[..., Nested]) -> None:
        """Let an RNN layer run another loop."""

        def loop(sequences: Tensor, initial_state: Nested, mask: Nested, **more: Nested) -> Nested:
            # LSTM and GRU hand over nested masks, GRU a bare state; a stateful layer its variables.
            mask = next((m for m in keras.tree.flatten(mask) if m is not None), None)
            if not keras.tree.is_nested(initial_state):
                initial_state = [initial_state]
            states = keras.tree.map_structure(tf.convert_to_tensor, initial_state)
            return inner_loop(sequences, states, mask, **more)

        layer.__dict__["inner_loop"] = loop

    def why_no_loop(self, layer: Layer) -> str:
        """Refuse a layer that overrides Keras' loop."""
        inherited = type(layer).inner_loop.__module__.startswith("keras.")
        if inherited and "inner_loop" not in layer.__dict__:
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


def _predict(model: Model, x: Nested, training: bool) -> Nested:
    return model(x, training=training) if model._call_has_training_arg else model(x)


def _unbuilt_stand_in(loss: Any) -> object | None:
    """Return a loss to build in place of a model's own, where that is not built yet."""
    if loss is None or loss.built:
        return None
    settings = (loss._user_loss, loss._user_loss_weights, loss.reduction, loss.output_names)
    stand_in: object = type(loss)(*settings)
    return stand_in
