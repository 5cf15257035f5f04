"""What a view is, and how a stack brings one to the front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ipywidgets import Box, Stack, Widget

from rnngrad_widgets.data.plot_array import PlotArray
from rnngrad_widgets.figures.drawings import Drawing
from rnngrad_widgets.widgets.figure import PlotFigure


class View(Protocol):
    """What a view stack shows."""

    @property
    def box(self) -> Box:
        """What is put into the stack."""

    @property
    def figures(self) -> tuple[PlotFigure, ...]:
        """The figures in it."""

    @property
    def detached_widgets(self) -> list[Widget]:
        """Widgets that are not under the box, such as links."""

    @property
    def drawing(self) -> Drawing | None:
        """What a figure for print shows of it; None where it has nothing to draw."""

    def fit(self, plot_array: PlotArray) -> None:
        """Let the axes hold the values."""


def bring_to_front(stack: Stack, children: Sequence[Widget], index: int) -> None:
    """Put one of the children in front, in one message."""
    with stack.hold_sync():
        if stack.children != tuple(children):
            stack.selected_index = None  # it may be out of range for the new ones
            stack.children = tuple(children)
        stack.selected_index = index
