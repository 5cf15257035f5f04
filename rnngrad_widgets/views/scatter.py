"""Values without a time axis: every channel by sample, and the chosen sample by channel."""

from __future__ import annotations

from bqplot import Figure
from ipywidgets import VBox

from rnngrad_widgets.cube import Cube
from rnngrad_widgets.views.panel import (
    figure,
    fit_index_scale,
    index_axis,
    index_scale,
    panel,
    value_axis,
    value_scale,
)
from rnngrad_widgets.widgets.cursor import Cursor
from rnngrad_widgets.widgets.scatter import Bars, Scatter
from rnngrad_widgets.widgets.selection import Selection


class ScatterView:
    """The 0-D scatter of ``return_sequences=False`` outputs, the bars of one sample under it."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._samples = index_scale()
        self._channels = index_scale()
        scatter = self._scatter()
        bars = self._bars()
        self.figures: tuple[Figure, ...] = (scatter, bars)
        self.box = VBox(
            [
                panel(selection, "scatter-caption", None, scatter),
                panel(selection, "bars-caption", "bars-hover", bars),
            ]
        )

    def fit(self, cube: Cube) -> None:
        """Let the axes hold the values."""
        samples, channels = cube.values.shape
        fit_index_scale(self._samples, samples)
        fit_index_scale(self._channels, channels)

    def _scatter(self) -> Figure:
        scales = {"x": self._samples, "y": value_scale()}
        values, samples = value_axis(scales["y"]), index_axis(scales["x"], "bottom")
        scatter = Scatter(selection=self._selection, scales=scales, axis=values)
        cursor = Cursor(
            selection=self._selection,
            scales=scales,
            x_of="sample",
            x_axis=samples,
            line="band",
        )
        return figure([scatter, cursor], [values, samples], "scatter")

    def _bars(self) -> Figure:
        scales = {"x": self._channels, "y": value_scale()}
        values, channels = value_axis(scales["y"]), index_axis(scales["x"], "bottom")
        bars = Bars(selection=self._selection, scales=scales, axis=values)
        cursor = Cursor(
            selection=self._selection,
            scales=scales,
            x_of="channel",
            x_axis=channels,
            line="none",
        )
        return figure([bars, cursor], [values, channels], "bars")
