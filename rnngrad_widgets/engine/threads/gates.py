"""Exclusive access to foreign code: other threads wait at gates while one thread runs.

A gate wraps a method of a class, never of an object, so that no model is changed; and only while
a thread has exclusive access.

Whether another thread is inside the guarded code is decided from the code objects of its frames.
Its variables are never read: reading ``f_locals`` of a frame that another thread is running can
crash CPython 3.11 and 3.12.
"""

from __future__ import annotations

import sys
import threading
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any

from rnngrad_widgets.engine.threads.frames import innermost_frames, stack

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType, TracebackType

PATIENCE = 60.0
"""Seconds to wait for other threads."""

_POLL = 0.001

_FIRST, _LONGEST = 0.1, 5.0
"""Seconds to keep gates closed while waiting; a thread inside may need one that waits outside."""

_RECHECK = 1.0
"""Seconds after which a waiting thread checks that the one it waits for is still there."""

_mutex = threading.RLock()
"""Guards the three names below. It is held briefly, never while waiting."""

_holders: list[ExclusiveAccess] = []
"""Accesses that are held, or about to be, all by one thread; nested ones come last."""

_acquisitions = 0
"""How many accesses have begun so far."""

_waiting: set[int] = set()
"""Threads that wait at a gate."""


class ExclusiveAccess(ABC):
    """Context in which other threads stay outside of some methods; they wait at gates there.

    One thread at a time has exclusive access, of whichever kind; it may enter further ones
    meanwhile. A KeyboardInterrupt is safe anywhere: access lasts only as long as the frame that
    entered is on its thread's stack (so the ``with`` must not be in a generator).

    Parameters
    ----------
    entering
        The frame of the ``with`` statement.
    """

    methods: tuple[tuple[type, str], ...] = ()
    """Where the gates are: classes and the names of their methods or properties."""

    def __init__(self, entering: FrameType) -> None:
        self._owner = threading.get_ident()
        self._frame: FrameType | None = entering
        self._closed = False
        # Held while the gates are closed. Not an Event: a thread that is interrupted while it sets
        # one may leave it locked.
        self._closed_lock = threading.Lock()
        self._left_inside = False
        self._installed: list[tuple[type, str, Any, Any]] = []
        # For each thread that was inside when the gates were closed, its outermost frame there.
        self._entered: dict[int, FrameType] = {}

    @abstractmethod
    def is_inside(self, frame: FrameType, called: FrameType | None) -> bool:
        """Return whether a frame runs the guarded code, or is on its way there.

        Parameters
        ----------
        frame
            A frame of another thread.
        called
            The frame that it has called; None for the innermost one.
        """

    @abstractmethod
    def still_busy(self, why: str) -> RuntimeError:
        """Return the error for a wait that took too long, with the reason."""

    def may_stay_inside(self, frame: FrameType, waited: float) -> bool:  # noqa: ARG002 - to override
        """Return whether a thread with this outermost frame inside need not leave.

        `waited` is in seconds.
        """
        return False

    def __enter__(self) -> None:
        """Wait until no other thread is inside.

        Raises
        ------
        RuntimeError
            If others are inside for longer than `PATIENCE` seconds.
        """
        try:
            self._acquire()
            self._close_gates()
        except BaseException:
            self._leave()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let other threads in again."""
        self._leave()

    def _acquire(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self._try_to_acquire():
            if time.monotonic() > deadline:
                raise self.still_busy("another thread computes gradients")
            time.sleep(_POLL)

    def _try_to_acquire(self) -> bool:
        global _acquisitions  # noqa: PLW0603 - guarded like the others
        with _mutex:
            for other in [holder for holder in _holders if holder.is_abandoned()]:
                other.open_gates()
                _holders.remove(other)
            free = all(holder._owner == self._owner for holder in _holders)  # noqa: SLF001 - own class
            if free:
                _holders.append(self)
                _acquisitions += 1
            return free

    def _leave(self) -> None:
        self.open_gates()
        with _mutex:
            if self in _holders:
                _holders.remove(self)
        self._frame = None

    def _close_gates(self) -> None:
        began, patience = time.monotonic(), _FIRST
        while not self._wait_until_others_left(patience, began):
            self.open_gates()
            if time.monotonic() - began > PATIENCE:
                raise self.still_busy("another thread is inside")
            time.sleep(5 * _POLL)
            patience = min(2 * patience, _LONGEST)

    def _wait_until_others_left(self, patience: float, began: float) -> bool:
        """Close the gates and wait until other threads have left; return False if that takes long.

        They may need a thread that waits outside.
        """
        with _mutex:
            self._closed_lock = threading.Lock()
            self._closed_lock.acquire()
            self._closed = True
            self._install_gates()
            self._entered = self._threads_inside()
        deadline = time.monotonic() + patience
        while True:
            looked = time.monotonic()
            inside = self._threads_inside()
            now = time.monotonic()
            if all(self.may_stay_inside(frame, now - began) for frame in inside.values()):
                self._left_inside = bool(inside)
                break
            if now > deadline:
                return False
            time.sleep(max(_POLL, 20 * (now - looked)))  # looking slows them
        self._entered = {}
        return True

    def open_gates(self) -> None:
        """Remove the gates, and let the threads that wait there go on."""
        self._closed = False
        while self._installed:
            owner, name, own, gate = self._installed[-1]
            if owner.__dict__.get(name) is gate:
                setattr(owner, name, own)
            self._installed.pop()
        _release(self._closed_lock)

    def is_abandoned(self) -> bool:
        """Return whether the owner was interrupted before it could give the access up."""
        return all(frame is not self._frame for frame in stack(innermost_frames().get(self._owner)))

    def _threads_inside(self) -> dict[int, FrameType]:
        """Return the other threads that are inside, with the outermost frame of each there."""
        with _mutex:
            found = {
                thread: self._outermost(frame, thread)
                for thread, frame in innermost_frames().items()
                if thread != self._owner
            }
        return {thread: frame for thread, frame in found.items() if frame is not None}

    def _outermost(self, frame: FrameType | None, thread: int) -> FrameType | None:
        """Return a thread's outermost frame inside; None if it is outside, or waits here."""
        found = called = None
        waits = thread in _waiting
        for each in stack(frame):
            code = each.f_code
            if code is _ACQUIRING or (waits and code is _GATE):
                return None
            if code is _GATE or self.is_inside(each, called):
                found = each
            called = each
        return found

    def _install_gates(self) -> None:
        for owner, name in self.methods:
            own = owner.__dict__[name]
            gate: Any
            if isinstance(own, property):
                gate = property(self._gate(owner, name, own.fget), own.fset, own.fdel, own.__doc__)
            else:
                gate = self._gate(owner, name, own)
            self._installed.append((owner, name, own, gate))
            setattr(owner, name, gate)

    def _gate(self, owner: type, name: str, own: Any) -> Callable[..., Any]:
        api: Any = import_module("tensorflow.python.autograph.impl.api")
        # Autograph leaves the gate as it is, and converts the method behind it.
        marked: Callable[..., Any] = api.autograph_artifact(_gate(self, owner, name, own))
        return marked

    def wait(self, caller: FrameType) -> bool:
        """Wait at a gate; return whether there was a wait.

        Parameters
        ----------
        caller
            The frame that calls the method behind the gate.
        """
        thread = threading.get_ident()
        if thread == self._owner or not self._closed:
            return False
        waited = False
        try:
            while True:
                with _mutex:
                    if not self._must_wait(thread, caller):
                        _waiting.discard(thread)
                        return waited
                    _waiting.add(thread)
                waited = True
                lock = self._closed_lock
                if lock.acquire(timeout=_RECHECK):
                    _release(lock)  # for the next one that waits
                elif self.is_abandoned():
                    self.open_gates()
        finally:
            with _mutex:
                _waiting.discard(thread)

    def _must_wait(self, thread: int, caller: FrameType) -> bool:
        if not self._closed:
            return False
        inside = self._entered.get(thread)
        return inside is None or inside is not self._outermost(caller, 0)


def _release(lock: threading.Lock) -> None:
    """Release a lock, if another thread has not done so."""
    with suppress(RuntimeError):
        lock.release()


def is_idle() -> bool:
    """Return whether no thread has exclusive access, and none waits at a gate."""
    with _mutex:
        return not _holders and not _waiting


def acquisition_count() -> int | None:
    """Return how many accesses have begun so far; None while another thread has one."""
    here = threading.get_ident()
    with _mutex:
        elsewhere = any(holder._owner != here for holder in _holders)  # noqa: SLF001 - of this module
        return None if elsewhere else _acquisitions


def _gate(alone: ExclusiveAccess, owner: type, name: str, own: Any) -> Callable[..., Any]:
    @wraps(own)
    def gate(*args: Any, **kwargs: Any) -> Any:
        if alone.wait(sys._getframe(1)):  # noqa: SLF001 - documented
            # The next one may have closed gates of its own before this thread woke up.
            current = owner.__dict__[name]
            return getattr(current, "fget", current)(*args, **kwargs)
        return own(*args, **kwargs)

    return gate


_GATE: CodeType = next(c for c in _gate.__code__.co_consts if getattr(c, "co_name", "") == "gate")
_ACQUIRING = ExclusiveAccess._acquire.__code__  # noqa: SLF001 - of this module
