"""Build a model that has no variables yet, as its own ``fit`` would."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rnngrad_widgets.engine.backend import Model, Tensor, tf
from rnngrad_widgets.engine.keras_api.attributes import SavedAttributes
from rnngrad_widgets.engine.keras_api.select import adapter_of
from rnngrad_widgets.engine.model_state.restore import restore_variables
from rnngrad_widgets.engine.threads.exclusive import exclusive, undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rnngrad_widgets.engine.inputs.batch import Batch


def unbuilt_layers(model: Model) -> set[int]:
    """Return the ids of the layers of a model that are not built."""
    return {id(layer) for layer in adapter_of(model).all_layers(model) if not layer.built}


class Builder:
    """Build a model before its first batch is computed, where that is necessary.

    Parameters
    ----------
    model
        The model.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        # Layers that calling the model does not build.
        self._unused: set[int] = set()

    def build(self, batch: Batch, *, training: bool) -> None:
        """Build the model for a batch; do nothing if it is built.

        Raises
        ------
        ValueError
            If that fails; the model is then as it was.
        """
        model = self._model
        if undisturbed(model, lambda: unbuilt_layers(model)) <= self._unused:
            return
        try:
            build(model, batch, training=training)
        except Exception as error:
            raise ValueError(
                f"x must fit the model; it could not be built for {batch.describe()}: "
                f"{type(error).__name__}: {error}"
            ) from error
        self._unused = unbuilt_layers(model)


def build(model: Model, batch: Batch, *, training: bool) -> None:
    """Make the variables of a model in a trace that never runs.

    The batch size is left open, as in ``fit``; fixed, for a model that needs it. A model that
    trains eagerly, and has code that a graph cannot take, is called instead.

    Raises
    ------
    Exception
        What the model's own code raises; the model is then as it was.
    """
    exact = [tf.type_spec_from_value(leaf) for leaf in batch.leaves]
    try:
        _trace(model, batch, batch.signature, training=training)
    except Exception as error:  # noqa: BLE001 - the model's own code may raise anything
        try:
            _trace(model, batch, exact, training=training)
        except Exception:  # noqa: BLE001 - whatever it is, the first error says more
            if not model.run_eagerly:
                raise error from None
            _call(model, batch, training=training)


def _trace(model: Model, batch: Batch, signature: list[Tensor], *, training: bool) -> None:
    adapter = adapter_of(model)

    def call(*leaves: Tensor) -> None:
        adapter.predict(model, batch.with_leaves(list(leaves)).x, training)

    with exclusive(model), adapter.distribution_scope(model), _unbuilt_on_error(model):
        tf.function(call, autograph=False).get_concrete_function(*signature)
        adapter.clear_losses(model)


def _call(model: Model, batch: Batch, *, training: bool) -> None:
    adapter = adapter_of(model)
    made: list[tuple[Tensor, Tensor]] = []

    def make(create: Callable[..., Tensor], **settings: object) -> Tensor:
        variable = create(**settings)
        made.append((variable, variable.read_value()))
        return variable

    with exclusive(model), adapter.distribution_scope(model), _unbuilt_on_error(model):
        with restore_variables(model), tf.variable_creator_scope(make):
            adapter.predict(model, batch.x, training)
        for variable, value in made:  # the call may have assigned them already
            variable.assign(value)
        adapter.clear_losses(model)


@contextmanager
def _unbuilt_on_error(model: Model) -> Iterator[None]:
    """Restore every attribute, list and tracker of the layers if building the model fails."""
    every = adapter_of(model).all_layers(model)
    trackers = [vars(layer)["_tracker"] for layer in every if "_tracker" in vars(layer)]
    namespaces = [vars(thing) for thing in (*every, *trackers)]
    # Attributes that a fit in another thread sets meanwhile are left alone.
    excluded = adapter_of(model).trainer_attributes
    saved = [SavedAttributes(space, excluded) for space in namespaces]
    saved += [SavedAttributes(tracker.stored_ids) for tracker in trackers]
    try:
        yield
    except BaseException:
        for attributes in saved:
            attributes.restore()
        raise
