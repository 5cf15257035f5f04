"""All samples: a heat map for each, or one channel with a row for each sample."""

from __future__ import annotations

from ipywidgets import Stack, VBox, Widget, jslink

from rnngrad_widgets.data.plot_array import PlotArray
from rnngrad_widgets.figures import drawings
from rnngrad_widgets.views.panel import (
    Pager,
    figure,
    fit_index_scale,
    index_scale,
    panel,
    plot_axis,
    switch,
    value_scale,
)
from rnngrad_widgets.widgets.colourbar import ColourBar
from rnngrad_widgets.widgets.figure import PlotFigure
from rnngrad_widgets.widgets.marks.cursor import Cursor
from rnngrad_widgets.widgets.marks.grid import Maps
from rnngrad_widgets.widgets.marks.raster import Raster
from rnngrad_widgets.widgets.selection import Selection


class SamplesView:
    """Heat maps of all samples in one range of colours, or one channel of all samples.

    Parameters
    ----------
    selection
        What is drawn.
    """

    def __init__(self, selection: Selection) -> None:
        self._samples = index_scale()
        channel = self._channel(selection)
        buttons = switch(["maps", "one channel"])
        self._maps = MapsView(selection, in_caption=buttons)
        by_sample = panel(selection, "channel-caption", "hover", channel, buttons)
        self.figures: tuple[PlotFigure, ...] = (*self._maps.figures, channel)
        bar = ColourBar(selection=selection)
        one = VBox([by_sample, bar]).add_class("rnngrad-heat").add_class("rnngrad-axis-below")
        self.box = Stack([self._maps.box, one], selected_index=0).add_class("rnngrad-pages")
        link = jslink((self.box, "selected_index"), (buttons, "index"))
        self.detached_widgets: list[Widget] = [link, *self._maps.detached_widgets]

    @property
    def drawing(self) -> drawings.Maps | drawings.OneChannel:
        """What a figure for print shows of it."""
        return drawings.OneChannel() if self.box.selected_index else self._maps.drawing

    def fit(self, plot_array: PlotArray) -> None:
        """Let the axes hold the values."""
        self._maps.fit(plot_array)
        fit_index_scale(self._samples, plot_array.values.shape[0])

    def _channel(self, selection: Selection) -> PlotFigure:
        scales = {"x": selection.time_scale, "y": self._samples}
        samples, time = plot_axis(scales["y"], "left"), plot_axis(scales["x"], "bottom")
        raster = Raster(
            selection=selection,
            rows_of="sample",
            scales={**scales, "color": selection.colour_scale},
        )
        cursor = Cursor(
            selection=selection, scales=scales, y_of="sample", y_axis=samples, x_axis=time
        )
        return figure([raster, cursor], [samples, time], "single")


class MapsView:
    """A heat map for each sample, page by page.

    Parameters
    ----------
    selection
        What is drawn.
    rows
        Rows of maps; None for as many as fit best.
    in_caption
        Put into the caption row.
    """

    def __init__(
        self, selection: Selection, *, rows: int | None = None, in_caption: Widget | None = None
    ) -> None:
        scales = {"x": value_scale(), "y": value_scale(), "color": selection.colour_scale}
        maps = Maps(selection=selection, scales=scales, rows=rows)
        plot = figure([maps], [], "single", bottom=0)
        self._mark = maps
        self._pager = Pager(maps)
        between = [self._pager.box] if in_caption is None else [self._pager.box, in_caption]
        captioned = panel(selection, "maps-caption", "hover", plot, *between)
        self.figures: tuple[PlotFigure, ...] = (plot,)
        self.detached_widgets: list[Widget] = [self._pager.link]
        self.box = VBox([captioned, ColourBar(selection=selection)])
        self.box.add_class("rnngrad-heat").add_class("rnngrad-axis-below")

    @property
    def drawing(self) -> drawings.Maps:
        """What a figure for print shows of it."""
        return drawings.Maps(self._pager.page, self._mark.PER_PAGE, self._mark.rows)

    def fit(self, plot_array: PlotArray) -> None:
        """Let there be a page for each so many samples."""
        self._pager.fit(plot_array.values.shape[0])
