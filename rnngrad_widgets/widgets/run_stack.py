"""The norms of runs that are compared, one beside the other on one axis, in the browser."""

from __future__ import annotations

from ipywidgets import DOMWidget, Widget, register, widget_serialization
from traitlets import Instance, List, Unicode

from rnngrad_widgets.widgets.browser_module import BrowserModel, BrowserView
from rnngrad_widgets.widgets.selection import Selection
from rnngrad_widgets.widgets.tensor import Tensor
from rnngrad_widgets.widgets.traits import Int

ALIGNED_BY = ("lag", "timestep")
"""What the x axis counts: timesteps before the last one, or timesteps."""


@register
class RunStack(BrowserModel, Widget):  # type: ignore[misc]  # ipywidgets has no types
    """What is drawn of runs: it becomes the tensor of the selection, (row, place, sample).

    A row is a run in one direction. What a run's own tensor holds, (samples, lags, directions),
    changes with the training step.
    """

    _model_name = Unicode("RunStackModel").tag(sync=True)

    selection = Instance(Selection).tag(sync=True, **widget_serialization)
    runs = List(Instance(Tensor)).tag(sync=True, **widget_serialization)
    align = Int(0, min=0, max=1).tag(sync=True)
    """Index into `ALIGNED_BY`, as buttons can be linked to it."""
    page = Int(1).tag(sync=True)
    """Which conditions are drawn and in the table, from 1; the base always is."""

    PER_PAGE = 12


@register
class RunTable(BrowserView, DOMWidget):  # type: ignore[misc]  # ipywidgets has no types
    """A row for each run and direction: its name in its colour, and what is told of its tensor."""

    _model_name = Unicode("RunTableModel").tag(sync=True)
    _view_name = Unicode("RunTable").tag(sync=True)

    stack = Instance(RunStack).tag(sync=True, **widget_serialization)
    """The runs, and the page."""
    header = List(Unicode()).tag(sync=True)
    names = List(Unicode()).tag(sync=True)
    """Of the conditions."""
    groups = List(Int()).tag(sync=True)
    """For each run the index of its condition."""
    base = Int(0).tag(sync=True)
    """The index of the condition that the others are compared with."""
    note = Unicode("").tag(sync=True)
    """Below the table."""
