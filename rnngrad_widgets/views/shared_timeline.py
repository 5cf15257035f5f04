"""The timeline of a comparison: one step for all runs, over their losses and their reach."""

from __future__ import annotations

from ipywidgets import VBox

from rnngrad_widgets.views.panel import figure, plot_axis, value_scale
from rnngrad_widgets.widgets.bqplot import LinearScale
from rnngrad_widgets.widgets.figure import PlotFigure
from rnngrad_widgets.widgets.run_stack import RunStack
from rnngrad_widgets.widgets.shared_timeline import SharedTimeline, StepLines


class SharedTimelineView:
    """Play and scrub all runs together; it is shown from when one of them has steps.

    Parameters
    ----------
    stack
        What is compared.
    base
        The index of the condition that the others are compared with.
    level
        The lowest level, in words: what the reach is told at.
    """

    def __init__(self, stack: RunStack, base: int, level: str) -> None:
        self.model = SharedTimeline()
        steps = LinearScale(min=0, max=1, allow_padding=False)
        self._stack, self._base = stack, base
        losses = self._lines(steps, "loss", "Loss of the batch")
        reach = self._lines(steps, "reach", f"Furthest lag at {level} of lag 0")
        self.figures: tuple[PlotFigure, ...] = (losses, reach)
        self.box = VBox([self.model, losses, reach]).add_class("rnngrad-timeline")
        self.box.add_class("rnngrad-shared-timeline")
        self.box.layout.display = "none"

    def _lines(self, steps: LinearScale, shows: str, caption: str) -> PlotFigure:
        scales = {"x": steps, "y": value_scale()}
        axis = plot_axis(scales["y"], "left")
        across = plot_axis(steps, "bottom") if shows == "reach" else None
        mark = StepLines(
            selection=self._stack.selection,
            stack=self._stack,
            base=self._base,
            scales=scales,
            timeline=self.model,
            axis=axis,
            x_axis=across,
            shows=shows,
            caption=caption,
        )
        axes = [axis] if across is None else [axis, across]
        return figure([mark], axes, "losses" if across is None else "step-reach")
