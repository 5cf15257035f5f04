"""How values are distributed, as bqplot marks, and the words about it."""

from __future__ import annotations

from ipywidgets import DOMWidget, register, widget_serialization
from traitlets import Enum, Instance, Unicode

from rnngrad_widgets.widgets.browser_module import BrowserView
from rnngrad_widgets.widgets.figure import PlotAxis
from rnngrad_widgets.widgets.marks.mark import SelectionMark
from rnngrad_widgets.widgets.traits import Int

AXES = ("magnitude", "signed")
"""The value axis: log10 of magnitudes, a bin an octave; or signed values, 60 equal bins."""

COUNTS = ("count", "log count")
"""The count axis."""

LINES = ("sample", "channel")
"""The line: the chosen sample, or the chosen channel of it. Scaled to the size of the tensor."""


@register
class Histogram(SelectionMark):
    """The whole tensor in bars, a part of it as a line; fits the scales ``x`` and ``y``.

    Exact zeros, NaN, infinities and values too small for the axis are told in the margin. Masked
    timesteps are left out.
    """

    _model_name = Unicode("HistogramModel").tag(sync=True)
    _view_name = Unicode("Histogram").tag(sync=True)

    signed = Int(0, min=0, max=1).tag(sync=True)
    """Index into `AXES`, as buttons can be linked to it; so are the next two."""
    log_count = Int(0, min=0, max=1).tag(sync=True)
    """Index into `COUNTS`."""
    line = Int(0, min=0, max=1).tag(sync=True)
    """Index into `LINES`."""
    value_axis = Instance(PlotAxis).tag(sync=True, **widget_serialization)
    """The x axis, whose ticks follow the values."""
    count_axis = Instance(PlotAxis).tag(sync=True, **widget_serialization)
    """The y axis, whose ticks follow the counts."""


@register
class GateHistograms(SelectionMark):
    """The values of each gate of a weight, in the columns that the gate has on the scale ``x``.

    All on one range of values, which is told in the margin; fits the scale ``y``.
    """

    _model_name = Unicode("GateHistogramsModel").tag(sync=True)
    _view_name = Unicode("GateHistograms").tag(sync=True)

    section = Int(None, allow_none=True).tag(sync=True)
    """The section of the rows that is counted; None for all."""
    count_axis = Instance(PlotAxis).tag(sync=True, **widget_serialization)
    """The y axis, whose ticks follow the counts."""


@register
class HistogramReadout(BrowserView, DOMWidget):  # type: ignore[misc]  # ipywidgets has no types
    """What a histogram shows, or the bin pointed at; ``histogram-text.ts`` has the words."""

    _model_name = Unicode("HistogramReadoutModel").tag(sync=True)
    _view_name = Unicode("HistogramReadout").tag(sync=True)

    histogram = Instance(Histogram).tag(sync=True, **widget_serialization)
    kind = Enum(("caption", "hover")).tag(sync=True)
