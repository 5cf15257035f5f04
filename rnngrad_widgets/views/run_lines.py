"""Gradients of runs that are compared, by lag, and under them their ratios to the base."""

from __future__ import annotations

from collections.abc import Sequence

from ipywidgets import HBox, Label, VBox, Widget, jslink

from rnngrad_widgets.views.panel import captioned, figure, plot_axis, switch, value_scale
from rnngrad_widgets.widgets.figure import PlotFigure
from rnngrad_widgets.widgets.marks.cursor import Cursor
from rnngrad_widgets.widgets.marks.run_lines import RunLines, RunReadout
from rnngrad_widgets.widgets.run_stack import ALIGNED_BY, RunStack

UNITS = ("relative", "absolute")
"""Norms as shares of that at lag 0, or as they are."""


class RunLinesView:
    """The lines of one direction, and their ratios where there are several conditions.

    Parameters
    ----------
    stack
        What is drawn.
    base
        The name that the others are compared with.
    heading
        What the lines are of, over the first figure.
    is_readable
        Whether the gradient at lag 0 is a measure of the others; if not, norms are shown as they
        are at first.
    can_align
        Whether timesteps are known, so that they may be on the axis instead of lags.
    """

    def __init__(
        self,
        stack: RunStack,
        base: str,
        heading: str,
        *,
        is_readable: bool,
        can_align: bool,
    ) -> None:
        self._stack = stack
        self._upper = upper = self._lines(ratio=False, absolute=int(not is_readable))
        self._lower = lower = self._lines(ratio=True)
        self.detached_widgets: list[Widget] = []
        switches = [self._switch(UNITS, upper, "absolute")]
        if can_align:
            switches.insert(0, self._switch(ALIGNED_BY, stack, "align"))
        self._panels = (
            self._panel(upper, heading, *switches),
            self._panel(lower, f"Ratio to {base}, relative to lag 0"),
        )
        self.detached_widgets.append(self._panels[1])
        self.box = VBox().add_class("rnngrad-no-norm").add_class("rnngrad-no-channel")

    def fit(self, groups: Sequence[int], names: Sequence[str], base: int) -> None:
        """Draw what the stack has now.

        Parameters
        ----------
        groups
            For each row of the stack the index of its condition; -1 for a row of another direction.
        names
            Of the conditions, in order.
        base
            The index of the one that the others are compared with.
        """
        for lines in (self._upper, self._lower):
            with lines.hold_sync():
                lines.names, lines.groups, lines.base = list(names), list(groups), base
        several = len(names) > 1
        self.box.children = self._panels if several else self._panels[:1]
        if several:
            self.box.add_class("rnngrad-two")

    @property
    def figures(self) -> tuple[PlotFigure, ...]:
        """The figures that are seen."""
        return tuple(panel.children[1] for panel in self.box.children)

    @property
    def is_absolute(self) -> bool:
        """Whether norms are shown as they are, not relative to lag 0."""
        return bool(self._upper.absolute)

    def _switch(self, options: Sequence[str], widget: Widget, trait: str) -> Widget:
        buttons = switch(options, getattr(widget, trait))
        self.detached_widgets.append(jslink((widget, trait), (buttons, "index")))
        return buttons

    def _lines(self, **options: object) -> RunLines:
        selection = self._stack.selection
        scales = {"x": selection.time_scale, "y": value_scale()}
        axis = plot_axis(scales["y"], "left")
        return RunLines(selection=selection, stack=self._stack, scales=scales, axis=axis, **options)

    def _panel(self, lines: RunLines, caption: str, *between: Widget) -> VBox:
        lags = plot_axis(lines.scales["x"], "bottom")
        selection = self._stack.selection
        cursor = Cursor(selection=selection, scales=lines.scales, x_axis=lags, line_overhang=6)
        plot = figure([cursor, lines], [lines.axis, lags], "flow-high")
        middle = [HBox(between).add_class("rnngrad-switches")] if between else []
        heading = Label(caption).add_class("rnngrad-readout")
        return captioned(plot, heading, *middle, RunReadout(lines=lines))
