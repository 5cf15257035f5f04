"""Which widgets belong together: those in the synchronised state of others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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


def reachable_with_snapshots(root: Widget) -> set[Widget]:
    """Return what `reachable` does, and the snapshots of frames, which do not refer to them."""
    found = reachable([root])
    return found | reachable(each for frame in found for each in getattr(frame, "snapshots", ()))


def referred_by(widget: Widget) -> Iterator[Widget]:
    """Yield the widgets in the synchronised state of one, not what these refer to."""
    for name in widget.keys:
        for each in parts_of(getattr(widget, name)):
            if isinstance(each, Widget):
                yield each


def parts_of(value: Any) -> Iterator[Any]:
    """Yield what is in mappings and sequences, at any depth; of anything else the value itself."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from parts_of(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from parts_of(item)
    else:
        yield value


def close_widgets(widgets: Iterable[Widget]) -> None:
    """Close each of them, only itself."""
    for widget in widgets:
        widget.close()
