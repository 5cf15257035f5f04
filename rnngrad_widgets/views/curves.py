"""Curves against time: one channel in every sample over the flow, or a panel for each channel."""

from __future__ import annotations

from ipywidgets import Stack, VBox, Widget, jslink

from rnngrad_widgets.data.plot_array import PlotArray
from rnngrad_widgets.figures import drawings
from rnngrad_widgets.views.panel import (
    CAPTION_HEIGHT,
    Pager,
    figure,
    panel,
    plot_axis,
    switch,
    value_scale,
)
from rnngrad_widgets.widgets.figure import PlotFigure
from rnngrad_widgets.widgets.marks.cursor import Cursor
from rnngrad_widgets.widgets.marks.curves import Curves
from rnngrad_widgets.widgets.marks.flow import Flow
from rnngrad_widgets.widgets.marks.grid import CurveGrid
from rnngrad_widgets.widgets.selection import Selection


class CurvesView:
    """One channel in every sample, with the flow under it; beside it a panel for each channel.

    Parameters
    ----------
    selection
        What is drawn.
    """

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        curve, flow = self._curve(), self._flow()
        buttons = switch(["one channel", "all channels"])
        self._grid = CurveGridView(selection, in_caption=buttons)
        self.figures: tuple[PlotFigure, ...] = (curve, flow, *self._grid.figures)
        one = VBox(
            [
                panel(selection, "curve-caption", "hover", curve, buttons),
                panel(selection, "flow-caption", None, flow),
            ]
        )
        self._pages = Stack([one, self._grid.box], selected_index=0).add_class("rnngrad-pages")
        link = jslink((self._pages, "selected_index"), (buttons, "index"))
        self.detached_widgets: list[Widget] = [link, *self._grid.detached_widgets]
        self.box = VBox([self._pages]).add_class("rnngrad-no-norm")

    @property
    def drawing(self) -> drawings.Curves | drawings.CurveGrid:
        """What a figure for print shows of it."""
        return self._grid.drawing if self._pages.selected_index else drawings.Curves()

    def fit(self, plot_array: PlotArray) -> None:
        """Let the axes hold the values."""
        self._grid.fit(plot_array)

    def _curve(self) -> PlotFigure:
        scales = {"x": self._selection.time_scale, "y": value_scale()}
        values = plot_axis(scales["y"], "left")
        curves = Curves(selection=self._selection, scales=scales, axis=values, coloured=True)
        cursor = Cursor(
            selection=self._selection,
            scales=scales,
            dot=True,
            lines="curve",
            line_overhang=CAPTION_HEIGHT,
        )
        return figure([curves, cursor], [values], "curve-high")

    def _flow(self) -> PlotFigure:
        scales = {"x": self._selection.time_scale, "y": value_scale()}
        decades, time = plot_axis(scales["y"], "left"), plot_axis(scales["x"], "bottom")
        cursor = Cursor(selection=self._selection, scales=scales, x_axis=time, line_overhang=6)
        flow = Flow(selection=self._selection, scales=scales, axis=decades)
        return figure([cursor, flow], [decades, time], "flow-low")


class CurveGridView:
    """A panel for each channel, a colour for each sample, page by page.

    Parameters
    ----------
    selection
        What is drawn.
    rows
        Rows of panels; None for as many as fit best.
    independent_y
        Whether each panel has a y axis of its own.
    in_caption
        Put into the caption row.
    """

    def __init__(
        self,
        selection: Selection,
        *,
        rows: int | None = None,
        independent_y: bool = False,
        in_caption: Widget | None = None,
    ) -> None:
        scales = {"x": value_scale(), "y": value_scale(), "color": selection.colour_scale}
        grid = CurveGrid(
            selection=selection, scales=scales, rows=rows, independent_y=int(independent_y)
        )
        self._mark = grid
        self._pager = Pager(grid)
        plot = figure([grid], [], "single", bottom=0)
        axes = switch(["same y axis", "own y axes"], int(independent_y))
        buttons = [axes] if in_caption is None else [in_caption, axes]
        self.figures: tuple[PlotFigure, ...] = (plot,)
        self.detached_widgets: list[Widget] = [
            jslink((grid, "independent_y"), (axes, "index")),
            self._pager.link,
        ]
        self.box = panel(selection, "grid-caption", "hover", plot, self._pager.box, *buttons)

    @property
    def drawing(self) -> drawings.CurveGrid:
        """What a figure for print shows of it."""
        grid = self._mark
        own_y = grid.independent_y == 1
        return drawings.CurveGrid(self._pager.page, grid.PER_PAGE, grid.rows, own_y)

    def fit(self, plot_array: PlotArray) -> None:
        """Let the axes hold the values."""
        self._pager.fit(plot_array.values.shape[-1])
