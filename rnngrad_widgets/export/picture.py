"""Saving what a widget shows: the browser draws the picture, Python waits for it and writes it.

The picture comes over a comm that the browser opens, once the application has given it a subshell,
and that Python closes. ipykernel sends answers on a widget's own comm to where the last message
came from: behind the cell that waits for them. Were the comm closed in the browser, the subshell
would end before the picture is there.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from comm import get_comm_manager
from comm.base_comm import BaseComm
from IPython import get_ipython
from ipywidgets import DOMWidget

from rnngrad_widgets.export.files import write_whole

TARGET = "rnngrad_widgets.saving"
"""Where the browser sends its answers. Both: see js/src/export/picture.ts."""

SIGN_SECONDS = 15.0
"""Longest wait for a sign of a browser. It has to lay out what was just displayed."""

PICTURE_SECONDS = 60.0
"""Longest wait for the picture after that."""

ASK_SECONDS = 0.5
"""Time between questions: a view that is still being made has not heard the first one."""


def save(widget: DOMWidget, target: Path) -> None:
    """Write what a displayed widget shows to a file, always in light colours.

    Parameters
    ----------
    widget
        A displayed explorer. Of several views, the one that was made last is saved, of those in
        sight; of several browsers, the one that answers first.
    target
        Ends in ``.png`` (two pixels to one on the screen) or ``.svg``. A file that is there is
        replaced, only by a whole one.

    Raises
    ------
    RuntimeError
        If there is no Jupyter kernel, no browser answers, or the browser cannot draw.
    """
    _check_kernel(widget)
    picture = _Answer(widget, target.suffix.lower()[1:]).wait()
    write_whole(target, picture)


class _Answer:
    """What the browser sends to one question.

    It comes over a comm of its own, and in another thread than the one that waits: JupyterLab sends
    the messages of comms to subshells of the kernel.
    """

    def __init__(self, widget: DOMWidget, kind: str) -> None:
        if widget.comm is None:
            raise RuntimeError("the widget is closed: make it again, display it, then save")
        self._widget = widget
        self._question = {"save": uuid4().hex, "format": kind}
        self._changed = threading.Condition()
        self._states: set[str] = set()
        self._picture: bytes | None = None
        self._reason = ""

    def wait(self) -> bytes:
        """Ask until there is a sign, then wait for the picture."""
        manager = get_comm_manager()
        manager.register_target(TARGET, self._opened)
        try:
            with self._changed:
                end = time.monotonic() + SIGN_SECONDS
                while not self._is_promised() and time.monotonic() < end:
                    self._widget.send(self._question)
                    self._changed.wait(ASK_SECONDS)
                if not self._is_promised():
                    raise RuntimeError(_HIDDEN if self._states else _silence(self._widget))
                self._changed.wait_for(self._is_done, PICTURE_SECONDS)
                if self._picture is None:
                    reason = self._reason or f"no picture within {PICTURE_SECONDS:g} s"
                    raise RuntimeError(f"the browser could not draw the picture: {reason}")
                return self._picture
        finally:
            manager.unregister_target(TARGET, self._opened)

    def _is_promised(self) -> bool:
        return bool(self._states - {"hidden"})

    def _is_done(self) -> bool:
        return self._picture is not None or self._reason != ""

    def _opened(self, comm: BaseComm, message: Mapping[str, Any]) -> None:
        def receive(message: Mapping[str, Any]) -> None:
            content = message["content"]["data"]
            if content["state"] != "drawing":
                comm.close()
            if content["save"] == self._question["save"]:
                self._receive(content, message["buffers"])

        comm.on_msg(receive)
        receive(message)

    def _receive(self, content: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        with self._changed:
            self._states.add(content["state"])
            if content["state"] == "done" and self._picture is None:
                self._picture = bytes(buffers[0])
            elif content["state"] == "failed":
                self._reason = content["reason"]
            self._changed.notify_all()


_NOWHERE = (
    "no browser shows this widget: display it first, then save. Answers come while a cell runs in "
    "JupyterLab 4.4, Notebook 7.4 or newer; elsewhere use the download button"
)
_UNHEARD = (
    "the browser's answers do not come while a cell runs: in JupyterLab 4.4, Notebook 7.4 or newer "
    "set Settings, Kernels, 'Kernel Comms over subshells' to another choice than 'Disabled', and "
    "restart the kernel; elsewhere use the download button"
)
_NO_BROWSER = (
    "there is no browser to draw the picture: papermill, nbconvert or the like runs this cell. "
    "save_html(path) and save(path, width=...) need none"
)
_HIDDEN = "the widget is in a tab that is out of sight: bring it to the front, then save"


def _check_kernel(widget: DOMWidget) -> None:
    """Raise where no answer could come: better at once than after a wait."""
    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        raise RuntimeError(
            "the browser draws the picture: save in a Jupyter notebook, or give a width, for a "
            "figure that needs no browser"
        )
    ipykernel = sys.modules.get("ipykernel")
    if ipykernel is not None and ipykernel.version_info < (7,):
        raise RuntimeError(
            "only ipykernel 7 or newer hears the browser while a cell runs; this is "
            f"{ipykernel.__version__}: update it, or use the download button"
        )
    # a callback occupies the thread that the answer would come in
    parent = shell.get_parent()
    message = parent.get("header", {}).get("msg_type")
    if _is_asked_by_python(parent):
        raise RuntimeError(_NO_BROWSER)
    if _was_shown(widget) and _subshells(shell.kernel) == []:
        raise RuntimeError(_UNHEARD)
    if message == "comm_msg" and _hears_the_browser(threading.current_thread()):
        raise RuntimeError(
            "a widget's callback cannot wait for the browser: "
            "save in a cell, or in a threading.Thread"
        )


def _is_asked_by_python(message: Mapping[str, Any]) -> bool:
    """Tell whether a cell is run without a browser: those name a cell, or no user."""
    names_cell = "cellId" in message.get("metadata", {})
    return bool(message.get("header", {}).get("username")) and not names_cell


def _was_shown(widget: DOMWidget) -> bool:
    """Tell whether a browser has shown a widget: it says whether its theme is dark."""
    return getattr(widget, "dark", None) is not None


def _silence(widget: DOMWidget) -> str:
    """Say why there may be no sign of a browser."""
    if _was_shown(widget):
        return _UNHEARD
    unheard = _subshells(getattr(get_ipython(), "kernel", None)) == []
    return f"{_NOWHERE}. Or it is displayed, and {_UNHEARD}" if unheard else _NOWHERE


def _subshells(kernel: Any) -> list[str] | None:
    """Return the subshells of a kernel, one of which the browser talks to; None if unknown."""
    manager = getattr(getattr(kernel, "shell_channel_thread", None), "manager", None)
    return None if manager is None else list(manager.list_subshell())


def _hears_the_browser(thread: threading.Thread) -> bool:
    return thread is threading.main_thread() or type(thread).__name__ == "SubshellThread"
