"""Closing what an explorer made. ipywidgets keeps every widget alive until it is closed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

from IPython import get_ipython
from ipywidgets import Widget

# Explorers that are open, by the cell run that made them. Needed because a widget that its cell
# made before, and the array it holds here and in the browser, would else stay for ever.
_made_in: WeakKeyDictionary[Widget, tuple[str, int]] = WeakKeyDictionary()


def close_earlier_runs(widget: Widget) -> None:
    """Close the widgets of earlier runs of the cell that is running, and note this one."""
    run = _running_cell()
    if run is None:
        return
    cell, count = run
    for other, (its_cell, its_count) in list(_made_in.items()):
        if its_cell == cell and its_count != count:
            del _made_in[other]
            other.close()
    _made_in[widget] = run


def _running_cell() -> tuple[str, int] | None:
    """Return id and execution count of the running notebook cell; None outside a notebook."""
    shell = get_ipython()
    if shell is None or not hasattr(shell, "get_parent"):
        return None
    cell = shell.get_parent().get("metadata", {}).get("cellId")
    return None if cell is None else (str(cell), int(shell.execution_count))


def reachable(roots: Iterable[Widget]) -> set[Widget]:
    """Return the widgets in the synchronised state of the roots, and the roots."""
    found: set[Widget] = set()
    waiting = list(roots)
    while waiting:
        widget = waiting.pop()
        if widget not in found:
            found.add(widget)
            for name in widget.keys:
                waiting.extend(_widgets_in(getattr(widget, name)))
    return found


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
