"""`Run`: the snapshots of a training run on their way to the browser, thinned to a budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from ipywidgets import HTML
from numpy.typing import NDArray

from rnngrad_widgets.data.plot_array import (
    to_plot_array,
    to_tensor,
    truncate_to_budget,
    without_rest,
)
from rnngrad_widgets.data.quantities import quantity_of
from rnngrad_widgets.data.statistics import auto_limit, max_decade
from rnngrad_widgets.data.tensor import GradientTensor
from rnngrad_widgets.data.thinning import capacity_for
from rnngrad_widgets.data.wire import Precision
from rnngrad_widgets.diagnosis.telling import Evidence
from rnngrad_widgets.explorer.kept_snapshots import KeptSnapshots, finite
from rnngrad_widgets.explorer.summary import left_out, summary_html
from rnngrad_widgets.explorer.teller import Teller
from rnngrad_widgets.figures import drawings
from rnngrad_widgets.figures.drawings import RunStep
from rnngrad_widgets.tunnel.front_end import is_marimo
from rnngrad_widgets.views.timeline import TimelineView
from rnngrad_widgets.widgets.selection import Selection
from rnngrad_widgets.widgets.timeline import SHOW, Snapshot

LARGE = 8_000_000
"""Bytes of a snapshot above which it is sent as bfloat16."""

LARGE_IN_MARIMO = 2_000_000
"""The same there, where a byte takes more than twice the time (docs/explanation/performance.md)."""


class RunEntry(NamedTuple):
    """A snapshot in the browser; the values of its tensor are kept once, as the browser has them.

    So the budget counts all that is kept.
    """

    snapshot: Snapshot
    values: NDArray[np.float32]
    loss: float | None
    mask: NDArray[np.bool_] | None
    reasons: Mapping[str, str]
    """Why no rate can be read from it, see `reasons_against_rate`."""


class Run(KeptSnapshots[RunEntry, GradientTensor]):
    """The snapshots of one quantity of one layer over a run.

    Parameters
    ----------
    selection, summary
        What the snapshots are shown in.
    like
        A tensor of the kind that will come.
    budget
        Bytes that the snapshots may take.
    precision
        On the wire; None for bfloat16 above 8 MB a snapshot, 2 MB in marimo, float32 below.
    teller
        Tells what there is to say of each snapshot.
    on_step_chosen
        Called with the training step that a person chose in the browser.
    """

    def __init__(
        self,
        selection: Selection,
        summary: HTML,
        like: GradientTensor,
        budget: int,
        precision: Precision | None,
        teller: Teller,
        on_step_chosen: Callable[[int], None],
    ) -> None:
        size = truncate_to_budget(to_plot_array(like), budget).values.nbytes
        large = LARGE_IN_MARIMO if is_marimo() else LARGE
        self.precision: Precision = precision or ("bfloat16" if size > large else "float32")
        self._budget = budget
        self._teller = teller
        self._told_with: object = teller.shares
        # of the same shape, without memory of its own
        self._like = replace(like, values=np.broadcast_to(np.float32(0), like.shape))
        self._rebuilt: tuple[Snapshot, GradientTensor] | None = None
        self.name = f"{like.layer} · {quantity_of(like.quantity).label}".strip(" ·")
        self.view = TimelineView(selection, summary, capacity_for(size, budget))
        super().__init__(self.view.model, size, budget)
        self.timeline.observe(lambda _: on_step_chosen(self.shown), ["step", "follow"])

    @property
    def shown(self) -> int:
        """The step that is shown: where the latest is followed, the latest."""
        model = self.timeline
        return self.steps[-1] if model.follow or model.step is None else self.nearest(model.step)

    def fits(self, tensor: GradientTensor) -> bool:
        """Tell whether a tensor has the shape of the others."""
        return tensor.shape == self._like.shape

    def nearest(self, step: int) -> int:
        """Return the kept step that is nearest to a step."""
        return min(self.steps, key=lambda other: abs(other - step))

    def tensor(self, step: int) -> GradientTensor:
        """Return the tensor of a kept step: in float32, of the samples that the browser has."""
        entry = self.entry_of(step)
        if self._rebuilt is None or self._rebuilt[0] is not entry.snapshot:
            self._rebuilt = entry.snapshot, self._tensor_of(entry)
        return self._rebuilt[1]

    @property
    def summary(self) -> str:
        """The summary line of what is drawn, as HTML: of the pinned step where that is drawn."""
        pinned = self.pinned if self.compared == "A" else None
        step = self.shown if pinned is None else pinned
        return str(self.entry_of(step).snapshot.summary)

    def values(self, step: int) -> NDArray[np.float32]:
        """Return the values of a kept step, as they are laid out for drawing."""
        return self.entry_of(step).values

    @property
    def drawing(self) -> drawings.Run:
        """What a figure for print shows of it."""
        model = self.timeline
        steps = [
            RunStep(each.snapshot.step, each.loss, each.values) for each in self._entries.values()
        ]
        return drawings.Run(steps, self.shown, self.pinned, model.absolute)

    @property
    def pinned(self) -> int | None:
        """The kept step that others are compared with; None where none is."""
        pinned: int | None = self.timeline.pinned
        return None if pinned is None else self.nearest(pinned)

    @property
    def compared(self) -> str:
        """What is drawn: one of `SHOW`; the step where none is pinned."""
        return SHOW[0 if self.pinned is None else self.timeline.show]

    def evidence(self, step: int) -> Evidence:
        """Return the tensor of a kept step, with what must be known to read it."""
        return self._teller.evidence(self.tensor(step), self.entry_of(step).reasons)

    def tell_again(self) -> None:
        """Tell of each snapshot what there is to say with other shares, if they are others."""
        if self._told_with != self._teller.shares:
            self._told_with = self._teller.shares
            for entry in self._entries.values():
                told = self._teller.tell(self._tensor_of(entry), entry.reasons)
                entry.snapshot.told = told.to_wire()

    def _tensor_of(self, entry: RunEntry) -> GradientTensor:
        step = entry.snapshot.step
        like = replace(self._like, step=step, loss=entry.loss, mask=entry.mask)
        return to_tensor(entry.values, like)

    def show_step(self, step: int) -> None:
        """Show a kept step; following the latest goes on only from the latest itself."""
        model = self.timeline
        with model.hold_sync(), model.hold_trait_notifications():
            model.follow = model.follow and step == self.steps[-1]
            model.step = step

    @property
    def chosen(self) -> int | None:
        """The step that is shown; None where the latest is followed."""
        return None if self.timeline.follow else self.shown

    def choose(self, step: int | None) -> None:
        """Show the kept step that is nearest to a step; None follows the latest."""
        if step is None:
            self.timeline.follow = True
        else:
            self.show_step(self.nearest(step))

    def _entry(self, number: int, tensor: GradientTensor, step: int, status: str) -> RunEntry:
        plot_array = truncate_to_budget(to_plot_array(tensor), self._budget)
        values = without_rest(plot_array.values)
        mask = self._like.mask  # mostly the same, of a batch that stays the same
        if mask is None or tensor.mask is None or not np.array_equal(mask, tensor.mask):
            mask = tensor.mask
        reasons = self._teller.reasons(tensor)
        # of what the browser has, as whoever diagnoses this step later on
        as_kept = to_tensor(values, replace(self._like, mask=mask))
        snapshot = Snapshot(
            self.precision,
            timeline_id=self.timeline.model_id,
            number=number,
            step=step,
            loss=finite(tensor.loss),
            array=values,
            auto_limit=auto_limit(values),
            max_decade=max_decade(values),
            summary=summary_html(tensor) + left_out(tensor, plot_array),
            told=self._teller.tell(as_kept, reasons).to_wire(),
            status=status,
            status_step=self._status.step,
        )
        return RunEntry(snapshot, values, tensor.loss, mask, reasons)
