"""A small heat map for each run that is compared: one sample, one range of colours, one cursor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from ipywidgets import HTML, Button, HBox, VBox, Widget

from rnngrad_widgets.data.plot_array import PlotArray
from rnngrad_widgets.figures import drawings
from rnngrad_widgets.views.controls import Controls
from rnngrad_widgets.views.panel import Pager, figure, panel, value_scale
from rnngrad_widgets.widgets.colourbar import ColourBar
from rnngrad_widgets.widgets.figure import PlotFigure
from rnngrad_widgets.widgets.marks.grid import RunMaps
from rnngrad_widgets.widgets.selection import Selection
from rnngrad_widgets.widgets.tensor import Tensor


class RunMapsView:
    """The controls of an explorer of an array, over a heat map for each run.

    Parameters
    ----------
    selection
        What is selected in all of them; its tensor is that of the first run.
    tensors, names
        Of the runs.
    rows
        Rows of maps; None for as many as fit best.
    open_run
        Called with the index of a run that a person wants to explore.
    """

    def __init__(
        self,
        selection: Selection,
        tensors: Sequence[Tensor],
        names: Sequence[str],
        rows: int | None,
        open_run: Callable[[int], None],
    ) -> None:
        self._names = tuple(names)
        self._controls = Controls(selection, {}, lambda *_: None, lambda: None)
        scales = {"x": value_scale(), "y": value_scale(), "color": selection.colour_scale}
        self._mark = RunMaps(
            selection=selection, scales=scales, rows=rows, tensors=list(tensors), names=list(names)
        )
        plot = figure([self._mark], [], "single", bottom=0)
        self._pager = Pager(self._mark)
        self._pager.fit(len(names))
        self._open = Button(tooltip="a full explorer of the run whose map was clicked last")
        self._open.add_class("rnngrad-kernel").add_class("rnngrad-open-run")
        self._open.on_click(lambda _: open_run(self._mark.run))
        self._message = HTML().add_class("rnngrad-message")
        self._mark.observe(lambda _: self._name_button(), "run")
        self._name_button()
        captioned = panel(selection, "run-maps-caption", None, plot, self._pager.box)
        maps = VBox([captioned, ColourBar(selection=selection)])
        maps.add_class("rnngrad-heat").add_class("rnngrad-axis-below")
        self.figures: tuple[PlotFigure, ...] = (plot,)
        self.controls_box = self._controls.box
        self.box = maps
        self.button_row = HBox([self._open, self._message]).add_class("rnngrad-open-row")
        self.detached_widgets: list[Widget] = [
            self._pager.link,
            *self._controls.detached_widgets,
            self._controls.box,
        ]

    def _name_button(self) -> None:
        self._open.description = f"Explore {self._names[self._mark.run]}"

    def tell(self, message: str) -> None:
        """Show a message beside the button; empty for none."""
        self._message.value = escape(message)

    @property
    def run(self) -> int:
        """The index of the run whose map was clicked last."""
        return int(self._mark.run)

    @property
    def drawing(self) -> drawings.Maps:
        """What a figure for print shows of it."""
        mark = self._mark
        return drawings.Maps(self._pager.page, mark.PER_PAGE, mark.rows, self._names)

    def fit(self, plot_array: PlotArray) -> None:
        """Let the sliders have the ranges of the first run."""
        self._controls.fit(plot_array, (), ())
        for none in (self._controls.views, self._controls.order):
            none.layout.display = "none"
