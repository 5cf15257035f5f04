"""`Runs`: the runs of an explorer, one for each thing that was shown while snapshots came."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from ipywidgets import HTML, VBox, Widget

from rnngrad_widgets.data.tensor import GradientTensor
from rnngrad_widgets.data.wire import Precision
from rnngrad_widgets.explorer.run import Run
from rnngrad_widgets.explorer.run_status import RunStatus
from rnngrad_widgets.explorer.teller import Teller
from rnngrad_widgets.widgets.figure import PlotFigure
from rnngrad_widgets.widgets.reachable import close_widgets, reachable
from rnngrad_widgets.widgets.selection import Selection
from rnngrad_widgets.widgets.timeline import Timeline


class Runs:
    """The runs of an explorer: one for each layer and quantity that was shown meanwhile.

    Parameters
    ----------
    selection, summary
        What the snapshots are shown in.
    budget
        Bytes that the snapshots of all runs may take; they share it evenly.
    teller
        Tells what there is to say of each snapshot.
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
        teller: Teller,
        on_step_chosen: Callable[[int], None],
    ) -> None:
        self.precision: Precision | None = None
        self._selection = selection
        self._summary = summary
        self._budget = budget
        self._teller = teller
        self._on_step_chosen = on_step_chosen
        self._runs: dict[object, Run] = {}
        self._current: Run | None = None
        self._elsewhere = HTML().add_class("rnngrad-elsewhere")
        self.box = VBox().add_class("rnngrad-runs")

    @property
    def current(self) -> Run | None:
        """The run of what is shown; None where no snapshot has come."""
        return self._current or None  # a run without snapshots is false

    @property
    def timeline(self) -> Timeline | None:
        """The timeline that is on the page, also before its first snapshot."""
        return None if self._current is None else self._current.view.model

    @property
    def last_step(self) -> int | None:
        """The latest training step of all runs; None before the first."""
        return max((run.steps[-1] for run in self._runs.values() if run), default=None)

    @property
    def figures(self) -> list[PlotFigure]:
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

    def of(self, shown: object) -> Run | None:
        """Return the run of a key, also where it has no snapshots yet."""
        return self._runs.get(shown)

    def has(self, shown: object) -> bool:
        """Tell whether a key has snapshots."""
        return bool(self._runs.get(shown))

    def show_run(self, shown: object) -> None:
        """Show the run of a key; where there is none, name the runs that there are."""
        self._current = self._runs.get(shown)
        names = [run.name for run in self._runs.values() if run]
        boxes: tuple[Widget, ...] = ()
        if self._current is not None:
            self._current.tell_again()
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
                self._selection,
                self._summary,
                like=tensor,
                budget=self._budget,
                precision=self.precision,
                teller=self._teller,
                on_step_chosen=lambda step: self._choose_step(shown, step),
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
