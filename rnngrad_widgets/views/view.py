"""What a view is, and how a stack turns to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bqplot import Figure
from ipywidgets import Stack, VBox, Widget

from rnngrad_widgets.cube import Cube


class View(Protocol):
    """What the stage shows."""

    box: VBox
    figures: tuple[Figure, ...]
    loose: list[Widget]
    """Widgets that are not under the box, such as links."""

    def fit(self, cube: Cube) -> None:
        """Let the axes hold the values."""


def turn_to(stack: Stack, children: Sequence[Widget], index: int) -> None:
    """Put one of the children in front, in one message."""
    with stack.hold_sync():
        if stack.children != tuple(children):
            stack.selected_index = None  # it may be out of range for the new ones
            stack.children = tuple(children)
        stack.selected_index = index
