"""The heat map of one sample, as a bqplot mark."""

from __future__ import annotations

from ipywidgets import register
from traitlets import Enum, Unicode

from rnngrad_widgets.widgets._mark import SelectionMark


@register
class Raster(SelectionMark):
    """Timesteps left to right, channels bottom to top; scales ``x``, ``y`` and ``color``.

    NaN and infinities have a colour of their own. More cells than pixels are pooled to the value
    of largest magnitude.
    """

    _model_name = Unicode("RasterModel").tag(sync=True)
    _view_name = Unicode("Raster").tag(sync=True)

    half = Enum([None, 0, 1], default_value=None).tag(sync=True)
    """Show all channels, or the first or second half of them."""
