"""The curve of the chosen channel, with the other samples behind it, as a bqplot mark."""

from __future__ import annotations

from ipywidgets import register, widget_serialization
from traitlets import Bool, Instance, Unicode

from rnngrad_widgets.widgets.figure import PlotAxis
from rnngrad_widgets.widgets.marks.mark import SelectionMark


@register
class Curves(SelectionMark):
    """One channel against time; scales ``x`` and ``y``, of which it fits ``y`` to the channel."""

    _model_name = Unicode("CurvesModel").tag(sync=True)
    _view_name = Unicode("Curves").tag(sync=True)

    axis = Instance(PlotAxis).tag(sync=True, **widget_serialization)
    """The y axis, whose ticks follow the channel."""
    coloured = Bool(False).tag(sync=True)
    """Whether each sample has its colour; else all but the chosen one are faint."""
