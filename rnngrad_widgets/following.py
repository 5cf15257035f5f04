"""Following a recording: a thread that looks for new steps until it is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable

INTERVAL = 0.5
"""Seconds between two looks."""


class Follower:
    """Call a function every so often, in a thread of its own.

    Parameters
    ----------
    look
        What is called.
    failed
        What is told the error that ends the following.
    """

    def __init__(self, look: Callable[[], None], failed: Callable[[Exception], None]) -> None:
        self._look = look
        self._failed = failed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rnngrad follower", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it; returns when the thread has ended, unless called by it."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stop.wait(INTERVAL):
                self._look()
        except Exception as error:  # noqa: BLE001 - there is no caller to raise to
            self._failed(error)
