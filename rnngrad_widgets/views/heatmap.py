"""Heat map of the chosen sample; on the same time axis the flow and the chosen channel's curve."""

from __future__ import annotations

from ipywidgets import VBox, Widget

from rnngrad_widgets.data.plot_array import PlotArray
from rnngrad_widgets.figures.drawings import HeatMap
from rnngrad_widgets.views.panel import (
    CAPTION_HEIGHT,
    figure,
    fit_index_scale,
    index_scale,
    panel,
    plot_axis,
    value_scale,
)
from rnngrad_widgets.widgets.colourbar import ColourBar
from rnngrad_widgets.widgets.figure import PlotFigure
from rnngrad_widgets.widgets.marks.cursor import Cursor
from rnngrad_widgets.widgets.marks.curves import Curves
from rnngrad_widgets.widgets.marks.flow import Flow
from rnngrad_widgets.widgets.marks.raster import Raster
from rnngrad_widgets.widgets.selection import Selection


class HeatMapView:
    """One heat map, or one for each half of the channels, backward above forward.

    Parameters
    ----------
    selection
        What is drawn.
    halves
        Whether the channels are shown as two halves.
    flow
        Whether the flow is shown: a weight has no time to flow through.
    """

    def __init__(self, selection: Selection, *, halves: bool, flow: bool) -> None:
        self._selection = selection
        self.detached_widgets: list[Widget] = []
        self._time = selection.time_scale
        self._sections = (1, 0) if halves else (None,)
        self._channels = [index_scale() for _ in self._sections]
        captions = ("upper-caption", "lower-caption") if halves else ("heat-caption",)
        heats = [
            self._heat(section, number, "half" if halves else "heat")
            for number, section in enumerate(self._sections)
        ]
        flows = [self._flow()] if flow else []
        curve = self._curve()
        self.figures: tuple[PlotFigure, ...] = (*heats, *flows, curve)
        panels = [
            panel(selection, caption, None if i else "hover", plot)
            for i, (caption, plot) in enumerate(zip(captions, heats, strict=True))
        ]
        heat_box = VBox([*panels, ColourBar(selection=selection)]).add_class("rnngrad-heat")
        flow_panels = [panel(selection, "flow-caption", None, plot) for plot in flows]
        curve_panel = panel(selection, "curve-caption", None, curve)
        self.box = VBox([heat_box, *flow_panels, curve_panel])

    @property
    def drawing(self) -> HeatMap:
        """What a figure for print shows of it."""
        return HeatMap()

    def fit(self, plot_array: PlotArray) -> None:
        """Let the axes hold the values."""
        channels = plot_array.values.shape[-1]
        middle = channels // 2
        counts = {None: channels, 0: middle, 1: channels - middle}
        for section, scale in zip(self._sections, self._channels, strict=True):
            fit_index_scale(scale, counts[section])

    def _heat(self, section: int | None, number: int, kind: str) -> PlotFigure:
        scales = {"x": self._time, "y": self._channels[number]}
        axis = plot_axis(scales["y"], "left")
        raster = Raster(
            selection=self._selection,
            section=section,
            scales={**scales, "color": self._selection.colour_scale},
        )
        cursor = Cursor(
            selection=self._selection,
            section=section,
            scales=scales,
            y_of="channel",
            y_axis=axis,
            line_overhang=CAPTION_HEIGHT,
        )
        return figure([raster, cursor], [axis], kind)

    def _flow(self) -> PlotFigure:
        scales = {"x": self._time, "y": value_scale()}
        decades = plot_axis(scales["y"], "left")
        cursor = Cursor(selection=self._selection, scales=scales, line_overhang=CAPTION_HEIGHT)
        flow = Flow(selection=self._selection, scales=scales, axis=decades)
        # the flow's dots lie over the cursor's line
        return figure([cursor, flow], [decades], "flow")

    def _curve(self) -> PlotFigure:
        scales = {"x": self._time, "y": value_scale()}
        values = plot_axis(scales["y"], "left")
        time = plot_axis(scales["x"], "bottom")
        curves = Curves(selection=self._selection, scales=scales, axis=values)
        cursor = Cursor(
            selection=self._selection,
            scales=scales,
            x_axis=time,
            dot=True,
            line_overhang=6,
        )
        return figure([curves, cursor], [values, time], "curve")
