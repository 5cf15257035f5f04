"""Diagnosis: the table of what `diagnose` finds, and the shares that it is made with."""

from __future__ import annotations

from collections.abc import Callable

from ipywidgets import HBox, Text, VBox, Widget

from rnngrad_widgets.data.plot_array import PlotArray
from rnngrad_widgets.widgets.diagnosis_table import DiagnosisTable
from rnngrad_widgets.widgets.figure import PlotFigure
from rnngrad_widgets.widgets.selection import Selection


class DiagnosisView:
    """A table and sentences about what is shown; threshold and levels can be typed.

    Parameters
    ----------
    selection
        What is diagnosed.
    choose
        Called with what a person typed: the trait of the explorer, and the text.
    """

    def __init__(self, selection: Selection, choose: Callable[[str, str], None]) -> None:
        self.figures: tuple[PlotFigure, ...] = ()
        self.detached_widgets: list[Widget] = []
        self._is_placing = False
        self._boxes = {
            "threshold": Text(
                description="Threshold",
                tooltip="share of the strongest timestep below which one counts as not reached",
            ),
            "levels": Text(
                description="Levels",
                tooltip="shares of the gradient at the last timestep whose reach is told",
            ),
        }
        for name, box in self._boxes.items():
            box.continuous_update = False
            box.add_class("rnngrad-kernel")  # rests in a page without a kernel

            def typed(change: dict[str, str], name: str = name) -> None:
                if not self._is_placing:
                    choose(name, change["new"])

            box.observe(typed, "value")
        shares = HBox(list(self._boxes.values())).add_class("rnngrad-shares")
        self.box = VBox([shares, DiagnosisTable(selection=selection)])
        self.box.add_class("rnngrad-diagnosis").add_class("rnngrad-no-norm")
        self.box.add_class("rnngrad-no-channel")

    @property
    def drawing(self) -> None:
        """No figure shows a table; `diagnose` returns its numbers."""
        return

    def fit(self, plot_array: PlotArray) -> None:
        """Do nothing: the table follows the selection."""

    def place(self, threshold: str, levels: str) -> None:
        """Let the boxes say what is used; nothing is asked for."""
        self._is_placing = True
        try:
            self._boxes["threshold"].value, self._boxes["levels"].value = threshold, levels
        finally:
            self._is_placing = False
