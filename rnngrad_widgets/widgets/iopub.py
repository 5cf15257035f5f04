"""Let no message of widgets be lost where a cell makes many at once.

A kernel keeps at most 1,000 messages that the server has not taken yet, zmq's default, and throws
away what comes then without a word, also that a cell has ended. An explorer is several hundred.
Measured: of 30 in one cell, 300 of 9,900 widgets did not come, and on a busy machine the notebook
waited for ever.
"""

from __future__ import annotations

from typing import Any

from IPython import get_ipython

WAITING = 50_000
"""Messages that may wait for the server: a hundred explorers, or what a fit shows in hours."""


def keep_messages() -> None:
    """Let the kernel keep `WAITING` messages; do nothing without a kernel."""
    kernel = getattr(get_ipython(), "kernel", None)
    thread = getattr(kernel, "iopub_thread", None)
    if thread is not None:
        thread.schedule(lambda: _raise_limit(thread.socket))  # a socket belongs to its thread


def _raise_limit(socket: Any) -> None:
    if 0 < getattr(socket, "sndhwm", 0) < WAITING:  # zero is no limit, or no socket of zmq
        socket.sndhwm = WAITING
