"""The traced passes of one model, kept for the next batch of the same kind."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from .backend import Model, tf
from .library import library_of
from .tracing import Request, TracedPass

if TYPE_CHECKING:
    from collections.abc import Hashable

    from .batches import Batch

_KEPT = 32


class PassCache:
    """The traced passes of one model; the least recently used go first."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._passes: OrderedDict[Hashable, TracedPass] = OrderedDict()

    def get(self, request: Request, batch: Batch) -> TracedPass:
        """Return the pass for a request and a kind of batch; trace it if there is none."""
        key = self._key(request, batch)
        traced = self._passes.get(key)
        if traced is None:
            traced = self._passes[key] = TracedPass(self._model, request, batch)
            while len(self._passes) > _KEPT:
                self._passes.popitem(last=False)
        self._passes.move_to_end(key)
        return traced

    def _key(self, request: Request, batch: Batch) -> Hashable:
        model, library = self._model, library_of(self._model)
        return (
            tuple(_Same(target.layer) for target in request.targets),
            request.quantities,
            request.training,
            _Same(request.loss),
            library.clip_settings(model) if request.clip else None,
            tuple((tuple(spec.shape[1:]), spec.dtype) for spec in batch.signature),
            batch.structure(),
            # What compiling, freezing or a distribution scope change.
            _Same(library.compiled_loss(model)),
            tuple(_Same(variable) for variable in model.trainable_variables),
            bool(model.run_eagerly),
            bool(model.jit_compile),
            tf.distribute.get_strategy().num_replicas_in_sync,
        )


class _Same:
    """A key that is equal only for the same object, and keeps it alive: an id can be reused."""

    def __init__(self, kept: object) -> None:
        self._kept = kept

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self._kept is other._kept

    def __hash__(self) -> int:
        return id(self._kept)
