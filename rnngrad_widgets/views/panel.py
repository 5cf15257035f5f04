"""A panel: a caption row and a figure under it; every panel of a view shares the x scale."""

from __future__ import annotations

from collections.abc import Sequence

from ipywidgets import HBox, IntSlider, Label, Layout, ToggleButtons, VBox, Widget, jslink

from rnngrad_widgets.widgets.bqplot import LinearScale, Mark
from rnngrad_widgets.widgets.figure import PlotAxis, PlotFigure
from rnngrad_widgets.widgets.marks.grid import Grid
from rnngrad_widgets.widgets.readout import Readout
from rnngrad_widgets.widgets.run_stack import RunStack
from rnngrad_widgets.widgets.selection import Selection

MARGIN_LEFT = 44
AXIS_HEIGHT = 24
CAPTION_HEIGHT = 24


def index_scale(count: int = 1) -> LinearScale:
    """Make a scale on which index i takes [i - 0.5, i + 0.5]."""
    return LinearScale(min=-0.5, max=count - 0.5, allow_padding=False)


def fit_index_scale(scale: LinearScale, count: int) -> None:
    """Let the scale hold ``count`` indices."""
    scale.max = count - 0.5


def value_scale() -> LinearScale:
    """Make a scale that the browser fits to the values."""
    return LinearScale(min=-1.0, max=1.0, allow_padding=False)


def plot_axis(scale: LinearScale, side: str) -> PlotAxis:
    """Make an axis whose ticks a mark of the figure chooses in the browser."""
    return PlotAxis(scale=scale, side=side, grid_lines="none")


def figure(
    marks: Sequence[Mark], axes: Sequence[PlotAxis], kind: str, bottom: int | None = None
) -> PlotFigure:
    """Make a figure without decoration; the style sheet has its height, by ``kind``."""
    if bottom is None:
        bottom = AXIS_HEIGHT if any(each.side == "bottom" for each in axes) else 0
    plot = PlotFigure(
        marks=list(marks),
        axes=list(axes),
        # the browser replaces the right one
        fig_margin={"top": 0, "bottom": bottom, "left": MARGIN_LEFT, "right": 0},
        padding_x=0,
        padding_y=0,
        min_aspect_ratio=0.001,
        max_aspect_ratio=1000,
        display_toolbar=False,
        animation_duration=0,
        layout=Layout(width="100%", min_width="0", height=""),
    )
    plot.add_class(f"rnngrad-figure-{kind}")
    return plot


def panel(
    selection: Selection, caption: str, readout: str | None, plot: PlotFigure, *between: Widget
) -> VBox:
    """Put a caption over the plot's left edge, a readout over its right edge."""
    texts: list[Widget] = [Readout(selection=selection, kind=caption), *between]
    if readout is not None:
        texts.append(Readout(selection=selection, kind=readout))
    return captioned(plot, *texts)


def captioned(plot: PlotFigure, *texts: Widget) -> VBox:
    """Put a row of texts and small controls over the plot."""
    row = HBox(texts).add_class("rnngrad-caption")
    return VBox([row, plot]).add_class("rnngrad-panel")


def switch(options: Sequence[str], index: int = 0) -> ToggleButtons:
    """Make small buttons for a caption row; link their ``index`` to what they switch."""
    tooltips = [f"show {option}" for option in options]
    buttons = ToggleButtons(options=options, index=index, tooltips=tooltips)
    return buttons.add_class("rnngrad-switch")


class Pager:
    """A small slider that turns pages, in the browser, and their number.

    It is not there for one page.

    Parameters
    ----------
    grid
        What has the pages: a trait ``page``, and ``PER_PAGE``.
    """

    def __init__(self, grid: Grid | RunStack) -> None:
        self._per_page: int = grid.PER_PAGE
        self._slider = IntSlider(
            description="Page", min=1, value=1, tooltip="which page of panels is shown"
        )
        self._pages = Label()
        self.link = jslink((grid, "page"), (self._slider, "value"))
        self.box = HBox([self._slider, self._pages]).add_class("rnngrad-pager")

    @property
    def page(self) -> int:
        """The page that is shown, from 1."""
        return int(self._slider.value)

    def fit(self, count: int) -> None:
        """Let there be pages for ``count`` panels."""
        pages = -(-count // self._per_page)
        self._slider.max = max(pages, 2)
        self._pages.value = f"of {pages}"
        self.box.layout.display = None if pages > 1 else "none"
