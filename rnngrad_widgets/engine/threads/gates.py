"""Gates: methods of other people's classes at which other threads wait for a moment.

They stand at classes, not at objects, so that nothing of a model is changed by them, and only while
one thread goes on alone.

Whether another thread is inside is told by the code that it runs. Its variables are not looked at:
to read ``f_locals`` of a frame that runs in another thread can crash CPython 3.11 and 3.12.
"""

from __future__ import annotations

import sys
import threading
import time
from abc import ABC, abstractmethod
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
"""Seconds to keep gates closed while waiting; then another thread may be what one inside needs."""

_RECHECK = 1.0
"""Seconds after which a waiting thread looks whether the one it waits for is still there."""

_mutex = threading.RLock()
"""Held for moments only, never while waiting. It guards the three below."""

_turns: list[ExclusiveAccess] = []
"""Those that are alone, or about to be: of one thread, inner ones last."""

_begun = 0
"""How many were alone so far."""

_waiting: set[int] = set()
"""Threads that wait at a gate."""


class ExclusiveAccess(ABC):
    """Enter to go on alone: other threads wait at the gates, once those inside have left.

    One thread at a time is alone, whatever the gates; it may enter others meanwhile. Safe against a
    KeyboardInterrupt anywhere: who is alone is so only as long as the frame that entered is on its
    thread's stack (so the ``with`` must not be in a generator).
    """

    methods: tuple[tuple[type, str], ...] = ()
    """Where the gates stand: classes and the names of their methods or properties."""

    def __init__(self, entering: FrameType) -> None:
        self._owner = threading.get_ident()
        self._frame: FrameType | None = entering
        self._closed = False
        self._opened = threading.Event()
        self._left_inside = False
        self._installed: list[tuple[type, str, Any, Any]] = []
        # For each thread that was inside when the gates were closed, its outermost frame there.
        self._entered: dict[int, FrameType] = {}

    @abstractmethod
    def is_inside(self, frame: FrameType) -> bool:
        """Tell whether a frame runs what only one thread may run."""

    @abstractmethod
    def still_busy(self, why: str) -> RuntimeError:
        """Return the error for a wait in vain."""

    def gives_up(self, frame: FrameType, waited: float) -> bool:  # noqa: ARG002 - of those that do
        """Tell whether a thread with this outermost frame inside is to be left there."""
        return False

    def __enter__(self) -> None:
        """Wait until this thread is alone.

        Raises
        ------
        RuntimeError
            If others are inside for longer than `PATIENCE` seconds.
        """
        try:
            self._take_turn()
            self._close()
        except BaseException:
            self._leave()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the others go on."""
        self._leave()

    def _take_turn(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self._is_turn():
            if time.monotonic() > deadline:
                raise self.still_busy("another thread computes gradients")
            time.sleep(_POLL)

    def _is_turn(self) -> bool:
        global _begun  # noqa: PLW0603 - guarded like the others
        with _mutex:
            for other in [turn for turn in _turns if turn.is_abandoned()]:
                other.open()
                _turns.remove(other)
            free = all(turn._owner == self._owner for turn in _turns)  # noqa: SLF001 - own class
            if free:
                _turns.append(self)
                _begun += 1
            return free

    def _leave(self) -> None:
        self.open()
        with _mutex:
            if self in _turns:
                _turns.remove(self)
        self._frame = None

    def _close(self) -> None:
        began, patience = time.monotonic(), _FIRST
        while not self._is_alone(patience, began):
            self.open()
            if time.monotonic() - began > PATIENCE:
                raise self.still_busy("another thread is inside")
            time.sleep(5 * _POLL)
            patience = min(2 * patience, _LONGEST)

    def _is_alone(self, patience: float, began: float) -> bool:
        """Close the gates, and wait for those inside; not for long: they may need one outside."""
        with _mutex:
            self._opened = threading.Event()
            self._closed = True
            self._install()
            self._entered = self._others()
        deadline = time.monotonic() + patience
        while True:
            looked = time.monotonic()
            inside = self._others()
            now = time.monotonic()
            if all(self.gives_up(frame, now - began) for frame in inside.values()):
                self._left_inside = bool(inside)
                break
            if now > deadline:
                return False
            time.sleep(max(_POLL, 20 * (now - looked)))  # looking slows them
        self._entered = {}
        return True

    def open(self) -> None:
        """Let the others go on; they wait no more."""
        self._closed = False
        while self._installed:
            owner, name, own, gate = self._installed[-1]
            if owner.__dict__.get(name) is gate:
                setattr(owner, name, own)
            self._installed.pop()
        self._opened.set()

    def is_abandoned(self) -> bool:
        """Tell whether the thread has left without having said so: it was interrupted there."""
        return all(frame is not self._frame for frame in stack(innermost_frames().get(self._owner)))

    def _others(self) -> dict[int, FrameType]:
        """Find the other threads that are inside, with the outermost frame of each."""
        with _mutex:
            found = {
                thread: self._outermost(frame, thread)
                for thread, frame in innermost_frames().items()
                if thread != self._owner
            }
        return {thread: frame for thread, frame in found.items() if frame is not None}

    def _outermost(self, frame: FrameType | None, thread: int) -> FrameType | None:
        """Return a thread's outermost frame inside; None if it is outside, or waits here."""
        found = None
        waits = thread in _waiting
        for each in stack(frame):
            code = each.f_code
            if code is _TAKING_TURN or (waits and code is _GATE):
                return None
            if code is _GATE or self.is_inside(each):
                found = each
        return found

    def _install(self) -> None:
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
        # Autograph shall leave the gate as it is, and convert what is behind it.
        marked: Callable[..., Any] = api.autograph_artifact(_gate(self, owner, name, own))
        return marked

    def pass_through(self, caller: FrameType) -> bool:
        """Wait at a gate; tell whether there was a wait.

        Parameters
        ----------
        caller
            The frame that calls what is behind the gate.
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
                if not self._opened.wait(_RECHECK) and self.is_abandoned():
                    self.open()
        finally:
            with _mutex:
                _waiting.discard(thread)

    def _must_wait(self, thread: int, caller: FrameType) -> bool:
        if not self._closed:
            return False
        inside = self._entered.get(thread)
        return inside is None or inside is not self._outermost(caller, 0)


def count_of_turns() -> int | None:
    """Count those that were alone so far; None while another thread is."""
    here = threading.get_ident()
    with _mutex:
        elsewhere = any(turn._owner != here for turn in _turns)  # noqa: SLF001 - of this module
        return None if elsewhere else _begun


def _gate(alone: ExclusiveAccess, owner: type, name: str, own: Any) -> Callable[..., Any]:
    @wraps(own)
    def gate(*args: Any, **kwargs: Any) -> Any:
        if alone.pass_through(sys._getframe(1)):  # noqa: SLF001 - documented
            # The next one may have closed gates of its own before this thread woke up.
            current = owner.__dict__[name]
            return getattr(current, "fget", current)(*args, **kwargs)
        return own(*args, **kwargs)

    return gate


_GATE: CodeType = next(c for c in _gate.__code__.co_consts if getattr(c, "co_name", "") == "gate")
_TAKING_TURN = ExclusiveAccess._take_turn.__code__  # noqa: SLF001 - of this module
