"""Where the selection is in a figure, as a bqplot mark."""

from __future__ import annotations

from ipywidgets import register, widget_serialization
from traitlets import Enum, Instance, Unicode

from rnngrad_widgets.widgets.figure import PlotAxis
from rnngrad_widgets.widgets.marks.mark import SelectionMark
from rnngrad_widgets.widgets.traits import Bool, Int

AXES = ["sample", "timestep", "channel"]


@register
class Cursor(SelectionMark):
    """Line, hairlines, chips and dot at the selection; pointer and arrow keys move it."""

    _model_name = Unicode("CursorModel").tag(sync=True)
    _view_name = Unicode("Cursor").tag(sync=True)

    x_of = Enum(AXES, default_value="timestep").tag(sync=True)
    """What the x axis counts."""
    y_of = Enum([None, *AXES], default_value=None).tag(sync=True)
    """What the y axis counts; None if it holds values."""
    section = Int(None, allow_none=True).tag(sync=True)
    """The section of the rows that the figure shows; None for all."""
    line = Enum(["line", "band", "none"], default_value="line").tag(sync=True)
    """How the place on the x axis is marked."""
    dot = Bool(False).tag(sync=True)
    """Whether a dot sits on the curve of the chosen sample and channel."""
    lines = Enum(["", "curve", "norm", "companion"], default_value="").tag(sync=True)
    """What the line of each sample is of, where pointing at one names it and a click chooses it."""
    line_overhang = Int(0).tag(sync=True)
    """Pixels that the line goes on below the plot area, to the next panel."""
    x_axis = Instance(PlotAxis, allow_none=True).tag(sync=True, **widget_serialization)
    """The axis whose ticks make room for the chip; None where none is drawn."""
    y_axis = Instance(PlotAxis, allow_none=True).tag(sync=True, **widget_serialization)
    """The same for y."""
