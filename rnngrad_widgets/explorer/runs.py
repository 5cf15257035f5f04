"""`Run`: the snapshots of a training run on their way to the browser, thinned to a budget."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import NamedTuple

from bqplot import Figure
from ipywidgets import HTML, VBox, Widget

from rnngrad_widgets.data.plot_array import to_plot_array, truncate_to_budget
from rnngrad_widgets.data.quantities import quantity_of
from rnngrad_widgets.data.statistics import auto_limit, max_decade
from rnngrad_widgets.data.tensor import GradientTensor
from rnngrad_widgets.data.thinning import capacity_for, is_kept, stride_for
from rnngrad_widgets.data.wire import Precision
from rnngrad_widgets.explorer.run_status import RunStatus
from rnngrad_widgets.explorer.summary import left_out, summary_html
from rnngrad_widgets.views.timeline import TimelineView
from rnngrad_widgets.widgets.lifetime import close_widgets, reachable
from rnngrad_widgets.widgets.selection import Selection
from rnngrad_widgets.widgets.timeline import Snapshot

LARGE = 8_000_000
"""Bytes of a snapshot above which it is sent as bfloat16."""


class RunEntry(NamedTuple):
    """A snapshot in the browser, and the tensor that it shows."""

    snapshot: Snapshot
    tensor: GradientTensor


class Run:
    """The snapshots of one quantity of one layer over a run; their steps rise.

    The whole run is kept, evenly thinned: when the budget is full, every second snapshot goes. The
    browser keeps the same ones by the same rule (``js/src/data/thinning.ts``), because a message
    that closes one may be lost.

    Parameters
    ----------
    selection, summary
        What the snapshots are shown in.
    like
        A tensor of the kind that will come.
    budget
        Bytes that the snapshots may take.
    precision
        On the wire; None for bfloat16 above 8 MB a snapshot, float32 below.
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
        on_step_chosen: Callable[[int], None],
    ) -> None:
        size = truncate_to_budget(to_plot_array(like), budget).values.nbytes
        large: Precision = "bfloat16" if size > LARGE else "float32"
        self.precision: Precision = large if precision is None else precision
        self._budget = budget
        self._size = size
        self._shape = like.shape
        self.name = f"{like.layer} · {quantity_of(like.quantity).label}".strip(" ·")
        self._next = 0
        self._status = RunStatus()
        self._entries: dict[int, RunEntry] = {}
        self.capacity = capacity_for(size, budget)
        self.view = TimelineView(selection, summary, self.capacity)
        self.view.model.observe(lambda _: on_step_chosen(self.shown), ["step", "follow"])

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def snapshots(self) -> list[Snapshot]:
        """The kept snapshots, in the order of the run."""
        return [entry.snapshot for entry in self._entries.values()]

    @property
    def steps(self) -> list[int]:
        """The training steps of the kept snapshots, in rising order."""
        return [snapshot.step for snapshot in self.snapshots]

    @property
    def shown(self) -> int:
        """The step that is shown: where the latest is followed, the latest."""
        model = self.view.model
        return self.steps[-1] if model.follow or model.step is None else self.nearest(model.step)

    @property
    def detached_widgets(self) -> list[Widget]:
        """Every widget of the run that is not under the view's box."""
        return list(self.snapshots)

    @property
    def status(self) -> RunStatus:
        """The last status line."""
        return self._status

    def fits(self, tensor: GradientTensor) -> bool:
        """Whether a tensor has the shape of the others."""
        return tensor.shape == self._shape

    def nearest(self, step: int) -> int:
        """Return the kept step that is nearest to a step."""
        return min(self.steps, key=lambda other: abs(other - step))

    def tensor(self, step: int) -> GradientTensor:
        """Return the tensor of a kept step."""
        return next(entry.tensor for entry in self._entries.values() if entry.snapshot.step == step)

    def show_step(self, step: int) -> None:
        """Show a kept step; following the latest goes on only from the latest itself."""
        model = self.view.model
        with model.hold_sync(), model.hold_trait_notifications():
            model.follow = model.follow and step == self.steps[-1]
            model.step = step

    def append(self, tensor: GradientTensor, step: int, status: RunStatus) -> None:
        """Send the tensor of a training step: a later one than all others, or the last one again.

        Older ones go where the budget is full.
        """
        self._status = status
        replaced = None
        if self._entries and self.steps[-1] == step:
            self._next -= 1
            replaced = self._entries.pop(self._next).snapshot
        plot_array = truncate_to_budget(to_plot_array(tensor), self._budget)
        snapshot = Snapshot(
            self.precision,
            timeline=self.view.model,
            number=self._next,
            step=step,
            loss=_finite(tensor.loss),
            array=plot_array.values,
            auto_limit=auto_limit(plot_array.values),
            max_decade=max_decade(plot_array.values),
            summary=summary_html(tensor) + left_out(tensor, plot_array),
            status=f"{status.text}{self._thinned(self._next)}",
            status_step=status.step,
        )
        self._entries[self._next] = RunEntry(snapshot, tensor)
        self._next += 1
        self._thin()
        if replaced is not None:
            replaced.close()

    def share(self, budget: int) -> None:
        """Reduce the budget: other runs share it."""
        self.capacity = self.view.model.capacity = capacity_for(self._size, budget)
        self._thin()

    def set_status(self, status: RunStatus) -> None:
        """Show a status line."""
        self._status = status
        model = self.view.model
        with model.hold_sync():
            model.status_step = status.step
            model.status = f"{status.text}{self._thinned(self._next - 1)}"

    def _thinned(self, last: int) -> str:
        stride = stride_for(last, self.capacity)
        return f" · 1 of {stride:,} is kept" if stride > 1 else ""

    def _thin(self) -> None:
        last = self._next - 1
        stride = stride_for(last, self.capacity)
        gone = [number for number in self._entries if not is_kept(number, stride, last)]
        close_widgets(self._entries.pop(number).snapshot for number in gone)


def _finite(loss: float | None) -> float | None:
    """Replace NaN, which JSON does not have: the browser takes None for it."""
    return loss if loss is not None and abs(loss) < float("inf") else None


class Runs:
    """The runs of an explorer: one for each layer and quantity that was shown meanwhile.

    Parameters
    ----------
    selection, summary
        What the snapshots are shown in.
    budget
        Bytes that the snapshots of all runs may take; they share it evenly.
    on_step_chosen
        Called with the training step that a person chose in the browser.

    Attributes
    ----------
    precision
        Of the runs that begin; as for `Run`.
    """

    def __init__(
        self,
        selection: Selection,
        summary: HTML,
        budget: int,
        on_step_chosen: Callable[[int], None],
    ) -> None:
        self.precision: Precision | None = None
        self._selection = selection
        self._summary = summary
        self._budget = budget
        self._on_step_chosen = on_step_chosen
        self._runs: dict[object, Run] = {}
        self._current: Run | None = None
        self._elsewhere = HTML().add_class("rnngrad-elsewhere")
        self.box = VBox().add_class("rnngrad-runs")

    @property
    def current(self) -> Run | None:
        """The run of what is shown; None where no snapshot has come."""
        return self._current or None

    @property
    def last_step(self) -> int | None:
        """The latest training step of all runs; None before the first."""
        return max((run.steps[-1] for run in self._runs.values() if run), default=None)

    @property
    def figures(self) -> list[Figure]:
        """The figures of the run that is shown."""
        return [] if self._current is None else list(self._current.view.figures)

    @property
    def detached_widgets(self) -> list[Widget]:
        """Widgets of all runs that are not under the box."""
        runs = self._runs.values()
        return [
            self._elsewhere,
            *(each for run in runs for each in (run.view.box, *run.detached_widgets)),
        ]

    def has(self, shown: object) -> bool:
        """Whether a key has snapshots."""
        return bool(self._runs.get(shown))

    def show_run(self, shown: object) -> None:
        """Show the run of a key; where there is none, name the runs that there are."""
        self._current = self._runs.get(shown)
        names = [run.name for run in self._runs.values() if run]
        boxes: tuple[Widget, ...] = ()
        if self._current is not None:
            boxes = (self._current.view.box,)
        elif names:
            listed = ", ".join(f"<b>{escape(name)}</b>" for name in names)
            self._elsewhere.value = f"There is a timeline of {listed}: choose it above to see it."
            boxes = (self._elsewhere,)
        if self.box.children != boxes:
            self.box.children = boxes

    def prepare(self, shown: object, tensor: GradientTensor) -> Run:
        """Put a run for a tensor on the page; a tensor of another shape begins a new one.

        Best before training: a message that puts it there is dropped while a cell prints much.
        """
        run = self._runs.get(shown)
        if run is None or not run.fits(tensor):
            self.forget(shown)
            run = Run(
                *(self._selection, self._summary, tensor, self._budget, self.precision),
                lambda step: self._choose_step(shown, step),
            )
            self._runs[shown] = run
            for each in self._runs.values():
                each.share(self._budget // len(self._runs))
        self.show_run(shown)
        return run

    def append(self, shown: object, tensor: GradientTensor, step: int, status: RunStatus) -> None:
        """Add a snapshot of what is shown."""
        self.prepare(shown, tensor).append(tensor, step, status)

    def set_status(self, status: RunStatus) -> None:
        """Show a status line in the run that is shown, also before its first snapshot."""
        if self._current is not None:
            self._current.set_status(status)

    def forget_all(self) -> None:
        """Close every run."""
        for shown in list(self._runs):
            self.forget(shown)

    def forget(self, shown: object) -> None:
        """Close the run of a key."""
        run = self._runs.pop(shown, None)
        if run is not None:
            if run is self._current:
                self._current, self.box.children = None, ()
            kept_open = reachable([self._selection, self._summary])
            close_widgets(reachable([run.view.box, *run.detached_widgets]) - kept_open)

    def _choose_step(self, shown: object, step: int) -> None:
        if self._current is self._runs.get(shown):
            self._on_step_chosen(step)
