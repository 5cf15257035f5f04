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
from typing import TYPE_CHECKING, TypeVar

from .backend import Model, Nested
from .library import library_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 60.0
"""Seconds to wait for other threads."""

_INSIDE = ("train_step", "test_step", "predict_step", "__call__", "call")
"""Names of the methods of a model or layer that run its code."""

_TRAINING = ("fit", "train_on_batch")

_POLL = 0.001

# One for all models: they may share layers.
_lock = threading.RLock()

_pause = threading.Lock()

_T = TypeVar("_T")


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
        with _Entrance(model).closed():
            yield
    finally:
        _lock.release()


def between_steps(model: Model, read: Callable[[], _T]) -> _T | None:
    """Read a model's variables between two training steps of another thread.

    Within a step they change one after the other, so that some may be read before and some after.
    The other thread waits for no longer than the reading takes.

    Returns
    -------
    object
        What `read` returns; None where no other thread trains the model by ``fit`` or
        ``train_on_batch``.

    Raises
    ------
    RuntimeError
        If a step takes more than `PATIENCE` seconds.
    """
    if not trains_elsewhere(model):
        return None
    namespace = model.__dict__
    with _pause:
        step = namespace.get("train_function")
        if step is None:  # fit begins by making it
            return read()
        opened = threading.Event()

        def gate(*args: Nested, **kwargs: Nested) -> Nested:
            opened.wait()
            return step(*args, **kwargs)

        try:
            namespace["train_function"] = gate
            while True:
                _wait(model, lambda: _runs(step))
                found = read()
                # One that looked the function up before it was closed may have slipped in.
                if not _runs(step):
                    return found
        finally:
            if namespace.get("train_function") is gate:
                namespace["train_function"] = step
            opened.set()


def trains_elsewhere(model: Model) -> bool:
    """Tell whether another thread is in a model's ``fit`` or ``train_on_batch``."""
    here = threading.get_ident()
    for thread, current in sys._current_frames().items():  # noqa: SLF001 - documented
        frame: FrameType | None = None if thread == here else current
        while frame is not None:
            if frame.f_code.co_name in _TRAINING and frame.f_locals.get("self") is model:
                return True
            frame = frame.f_back
    return False


def _runs(function: Callable[..., object]) -> bool:
    """Tell whether a function, which may be a ``tf.function``, runs in another thread."""
    code = getattr(function, "__code__", None)
    here = threading.get_ident()
    for thread, current in sys._current_frames().items():  # noqa: SLF001 - documented
        frame: FrameType | None = None if thread == here else current
        while frame is not None:
            if frame.f_code is code or frame.f_locals.get("self") is function:
                return True
            frame = frame.f_back
    return False


def _wait(model: Model, busy: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while busy():
        if time.monotonic() > deadline:
            raise RuntimeError(_still_busy(model, "another thread is in it"))
        time.sleep(_POLL)


class _Entrance:
    """The ``call`` of a model, where other threads wait while it is closed."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._owner = threading.get_ident()
        self._opened = threading.Event()
        # For each thread that was inside when the entrance was closed, its outermost frame there.
        self._inside: dict[int, FrameType] = {}

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Let other threads wait outside, once those that are inside have left."""
        namespace = self._model.__dict__
        own, gate = namespace.get("call"), self._gate()
        try:
            namespace["call"] = gate
            self._inside = self._others()
            _wait(self._model, self._others)
            self._inside = {}
            yield
        finally:
            if namespace.get("call") is gate:
                if own is None:
                    del namespace["call"]
                else:
                    namespace["call"] = own
            self._opened.set()

    def _gate(self) -> Callable[..., Nested]:
        library = library_of(self._model)
        own = self._model.call
        entrance = library.converting(own)

        @wraps(own)
        def gate(*args: Nested, **kwargs: Nested) -> Nested:
            waiting = self._must_wait(sys._getframe(1))  # noqa: SLF001 - documented
            if not waiting:
                return entrance(*args, **kwargs)
            self._opened.wait()
            waiting = False
            # Looked up now: the next one may have closed the entrance already.
            return library.converting(self._model.call)(*args, **kwargs)

        gate.__module__ = __name__  # `is_replaced` tells it by that
        return library.opaque(gate)

    def _must_wait(self, caller: FrameType) -> bool:
        thread = threading.get_ident()
        if thread == self._owner or self._opened.is_set():
            return False
        return self._inside.get(thread) is not _outermost(caller, self._objects())

    def _others(self) -> dict[int, FrameType]:
        """Find the other threads that are in the code of the model or one of its layers."""
        objects = self._objects()
        frames = sys._current_frames()  # noqa: SLF001 - documented
        found = {t: _outermost(f, objects) for t, f in frames.items() if t != self._owner}
        return {thread: frame for thread, frame in found.items() if frame is not None}

    def _objects(self) -> set[int]:
        return {id(layer) for layer in library_of(self._model).all_layers(self._model)}


def _outermost(frame: FrameType | None, objects: set[int]) -> FrameType | None:
    """Return the outermost frame of a thread that runs code of these objects.

    None if there is none, or the thread waits at an entrance.
    """
    found = None
    while frame is not None:
        name, names = frame.f_code.co_name, frame.f_locals
        if name == "gate" and frame.f_globals is globals() and names.get("waiting"):
            return None
        if name in _INSIDE and id(names.get("self")) in objects:
            found = frame
        frame = frame.f_back
    return found


def _still_busy(model: Model, why: str) -> str:
    return (
        f"model {model.name!r} must not be in use by another thread while it is looked into; "
        f"waited {PATIENCE:.0f} s, and {why}; call again when that has ended"
    )
