"""`ComparedMaps`: small heat maps of several runs under one set of sliders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from ipywidgets import Widget, register

from rnngrad_widgets.data.plot_array import to_plot_array, truncate_to_budget
from rnngrad_widgets.data.quantities import quantity_of
from rnngrad_widgets.data.statistics import auto_limit, max_decade
from rnngrad_widgets.explorer.features import Features
from rnngrad_widgets.figures.drawings import Sheet
from rnngrad_widgets.figures.shown import Shown
from rnngrad_widgets.views.run_maps import RunMapsView
from rnngrad_widgets.views.tensor_upload import selection_of, upload
from rnngrad_widgets.widgets.tensor import Tensor

if TYPE_CHECKING:
    from rnngrad_widgets.data.tensor import GradientTensor
    from rnngrad_widgets.explorer.base import ExplorerBase

MAPS_BUDGET = 640_000_000
"""Bytes of all arrays together; of larger ones the first samples are shown."""

OpenRun = Callable[[int], "ExplorerBase"]
"""Returns a full explorer of a run."""


@register
class ComparedMaps(Features):
    """A heat map for each run: one sample, one range of colours, one cursor.

    Made by `Comparison.maps`.

    Attributes
    ----------
    norm
        Colour range (vmin, vmax), or ``"auto"``, which fits all runs together.
    explorer
        The full explorer that was opened last; None before.
    title, cmap, height
        As for every widget of plots.
    """

    explorer: ExplorerBase | None = None

    def __init__(
        self,
        tensors: Sequence[GradientTensor],
        names: Sequence[str],
        open_run: OpenRun,
        rows: int | None,
    ) -> None:
        self._open_run = open_run
        budget = MAPS_BUDGET // len(tensors)
        arrays = [truncate_to_budget(to_plot_array(tensor), budget) for tensor in tensors]
        sent = []
        for tensor, array in zip(tensors, arrays, strict=True):
            sent.append(Tensor())
            upload(sent[-1], tensor, array)
        selection = selection_of(sent[0])
        self._arrays, self._quantity = arrays, tensors[0].quantity
        self._are_norms = tensors[0].norms_over > 0
        self._maps = RunMapsView(selection, sent, names, rows, self._explore_asked)
        self._maps.fit(arrays[0])
        super().__init__(selection, self._maps)
        self._boxes = [self._maps.controls_box, *self._boxes, self._maps.button_row]
        self.children = self._boxes
        values = [array.values for array in arrays]
        selection.fit_norm(max(map(auto_limit, values)), max(map(max_decade, values)))

    def explore(self, run: int) -> None:
        """Open a full explorer of a run below the maps, at their sample; it replaces another one.

        Parameters
        ----------
        run
            Its index.

        Raises
        ------
        RuntimeError
            If the maps were closed.
        IndexError
            If there is no such run.
        ValueError
            If its gradient cannot be computed or read.
        """
        self.check_open()
        count = len(self._arrays)
        if isinstance(run, bool) or run not in range(count):
            raise IndexError(
                f"run must be the index of a map, 0 .. {count - 1}; received {run!r}. The first "
                "one is 0"
            )
        explorer = self._open_run(int(run))
        if self.explorer is not None:
            self.explorer.close()
        self.explorer = explorer
        explorer.selection.sample = min(
            self.selection.sample, self._arrays[run].values.shape[0] - 1
        )
        self.children = [*self._boxes, explorer]

    def _explore_asked(self, run: int) -> None:
        """Explore the run that a person chose; an error is shown beside the button."""
        with self._answering("Computing the gradient…", lambda error: self._maps.tell(str(error))):
            self.explore(run)
            self._maps.tell("")

    def _sheet(self) -> Sheet:
        """Show the chosen sample of each run, as if they were samples of one array."""
        sample = self.selection.sample
        shapes = [array.values.shape for array in self._arrays]
        timesteps, channels = (max(shape[axis] for shape in shapes) for axis in (1, 2))
        stacked = np.zeros((len(shapes), timesteps, channels), np.float32)
        mask = np.zeros((len(shapes), timesteps), bool)  # of a shorter run, what it has not
        for own, counts, array in zip(stacked, mask, self._arrays, strict=True):
            values = array.values[min(sample, len(array.values) - 1)]
            own[: values.shape[0], : values.shape[1]] = values
            counts[: values.shape[0]] = True
        most = max(self._arrays, key=lambda array: array.values.shape[2])  # names all rows
        shown = Shown(
            replace(most, values=stacked),
            self._quantity,
            is_norm=self._are_norms,
            mask=None if mask.all() else mask,
            sample=self._maps.run,
            norm=self.selection.norm,
            cmap=self.cmap,
            time_range=self.selection.time_range,
        )
        return Sheet(shown, self._maps.drawing, title=self.title)

    def _detached_widgets(self) -> list[Widget]:
        opened = [] if self.explorer is None else [self.explorer]
        return [*super()._detached_widgets(), *opened]

    def _describe(self) -> str:
        name = quantity_of(self._quantity).summary if self._quantity else "maps"
        return f"{name} of {len(self._arrays)} runs"
