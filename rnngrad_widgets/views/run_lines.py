"""Gradients of runs that are compared, by lag, and under them their ratios to the base."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from ipywidgets import HBox, Label, VBox, Widget, jslink

from rnngrad_widgets.data.plot_array import PlotArray
from rnngrad_widgets.data.tensor import SEQUENCE, GradientTensor
from rnngrad_widgets.views.panel import captioned, figure, plot_axis, switch, value_scale
from rnngrad_widgets.views.tensor_upload import new_selection, upload
from rnngrad_widgets.widgets.figure import PlotFigure
from rnngrad_widgets.widgets.marks.cursor import Cursor
from rnngrad_widgets.widgets.marks.run_lines import RunLines, RunReadout

if TYPE_CHECKING:
    from rnngrad_widgets.comparison.curves import Curve

UNITS = ("relative", "absolute")
"""Norms as shares of that at lag 0, or as they are."""


class RunLinesView:
    """The lines of one direction, and their ratios where there are several conditions.

    Parameters
    ----------
    curves
        Of all conditions and repeats.
    names
        Of the conditions, in order.
    base
        The one that the others are compared with.
    heading
        What the lines are of, over the first figure.
    is_readable
        Whether the gradient at lag 0 is a measure of the others; if not, norms are shown as they
        are at first.
    """

    def __init__(
        self,
        curves: Sequence[Curve],
        names: Sequence[str],
        base: str,
        heading: str,
        *,
        is_readable: bool,
    ) -> None:
        self.selection = new_selection()
        norms = _stacked(curves)
        tensor = GradientTensor(norms, SEQUENCE)
        upload(self.selection.tensor, tensor, PlotArray(norms, "lag", "sample"))
        groups = [names.index(curve.name) for curve in curves]
        shared = {"names": list(names), "groups": groups, "base": list(names).index(base)}
        self._upper = upper = self._lines(ratio=False, absolute=int(not is_readable), **shared)
        self._units = switch(UNITS, upper.absolute)
        self.detached_widgets: list[Widget] = [jslink((upper, "absolute"), (self._units, "index"))]
        panels = [self._panel(upper, heading, self._units)]
        if len(names) > 1:
            lower = self._lines(ratio=True, **shared)
            panels.append(self._panel(lower, f"Ratio to {base}, relative to lag 0"))
        self.figures: tuple[PlotFigure, ...] = tuple(panel.children[1] for panel in panels)
        self.box = VBox(panels).add_class("rnngrad-no-norm").add_class("rnngrad-no-channel")
        if len(panels) > 1:
            self.box.add_class("rnngrad-two")

    @property
    def is_absolute(self) -> bool:
        """Whether norms are shown as they are, not relative to lag 0."""
        return bool(self._upper.absolute)

    def _lines(self, **options: object) -> RunLines:
        scales = {"x": self.selection.time_scale, "y": value_scale()}
        axis = plot_axis(scales["y"], "left")
        return RunLines(selection=self.selection, scales=scales, axis=axis, **options)

    def _panel(self, lines: RunLines, caption: str, *between: Widget) -> VBox:
        lags = plot_axis(lines.scales["x"], "bottom")
        cursor = Cursor(selection=self.selection, scales=lines.scales, x_axis=lags, line_overhang=6)
        plot = figure([cursor, lines], [lines.axis, lags], "flow-high")
        middle = [HBox(between).add_class("rnngrad-switches")] if between else []
        heading = Label(caption).add_class("rnngrad-readout")
        return captioned(plot, heading, *middle, RunReadout(lines=lines))


def _stacked(curves: Sequence[Curve]) -> np.ndarray:
    """Return the norms of all runs, (runs, lags, samples), float32; NaN where one has none."""
    lags = max(curve.norms.shape[1] for curve in curves)
    samples = max(curve.norms.shape[0] for curve in curves)
    norms = np.full((len(curves), lags, samples), np.nan, np.float32)
    for own, curve in zip(norms, curves, strict=True):
        with np.errstate(over="ignore"):
            own[: curve.norms.shape[1], : curve.norms.shape[0]] = curve.norms.T
    return norms
