"""Where the picture is: the tensor on its way to the browser, and the view that fits it."""

from __future__ import annotations

import numpy as np
from ipywidgets import VBox

from rnngrad_widgets.cube import Cube
from rnngrad_widgets.statistics import auto_limit, top_decade
from rnngrad_widgets.tensor import GradientTensor
from rnngrad_widgets.views.heatmap import HeatMapView
from rnngrad_widgets.views.scatter import ScatterView
from rnngrad_widgets.widgets.selection import Selection
from rnngrad_widgets.wording import words

View = HeatMapView | ScatterView


class Stage:
    """Shows one tensor at a time; a view that was made is kept for the next one that it fits.

    Parameters
    ----------
    selection
        What is drawn; its tensor is set here.
    """

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._views: dict[str, View] = {}
        self.view: View | None = None
        self.box = VBox().add_class("rnngrad-plots")

    @property
    def boxes(self) -> list[VBox]:
        """The boxes of all views, also of those that are not shown now."""
        return [view.box for view in self._views.values()]

    def show(self, tensor: GradientTensor, cube: Cube) -> View:
        """Send the array to the browser and put the view that fits it on the stage."""
        self._send(tensor, cube)
        self._selection.fit_norm(auto_limit(cube.values), top_decade(cube.values))
        self.view = self._view_of(tensor, cube)
        self.view.fit(cube)
        if self.box.children != (self.view.box,):
            self.box.children = (self.view.box,)
        return self.view

    def _send(self, tensor: GradientTensor, cube: Cube) -> None:
        widget = self._selection.tensor
        with widget.hold_sync():
            _, _, widget.noun, widget.symbol = words(tensor.quantity)
            widget.columns, widget.rows = cube.columns, cube.rows
            widget.gates, widget.gates_along = list(cube.gates), cube.gates_along
            widget.directions = list(tensor.directions)
            widget.flow = "Gradient flow" if tensor.quantity.endswith("_gradient") else "Flow"
            widget.mask = None if tensor.mask is None else tensor.mask.astype(np.float32)
            widget.array = cube.values

    def _view_of(self, tensor: GradientTensor, cube: Cube) -> View:
        halves = len(tensor.directions) == 2
        timed = cube.columns == "timestep"
        kind = "scatter" if not cube.has_time else f"heat map, {halves=}, {timed=}"
        if kind not in self._views:
            self._views[kind] = (
                HeatMapView(self._selection, halves=halves, flow=timed)
                if cube.has_time
                else ScatterView(self._selection)
            )
        return self._views[kind]
