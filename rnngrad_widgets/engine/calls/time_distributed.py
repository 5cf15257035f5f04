"""The calls of a layer among those of the layers around it: TimeDistributed, owners of a cell."""

from __future__ import annotations

from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING

from rnngrad_widgets.engine.backend import Layer, Nested
from rnngrad_widgets.engine.keras_api.select import adapter_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from rnngrad_widgets.engine.layers.find import LayerMatch


class CallDepth:
    """Count how deep the calls of some layers are nested."""

    def __init__(self) -> None:
        self.depth = 0

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Count one level more until this is left."""
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1


class TimeDistributedCalls:
    """Count the calls of a TimeDistributed around a layer, and the layer's calls in each step.

    Parameters
    ----------
    target
        The layer. What is around it is shadowed; use this inside `KerasAdapter.preserve_layers`.
    """

    def __init__(self, target: LayerMatch) -> None:
        self._inside = CallDepth()
        self._call = self._position = -1
        if target.time_distributed:
            outermost, innermost = target.time_distributed
            wrap_calls(outermost, self._called)
            if innermost.layer is not target.layer:
                wrap_calls(innermost.layer, self._stepped)
        self._is_step = bool(target.time_distributed) and innermost.layer is target.layer

    def next(self) -> tuple[int, int] | None:
        """Return the position of the next call of the layer, as in `LayerCall.repeat`."""
        if not self._inside.depth:
            return None
        self._position = 0 if self._is_step else self._position + 1
        return self._call, self._position

    @contextmanager
    def _called(self) -> Iterator[None]:
        self._call += 1
        with self._inside.entered():
            yield

    @contextmanager
    def _stepped(self) -> Iterator[None]:
        self._position = -1
        yield


def wrap_calls(layer: Layer, entered: Callable[[], AbstractContextManager[None]]) -> None:
    """Enter a context around every call of a layer."""
    adapter = adapter_of(layer)
    original = adapter.original_call(layer)

    @wraps(layer.call)
    def call(*args: Nested, **kwargs: Nested) -> Nested:
        with entered():
            return original(*args, **kwargs)

    adapter.shadow_call(layer, call)
