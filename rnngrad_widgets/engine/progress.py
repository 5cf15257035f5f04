"""Announce operations that take long."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 1.0
"""Seconds before a line is printed."""


@contextmanager
def announce_if_slow(doing: str) -> Iterator[None]:
    """Print a line on standard error if the block takes longer than `PATIENCE`.

    Parameters
    ----------
    doing
        What the block does, for the line.
    """
    line = f"rnngrad_widgets: {doing} (the first call for a kind of batch takes longest)"
    timer = threading.Timer(PATIENCE, print, (line,), {"file": sys.stderr})
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
