"""Shadow methods of single layers with attributes of the same name, in one thread."""

from __future__ import annotations

import inspect
import threading
from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any

from rnngrad_widgets.engine.backend import Layer, Nested

if TYPE_CHECKING:
    from collections.abc import Callable


def accepts_argument(function: Callable[..., object], argument: str) -> bool:
    """Return whether a function has an argument of this name."""
    return argument in inspect.signature(function).parameters


def only_in_this_thread(
    stand_in: Callable[..., Nested], own: Callable[..., Nested]
) -> Callable[..., Nested]:
    """Return a function that is `stand_in` where it is called by this thread, else `own`."""
    here = threading.get_ident()

    @wraps(own)
    def dispatch(*args: Nested, **kwargs: Nested) -> Nested:
        return (stand_in if threading.get_ident() == here else own)(*args, **kwargs)

    dispatch.__module__ = __name__  # by which `is_replaced` recognises the engine's shadows
    return dispatch


def is_replaced(layer: Layer, method: str) -> bool:
    """Return whether a method of a single layer was replaced, and not by the engine."""
    found = layer.__dict__.get(method)
    while found is not None and found.__module__ == __name__:
        found = getattr(found, "__wrapped__", None)
    return found is not None and getattr(found, "__func__", found) is not getattr(
        type(layer), method, None
    )


def without_tf_function(layer: Layer, call: Callable[..., Nested]) -> Callable[..., Nested]:
    """Return a layer's ``call`` without its ``tf.function``, to be traced in place."""
    own = getattr(type(layer).call, "python_function", None)
    if own is None or is_replaced(layer, "call"):
        return call
    autograph: Any = import_module("tensorflow").autograph
    converted: Callable[..., Nested] = autograph.to_graph(own)

    @wraps(own)
    def plain(*args: Nested, **kwargs: Nested) -> Nested:
        return converted(layer, *args, **kwargs)

    return plain
