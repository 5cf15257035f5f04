"""The engine: the only part of the package that imports TensorFlow, when its names are used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnngrad_widgets.engine.engine import GradientEngine
    from rnngrad_widgets.engine.layers.find import RecurrentLayer

__all__ = ["GradientEngine", "RecurrentLayer"]

_HOMES = {"GradientEngine": "engine", "RecurrentLayer": "layers.find"}


def __getattr__(name: str) -> object:
    """Load a public name on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value  # the next use finds it without coming here
    return value
