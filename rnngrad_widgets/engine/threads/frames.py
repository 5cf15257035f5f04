"""The frames that threads run, looked at from another thread."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def innermost_frames() -> dict[int, FrameType]:
    """Return the innermost frame of each thread."""
    with _not_collecting():
        return sys._current_frames()  # noqa: SLF001 - documented


def stack(frame: FrameType | None) -> list[FrameType]:
    """List a frame, its caller, and so on."""
    found = []
    with _not_collecting():
        while frame is not None:
            found.append(frame)
            frame = frame.f_back
    return found


class _not_collecting:  # noqa: N801 - a context, as in contextlib
    """Keep the garbage collector away while frame objects of other threads are made.

    Before Python 3.12 it may run just then, and let another thread leave such a frame.
    """

    def __enter__(self) -> None:
        self._was = sys.version_info < (3, 12) and gc.isenabled()
        if self._was:
            gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._was:
            gc.enable()
