"""All samples: a heat map for each, or one channel with a row for each sample."""

from __future__ import annotations

from bqplot import Figure
from ipywidgets import Stack, VBox, jslink

from rnngrad_widgets.cube import Cube
from rnngrad_widgets.views.panel import (
    Pager,
    figure,
    fit_index_scale,
    index_axis,
    index_scale,
    panel,
    switch,
    value_scale,
)
from rnngrad_widgets.widgets.colourbar import ColourBar
from rnngrad_widgets.widgets.cursor import Cursor
from rnngrad_widgets.widgets.grid import Maps
from rnngrad_widgets.widgets.raster import Raster
from rnngrad_widgets.widgets.selection import Selection


class SamplesView:
    """Heat maps of all samples in one range of colours.

    Parameters
    ----------
    selection
        What is drawn.
    rows
        Rows of small maps; None for as many as fit best.
    """

    def __init__(self, selection: Selection, *, rows: int | None = None) -> None:
        self._selection = selection
        self._samples = index_scale()
        blank = {"x": value_scale(), "y": value_scale(), "color": selection.colour_scale}
        marks = Maps(selection=selection, scales=blank, rows=rows)
        maps, channel = figure([marks], [], "single", bottom=0), self._channel()
        self.figures: tuple[Figure, ...] = (maps, channel)
        self._pager = Pager(marks)
        pages = Stack().add_class("rnngrad-pages")
        buttons = switch(["maps", "one channel"])
        pages.children = [
            panel(selection, "maps-caption", "hover", maps, self._pager.box, buttons),
            panel(selection, "channel-caption", "hover", channel, buttons),
        ]
        pages.selected_index = 0
        self.loose = [jslink((pages, "selected_index"), (buttons, "index")), self._pager.link]
        self.box = VBox([pages, ColourBar(selection=selection)]).add_class("rnngrad-heat")

    def fit(self, cube: Cube) -> None:
        """Let the axes hold the values."""
        fit_index_scale(self._samples, cube.values.shape[0])
        self._pager.fit(cube.values.shape[0])

    def _channel(self) -> Figure:
        scales = {"x": self._selection.time_scale, "y": self._samples}
        samples, time = index_axis(scales["y"], "left"), index_axis(scales["x"], "bottom")
        raster = Raster(
            selection=self._selection,
            rows_of="sample",
            scales={**scales, "color": self._selection.colour_scale},
        )
        cursor = Cursor(
            selection=self._selection, scales=scales, y_of="sample", y_axis=samples, x_axis=time
        )
        return figure([raster, cursor], [samples, time], "single")
