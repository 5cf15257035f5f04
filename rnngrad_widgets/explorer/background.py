"""Threads that work for a widget, and do not keep it in use."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakMethod


def while_there(method: Any) -> Callable[..., None]:
    """Return a function that calls a method as long as something else refers to its object."""
    there = WeakMethod(method)

    def call(*arguments: Any) -> None:
        found = there()
        if found is not None:
            found(*arguments)

    return call


def repeat(
    method: Callable[[], bool], stop: threading.Event, pause: float, name: str
) -> threading.Thread:
    """Call a method in a thread until it returns False, its object is gone, or it is to stop.

    Parameters
    ----------
    method
        A bound method.
    stop
        Set it to end the thread.
    pause
        Seconds between two calls, in which others get a lock that the method takes.
    name
        Of the thread.

    Returns
    -------
    threading.Thread
        The thread, started.
    """
    weak = WeakMethod(method)

    def run() -> None:
        while not stop.wait(pause):
            call = weak()
            if call is None or not call():
                return
            del call

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread
