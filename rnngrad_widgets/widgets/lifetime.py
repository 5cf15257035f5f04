"""Closing what an explorer made. ipywidgets keeps every widget alive until it is closed.

When a cell has run again, what its earlier runs made is closed, unless a variable, another object
or the output of another cell still refers to it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from IPython import get_ipython
from ipywidgets import Output, Widget

from rnngrad_widgets.widgets.executions import Execution, Executions
from rnngrad_widgets.widgets.iopub import keep_messages
from rnngrad_widgets.widgets.open_widgets import open_widgets
from rnngrad_widgets.widgets.reachable import reachable
from rnngrad_widgets.widgets.unreferenced import close_unreferenced

VIEW = "application/vnd.jupyter.widget-view+json"


class Frame(Protocol):
    """A widget that is made of others."""

    comm: Any
    model_id: str
    on_msg: Any

    def own_widgets(self) -> set[Widget]:
        """Return the widgets that are closed with it, itself too."""


class _Traces(NamedTuple):
    """The execution that made a frame, and those in whose output it is shown."""

    made: Execution
    shown: set[Execution]

    def executions(self) -> set[Execution]:
        return {self.made, *self.shown}


class Lifetimes:
    """What executions made in this kernel, and the frames that can be closed when one is over.

    An execution is over when its place, a cell or a widget, has been executed again.
    """

    def __init__(self) -> None:
        self._executions = Executions()
        self._frames: WeakKeyDictionary[Frame, _Traces] = WeakKeyDictionary()
        # The execution after which each widget was first seen, by model id:
        self._others: dict[str, Execution] = {}
        self._shell: Any = None  # whose events are listened to
        keep_messages()

    def note_made(self, frame: Frame) -> None:
        """Remember what made a frame, so that it can be closed once nothing refers to it."""
        execution = self._note_current()
        if execution is not None:
            self._frames[frame] = _Traces(execution, set())
            frame.on_msg(self._note_page)

    def note_shown(self, frame: Frame) -> None:
        """Remember in the output of which execution a frame is shown."""
        if frame in self._frames:
            execution = self._note_current()
            if execution is not None:
                self._frames[frame].shown.add(execution)

    def _note_current(self) -> Execution | None:
        execution = self._executions.current()
        if execution is not None:
            self._listen()
            self._executions.note(execution)
        return execution

    def _note_page(self, _frame: Frame, message: Mapping[str, Any], _buffers: object) -> None:
        page = message.get("page")
        if page is not None:
            self._executions.note_page(page["notebook"], page["session"])

    def _listen(self) -> None:
        shell: Any = get_ipython()
        if shell is not self._shell:
            self._shell = shell
            shell.events.register("post_run_cell", lambda _result: self._cell_ended())
            shell.events.register("post_execute", self._message_ended)

    def _cell_ended(self) -> None:
        execution = self._note_current()
        if execution is not None:
            for model_id in open_widgets().keys() - self._others.keys():
                self._others[model_id] = execution
            self._close_unused(execution.place)

    def _message_ended(self) -> None:
        """Look, after a message to a widget, only where a frame was made or shown in its answer."""
        execution = self._executions.current()
        # IPython tells of a cell here too, before `_cell_ended`: once is enough.
        if execution is None or execution.in_cell:
            return
        if self._executions.is_latest(execution):
            self._close_unused(execution.place)

    def _is_over(self, execution: Execution) -> bool:
        return not self._executions.is_latest(execution)

    def _close_unused(self, place: tuple[str, str]) -> None:
        """Close the frames of earlier runs of a place, and of containers made there, if unused."""
        for model_id in self._others.keys() - open_widgets().keys():
            del self._others[model_id]
        over = {model_id: made for model_id, made in self._others.items() if self._is_over(made)}
        seen = _shown_by_outputs(over)
        frames = {
            frame.model_id: traces.executions()
            for frame, traces in self._frames.items()
            if frame.comm is not None
            and all(map(self._is_over, traces.executions()))
            and frame.model_id not in seen
        }
        containers = _containers(over, frames)
        here = {
            model_id
            for model_id, executions in frames.items()
            if any(execution.place == place for execution in executions)
        }
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


LIFETIMES = Lifetimes()
"""Those of this kernel: widgets are as global as this."""
