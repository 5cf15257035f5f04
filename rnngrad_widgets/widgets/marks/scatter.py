"""Values without a time axis, as bqplot marks."""

from __future__ import annotations

from ipywidgets import register, widget_serialization
from traitlets import Instance, Unicode

from rnngrad_widgets.widgets.figure import PlotAxis
from rnngrad_widgets.widgets.marks.mark import SelectionMark


class ValuesMark(SelectionMark):
    """Values against sample or channel; fits the scale ``y`` to all of them."""

    axis = Instance(PlotAxis).tag(sync=True, **widget_serialization)
    """The y axis, whose ticks follow the values."""


@register
class Scatter(ValuesMark):
    """Every channel of every sample as a dot, a column for each sample."""

    _model_name = Unicode("ScatterModel").tag(sync=True)
    _view_name = Unicode("Scatter").tag(sync=True)


@register
class Bars(ValuesMark):
    """The chosen sample, a bar for each channel."""

    _model_name = Unicode("BarsModel").tag(sync=True)
    _view_name = Unicode("Bars").tag(sync=True)
