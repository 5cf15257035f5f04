"""`Run`: the snapshots of a training run on their way to the browser, thinned to a budget."""

from __future__ import annotations

from bqplot import Figure
from ipywidgets import HTML, VBox, Widget

from rnngrad_widgets.cube import as_cube
from rnngrad_widgets.lifetime import close_widgets, reachable
from rnngrad_widgets.statistics import auto_limit, top_decade
from rnngrad_widgets.summary import summary_html
from rnngrad_widgets.tensor import GradientTensor
from rnngrad_widgets.views.timeline import TimelineView
from rnngrad_widgets.widgets.selection import Selection
from rnngrad_widgets.widgets.tensor import Precision
from rnngrad_widgets.widgets.timeline import Snapshot

BUDGET = 256_000_000
"""Bytes of snapshots that are kept, here and in the browser."""

LARGE = 8_000_000
"""Bytes of a snapshot above which it is sent as bfloat16."""


def is_kept(number: int, stride: int, last: int) -> bool:
    """Every ``stride``-th snapshot and the last one: the first and the last always."""
    return number % stride == 0 or number == last


def stride_for(last: int, capacity: int) -> int:
    """The smallest power of two that leaves no more than ``capacity`` of snapshots 0..last."""
    stride = 1
    while last // stride + 1 + (last % stride > 0) > max(capacity, 2):
        stride *= 2
    return stride


class Run:
    """The snapshots of one quantity of one layer over a run.

    The whole run is kept, evenly thinned: when the budget is full, every second snapshot goes. The
    browser keeps the same ones by the same rule (``js/src/thinning.ts``), because a message that
    closes one may be lost.

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
    """

    def __init__(
        self,
        selection: Selection,
        summary: HTML,
        like: GradientTensor,
        budget: int = BUDGET,
        precision: Precision | None = None,
    ) -> None:
        size = as_cube(like).values.nbytes
        large: Precision = "bfloat16" if size > LARGE else "float32"
        self._precision: Precision = large if precision is None else precision
        self._capacity = max(budget // max(size, 1), 2)
        self._next = 0
        self._shape = like.shape
        self._kept: dict[int, Snapshot] = {}
        self.view = TimelineView(selection, summary, self._capacity)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def snapshots(self) -> list[Snapshot]:
        """Those that are kept, in the order of the run."""
        return list(self._kept.values())

    @property
    def loose(self) -> list[Widget]:
        """Every widget of the run that is not under the view's box."""
        return list(self._kept.values())

    def fits(self, tensor: GradientTensor) -> bool:
        """Whether a tensor can follow those that are here."""
        return tensor.shape == self._shape

    def append(self, tensor: GradientTensor, step: int, status: str = "") -> None:
        """Send the tensor of a training step; older ones go where the budget is full."""
        values = as_cube(tensor).values
        snapshot = Snapshot(
            self._precision,
            timeline=self.view.model,
            number=self._next,
            step=step,
            loss=_finite(tensor.loss),
            array=values,
            auto_limit=auto_limit(values),
            top=top_decade(values),
            summary=summary_html(tensor),
            status=f"{status}{self._thinned()}",
        )
        self._kept[self._next] = snapshot
        self._next += 1
        self._thin()

    def tell(self, status: str) -> None:
        """Say how far the run is."""
        self.view.model.status = f"{status}{self._thinned()}"

    def _thinned(self) -> str:
        stride = stride_for(self._next, self._capacity)
        return f" · every {stride}th is kept" if stride > 1 else ""

    def _thin(self) -> None:
        last = self._next - 1
        stride = stride_for(last, self._capacity)
        gone = [number for number in self._kept if not is_kept(number, stride, last)]
        close_widgets(self._kept.pop(number) for number in gone)


def _finite(loss: float | None) -> float | None:
    """JSON has no NaN: the browser takes None for it."""
    return loss if loss is not None and abs(loss) < float("inf") else None


class Runs:
    """The runs of an explorer: one for each thing that was shown while snapshots came.

    Parameters
    ----------
    selection, summary
        What the snapshots are shown in.
    budget
        Bytes that the snapshots of a run may take.
    """

    def __init__(self, selection: Selection, summary: HTML, budget: int = BUDGET) -> None:
        self._selection = selection
        self._summary = summary
        self._budget = budget
        self._runs: dict[object, Run] = {}
        self._current: Run | None = None
        self.box = VBox().add_class("rnngrad-runs")

    @property
    def current(self) -> Run | None:
        """The run of what is shown; None where no snapshot has come."""
        return self._current

    @property
    def figures(self) -> list[Figure]:
        """The figures of the run that is shown."""
        return list(self._current.view.figures) if self._current else []

    @property
    def loose(self) -> list[Widget]:
        """Widgets of all runs that are not under the box."""
        runs = self._runs.values()
        return [widget for run in runs for widget in (run.view.box, *run.loose)]

    def turn_to(self, shown: object) -> None:
        """Show the run of what is shown, if it has one."""
        self._current = self._runs.get(shown)
        boxes = (self._current.view.box,) if self._current else ()
        if self.box.children != boxes:
            self.box.children = boxes

    def append(self, shown: object, tensor: GradientTensor, step: int, status: str) -> None:
        """Add a snapshot of what is shown. Another shape, of a new batch, begins a new run."""
        run = self._runs.get(shown)
        if run is None or not run.fits(tensor):
            if run is not None:
                close_widgets(reachable([run.view.box, *run.loose]) - self._kept_open())
            run = Run(self._selection, self._summary, tensor, self._budget)
            self._runs[shown] = run
        run.append(tensor, step, status)
        self.turn_to(shown)

    def _kept_open(self) -> set[Widget]:
        return reachable([self._selection, self._summary])
