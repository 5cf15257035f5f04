"""Gradients of runs that are compared, as a bqplot mark, and the words about them."""

from __future__ import annotations

from ipywidgets import DOMWidget, register, widget_serialization
from traitlets import Instance, List, Unicode

from rnngrad_widgets.widgets.browser_module import BrowserView
from rnngrad_widgets.widgets.figure import PlotAxis
from rnngrad_widgets.widgets.marks.mark import SelectionMark
from rnngrad_widgets.widgets.run_stack import RunStack
from rnngrad_widgets.widgets.traits import Bool, Int


@register
class RunLines(SelectionMark):
    """For each condition the median and the quartiles over samples by lag, and each repeat.

    Scales ``x`` and ``y``, of which it fits ``y``, in decades.
    """

    _model_name = Unicode("RunLinesModel").tag(sync=True)
    _view_name = Unicode("RunLines").tag(sync=True)

    stack = Instance(RunStack).tag(sync=True, **widget_serialization)
    """The norms."""
    axis = Instance(PlotAxis).tag(sync=True, **widget_serialization)
    """The y axis, whose ticks are decades."""
    names = List(Unicode()).tag(sync=True)
    """Of the conditions."""
    groups = List(Int()).tag(sync=True)
    """For each row of the stack the index of its condition; -1 for one that is not drawn."""
    base = Int(0).tag(sync=True)
    """The index of the condition that the others are compared with."""
    ratio = Bool(False).tag(sync=True)
    """Whether the ratios to the base are drawn, of norms relative to lag 0."""
    absolute = Int(0, min=0, max=1).tag(sync=True)
    """1 for norms as they are, 0 for relative to lag 0; as buttons can be linked to it."""


@register
class RunReadout(BrowserView, DOMWidget):  # type: ignore[misc]  # ipywidgets has no types
    """The value of each condition at the lag that is pointed at."""

    _model_name = Unicode("RunReadoutModel").tag(sync=True)
    _view_name = Unicode("RunReadout").tag(sync=True)

    lines = Instance(RunLines).tag(sync=True, **widget_serialization)
