"""The timeline: a scrubber over the loss and a map of the gradient, all over training steps."""

from __future__ import annotations

from ipywidgets import HTML, VBox

from rnngrad_widgets.views.panel import figure, plot_axis, value_scale
from rnngrad_widgets.widgets.bqplot import LinearScale
from rnngrad_widgets.widgets.figure import PlotFigure
from rnngrad_widgets.widgets.selection import Selection
from rnngrad_widgets.widgets.timeline import Losses, RunMap, Timeline


class TimelineView:
    """Play and scrub; compare with a pinned step; what the run looked like.

    Parameters
    ----------
    selection
        What the snapshots are shown in.
    summary
        The line that follows the step.
    capacity
        How many snapshots are kept.
    """

    def __init__(self, selection: Selection, summary: HTML, capacity: int) -> None:
        self.model = Timeline(selection=selection, summary=summary, capacity=capacity)
        steps = LinearScale(min=0, max=1, allow_padding=False)
        losses, run_map = self._losses(selection, steps), self._run_map(selection, steps)
        self.figures: tuple[PlotFigure, ...] = (losses, run_map)
        self.box = VBox([self.model, losses, run_map]).add_class("rnngrad-timeline")

    def _losses(self, selection: Selection, steps: LinearScale) -> PlotFigure:
        scales = {"x": steps, "y": value_scale()}
        axis = plot_axis(scales["y"], "left")
        mark = Losses(selection=selection, scales=scales, timeline=self.model, axis=axis)
        return figure([mark], [axis], "losses")

    def _run_map(self, selection: Selection, steps: LinearScale) -> PlotFigure:
        scales = {"x": steps, "y": value_scale()}
        axis, timesteps = plot_axis(steps, "bottom"), plot_axis(scales["y"], "left")
        mark = RunMap(
            selection=selection, scales=scales, timeline=self.model, axis=axis, y_axis=timesteps
        )
        return figure([mark], [axis, timesteps], "run-map")
