"""Gradient flow, as a bqplot mark."""

from __future__ import annotations

from ipywidgets import register, widget_serialization
from traitlets import Bool, Instance, Unicode

from rnngrad_widgets.widgets.figure import PlotAxis
from rnngrad_widgets.widgets.marks.mark import SelectionMark


@register
class Flow(SelectionMark):
    """Log10 of the norm over channels against time: chosen sample, median, quartiles, threshold.

    Scales ``x`` and ``y``, of which it fits ``y``, in decades, to the tensor.
    """

    _model_name = Unicode("FlowModel").tag(sync=True)
    _view_name = Unicode("Flow").tag(sync=True)

    axis = Instance(PlotAxis).tag(sync=True, **widget_serialization)
    """The y axis, whose ticks are every second or fourth decade."""
    all_samples = Bool(False).tag(sync=True)
    """Whether each sample has its curve, in its colour."""
    companion = Bool(False).tag(sync=True)
    """Whether the selection's companion is drawn, not its tensor."""
