"""Gates: methods of other people's classes at which other threads wait for a moment.

They stand at classes, not at objects, so that nothing of a model is changed by them, and only while
one thread goes on alone.
"""

from __future__ import annotations

import sys
import threading
import time
from abc import ABC, abstractmethod
from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

PATIENCE = 60.0
"""Seconds to wait for other threads."""

_POLL = 0.001

_FIRST, _LONGEST = 0.1, 5.0
"""Seconds to keep gates closed while waiting; then another thread may be what one inside needs."""

_RECHECK = 1.0
"""Seconds after which a waiting thread looks whether the one it waits for is still there."""

_mutex = threading.RLock()
"""Held for moments only, never while waiting."""

_turns: list[Alone] = []
"""Those that are alone, or about to be: of one thread, inner ones last. Guarded by `_mutex`."""


class Alone(ABC):
    """Enter to go on alone: other threads wait at the gates, once those inside have left.

    One thread at a time is alone, whatever the gates; it may enter others meanwhile.
    Safe against a KeyboardInterrupt anywhere: who is alone is so only as long as the frame that
    entered is on its thread's stack.
    """

    methods: tuple[tuple[type, str], ...] = ()
    """Where the gates stand: classes and the names of their methods."""

    def __init__(self, entering: FrameType) -> None:
        self._owner = threading.get_ident()
        self._frame: FrameType | None = entering
        self._closed = False
        self._opened = threading.Event()
        self._installed: list[tuple[type, str, Callable[..., Any], Callable[..., Any]]] = []
        # For each thread that was inside when the gates were closed, its outermost frame there.
        self._entered: dict[int, FrameType] = {}

    @abstractmethod
    def guards(self, thing: object) -> bool:
        """Tell whether threads wait before they call a method of this object."""

    @abstractmethod
    def outermost(self, frame: FrameType | None) -> FrameType | None:
        """Return the outermost frame of a stack that is inside; None for a thread that waits."""

    @abstractmethod
    def still_busy(self, why: str) -> RuntimeError:
        """Return the error for a wait in vain."""

    def gives_up(self, thread: int, waited: float) -> bool:  # noqa: ARG002
        """Tell whether a thread that stays inside is to be left there."""
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
        with _mutex:
            for other in [turn for turn in _turns if turn.is_abandoned()]:
                other.open()
                _turns.remove(other)
            free = all(turn._owner == self._owner for turn in _turns)  # noqa: SLF001 - own class
            if free:
                _turns.append(self)
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
        with _mutex:
            self._opened = threading.Event()
            self._closed = True
            self._install()
            self._entered = self.others()
        deadline = time.monotonic() + patience
        while inside := self.others():
            now = time.monotonic()
            if all(self.gives_up(thread, now - began) for thread in inside):
                break
            if now > deadline:
                return False
            time.sleep(_POLL)
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
        frame: FrameType | None = sys._current_frames().get(self._owner)  # noqa: SLF001 - documented
        while frame is not None:
            if frame is self._frame:
                return False
            frame = frame.f_back
        return True

    def others(self) -> dict[int, FrameType]:
        """Find the other threads that are inside, with the outermost frame of each."""
        frames = sys._current_frames()  # noqa: SLF001 - documented
        found = {t: self.outermost(f) for t, f in frames.items() if t != self._owner}
        return {thread: frame for thread, frame in found.items() if frame is not None}

    def _install(self) -> None:
        for owner, name in self.methods:
            own = owner.__dict__[name]
            gate = self._gate(owner, name, own)
            self._installed.append((owner, name, own, gate))
            setattr(owner, name, gate)

    def _gate(self, owner: type, name: str, own: Callable[..., Any]) -> Callable[..., Any]:
        alone = self

        @wraps(own)
        def gate(self: Any, *args: Any, **kwargs: Any) -> Any:
            thread = threading.get_ident()
            if thread != alone._owner and alone._closed and alone.guards(self):
                waiting = True  # for others that look at this frame
                while waiting:
                    caller = sys._getframe(1)  # noqa: SLF001 - documented
                    with _mutex:
                        waiting = alone._must_wait(thread, caller)
                    if waiting and not alone._opened.wait(_RECHECK) and alone.is_abandoned():
                        alone.open()
                # The next one may have closed gates of its own before this thread woke up.
                current = owner.__dict__[name]
                if current is not marked:
                    return current(self, *args, **kwargs)
            return own(self, *args, **kwargs)

        api: Any = import_module("tensorflow.python.autograph.impl.api")
        marked: Callable[..., Any] = api.autograph_artifact(gate)
        return marked

    def _must_wait(self, thread: int, caller: FrameType) -> bool:
        if not self._closed:
            return False
        inside = self._entered.get(thread)
        return inside is None or inside is not self.outermost(caller)


def waits(frame: FrameType) -> bool:
    """Tell whether a frame is a gate at which its thread waits."""
    return is_gate(frame) and bool(frame.f_locals.get("waiting"))


def is_gate(frame: FrameType) -> bool:
    """Tell whether a frame is a gate."""
    return frame.f_code.co_name == "gate" and frame.f_globals is globals()
