"""The heat map of one sample or of one channel, as a bqplot mark."""

from __future__ import annotations

from ipywidgets import register
from traitlets import Enum, Unicode

from rnngrad_widgets.widgets.marks.mark import SelectionMark
from rnngrad_widgets.widgets.traits import Int


@register
class Raster(SelectionMark):
    """Timesteps left to right, channels or samples upwards; scales ``x``, ``y`` and ``color``.

    NaN and infinities have a colour of their own. More cells than pixels are pooled to the value
    of largest magnitude.
    """

    _model_name = Unicode("RasterModel").tag(sync=True)
    _view_name = Unicode("Raster").tag(sync=True)

    section = Int(None, allow_none=True).tag(sync=True)
    """Show all rows, or one section of the tensor's."""
    rows_of = Enum(["channel", "sample"], default_value="channel").tag(sync=True)
    """What the rows count: the channels of the chosen sample, or all samples of one channel."""
