"""Closing what an explorer made. ipywidgets keeps every widget alive until it is closed.

When a cell has run again, what its earlier runs made is closed, unless a variable, another object
or the output of another cell still refers to it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from IPython import get_ipython
from ipywidgets import Output, Widget

from rnngrad_widgets.widgets.open_widgets import open_widgets
from rnngrad_widgets.widgets.unreferenced import close_unreferenced

VIEW = "application/vnd.jupyter.widget-view+json"


class Frame(Protocol):
    """A widget that is made of others."""

    comm: Any
    model_id: str
    on_msg: Any

    def own_widgets(self) -> set[Widget]:
        """Return the widgets that are closed with it, itself too."""


class Execution(NamedTuple):
    """What executes code: one run of a cell, or one message of the browser to a widget.

    Attributes
    ----------
    place
        The first session of a notebook, and the id of the cell or of the widget.
    message
        The id of the message that asked for it.
    in_cell
        Whether that is a cell.
    """

    place: tuple[str, str]
    message: str
    in_cell: bool


class _Traces(NamedTuple):
    """The execution that made a frame, and those in whose output it is shown."""

    made: Execution
    shown: set[Execution]

    def places(self) -> set[tuple[str, str]]:
        return {execution.place for execution in (self.made, *self.shown)}

    def are_over(self) -> bool:
        return all(map(_is_over, (self.made, *self.shown)))


_frames: WeakKeyDictionary[Frame, _Traces] = WeakKeyDictionary()

_others: dict[str, Execution] = {}
"""The execution after which each widget was first seen, by its model id."""

_latest: dict[tuple[str, str], str] = {}
"""The latest message of each place."""

_sessions: dict[str, str] = {}
"""For each session of a page, the first session of its notebook."""

_notebooks: dict[str, str] = {}
"""The first session of each notebook, by its path."""

_shells: list[object] = []
"""The shell whose events are listened to."""


def note_made(frame: Frame) -> None:
    """Remember what made a frame, so that it can be closed once nothing refers to it."""
    execution = _current_execution()
    if execution is not None:
        _latest[execution.place] = execution.message
        _frames[frame] = _Traces(execution, set())
        frame.on_msg(_note_page)


def _note_page(_frame: Frame, message: Mapping[str, Any], _buffers: object) -> None:
    """Remember which notebook a page shows: when it is loaded again, it has another session."""
    page = message.get("page")
    if page is not None:
        session = page["session"]
        _sessions[session] = _notebooks.setdefault(page["notebook"], session)


def note_shown(frame: Frame) -> None:
    """Remember in the output of which execution a frame is shown."""
    execution = _current_execution()
    if execution is not None and frame in _frames:
        _latest[execution.place] = execution.message
        _frames[frame].shown.add(execution)


def _current_execution() -> Execution | None:
    """Return what executes this code; None outside a notebook."""
    shell = get_ipython()
    if shell is None or not hasattr(shell, "get_parent"):
        return None
    _listen(shell)
    parent = shell.get_parent()
    cell = parent.get("metadata", {}).get("cellId")
    place = cell or parent.get("content", {}).get("comm_id")
    if place is None:
        return None
    header = parent.get("header", {})
    # Copies of a notebook have the same cells; each has a session of its own.
    session = str(header.get("session"))
    where = _sessions.get(session, session), str(place)
    return Execution(where, str(header.get("msg_id")), in_cell=bool(cell))


def _listen(shell: Any) -> None:
    if shell not in _shells:
        _shells[:] = [shell]
        shell.events.register("post_run_cell", lambda _result: _cell_ended())
        shell.events.register("post_execute", _message_ended)


def _cell_ended() -> None:
    execution = _current_execution()
    if execution is not None:
        _latest[execution.place] = execution.message
        for model_id in open_widgets().keys() - _others.keys():
            _others[model_id] = execution
        _close_unused(execution.place)


def _message_ended() -> None:
    """Look, after a message to a widget, only where a frame was made or shown in answer to it."""
    execution = _current_execution()
    # IPython tells of a cell here too, before `_cell_ended`: once is enough.
    if execution is None or execution.in_cell:
        return
    if _latest.get(execution.place) == execution.message:
        _close_unused(execution.place)


def _is_over(execution: Execution) -> bool:
    """Tell whether the output of an execution is gone: its cell has run again."""
    return _latest.get(execution.place) != execution.message


def _close_unused(place: tuple[str, str]) -> None:
    """Close the frames of earlier runs of a place, and of containers made there, if not in use."""
    for model_id in _others.keys() - open_widgets().keys():
        del _others[model_id]
    over = {model_id: made for model_id, made in _others.items() if _is_over(made)}
    seen = _shown_by_outputs(over)
    frames = {
        frame.model_id: traces
        for frame, traces in _frames.items()
        if frame.comm is not None and traces.are_over() and frame.model_id not in seen
    }
    containers = _containers(over, frames)
    here = {model_id for model_id, traces in frames.items() if place in traces.places()}
    for model_id, inside in containers.items():
        if over[model_id].place == place:
            here |= inside
    if here:
        around = [each for each, inside in containers.items() if inside & here]
        close_unreferenced(_ids_of_parts(here) | (_reachable_ids(around) & over.keys()))


def _shown_by_outputs(over: Mapping[str, Execution]) -> set[str]:
    """Return the model ids of what `Output` widgets show, but for those of earlier runs."""
    return {
        output["data"][VIEW]["model_id"]
        for widget in open_widgets().values()
        if isinstance(widget, Output) and widget.model_id not in over
        for output in widget.outputs
        if VIEW in output.get("data", {})
    }


def _containers(over: Mapping[str, Execution], frames: Collection[str]) -> dict[str, set[str]]:
    """Find what earlier runs made to hold frames or to link them: which frames, by model id."""
    parts = {each: _ids_of_parts([each]) for each in frames}
    found = {}
    for model_id in over.keys() - set().union(*parts.values()):
        inside = _reachable_ids([model_id])
        found[model_id] = {each for each, own in parts.items() if own & inside}
    return {model_id: inside for model_id, inside in found.items() if inside}


def _ids_of_parts(frames: Iterable[str]) -> set[str]:
    return {part.model_id for each in frames for part in open_widgets()[each].own_widgets()}


def _reachable_ids(roots: Iterable[str]) -> set[str]:
    return {each.model_id for each in reachable(open_widgets()[root] for root in roots)}


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
