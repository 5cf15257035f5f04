"""Closing widgets to which nothing refers but ipywidgets itself and the history of IPython.

Whether that is so, only Python's garbage collector can tell: a reference may be in a variable, a
list, a container, a callback, or in the code that another thread runs. So ipywidgets lets go of the
widgets for a moment; what is collected then closes itself, the rest is put back.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple
from weakref import WeakMethod, ref

from IPython import get_ipython
from ipywidgets import Widget

from rnngrad_widgets.widgets.open_widgets import open_widgets

_OF_HISTORY = re.compile(r"_{1,3}|_\d+")
"""Names that IPython gives to what cells returned."""


def close_unreferenced(model_ids: Collection[str]) -> None:
    """Close those of the widgets to which nothing refers, not even another one that stays."""
    with _forgotten_by_history({id(open_widgets()[each]) for each in model_ids}):
        loose: list[ref[Widget]] = []
        try:
            for each in model_ids:
                loose += _let_go(each)
            gc.collect()
        finally:
            for found in loose:
                _put_back(found())


def _let_go(model_id: str) -> list[ref[Widget]]:
    widget = open_widgets().pop(model_id, None)
    if widget is None:
        return []  # collected already, with what it is a part of
    handle = WeakMethod(widget._handle_msg)  # noqa: SLF001 - what ipywidgets gives to the comm

    def handle_if_there(message: dict[str, Any]) -> None:
        found = handle()
        if found is not None:
            found(message)

    for comm in _comms_of(widget):
        comm.on_msg(handle_if_there)
    return [ref(widget)]


def _put_back(widget: Widget | None) -> None:
    if widget is not None and widget.comm is not None:
        open_widgets()[widget.model_id] = widget
        for comm in _comms_of(widget):
            comm.on_msg(widget._handle_msg)  # noqa: SLF001


def _comms_of(widget: Widget) -> list[Any]:
    """Return the comms that hand messages to a widget: its own, and the one on the wire in it."""
    ordinary = getattr(widget.comm, "ordinary", None)
    return [widget.comm] if ordinary is None else [widget.comm, ordinary]


class _Reference(NamedTuple):
    """What the history of IPython refers to, and how to set it."""

    set: Callable[[Any], None]
    value: ref[Any]


@contextmanager
def _forgotten_by_history(ids: Collection[int]) -> Iterator[None]:
    """Let what IPython remembers of outputs (``Out``, ``_``, ``_5``) not count as references."""
    references = list(_references(ids))
    for reference in references:
        reference.set(None)
    try:
        yield
    finally:
        for reference in references:
            reference.set(reference.value())  # None where it was closed


def _references(ids: Collection[int]) -> Iterator[_Reference]:
    shell: Any = get_ipython()
    variables = getattr(shell, "user_ns", {})
    for names in (variables.get("Out", {}), getattr(shell, "user_ns_hidden", {}), variables):
        for name, value in list(names.items()):
            if id(value) in ids and (names is not variables or _OF_HISTORY.fullmatch(name)):
                yield _Reference(partial(names.__setitem__, name), ref(value))
    hook = getattr(shell, "displayhook", None)
    results = (getattr(shell, "last_execution_result", None), getattr(hook, "exec_result", None))
    attributes = [(hook, "_"), (hook, "__"), (hook, "___"), *((each, "result") for each in results)]
    for holder, name in attributes:
        value = getattr(holder, name, None)
        if id(value) in ids:
            yield _Reference(partial(setattr, holder, name), ref(value))
