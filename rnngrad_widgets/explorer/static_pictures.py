"""Pictures of widgets that are saved with the notebook, for those who open it without a kernel.

A picture is an output of its own, which is drawn when the cell has ended. While the widget itself
is seen, the browser hides it. It is renewed, under the same display id, when something else was
chosen: at the end of a later cell, or when the kernel has had nothing to do for a while.
"""

from __future__ import annotations

import asyncio
import logging
import os
from base64 import b64encode
from contextlib import suppress
from typing import Any, Protocol
from weakref import WeakKeyDictionary, WeakSet, ref

from IPython import get_ipython
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.display import display
from traitlets import All

from rnngrad_widgets.figures.drawings import Sheet
from rnngrad_widgets.figures.requirement import has_matplotlib

VARIABLE = "RNNGRAD_STATIC_PICTURES"
_NO = ("0", "false", "no", "off")

MOST_BYTES = 110_000
"""Of a PNG; in a notebook it is written in base64, which makes 147 kB of it."""

MIME = "application/vnd.rnngrad-widgets.picture+json"
"""What tells our JupyterLab extension, which hides it, that an output is such a picture."""

QUIET = 1.5
"""Seconds without a change after which a picture is renewed: nobody drags a slider any more."""

_LOG = logging.getLogger(__name__)


class Pictured(Protocol):
    """A widget that can be drawn without a browser."""

    comm: Any
    model_id: str
    selection: Any
    observe: Any

    def static_sheet(self) -> Sheet:
        """Return what its picture shows."""


_are_kept: bool | None = None


def static_pictures(keep: bool | None) -> None:
    """Say whether the pictures of widgets are saved with notebooks.

    Beside each widget that is displayed, the output of its cell has a picture of what was shown
    last, of at most 150 kB: it is seen where a saved notebook is opened without a kernel, on a code
    host, and in a PDF. Matplotlib draws it when the cell has ended; without matplotlib, there is
    none. The environment variable ``RNNGRAD_STATIC_PICTURES=0`` leaves them out of all notebooks.

    Parameters
    ----------
    keep
        Whether outputs from now on have one. None: unless the environment variable says otherwise.

    Raises
    ------
    TypeError
        If it is none of these.
    """
    global _are_kept  # noqa: PLW0603 - as global as the kernel
    if keep is not None and not isinstance(keep, bool):
        raise TypeError(
            f"static_pictures takes True, False or None; received {type(keep).__name__}. "
            "For instance: static_pictures(False)"
        )
    _are_kept = keep


class StaticPictures:
    """The pictures of the widgets that are displayed in the notebook of this kernel."""

    def __init__(self) -> None:
        self._shown: list[ref[Pictured]] = []  # by the cell that runs
        self._displayed: WeakKeyDictionary[Pictured, bytes] = WeakKeyDictionary()
        self._changed: WeakSet[Pictured] = WeakSet()
        self._shell: Any = None  # whose events are listened to
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._asked = False

    def note_shown(self, frame: Pictured) -> None:
        """Let the output of the cell that runs have a picture of a widget, when it has ended."""
        if _keeps_pictures() and _is_for_a_notebook():
            self._listen()
            self._shown.append(ref(frame))

    def _listen(self) -> None:
        shell: Any = get_ipython()
        if shell is not self._shell:
            self._shell = shell
            shell.events.register("post_run_cell", lambda _result: self._cell_ended())

    def _cell_ended(self) -> None:
        shown = {frame: None for each in self._shown if (frame := each()) is not None}
        self._shown.clear()
        for frame in shown:
            self._display(frame)
        self._renew()

    def _display(self, frame: Pictured) -> None:
        """Add the picture to the output of the cell."""
        content = _draw(frame)
        if content is None:
            return
        if frame not in self._displayed:
            self._follow(frame)
        self._displayed[frame] = content
        self._changed.discard(frame)
        _publish(frame, content, update=False)

    def _follow(self, frame: Pictured) -> None:
        """Notice whatever may change what is shown; the widget is not kept alive by it."""
        with suppress(RuntimeError):  # a kernel without a loop: the next cell renews pictures
            self._loop = asyncio.get_running_loop()
        followed = ref(frame)

        def note(_change: object) -> None:
            frame = followed()
            if frame is not None:
                self._changed.add(frame)
                self._renew_later()

        frame.observe(note, All)
        frame.selection.observe(note, All)

    def _renew_later(self) -> None:
        """Let the kernel renew pictures when nothing has changed for a while; in any thread."""
        if self._loop is not None and not self._asked:
            self._asked = True  # once, however much a cell changes before the loop goes on
            self._loop.call_soon_threadsafe(self._wait)

    def _wait(self) -> None:
        self._asked = False
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(QUIET, self._renew)

    def _renew(self) -> None:
        """Draw again what has changed; what looks as before is not sent."""
        # `_changed` itself may grow in another thread meanwhile
        frames = [frame for frame in self._displayed if frame in self._changed]
        self._changed.clear()
        for frame in frames:
            content = _draw(frame)
            if content is not None and content != self._displayed[frame]:
                self._displayed[frame] = content
                _publish(frame, content, update=True)


def _keeps_pictures() -> bool:
    said = os.environ.get(VARIABLE, "").lower() not in _NO
    return (said if _are_kept is None else _are_kept) and has_matplotlib()


def _is_for_a_notebook() -> bool:
    """Tell whether the output of what runs is saved: that of a cell, which nobody captures."""
    shell: Any = get_ipython()
    if not hasattr(shell, "get_parent") or isinstance(shell.display_pub, CapturingDisplayPublisher):
        return False
    header = shell.get_parent().get("header", {})
    return header.get("msg_type") == "execute_request" and "VOILA_BASE_URL" not in os.environ


def _draw(frame: Pictured) -> bytes | None:
    """Draw a widget; None of one that was closed, or that cannot be drawn, which is logged."""
    if frame.comm is None:
        return None
    try:
        # here, because it needs matplotlib, which is an extra, and may be a broken one
        from rnngrad_widgets.figures.small_png import small_png  # noqa: PLC0415

        return small_png(frame.static_sheet(), MOST_BYTES, frame.model_id)
    except KeyboardInterrupt:  # comes late: the cell has ended
        return None
    except Exception as error:  # noqa: BLE001 - the cell has ended well, and its widget is there
        _LOG.warning(
            "there is no static picture of %r: %s: %s. static_pictures(False) leaves them out",
            frame,
            type(error).__name__,
            error,
        )
        return None


def _publish(frame: Pictured, content: bytes, *, update: bool) -> None:
    data = {
        "image/png": b64encode(content).decode("ascii"),
        # VS Code takes this as what the picture is for those who do not see it
        "text/plain": f"{frame!r}, static picture {frame.model_id}",
        MIME: {"model_id": frame.model_id},
    }
    display(  # type: ignore[no-untyped-call]
        data,
        metadata={"image/png": {"alt": repr(frame)}},  # of nbconvert's pages
        raw=True,
        display_id=f"rnngrad-{frame.model_id}",
        update=update,
    )


STATIC_PICTURES = StaticPictures()
"""Those of this kernel: displays are as global as this."""
