"""The frames that threads run, looked at from another thread."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def innermost_frames() -> dict[int, FrameType]:
    """Return the innermost frame of each thread."""
    with _no_garbage_collection():
        return sys._current_frames()  # noqa: SLF001 - documented


def stack(frame: FrameType | None) -> list[FrameType]:
    """Return a frame, its caller, and so on to the outermost one."""
    found = []
    with _no_garbage_collection():
        while frame is not None:
            found.append(frame)
            frame = frame.f_back
    return found


class _no_garbage_collection:  # noqa: N801 - a context, as in contextlib
    """Suspend garbage collection while frame objects of other threads are made.

    Before Python 3.12 a collection may run meanwhile, and let another thread leave such a frame.
    """

    def __enter__(self) -> None:
        self._was = sys.version_info < (3, 12) and gc.isenabled()
        if self._was:
            gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._was:
            gc.enable()
