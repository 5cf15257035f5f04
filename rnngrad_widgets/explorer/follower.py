"""Following a recording: a thread that looks for new steps until it is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable

INTERVAL = 0.5
"""Seconds between two looks."""

LONGEST = 30.0
"""Seconds between two looks where they fail again and again; they grow from `INTERVAL`."""


class Follower:
    """Call a function every so often, in a thread of its own.

    A file system or a network may fail for a while: the function is called again, after growing
    pauses, where it raises `OSError` or `ValueError`; anything else ends the following.

    Parameters
    ----------
    look
        What is called.
    failed
        What is told the errors in a row, each where it is another one than before, and the one that
        ends the following.
    recovered
        Called after the first look that succeeds again.
    """

    def __init__(
        self,
        look: Callable[[], None],
        failed: Callable[[Exception], None],
        recovered: Callable[[], None] = lambda: None,
    ) -> None:
        self._look = look
        self._failed = failed
        self._recovered = recovered
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rnngrad follower", daemon=True)
        self._thread.start()

    @property
    def is_following(self) -> bool:
        """Whether it still looks."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """End it; returns when the thread has ended, unless called by it."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        pause, told = INTERVAL, ""
        try:
            while not self._stop.wait(pause):
                try:
                    self._look()
                except (OSError, ValueError) as error:  # noqa: PERF203 - it waits anyway
                    if str(error) != told:
                        told = str(error)
                        self._failed(_going_on(error))
                    pause = min(2 * pause, LONGEST)
                else:
                    if pause != INTERVAL:
                        self._recovered()
                    pause, told = INTERVAL, ""
        except Exception as error:  # noqa: BLE001 - there is no caller to raise to
            self._failed(error)


def _going_on(error: Exception) -> Exception:
    """Return the same error, with words that say that it is not the end."""
    words = f"{error}; it is looked for again"
    try:
        return type(error)(words)
    except TypeError:  # some want more than words
        return RuntimeError(words)
