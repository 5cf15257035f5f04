"""Gradient flow: the norm over channels against time, direct and total gradient."""

from __future__ import annotations

from ipywidgets import VBox, Widget

from rnngrad_widgets.data.plot_array import PlotArray
from rnngrad_widgets.figures import drawings
from rnngrad_widgets.views.panel import (
    figure,
    panel,
    plot_axis,
    value_scale,
)
from rnngrad_widgets.widgets.figure import PlotFigure
from rnngrad_widgets.widgets.marks.cursor import Cursor
from rnngrad_widgets.widgets.marks.flow import Flow
from rnngrad_widgets.widgets.selection import Selection


class FlowView:
    """Each sample's norm, their median and quartiles, and the threshold; a second one if given.

    Direct and total gradient stand one over the other: a timestep is one line through both.

    Parameters
    ----------
    selection
        What is drawn.
    """

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        upper, lower = self._flow(companion=False), self._flow(companion=True)
        self.figures: tuple[PlotFigure, ...] = (upper, lower)
        self._first = panel(selection, "flow-view-caption", "flow-hover", upper)
        self._second = panel(selection, "companion-caption", "companion-hover", lower)
        self.detached_widgets: list[Widget] = [self._second]
        self.box = VBox([self._first])
        self.box.add_class("rnngrad-no-norm").add_class("rnngrad-no-channel")
        self.fit_companion()

    @property
    def drawing(self) -> drawings.Flow:
        """What a figure for print shows of it."""
        return drawings.Flow()

    def fit(self, plot_array: PlotArray) -> None:
        """Do nothing: the marks fit their axes."""

    def fit_companion(self) -> None:
        """Show the second flow if there is one."""
        there = self._selection.companion.array is not None
        # not only hidden: bqplot complains of a figure without a size
        self.box.children = (self._first, self._second) if there else (self._first,)
        if there:
            self.box.add_class("rnngrad-two")
        else:
            self.box.remove_class("rnngrad-two")

    def _flow(self, *, companion: bool) -> PlotFigure:
        scales = {"x": self._selection.time_scale, "y": value_scale()}
        decades, time = plot_axis(scales["y"], "left"), plot_axis(scales["x"], "bottom")
        cursor = Cursor(
            selection=self._selection,
            scales=scales,
            x_axis=time,
            lines="companion" if companion else "norm",
            line_overhang=6,
        )
        flow = Flow(
            selection=self._selection,
            scales=scales,
            axis=decades,
            all_samples=True,
            companion=companion,
        )
        return figure([cursor, flow], [decades, time], "flow-high")
