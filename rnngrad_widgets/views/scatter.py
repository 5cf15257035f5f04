"""Values without a time axis: every channel by sample, and the chosen sample by channel."""

from __future__ import annotations

from ipywidgets import VBox, Widget

from rnngrad_widgets.data.plot_array import PlotArray
from rnngrad_widgets.figures import drawings
from rnngrad_widgets.views.panel import (
    figure,
    fit_index_scale,
    index_scale,
    panel,
    plot_axis,
    value_scale,
)
from rnngrad_widgets.widgets.bqplot import LinearScale
from rnngrad_widgets.widgets.figure import PlotFigure
from rnngrad_widgets.widgets.marks.cursor import Cursor
from rnngrad_widgets.widgets.marks.scatter import Bars, Scatter, ValuesMark
from rnngrad_widgets.widgets.selection import Selection


class ScatterView:
    """The 0-D scatter of ``return_sequences=False`` outputs, the bars of one sample under it."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self.detached_widgets: list[Widget] = []
        self._samples = index_scale()
        self._channels = index_scale()
        scatter = self._figure(Scatter, self._samples, "sample", "band")
        bars = self._figure(Bars, self._channels, "channel", "none")
        self.figures: tuple[PlotFigure, ...] = (scatter, bars)
        self.box = VBox(
            [
                panel(selection, "scatter-caption", None, scatter),
                panel(selection, "bars-caption", "bars-hover", bars),
            ]
        )

    @property
    def drawing(self) -> drawings.Scatter:
        """What a figure for print shows of it."""
        return drawings.Scatter()

    def fit(self, plot_array: PlotArray) -> None:
        """Let the axes hold the values."""
        samples, channels = plot_array.values.shape
        fit_index_scale(self._samples, samples)
        fit_index_scale(self._channels, channels)

    def _figure(
        self, mark: type[ValuesMark], scale: LinearScale, x_of: str, line: str
    ) -> PlotFigure:
        scales = {"x": scale, "y": value_scale()}
        values, places = plot_axis(scales["y"], "left"), plot_axis(scale, "bottom")
        cursor = Cursor(
            selection=self._selection, scales=scales, x_of=x_of, x_axis=places, line=line
        )
        drawn = mark(selection=self._selection, scales=scales, axis=values)
        return figure([drawn, cursor], [values, places], mark.__name__.lower())
