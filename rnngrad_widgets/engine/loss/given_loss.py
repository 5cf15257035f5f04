"""Losses other than the model's own: from what users pass to a function that is traced."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable, Collection
from importlib import import_module
from typing import TYPE_CHECKING, Any

from rnngrad_widgets.data.quantities import QUANTITIES
from rnngrad_widgets.engine.backend import Model, Nested, Tensor, keras, tf
from rnngrad_widgets.engine.keras_api.keras3 import without_means
from rnngrad_widgets.engine.keras_api.select import adapter_of

if TYPE_CHECKING:
    from rnngrad_widgets.engine.inputs.batch import Batch
    from rnngrad_widgets.engine.loss.loss_function import Loss

VALUES = frozenset(each.name for each in QUANTITIES.values() if not each.needs_loss)
"""Quantities that are no derivatives: they need no loss."""

_MAX_ENTRIES = 32
"""How many losses are remembered for a model."""

_FORMS = (
    "loss must be a function loss(model, x, y, sample_weight, training), a loss of Keras "
    "(keras.losses.MeanSquaredError(), 'mse') or a function loss(y_true, y_pred)"
)


class GivenLosses:
    """The losses that were passed for one model, and a callable for each of them.

    It is the same callable for the same loss, as the cache of passes compares it by identity.

    Parameters
    ----------
    model
        The model.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._known: OrderedDict[object, tuple[object, Loss]] = OrderedDict()
        self._forward = ForwardOnly()

    def as_callable(self, loss: object) -> Loss | None:
        """Return the callable for a loss; None for the model's own.

        Raises
        ------
        ValueError
            If neither Keras nor the engine knows such a loss.
        """
        if loss is None:
            return None
        key = loss if isinstance(loss, str) else id(loss)
        if key not in self._known:
            # the loss is kept too: an id can be reused
            self._known[key] = loss, _as_callable(self._model, loss)
            while len(self._known) > _MAX_ENTRIES:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key][1]

    def for_batch(self, loss: Loss | None, words: Collection[str], batch: Batch) -> Loss | None:
        """Return what to differentiate: a loss, or a forward pass for values of a model without."""
        if loss is None and VALUES.issuperset(words) and not _has_loss(self._model, batch):
            return self._forward
        return loss


class ForwardOnly:
    """Call a model, and compute the part of its loss that needs no targets.

    Attributes
    ----------
    has_loss
        Whether there was such a part, when it was traced last.
    """

    def __init__(self) -> None:
        self.has_loss = False

    def __call__(
        self, model: Model, x: Nested, y: Nested, sample_weight: Nested, training: bool
    ) -> Tensor:
        """Return the sum of what the layers add, 0 if they add nothing."""
        del y, sample_weight
        adapter_of(model).predict(model, x, training)
        added = model.losses if _adds_only(model) else []
        self.has_loss = bool(added)
        parts = [tf.cast(tf.reduce_sum(loss), adapter_of(model).floatx()) for loss in added]
        return tf.add_n(parts) if parts else tf.zeros([])


def _as_callable(model: Model, loss: Any) -> Loss:
    if isinstance(loss, type):
        made = f"{loss.__name__}(...)"
        raise ValueError(  # noqa: TRY004 - a wrong loss, as the other refusals here
            f"{_FORMS}; received the class {loss.__name__}; make one of it: {made}"
        )
    kinds = (keras.losses.Loss, adapter_of(model).module.losses.Loss)
    if not callable(loss) or isinstance(loss, kinds):
        return _CompiledLoss(model, loss)
    takes_all, takes_two = _binds(loss, 5), _binds(loss, 2)
    if takes_all and not (takes_two and _begins_with_targets(loss)):
        return loss  # type: ignore[no-any-return]
    if takes_two:
        return _CompiledLoss(model, loss)
    name = getattr(loss, "__name__", type(loss).__name__)
    raise ValueError(f"{_FORMS}; received {name}{_signature(loss)}")


class _CompiledLoss:
    """A loss as ``model.compile(loss=...)`` would use it; what layers add to the loss stays.

    Parameters
    ----------
    model
        The model.
    loss
        An object, name or function that Keras takes as a loss, or a nest of them.
    """

    def __init__(self, model: Model, loss: object) -> None:
        self._loss = loss
        self._compiled = _keras3 if adapter_of(model).module is keras else _keras2
        try:
            for part in keras.tree.flatten(loss):
                adapter_of(model).module.losses.get(part)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{_FORMS}; received {loss!r}") from error

    def __call__(
        self, model: Model, x: Nested, y: Nested, sample_weight: Nested, training: bool
    ) -> Tensor:
        """Compute the loss."""
        if y is None:
            raise ValueError(f"loss={self._loss!r} compares with y; received y=None")
        predicted = adapter_of(model).predict(model, x, training)
        return self._compiled(model, self._loss, y, predicted, sample_weight)


def _keras3(model: Model, loss: object, y: Nested, predicted: Nested, weight: Nested) -> Tensor:
    utils: Any = import_module("keras.src.trainers.compile_utils")
    compiled = utils.CompileLoss(loss, output_names=getattr(model, "output_names", None))
    total = without_means(compiled)(y, predicted, weight)
    aggregate = getattr(model, "_aggregate_additional_loss", tf.reduce_sum)
    # As Keras adds them: to each value, where there are several.
    return sum((tf.cast(aggregate(part), total.dtype) for part in model.losses), start=total)


def _keras2(model: Model, loss: object, y: Nested, predicted: Nested, weight: Nested) -> Tensor:
    utils: Any = import_module("tf_keras.src.engine.compile_utils")

    class Untracked(utils.LossesContainer):  # type: ignore[misc]
        def _create_metrics(self) -> None:
            self._per_output_metrics = [None] * len(self._output_names)

    names = getattr(model, "output_names", None)
    compiled = Untracked(loss, output_names=names, total_loss_mean=_NoMetric())
    return compiled(y, predicted, weight, regularization_losses=model.losses)


class _NoMetric:
    """Stand-in for a metric: a pass is no part of any mean."""

    def update_state(self, *args: Nested, **kwargs: Nested) -> None:
        """Do nothing."""


def _has_loss(model: Model, batch: Batch) -> bool:
    adapter = adapter_of(model)
    if not adapter.is_compiled(model) or adapter.has_own_train_step(model):
        return False
    return batch.y is not None or _overrides_loss(model)


def _adds_only(model: Model) -> bool:
    """Return whether a compiled model's loss consists only of what its layers add."""
    adapter = adapter_of(model)
    if not adapter.is_compiled(model) or adapter.has_own_train_step(model):
        return False
    compiled: Any = adapter.compiled_loss(model)
    return compiled is None or getattr(compiled, "_user_losses", compiled) is None


def _overrides_loss(model: Model) -> bool:
    own = adapter_of(model).module.Model.compute_loss
    return getattr(model.compute_loss, "__func__", model.compute_loss) is not own


def _binds(function: Callable[..., Any], count: int) -> bool:
    try:
        inspect.signature(function).bind(*range(count))
    except (TypeError, ValueError):
        return False
    return True


def _begins_with_targets(function: Callable[..., Any]) -> bool:
    """Return whether a function's first argument is the targets, as Keras names it."""
    return next(iter(inspect.signature(function).parameters)) in ("y_true", "target")


def _signature(function: Callable[..., Any]) -> str:
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return "(...)"
