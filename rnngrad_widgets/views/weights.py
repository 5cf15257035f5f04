"""A layer's weights and their gradients: every matrix over the same columns, gate by gate.

One tensor for each direction or cell, its matrices stacked along the rows as sections: raster,
cursor and readout are those of the heat map.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from ipywidgets import HTML, HBox, Stack, VBox, Widget, jslink

from rnngrad_widgets.data.plot_array import PlotArray, Section, to_plot_array
from rnngrad_widgets.data.statistics import auto_limit, max_decade
from rnngrad_widgets.data.tensor import GradientTensor
from rnngrad_widgets.figures import drawings
from rnngrad_widgets.figures.shown import Shown
from rnngrad_widgets.views.histogram import gate_histograms
from rnngrad_widgets.views.panel import (
    AXIS_HEIGHT,
    CAPTION_HEIGHT,
    captioned,
    figure,
    fit_index_scale,
    index_scale,
    plot_axis,
    switch,
)
from rnngrad_widgets.views.tensor_upload import new_selection, upload
from rnngrad_widgets.widgets.colourbar import ColourBar
from rnngrad_widgets.widgets.figure import PlotFigure
from rnngrad_widgets.widgets.marks.cursor import Cursor
from rnngrad_widgets.widgets.marks.raster import Raster
from rnngrad_widgets.widgets.readout import Readout
from rnngrad_widgets.widgets.selection import Selection

Weights = Mapping[str, GradientTensor]
"""Tensors by their names below the layer: ``forward/kernel``."""

HEIGHT = 552
"""All matrices and the histograms together, with their captions, in pixels of a wide page.

The style sheet knows how high a view is on any page; of that, each figure gets its share.
"""

HISTOGRAMS = 96
THIN = 22
"""Height of a bias: one row, or two."""


class WeightsView:
    """Kernel, recurrent kernel and bias over each other, and under them a histogram for each gate.

    Directions and stacked cells apart; values or gradients.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], _Pages] = {}
        self._pages: _Pages | None = None
        # a kernel that runs a cell computes them only afterwards
        self._wait = HTML("The weights come as soon as the kernel is free.")
        self.box = VBox([self._wait.add_class("rnngrad-wait")])
        for ignored in ("sample", "channel", "norm"):
            self.box.add_class(f"rnngrad-no-{ignored}")

    @property
    def figures(self) -> tuple[PlotFigure, ...]:
        """The figures of the layer that is shown."""
        return self._pages.figures if self._pages else ()

    @property
    def pages(self) -> Mapping[str, Sequence[Page]]:
        """The pages of the layer that is shown, of ``"values"`` and of ``"gradients"``."""
        return self._pages.by_kind if self._pages else {}

    @property
    def selections(self) -> list[Selection]:
        """What is drawn: one selection for each direction or cell, of values and of gradients."""
        return [page.selection for pages in self._made.values() for page in pages.pages]

    @property
    def detached_widgets(self) -> list[Widget]:
        """Widgets that are not under the box: links, and the pages of other layers."""
        made = self._made.values()
        return [self._wait, *(each for pages in made for each in (pages.box, *pages.links))]

    @property
    def drawing(self) -> drawings.Weights | None:
        """What a figure for print shows of it."""
        return None if self._pages is None else drawings.Weights(self._pages.shown)

    def fit(self, plot_array: PlotArray) -> None:
        """Do nothing: weights are shown by `show`."""

    def show(self, values: Weights, gradients: Weights | None = None) -> None:
        """Show the weights of a layer, and the gradient with respect to them if there is one."""
        kinds = {"values": groups_of(values)}
        if gradients is not None:
            # The loss does not depend on a weight that has none.
            every = {name: gradients.get(name) or _zero(tensor) for name, tensor in values.items()}
            kinds["gradients"] = groups_of(every)
        key = tuple((group.name, group.shape) for groups in kinds.values() for group in groups)
        if key not in self._made:
            self._made[key] = _Pages(kinds)
        self._pages = self._made[key]
        self._pages.fit(kinds)
        self.box.children = (self._pages.box,)


class Group(NamedTuple):
    """Matrices with the same columns: of one direction, of one cell."""

    name: str
    tensor: GradientTensor
    plot_array: PlotArray

    @property
    def shape(self) -> tuple[object, ...]:
        """What two groups share that can be drawn by the same figures."""
        return (self.plot_array.values.shape[1:], self.plot_array.sections)


def groups_of(weights: Weights) -> list[Group]:
    """Return the matrices that share their columns, in the order of the weights."""
    found: dict[tuple[str, tuple[int, ...]], dict[str, GradientTensor]] = {}
    for path, tensor in weights.items():
        group, _, name = path.rpartition("/")
        found.setdefault((group, tensor.shape[-1:]), {})[name] = tensor
    names = [group for group, _ in found]
    return [
        _stacked(group if names.count(group) == 1 else _name(group, members), members)
        for (group, _), members in found.items()
    ]


def _name(group: str, members: Mapping[str, GradientTensor]) -> str:
    """Tell apart what has the same place and other columns: kernels, and what is added to them."""
    return "/".join(filter(None, (group, "kernel" if "kernel" in members else ", ".join(members))))


def _zero(tensor: GradientTensor) -> GradientTensor:
    return replace(tensor, values=np.zeros(tensor.shape), quantity="weight_gradient")


def _stacked(name: str, members: Mapping[str, GradientTensor]) -> Group:
    """Stack all matrices into one picture, the last one at the bottom."""
    plot_arrays = {key: to_plot_array(tensor) for key, tensor in reversed(list(members.items()))}
    starts = np.cumsum([0, *(plot_array.values.shape[-1] for plot_array in plot_arrays.values())])
    sections = tuple(
        Section(key, int(start), plot_array.rows.replace("_", " "))
        for (key, plot_array), start in zip(plot_arrays.items(), starts[:-1], strict=True)
    )
    first = next(iter(members.values()))
    like = to_plot_array(first)
    values = np.concatenate([plot_array.values for plot_array in plot_arrays.values()], axis=-1)
    plot_array = PlotArray(values, like.columns, "row", like.gates, like.gates_along, sections)
    return Group(name, first, plot_array)


class _Pages:
    """A page for each group, of values and of gradients; small buttons turn them."""

    def __init__(self, kinds: Mapping[str, list[Group]]) -> None:
        self.by_kind = {kind: [Page(group) for group in groups] for kind, groups in kinds.items()}
        names = [group.name for group in next(iter(kinds.values()))]
        of_kind, of_group = switch(list(kinds)), switch(names)
        of_kind.layout.display = None if len(kinds) > 1 else "none"
        of_group.layout.display = None if len(names) > 1 else "none"
        stacks = [
            Stack([page.box for page in pages], selected_index=0).add_class("rnngrad-pages")
            for pages in self.by_kind.values()
        ]
        outer = Stack(stacks, selected_index=0).add_class("rnngrad-pages")
        self._outer = outer
        self.links = [
            jslink((outer, "selected_index"), (of_kind, "index")),
            *(jslink((stack, "selected_index"), (of_group, "index")) for stack in stacks),
        ]
        buttons = HBox([of_kind, of_group]).add_class("rnngrad-caption")
        buttons.layout.display = None if max(len(kinds), len(names)) > 1 else "none"
        self.box = VBox([buttons, outer])
        self.figures = tuple(plot for page in self.pages for plot in page.figures)

    @property
    def pages(self) -> list[Page]:
        return [page for pages in self.by_kind.values() for page in pages]

    @property
    def shown(self) -> Shown:
        """What the page that is shown has."""
        which: int = self._outer.selected_index
        group: int = self._outer.children[which].selected_index
        return list(self.by_kind.values())[which][group].shown

    def fit(self, kinds: Mapping[str, list[Group]]) -> None:
        for kind, groups in kinds.items():
            for page, group in zip(self.by_kind[kind], groups, strict=True):
                page.fit(group)


class Page:
    """The matrices of one group."""

    def __init__(self, group: Group) -> None:
        self.selection = selection = new_selection()
        self._group = group
        rows = _rows(group.plot_array)
        thin = sum(count <= 2 for count in rows)
        spent = CAPTION_HEIGHT * (len(rows) + 1) + AXIS_HEIGHT + HISTOGRAMS + THIN * thin
        each = max((HEIGHT - spent) // max(len(rows) - thin, 1), THIN)
        panels: list[VBox] = []
        heights: dict[PlotFigure, int] = {}
        for section in reversed(range(len(rows))):
            plot = self._matrix(section, rows[section])
            caption = Readout(selection=selection, kind="section-caption", section=section)
            hover = [] if heights else [Readout(selection=selection, kind="hover")]
            panels.append(captioned(plot, caption, *hover))
            heights[plot] = THIN if rows[section] <= 2 else each
        heights[plot] += AXIS_HEIGHT  # the lowest one has the axis
        histograms = gate_histograms(selection, selection.time_scale)
        heights[histograms] = HISTOGRAMS
        captions = CAPTION_HEIGHT * (len(rows) + 2)  # and the row of buttons
        for figure_, height in heights.items():
            share = height / sum(heights.values())
            figure_.layout.height = f"calc((var(--rg-view) - {captions}px) * {share:.5f})"
        caption = Readout(selection=selection, kind="gates-caption")
        maps = VBox([*panels, ColourBar(selection=selection)]).add_class("rnngrad-heat")
        maps.add_class("rnngrad-axis-below")
        self.figures = tuple(heights)
        self.box = VBox([maps, captioned(histograms, caption)])

    @property
    def shown(self) -> Shown:
        """What it shows."""
        tensor, plot_array = self._group.tensor, self._group.plot_array
        return Shown(plot_array, tensor.quantity, norm=self.selection.norm)

    def fit(self, group: Group) -> None:
        """Send the matrices. Biases are left out of the norm: a forget gate's is all ones."""
        self._group = group
        upload(self.selection.tensor, group.tensor, group.plot_array)
        counts, values = _rows(group.plot_array), group.plot_array.values
        matrices = [
            values[..., section.start : section.start + count]
            for section, count in zip(group.plot_array.sections, counts, strict=True)
            if count > 2 or len(counts) == 1
        ]
        ruling = np.concatenate(matrices, axis=-1) if matrices else values
        self.selection.fit_norm(auto_limit(ruling), max_decade(values))

    def _matrix(self, section: int, rows: int) -> PlotFigure:
        scales = {"x": self.selection.time_scale, "y": index_scale()}
        fit_index_scale(scales["y"], rows)
        axis = plot_axis(scales["y"], "left")
        columns = plot_axis(scales["x"], "bottom") if section == 0 else None
        axes = [axis] if columns is None else [axis, columns]
        raster = Raster(
            selection=self.selection,
            section=section,
            scales={**scales, "color": self.selection.colour_scale},
        )
        cursor = Cursor(
            selection=self.selection,
            section=section,
            scales=scales,
            y_of="channel",
            y_axis=axis,
            x_axis=columns,
            line_overhang=6 if columns else CAPTION_HEIGHT,
        )
        return figure([raster, cursor], axes, "weights")


def _rows(plot_array: PlotArray) -> list[int]:
    """Return how many rows each section has."""
    starts = [section.start for section in plot_array.sections] + [plot_array.values.shape[-1]]
    return [end - start for start, end in pairwise(starts)]
