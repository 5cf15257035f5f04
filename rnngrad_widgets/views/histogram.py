"""How the values of a tensor are distributed, with the chosen sample or channel."""

from __future__ import annotations

from ipywidgets import HBox, VBox, Widget, jslink

from rnngrad_widgets.data.plot_array import PlotArray
from rnngrad_widgets.figures import drawings
from rnngrad_widgets.views.panel import figure, plot_axis, switch, value_scale
from rnngrad_widgets.widgets.bqplot import LinearScale
from rnngrad_widgets.widgets.figure import PlotFigure
from rnngrad_widgets.widgets.marks.histogram import (
    AXES,
    COUNTS,
    LINES,
    GateHistograms,
    Histogram,
    HistogramReadout,
)
from rnngrad_widgets.widgets.selection import Selection


class HistogramView:
    """Bars for the whole tensor, a line for the chosen sample or the chosen channel of it.

    Parameters
    ----------
    selection
        What is drawn.
    """

    def __init__(self, selection: Selection) -> None:
        self._by_magnitude: bool | None = None
        scales = {"x": value_scale(), "y": value_scale()}
        values = plot_axis(scales["x"], "bottom")
        counts = plot_axis(scales["y"], "left")
        self.mark = Histogram(
            selection=selection, scales=scales, value_axis=values, count_axis=counts
        )
        plot = figure([self.mark], [values, counts], "histogram")
        self.figures: tuple[PlotFigure, ...] = (plot,)
        switches = {
            name: switch(options, getattr(self.mark, name))
            for name, options in (("signed", AXES), ("log_count", COUNTS), ("line", LINES))
        }
        self.detached_widgets: list[Widget] = [
            jslink((self.mark, name), (buttons, "index")) for name, buttons in switches.items()
        ]
        caption, hover = (
            HistogramReadout(histogram=self.mark, kind=kind) for kind in ("caption", "hover")
        )
        middle = HBox(list(switches.values())).add_class("rnngrad-switches")
        row = HBox([caption, middle, hover])
        row.add_class("rnngrad-caption").add_class("rnngrad-caption-histogram")
        self.box = VBox([VBox([row, plot]).add_class("rnngrad-panel")]).add_class("rnngrad-no-norm")

    @property
    def drawing(self) -> drawings.Histogram:
        """What a figure for print shows of it."""
        mark = self.mark
        return drawings.Histogram(mark.signed == 1, mark.log_count == 1, mark.line == 1)

    def fit(self, plot_array: PlotArray) -> None:
        """Choose the axis that suits a tensor; the browser fits it to the values.

        The axis changes only where the tensor before was of another kind: else it stays as the
        person at the widget has it.
        """
        if plot_array.by_magnitude != self._by_magnitude:
            self._by_magnitude = plot_array.by_magnitude
            self.mark.signed = 0 if plot_array.by_magnitude else 1


def gate_histograms(
    selection: Selection, columns: LinearScale, section: int | None = None
) -> PlotFigure:
    """Draw a strip that goes under the map of a weight: a histogram for each gate.

    Parameters
    ----------
    selection
        What is drawn; its caption is the readout ``"gates-caption"``.
    columns
        The x scale of the map.
    section
        The section of the rows that is counted; None for all.
    """
    scales = {"x": columns, "y": value_scale()}
    counts = plot_axis(scales["y"], "left")
    mark = GateHistograms(selection=selection, scales=scales, section=section, count_axis=counts)
    return figure([mark], [counts], "gates")
