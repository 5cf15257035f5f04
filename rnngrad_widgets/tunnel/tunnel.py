"""An anywidget that carries all the widgets of a frame to a browser."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import cache
from typing import Any
from uuid import uuid4

from anywidget import AnyWidget
from comm import get_comm_manager
from ipywidgets import Widget, widget_serialization
from ipywidgets.widgets.widget import _remove_buffers
from traitlets import Any as AnyTrait
from traitlets import Bytes, Instance, Int, Unicode

from rnngrad_widgets.export.bundle import anywidget_code, module
from rnngrad_widgets.tunnel.front_end import is_marimo
from rnngrad_widgets.tunnel.inner_widgets import WATCHERS, inner_comm_of
from rnngrad_widgets.widgets.inner_comm import InnerComm
from rnngrad_widgets.widgets.open_widgets import all_widgets, open_widgets
from rnngrad_widgets.widgets.reachable import (
    parts_of,
    reachable,
    reachable_with_snapshots,
    referred_by,
)
from rnngrad_widgets.widgets.timeline import Snapshot

KERNEL = uuid4().hex
"""What tells the widgets of this kernel from those of another one in the same page."""

TURNS = 1000
"""Messages that may wait in a page until its code is loaded; traits take turns to hold them."""

HELD_BYTES = 64 << 20
"""Bytes in waiting messages before the oldest are emptied: marimo's server keeps all traits."""

_REFERENCE = "IPY_MODEL_"

_answered: ContextVar[str | None] = ContextVar("answered", default=None)
"""The id of the message of a browser that is being handled."""


class Library(Widget):  # type: ignore[misc]  # ipywidgets has no types
    """The code of the browser half, once a page for all tunnels of a kernel."""

    script = Bytes().tag(sync=True)
    """Gzipped."""


@cache
def _script() -> tuple[bytes, str]:
    """Return the code, gzipped, and its digest."""
    script = module().encode()
    return gzip.compress(script, mtime=0), hashlib.sha256(script).hexdigest()


_library: Library | None = None


def _open_library() -> Library:
    global _library  # noqa: PLW0603 - one for the kernel, and again after it was closed
    if _library is None or not _is_open(_library):
        _library = Library(script=_script()[0])
    return _library


def _is_open(widget: Widget) -> bool:
    """Tell whether a widget has a comm that is open: marimo closes those of a cell that is run."""
    return widget.comm is not None and not getattr(widget.comm, "_closed", False)


class Tunnel(AnyWidget):
    """An anywidget that shows a frame, and brings messages of all its widgets to the browser.

    What goes through, and why, is said in js/src/pages/tunnel.ts.

    Parameters
    ----------
    frame
        What it shows.
    note_shown
        Called when it is displayed.
    """

    _esm = Unicode().tag(sync=True)
    library = Instance(Library, allow_none=True).tag(sync=True, **widget_serialization)
    """None in marimo, which sends code once a page, and closes what a cell made before."""
    digest = Unicode().tag(sync=True)
    inner = AnyTrait().tag(sync=True, to_json=lambda _, tunnel: tunnel.states())

    last = Int(-1)
    """The number of the newest message; it is sent with it."""

    def __init__(self, frame: Widget, note_shown: Callable[[], None]) -> None:
        self._frame = frame
        self._note_shown = note_shown
        self._lock = threading.RLock()
        self._members: set[str] = set()
        self._asked: dict[str, InnerComm] = {}  # comms that browsers have opened, by id
        self._held: dict[str, int] = {}  # bytes of buffers in each turn, oldest first
        in_marimo = is_marimo()
        super().__init__(
            _esm=anywidget_code(with_library=in_marimo),
            library=None if in_marimo else _open_library(),
            digest=_script()[1],
        )
        WATCHERS.add(self)
        self.on_msg(self._received)

    @property
    def is_open(self) -> bool:
        """Whether it can be shown; a front end may have closed it."""
        return _is_open(self)

    # -- to the browser ----------------------------------------------------------------------------

    def states(self) -> dict[str, Any]:
        """Return the states of all widgets that belong to the frame, as they are now."""
        with self._lock:
            following = self.last + 1
            self._join(reachable_with_snapshots(self._frame))
            self._join(self._links())
            known = open_widgets()
            widgets = [known[each] for each in self._members if each in known]
        return {
            "kernel": KERNEL,
            "root": self._frame.model_id,
            "next": following,
            "turns": TURNS,
            "models": {widget.model_id: _opened(widget) for widget in widgets},
        }

    def carry(self, comm_id: str, data: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        """Send a message of a widget, after the widgets that it is the first to refer to."""
        with self._lock:
            new = self._new_in(data.get("state"))
            self._send_turn(
                {"opened": new, "comm": comm_id, "data": data, "buffers": list(buffers)}
            )

    def carry_close(self, comm_id: str) -> None:
        """Send that a widget is closed."""
        with self._lock:
            self._members.discard(comm_id)
            self._send_turn({"comm": comm_id, "closed": True})

    def welcome(self, widget: Widget) -> None:
        """Take in a new widget that nothing refers to, if it refers to one that is here."""
        with self._lock:
            if self.comm is not None and self._belongs_here(widget):
                self._send_turn({"opened": self._open([widget])})

    def _send_turn(self, message: dict[str, Any]) -> None:
        if self.comm is None:
            return
        self.last += 1
        message = {each: value for each, value in message.items() if value}
        message |= {"number": self.last, "parent": _answered.get()}
        turn = f"message{self.last % TURNS}"
        state, paths, buffers = _remove_buffers({turn: message, "last": self.last})
        state |= self._hold(turn, sum(memoryview(each).nbytes for each in buffers))
        self.comm.send({"method": "update", "state": state, "buffer_paths": paths}, buffers=buffers)

    def _hold(self, turn: str, size: int) -> dict[str, None]:
        """Return older turns to empty; a page without their messages asks for all states."""
        self._held.pop(turn, None)
        emptied: dict[str, None] = {}
        total = size + sum(self._held.values())
        for oldest in list(self._held):
            if total <= HELD_BYTES:
                break
            total -= self._held.pop(oldest)
            emptied[oldest] = None
        self._held[turn] = size
        return emptied

    def _new_in(self, value: Any) -> dict[str, Any]:
        """Return the states of widgets that are referred to and not known to the browser."""
        known = open_widgets()
        ids = {each for each in _references(value) if each not in self._members}
        return self._open(known[each] for each in ids if each in known)

    def _open(self, roots: Iterable[Widget]) -> dict[str, Any]:
        widgets = {each for each in reachable(roots) if each.model_id not in self._members}
        self._join(widgets)
        if widgets:
            links = set(self._links())
            self._join(links)
            widgets |= links
        return {widget.model_id: _opened(widget) for widget in widgets}

    def _links(self) -> list[Widget]:
        """Return widgets that nothing refers to, and that link what is here."""
        return [
            each
            for each in all_widgets()
            if each.model_id not in self._members and _is_link(each) and self._belongs_here(each)
        ]

    def _belongs_here(self, widget: Widget) -> bool:
        """Tell whether all that a widget refers to is in tunnels, and a part of it in this one."""
        if isinstance(widget, Snapshot):
            return widget.timeline_id in self._members  # it knows its timeline by id
        ends = list(referred_by(widget))
        return all(_is_carried(end) for end in ends) and any(
            end.model_id in self._members for end in ends
        )

    def _join(self, widgets: Iterable[Widget]) -> None:
        for widget in widgets:
            self._members.add(widget.model_id)
            inner_comm_of(widget).carriers.add(self)

    # -- from the browser --------------------------------------------------------------------------

    def _received(self, _tunnel: Any, message: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        if message["kind"] == "states":
            self.send_state("inner")
            return
        token = _answered.set(message["id"])
        try:
            self._hand_over(message, buffers)
        finally:
            _answered.reset(token)
            self.send({"handled": message["id"]})

    def _hand_over(self, message: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        comm_id = message["comm"]
        content = {"comm_id": comm_id, "data": message.get("data", {})}
        handed = {"content": content, "buffers": list(buffers)}
        widget = open_widgets().get(comm_id)
        if message["kind"] == "open":
            self._open_comm(message["target"], comm_id, handed)
        elif comm_id in self._asked:
            self._asked[comm_id].handle_msg(handed)
        elif widget is not None and message["kind"] == "message":
            inner_comm_of(widget).handle_msg(handed)

    def _open_comm(self, target: str, comm_id: str, message: dict[str, Any]) -> None:
        comm = _AskedComm(comm_id, self._asked)
        comm.carriers.add(self)
        self._asked[comm_id] = comm
        get_comm_manager().targets[target](comm, message)

    def __repr__(self) -> str:
        """Name what it shows in one line, where an anywidget is not shown."""
        return f"<anywidget of {self._frame!r}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        self._note_shown()
        return super()._repr_mimebundle_(**kwargs)

    def close(self) -> None:
        """Close the tunnel; the frame stays."""
        WATCHERS.discard(self)
        super().close()


class _AskedComm(InnerComm):
    """A comm that a browser has opened."""

    def __init__(self, comm_id: str, asked: dict[str, InnerComm]) -> None:
        super().__init__(comm_id)
        self._asked = asked

    def close(self, *options: Any, **keys: Any) -> None:
        super().close(*options, **keys)
        self._asked.pop(self.comm_id, None)


def _opened(widget: Widget) -> dict[str, Any]:
    state = widget.get_state()
    return {
        "model_name": state["_model_name"],
        "model_module": state["_model_module"],
        "model_module_version": state["_model_module_version"],
        "state": state,
    }


def _is_link(widget: Widget) -> bool:
    """Tell whether a widget is one that others do not refer to."""
    return not widget.has_trait("layout") and not isinstance(widget, Library)


def _is_carried(widget: Widget) -> bool:
    return isinstance(widget.comm, InnerComm) and bool(widget.comm.carriers)


def _references(value: Any) -> Iterator[str]:
    for each in parts_of(value):
        if isinstance(each, str) and each.startswith(_REFERENCE):
            yield each.removeprefix(_REFERENCE)
