"""One thread at a time in a model's Python code.

A model is Python code that is run while a function is traced, or at every batch with
``run_eagerly=True``; what it runs into there (the engine's taps, a dropout mask on a cell, a list
of losses) is common to all threads. So the engine never runs it beside another thread: it waits
until the others have left it, and lets them wait at its entrances meanwhile. A ``fit`` in another
thread is not slowed otherwise: its traced function runs none of this code.
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from functools import wraps
from types import FrameType
from typing import TYPE_CHECKING

from .backend import Model, Nested
from .library import library_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 60.0
"""Seconds to wait for other threads."""

_ENTRANCES = ("train_step", "test_step", "predict_step", "call")
_POLL = 0.001

# One for all models: they may share layers.
_lock = threading.RLock()


@contextmanager
def exclusive(model: Model) -> Iterator[None]:
    """Enter to run a model's Python code in this thread only.

    Raises
    ------
    RuntimeError
        If another thread does not leave the model within `PATIENCE` seconds.
    """
    if not _lock.acquire(timeout=PATIENCE):
        raise RuntimeError(_still_busy(model, "another thread computes gradients"))
    try:
        with _entrances_closed(model):
            yield
    finally:
        _lock.release()


@contextmanager
def _entrances_closed(model: Model) -> Iterator[None]:
    opened = threading.Event()
    names = [name for name in _ENTRANCES if callable(getattr(model, name, None))]
    shadowed = {name: model.__dict__[name] for name in names if name in model.__dict__}
    gates = {name: _gate(model, getattr(model, name), opened) for name in names}
    try:
        model.__dict__.update(gates)
        _wait_for_others(model)
        yield
    finally:
        for name, gate in gates.items():
            if model.__dict__.get(name) is not gate:
                continue
            if name in shadowed:
                model.__dict__[name] = shadowed[name]
            else:
                del model.__dict__[name]
        opened.set()


def _gate(
    model: Model, entrance: Callable[..., Nested], opened: threading.Event
) -> Callable[..., Nested]:
    owner, library = threading.get_ident(), library_of(model)
    entrance = library.converting(entrance)

    @wraps(entrance)
    def gate(*args: Nested, **kwargs: Nested) -> Nested:
        # Who was inside before the entrances were closed is let through, and waited for.
        caller = sys._getframe(1)  # noqa: SLF001 - documented
        waiting = threading.get_ident() != owner and not _is_inside(caller, _objects(model))
        if waiting:
            opened.wait()
        waiting = False
        return entrance(*args, **kwargs)

    return library.opaque(gate)


def _wait_for_others(model: Model) -> None:
    owner, objects = threading.get_ident(), _objects(model)
    deadline = time.monotonic() + PATIENCE
    while any(
        thread != owner and _is_inside(frame, objects)
        for thread, frame in sys._current_frames().items()  # noqa: SLF001 - documented
    ):
        if time.monotonic() > deadline:
            raise RuntimeError(_still_busy(model, "another thread runs its Python code"))
        time.sleep(_POLL)


def _objects(model: Model) -> set[int]:
    return {id(layer) for layer in library_of(model).all_layers(model)}


def _is_inside(frame: FrameType | None, objects: set[int]) -> bool:
    """Tell whether a thread is in the code of a model or one of its layers."""
    while frame is not None:
        name, names = frame.f_code.co_name, frame.f_locals
        if name == "gate" and frame.f_globals is globals() and names.get("waiting"):
            return False  # at an entrance, and not in
        if name in ("__call__", *_ENTRANCES) and id(names.get("self")) in objects:
            return True
        frame = frame.f_back
    return False


def _still_busy(model: Model, why: str) -> str:
    return (
        f"model {model.name!r} must not be in use by another thread while it is looked into; "
        f"waited {PATIENCE:.0f} s, and {why}; call again when that has ended"
    )
