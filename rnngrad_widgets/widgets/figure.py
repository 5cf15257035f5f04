"""bqplot's figure and axis, whose views have the margins and ticks that their width asks for."""

from __future__ import annotations

from ipywidgets import register
from traitlets import Unicode

from rnngrad_widgets.widgets.bqplot import Axis, Figure
from rnngrad_widgets.widgets.browser_module import BrowserView


@register
class PlotFigure(BrowserView, Figure):  # type: ignore[misc]  # bqplot has no types
    """A figure; the browser sets the room at its right, by the width of the view."""

    _model_name = Unicode("PlotFigureModel").tag(sync=True)
    _view_name = Unicode("PlotFigure").tag(sync=True)


@register
class PlotAxis(BrowserView, Axis):  # type: ignore[misc]  # bqplot has no types
    """An axis of a figure; a mark of the figure chooses its ticks in the browser."""

    _model_name = Unicode("PlotAxisModel").tag(sync=True)
    _view_name = Unicode("PlotAxis").tag(sync=True)
