"""The Keras modules that are loaded, and tests against their classes."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from rnngrad_widgets.engine.backend import keras


def is_a(thing: object, *names: str) -> bool:
    """Return whether something is one of these layers, of either Keras."""
    return isinstance(thing, _classes(names, len(modules())))


@cache
def _classes(names: tuple[str, ...], _loaded: int) -> tuple[type, ...]:
    # Cached: it is asked of every attribute of every layer.
    return tuple(getattr(module.layers, name) for module in modules() for name in names)


def is_model(thing: object) -> bool:
    """Return whether something is a model of either Keras."""
    return any(isinstance(thing, module.Model) for module in modules())


def is_sequence(thing: object) -> bool:
    """Return whether something yields batches by index: ``PyDataset``, in Keras 2 ``Sequence``."""
    return isinstance(thing, tuple(module.utils.Sequence for module in modules()))


def modules() -> list[Any]:
    """List the Keras modules: Keras 3, and tf_keras where it is loaded."""
    # A model of tf_keras can only be there once tf_keras was imported.
    loaded: Any = sys.modules.get("tf_keras")
    # Its version says that it is Keras 2, not its name; while it is imported it has none.
    return [keras, loaded] if str(getattr(loaded, "__version__", "")).startswith("2.") else [keras]
