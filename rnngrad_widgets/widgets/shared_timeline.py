"""One training step for several runs: its controls, and what the runs were over training."""

from __future__ import annotations

from ipywidgets import DOMWidget, register, widget_serialization
from traitlets import Instance, List, Unicode

from rnngrad_widgets.widgets.browser_module import BrowserView
from rnngrad_widgets.widgets.figure import PlotAxis
from rnngrad_widgets.widgets.marks.mark import SelectionMark
from rnngrad_widgets.widgets.run_stack import RunStack
from rnngrad_widgets.widgets.timeline import Timeline
from rnngrad_widgets.widgets.traits import Bool, Int


@register
class SharedTimeline(BrowserView, DOMWidget):  # type: ignore[misc]  # ipywidgets has no types
    """Which step of all runs is shown, with the controls to choose one.

    The browser sets the step of each timeline, by the rule of `comparison.matching`.
    """

    _model_name = Unicode("SharedTimelineModel").tag(sync=True)
    _view_name = Unicode("SharedTimelineControls").tag(sync=True)

    timelines = List(Instance(Timeline)).tag(sync=True, **widget_serialization)
    names = List(Unicode()).tag(sync=True)
    """Of the run of each timeline."""
    groups = List(Int()).tag(sync=True)
    """For each timeline the index of its condition, which has a colour."""
    base = Int(0).tag(sync=True)
    """Index of the timeline whose loss the others are matched with."""
    matched_by = Int(0, min=0, max=1).tag(sync=True)
    """Index into `comparison.matching.MATCHED_BY`."""
    step = Int(None, allow_none=True).tag(sync=True)
    """The training step that was chosen; it is shown unless the latest is followed."""
    follow = Bool(True).tag(sync=True)
    """Whether the latest snapshot of each run is shown."""


@register
class StepLines(SelectionMark):
    """A line for each run over training steps: its loss, or how far its gradient reaches.

    Scales ``x`` and ``y``, which it fits.
    """

    _model_name = Unicode("StepLinesModel").tag(sync=True)
    _view_name = Unicode("StepLines").tag(sync=True)

    timeline = Instance(SharedTimeline).tag(sync=True, **widget_serialization)
    stack = Instance(RunStack).tag(sync=True, **widget_serialization)
    """Which conditions are drawn."""
    base = Int(0).tag(sync=True)
    """The index of the condition that is always drawn."""
    axis = Instance(PlotAxis).tag(sync=True, **widget_serialization)
    """The axis whose ticks follow the values."""
    x_axis = Instance(PlotAxis, allow_none=True).tag(sync=True, **widget_serialization)
    """The axis of the steps, where the mark has it."""
    shows = Unicode("loss").tag(sync=True)
    """``"loss"`` or ``"reach"``."""
    caption = Unicode("").tag(sync=True)
