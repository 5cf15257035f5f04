"""The snapshots of a run in the browser, and the marks that draw them over training steps."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from comm import get_comm_manager
from ipywidgets import HTML, DOMWidget, Widget, register, widget_serialization
from traitlets import Dict, Float, Instance, Unicode

from rnngrad_widgets.data.wire import Precision, encode
from rnngrad_widgets.widgets.browser_module import BrowserModel, BrowserView
from rnngrad_widgets.widgets.figure import PlotAxis
from rnngrad_widgets.widgets.marks.mark import SelectionMark
from rnngrad_widgets.widgets.open_widgets import is_asked_for_states, open_widgets
from rnngrad_widgets.widgets.selection import Selection
from rnngrad_widgets.widgets.tensor import ArrayTrait
from rnngrad_widgets.widgets.traits import Bool, Int

ARRAYS = "rnngrad_widgets.arrays"
"""The comm target that pages ask for arrays of snapshots."""
SHOW = ("step", "A", "difference")
"""What is drawn: the chosen step, the pinned one, or the chosen minus the pinned one."""


@register
class Timeline(BrowserView, DOMWidget):  # type: ignore[misc]  # ipywidgets has no types
    """Which snapshot is shown, with the controls to choose one. Snapshots join it by themselves.

    The browser keeps those whose number is a multiple of its stride, and the last one; the stride
    doubles when there would be more than ``capacity``.
    """

    _model_name = Unicode("TimelineModel").tag(sync=True)
    _view_name = Unicode("TimelineControls").tag(sync=True)

    selection = Instance(Selection).tag(sync=True, **widget_serialization)
    summary = Instance(HTML).tag(sync=True, **widget_serialization)
    capacity = Int(1).tag(sync=True)
    step = Int(None, allow_none=True).tag(sync=True)
    """The training step that was chosen; it is shown unless the latest is followed."""
    follow = Bool(True).tag(sync=True)
    """Whether the latest snapshot is shown."""
    pinned = Int(None, allow_none=True).tag(sync=True)
    """The training step A, which others are compared with."""
    pin = Bool(False).tag(sync=True)
    """Set it to pin the step that is shown, unset it to forget it."""
    show = Int(0, min=0, max=2).tag(sync=True)
    """Index into `SHOW`."""
    absolute = Bool(False).tag(sync=True)
    """Whether the colours of the map are relative to the largest norm of the run, not of a step."""
    status = Unicode("").tag(sync=True)
    """How far the run is, in words."""
    status_step = Int(None, allow_none=True).tag(sync=True)
    """The training step that the status is of; None where it is of the whole run."""
    status_number = Int(0).tag(sync=True)
    """How many snapshots there had been; what later ones say is newer than the status."""


def _to_wire(array: np.ndarray | None, widget: Snapshot) -> dict[str, object] | None:
    return None if array is None else encode(array, widget.precision)


@register
class Snapshot(BrowserModel, Widget):  # type: ignore[misc]  # ipywidgets has no types
    """The tensor of one training step.

    A widget of its own, because the message that opens one is never dropped on the way: while a
    cell prints much, Jupyter Server drops others.

    A page that is loaded again asks for the state of all widgets at once, and gives up after four
    seconds, which hundreds of megabytes take. So that state is without the array, which the page
    asks for later.
    """

    _model_name = Unicode("SnapshotModel").tag(sync=True)

    precision: Precision = "float32"

    timeline_id = Unicode("").tag(sync=True)
    """The model id of its timeline, which may come later: a page that is loaded again during
    training gets new snapshots first."""
    number = Int(0).tag(sync=True)
    """Counts from 0 over the run."""
    step = Int(0).tag(sync=True)
    loss = Float(None, allow_none=True).tag(sync=True)
    array = ArrayTrait(np.ndarray, allow_none=True).tag(
        sync=True, to_json=_to_wire, from_json=lambda _, widget: widget.array
    )
    auto_limit = Float(1.0).tag(sync=True)
    max_decade = Int(0).tag(sync=True)
    summary = Unicode("").tag(sync=True)
    told = Dict().tag(sync=True)
    """What becomes that of the selection's tensor."""
    status = Unicode("").tag(sync=True)
    """What becomes the status of the timeline, and the step that it is of."""
    status_step = Int(None, allow_none=True).tag(sync=True)

    def __init__(self, precision: Precision, **state: object) -> None:
        self.precision = precision
        super().__init__(**state)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """Return what a page gets; without the array where it asks for the state of all widgets."""
        if key is None and is_asked_for_states():
            key = [name for name in self.keys if name != "array"]
        return cast("dict[str, Any]", super().get_state(key, drop_defaults))


def _send_arrays(comm: Any, request: dict[str, Any]) -> None:
    """Send the arrays of snapshots to a page that has opened a comm with their model ids."""
    for model_id in request["content"]["data"]["model_ids"]:
        snapshot = open_widgets().get(model_id)
        if isinstance(snapshot, Snapshot) and snapshot.array is not None:
            wire = encode(snapshot.array, snapshot.precision)
            data = wire.pop("data")
            comm.send({"model_id": model_id, **wire}, buffers=[data])
    comm.close()


# A comm of its own, opened by the page: while a cell runs, ipykernel lets messages to a widget that
# the cell has made wait for its end, but not those that open a comm in a subshell.
get_comm_manager().register_target(ARRAYS, _send_arrays)


class TimelineMark(SelectionMark):
    """Something against training steps; pointer and keys choose a step."""

    timeline = Instance(Timeline).tag(sync=True, **widget_serialization)
    axis = Instance(PlotAxis, allow_none=True).tag(sync=True, **widget_serialization)
    """The axis whose ticks follow: the steps under the map, the losses beside their curve."""


@register
class Losses(TimelineMark):
    """Loss of the batch at every snapshot; scales ``x`` and ``y``, which it fits."""

    _model_name = Unicode("LossesModel").tag(sync=True)
    _view_name = Unicode("Losses").tag(sync=True)


@register
class RunMap(TimelineMark):
    """Log10 of the median norm over channels, by training step and timestep, for each direction."""

    _model_name = Unicode("RunMapModel").tag(sync=True)
    _view_name = Unicode("RunMap").tag(sync=True)
    y_axis = Instance(PlotAxis).tag(sync=True, **widget_serialization)
    """The axis of the timesteps."""
