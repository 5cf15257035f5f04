"""A panel: a caption row and a figure under it; every panel of a view shares the x scale."""

from __future__ import annotations

from collections.abc import Sequence

from bqplot import Axis, Figure, LinearScale, Mark
from ipywidgets import HBox, Layout, VBox

from rnngrad_widgets.widgets.readout import Readout
from rnngrad_widgets.widgets.selection import Selection

MARGIN_LEFT = 44
MARGIN_RIGHT = 108  # the browser half narrows it below 900 px
AXIS_HEIGHT = 24
CAPTION_HEIGHT = 24


def index_scale(count: int = 1) -> LinearScale:
    """A scale on which index i takes [i - 0.5, i + 0.5]."""
    return LinearScale(min=-0.5, max=count - 0.5, allow_padding=False)


def fit_index_scale(scale: LinearScale, count: int) -> None:
    """Let the scale hold ``count`` indices."""
    scale.max = count - 0.5


def value_scale() -> LinearScale:
    """A scale that the browser fits to the values."""
    return LinearScale(min=-1.0, max=1.0, allow_padding=False)


def index_axis(scale: LinearScale, side: str) -> Axis:
    """An axis whose integer ticks the cursor chooses in the browser."""
    return Axis(scale=scale, side=side, tick_format="d", grid_lines="none", tick_values=[0])


def value_axis(scale: LinearScale) -> Axis:
    """An axis whose ticks the mark chooses in the browser."""
    return Axis(scale=scale, side="left", grid_lines="none", tick_values=[0])


def figure(marks: Sequence[Mark], axes: Sequence[Axis], kind: str) -> Figure:
    """A figure without decoration; its height comes from the style sheet, by ``kind``."""
    bottom = AXIS_HEIGHT if any(axis.side == "bottom" for axis in axes) else 0
    plot = Figure(
        marks=list(marks),
        axes=list(axes),
        fig_margin={"top": 0, "bottom": bottom, "left": MARGIN_LEFT, "right": MARGIN_RIGHT},
        padding_x=0,
        padding_y=0,
        min_aspect_ratio=0.001,
        max_aspect_ratio=1000,
        display_toolbar=False,
        animation_duration=0,
        layout=Layout(width="100%", min_width="0", height=""),
    )
    return plot.add_class(f"rnngrad-figure-{kind}")


def panel(selection: Selection, caption: str, readout: str | None, plot: Figure) -> VBox:
    """A caption over the plot's left edge, a readout over its right edge, the plot."""
    texts = [Readout(selection=selection, kind=caption)]
    if readout is not None:
        texts.append(Readout(selection=selection, kind=readout))
    row = HBox(texts).add_class("rnngrad-caption")
    return VBox([row, plot]).add_class("rnngrad-panel")
