"""A line on what takes long."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 1.0
"""Seconds before the line."""


@contextmanager
def announce_if_slow(doing: str) -> Iterator[None]:
    """Say what is being done, on standard error, if it takes a while."""
    line = f"rnngrad_widgets: {doing} (the first call for a kind of batch takes longest)"
    timer = threading.Timer(PATIENCE, print, (line,), {"file": sys.stderr})
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
