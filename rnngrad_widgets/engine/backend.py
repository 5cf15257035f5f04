"""TensorFlow and Keras, imported in one place, and what the engine needs of Keras' private side.

Both are `Any`: neither ships types that mypy can use, and following their sources takes minutes.
The aliases say what an `Any` stands for.
"""
# ruff: noqa: SLF001 - Keras offers no public way to what the functions here read.

from __future__ import annotations

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

tf: Any = import_module("tensorflow")
keras: Any = import_module("keras")


def check_backend() -> None:
    """Refuse a Keras that the engine cannot work with.

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
            "set KERAS_BACKEND=tensorflow before keras is imported"
        )


def is_functional(layer: Layer) -> bool:
    """Tell whether a layer is a Functional or Sequential model, whose layers are known by name."""
    functional = import_module("keras.src.models.functional").Functional
    return isinstance(layer, (keras.Sequential, functional))


def all_layers(model: Model) -> list[Layer]:
    """List a model and every layer inside it, at any depth."""
    return list(model._flatten_layers())


def loss_ids(layer: Layer) -> set[int]:
    """Return the set in which a layer keeps the ids of the losses that it added."""
    ids: set[int] = layer._loss_ids
    return ids


def compiled_loss(model: Model) -> object:
    """Return the object that compiling a model made of its loss; a new one each time."""
    return getattr(model, "_compile_loss", None)


def unbuilt_compiled_loss(model: Model) -> object | None:
    """Return a loss to build in place of the model's own, where that is not built yet."""
    loss: Any = compiled_loss(model)
    if loss is None or loss.built:
        return None
    settings = (loss._user_loss, loss._user_loss_weights, loss.reduction, loss.output_names)
    stand_in: object = type(loss)(*settings)
    return stand_in


def training_step(model: Model) -> int | None:
    """Return how many training steps a model has made; None without an optimizer."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return None
    return int(tf.convert_to_tensor(optimizer.iterations.value))


def clip_settings(model: Model) -> tuple[float | None, ...]:
    """Return how a model's optimizer clips: by norm, by the norm of all, by value."""
    inner = _inner_optimizer(model)
    return tuple(getattr(inner, name) for name in ("clipnorm", "global_clipnorm", "clipvalue"))


def clip_as_optimizer(model: Model, gradients: list[Tensor]) -> list[Tensor]:
    """Clip the gradients of all trainable variables as the model's optimizer does."""
    clipped: list[Tensor] = _inner_optimizer(model)._clip_gradients(gradients)
    return clipped


def _inner_optimizer(model: Model) -> Any:
    # A loss-scaling optimizer leaves the clipping to the one that it wraps.
    return getattr(model.optimizer, "inner_optimizer", model.optimizer)


def rnn_loop(*args: Nested, **settings: Nested) -> tuple[Nested, Nested, Nested]:
    """Run Keras' loop over time: last output, outputs, states."""
    returned: tuple[Nested, Nested, Nested] = import_module("keras.src.backend").rnn(
        *args, **settings
    )
    return returned


def takes_training(cell: Layer) -> bool:
    """Tell whether a cell's ``call`` has a ``training`` argument."""
    return isinstance(cell, keras.layers.Layer) and bool(cell._call_has_training_arg)


def current_graph() -> object:
    """Return the graph that is being traced; in eager mode one that nothing is traced into."""
    graph: object = tf.compat.v1.get_default_graph()
    return graph


def insert(tensor: Tensor, probe: Tensor) -> Tensor:
    """Add a probe to a tensor in the place of everything that reads the tensor.

    Works inside a loop body or a function, whose derivative is taken from the finished graph.
    """
    probed = tensor + probe
    for reader in tensor.consumers():
        if reader is not probed.op:
            for place, read in enumerate(reader.inputs):
                if read is tensor:
                    reader._update_input(place, probed)
    return probed


def predict(model: Model, x: Nested, training: bool) -> Nested:
    """Call a model as the Keras trainer does."""
    return model(x, training=training) if model._call_has_training_arg else model(x)


def compute_loss(
    model: Model, x: Nested, y: Nested, sample_weight: Nested, *, training: bool
) -> Tensor:
    """Compute a model's loss as the Keras trainer does.

    An overridden ``compute_loss``, ``add_loss``, regularisation and loss weights all count.
    """
    predicted = predict(model, x, training)
    return model._compute_loss(
        x=x, y=y, y_pred=predicted, sample_weight=sample_weight, training=training
    )


def undistributed(loss: Tensor) -> Tensor:
    """Undo what Keras does to a loss inside a distribution scope: this is one batch of one device.

    Keras 3.5 leaves the loss as it is; later ones divide it by the number of replicas.
    """
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    divided = hasattr(import_module("keras.src.losses.loss"), "scale_loss_for_distribution")
    return loss * replicas if divided and replicas > 1 else loss


def has_own_train_step(model: Model) -> bool:
    """Tell whether a model trains with a ``train_step`` that is not Keras' own."""
    own = getattr(model.train_step, "__func__", model.train_step)
    return own is not keras.Model.train_step
