"""Which widgets are in a tunnel: those that this package makes, where it displays by a tunnel.

They get their comm before ipywidgets opens one: nothing of them is on the ordinary wire, where a
front end without the extension would report an error for each.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from itertools import dropwhile
from typing import Any
from weakref import WeakSet

from ipywidgets import Widget

from rnngrad_widgets.widgets.inner_comm import InnerComm

_LIBRARIES = {"ipywidgets", "bqplot", "bqscales", "traitlets", "contextlib", "anywidget"}
_PACKAGE = __name__.partition(".")[0]

_handed_on: ContextVar[Widget | None] = ContextVar("handed_on", default=None)
"""The widget that what was set before is called for now."""

WATCHERS: WeakSet[Any] = WeakSet()
"""Open tunnels: each is told of new widgets, by its method ``welcome``."""


def use_inner_comms(use: Callable[[], bool]) -> None:
    """Let widgets that this package makes from now on have an `InnerComm` where `use` says so.

    ipywidgets calls one function for each new widget before it opens a comm. marimo and Solara set
    it too, Solara again and again: what was set before is called for all others, and may call this.
    """
    before = Widget._widget_construction_callback  # noqa: SLF001 - there is no public way to ask
    if getattr(before, "is_ours", False):
        return

    def constructed(widget: Widget) -> None:
        if widget.comm is None and _is_made_here() and use():
            widget.comm = InnerComm()
            for watcher in list(WATCHERS):
                watcher.welcome(widget)
        elif before is not None and _handed_on.get() is not widget:
            token = _handed_on.set(widget)
            try:
                before(widget)
            finally:
                _handed_on.reset(token)

    constructed.is_ours = True  # type: ignore[attr-defined]
    Widget.on_widget_constructed(constructed)


def _is_made_here() -> bool:
    """Tell whether code of this package makes the widget that is being constructed.

    Libraries make widgets too, the layout of each for instance: what called them counts.
    """
    # from where ipywidgets calls the function that is set, which may be another that calls this
    for name in dropwhile(lambda name: name.partition(".")[0] != "ipywidgets", _callers()):
        package = name.partition(".")[0]
        if package == _PACKAGE:
            return not name.startswith(f"{_PACKAGE}.tunnel.")
        if package not in _LIBRARIES:
            return False
    return False


def _callers() -> Iterator[str]:
    frame = sys._getframe(1)  # noqa: SLF001 - as `inspect.stack`, which reads source files too
    while frame is not None:
        yield str(frame.f_globals.get("__name__", ""))
        frame = frame.f_back  # type: ignore[assignment]


def inner_comm_of(widget: Widget) -> InnerComm:
    """Return the comm of a widget for tunnels; one that was opened before gets it now."""
    if not isinstance(widget.comm, InnerComm):
        widget.comm = InnerComm(ordinary=widget.comm)
    return widget.comm
