"""One writer at a time in a folder, whichever process it is in."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where a folder cannot be locked
    fcntl = None  # type: ignore[assignment]

PATIENCE = 30.0
"""Seconds in which another writer must have written its step."""


@contextmanager
def locked(folder: Path | None, where: str) -> Iterator[None]:
    """Lock a folder against other writers; the system unlocks it when the process ends.

    The folder itself is locked: a file for it would lie in a store that others read. Nothing is
    locked where there is no folder yet, or the file system knows no locks.

    Raises
    ------
    BlockingIOError
        If another writer does not come to its end.
    """
    handle = None
    if folder is not None and fcntl is not None and folder.is_dir():
        handle = os.open(folder, os.O_RDONLY)
    try:
        if handle is not None:
            _wait(handle, where)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _wait(handle: int, where: str) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # noqa: PERF203 - it waits anyway
            if time.monotonic() > end:
                raise BlockingIOError(
                    errno.EAGAIN,
                    f"{where} must have one writer at a time; another one did not end in "
                    f"{PATIENCE:g} s. Record to another path",
                ) from None
            time.sleep(0.02)
        except OSError:
            return  # a network's file system without locks
        else:
            return
