"""Cache of the traced passes of a model, for the next batch of the same kind."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, TypeVar

from rnngrad_widgets.engine.backend import Model, Tensor, tf
from rnngrad_widgets.engine.keras_api.select import adapter_of
from rnngrad_widgets.engine.loss.loss_function import LossFunction
from rnngrad_widgets.engine.tracing.pass_result import PassRequest
from rnngrad_widgets.engine.tracing.traced_pass import TracedPass

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from rnngrad_widgets.engine.inputs.batch import Batch

_log = logging.getLogger(__name__)
_MAX_ENTRIES = 32
_lock = threading.Lock()
_T = TypeVar("_T")


class PassCache:
    """The traced passes of one model; the least recently used are dropped first.

    Parameters
    ----------
    model
        The model.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._passes: OrderedDict[Hashable, TracedPass] = OrderedDict()
        self._losses: OrderedDict[Hashable, LossFunction] = OrderedDict()
        # Kinds of batches that cannot be traced with an open batch size.
        self._fixed_size: set[Hashable] = set()

    def get(self, request: PassRequest, batch: Batch) -> TracedPass:
        """Return the pass for a request and a kind of batch; trace it if there is none.

        The batch size is left open, unless the model fixes it or cannot be traced without it.
        """
        kind = self._kind(request, batch)
        if not _fixes_batch(self._model) and kind not in self._fixed_size:
            try:
                return self._get(request, batch, kind, batch.signature)
            except (ValueError, TypeError):
                if self._model.run_eagerly:
                    raise
        exact = [tf.type_spec_from_value(leaf) for leaf in batch.leaves]
        found = self._get(request, batch, (kind, batch.samples), exact)
        self._fixed_size.add(kind)
        return found

    def _get(
        self, request: PassRequest, batch: Batch, kind: Hashable, signature: list[Tensor]
    ) -> TracedPass:
        key = (
            kind,
            tuple(_Identity(target.layer) for target in request.targets),
            request.quantities,
            request.by,
            adapter_of(self._model).clip_settings(self._model) if request.clip else None,
        )

        def trace() -> TracedPass:
            _log.info("tracing %r for %s", self._model.name, ", ".join(request.quantities))

            def reference() -> LossFunction:
                return self.loss(request, batch, kind, signature)

            return TracedPass(self._model, request, batch, signature, reference)

        return _get_or_make(self._passes, key, trace)

    def loss(
        self, request: PassRequest, batch: Batch, kind: Hashable, signature: list[Tensor]
    ) -> LossFunction:
        """Return the model's loss without taps for a kind of batch."""
        training, loss = request.training, request.loss

        def trace() -> LossFunction:
            return LossFunction(self._model, batch, signature, training=training, loss=loss)

        return _get_or_make(self._losses, kind, trace)

    def _kind(self, request: PassRequest, batch: Batch) -> Hashable:
        model, adapter = self._model, adapter_of(self._model)
        return (
            request.training,
            _Identity(request.loss),
            tuple((tuple(spec.shape[1:]), spec.dtype) for spec in batch.signature),
            batch.structure(),
            # What compiling and freezing change.
            _Identity(adapter.compiled_loss(model)),
            tuple(_Identity(variable) for variable in model.trainable_variables),
            bool(model.run_eagerly),
            bool(model.jit_compile),
        )


def _get_or_make(cache: OrderedDict[Hashable, _T], key: Hashable, make: Callable[[], _T]) -> _T:
    with _lock:
        found = cache.get(key)
    made = make() if found is None else found
    with _lock:
        found = cache.setdefault(key, made)  # another thread may have made the same one
        cache.move_to_end(key)
        while len(cache) > _MAX_ENTRIES:
            cache.popitem(last=False)
    return found


def _fixes_batch(model: Model) -> bool:
    """Return whether a model is made for batches of one size."""
    if any(getattr(layer, "stateful", False) for layer in adapter_of(model).all_layers(model)):
        return True
    try:
        return any(tensor.shape[0] is not None for tensor in model.inputs or ())
    except (AttributeError, ValueError):  # subclassed and unbuilt models have none
        return False


class _Identity:
    """A key that is equal for the same object only; it keeps that alive, as ids are reused."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and self._value is other._value

    def __hash__(self) -> int:
        return id(self._value)
