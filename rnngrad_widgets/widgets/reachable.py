"""Which widgets belong together: those in the synchronised state of others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ipywidgets import Widget


def reachable(roots: Iterable[Widget]) -> set[Widget]:
    """Return the widgets in the synchronised state of the roots, and the roots."""
    found: set[Widget] = set()
    waiting = list(roots)
    while waiting:
        widget = waiting.pop()
        if widget not in found:
            found.add(widget)
            waiting.extend(referred_by(widget))
    return found


def referred_by(widget: Widget) -> Iterator[Widget]:
    """Yield the widgets in the synchronised state of one, not what these refer to."""
    for name in widget.keys:
        yield from _widgets_in(getattr(widget, name))


def _widgets_in(value: Any) -> Iterator[Widget]:
    if isinstance(value, Widget):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _widgets_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _widgets_in(item)


def close_widgets(widgets: Iterable[Widget]) -> None:
    """Close each of them, only itself."""
    for widget in widgets:
        widget.close()
