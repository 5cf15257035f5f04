"""`LiveRun`: shows the snapshots of one model that trains in a comparison."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import TYPE_CHECKING, Any

from rnngrad_widgets.callbacks.account import Account
from rnngrad_widgets.callbacks.live import LiveGradients
from rnngrad_widgets.explorer.compared_sources import OfSource
from rnngrad_widgets.explorer.run_status import RunStatus

if TYPE_CHECKING:
    from rnngrad_widgets.callbacks.base import OnError
    from rnngrad_widgets.callbacks.schedule import Every
    from rnngrad_widgets.callbacks.status import Status
    from rnngrad_widgets.data.tensor import GradientSnapshot
    from rnngrad_widgets.explorer.compared_run import ComparedRun


class LiveRun:
    """What `LiveGradients` calls, of one run.

    Parameters
    ----------
    run
        The run; it begins its history here.
    lock
        Held while its history changes: callbacks of several models may come in several threads.
    is_open
        Tells whether the comparison is open: it may be closed while the model trains.
    steps_came
        Called when the run has another step.

    Raises
    ------
    ValueError
        If the run has no model.
    """

    def __init__(
        self,
        run: ComparedRun,
        lock: RLock,
        is_open: Callable[[], bool],
        steps_came: Callable[[], None],
    ) -> None:
        self._experiment = _trains(run)
        self._run = run
        self._is_open = is_open
        self._steps_came = steps_came
        self._lock = lock
        self._account = Account()  # of all fits that are shown

    @property
    def is_open(self) -> bool:
        """Whether the comparison is open."""
        return self._is_open()

    @property
    def last_step(self) -> int | None:
        """The training step that the next snapshot must be later than; None before the first."""
        return self._run.steps[-1].step if self._run.steps else None

    def callback(
        self, every: Every, *, max_overhead: float | None, on_error: OnError
    ) -> LiveGradients:
        """Make a callback for ``fit``, and have a timeline before training begins."""
        callback = LiveGradients(
            self,
            self.compute,
            every=every,
            max_overhead=max_overhead,
            on_error=on_error,
            account=self._account,
        )
        self._run.begin_history()
        return callback

    def compute(self, model: Any) -> GradientSnapshot:
        """Compute the snapshot of the layer that is compared.

        Raises
        ------
        ValueError
            If another model than the run's trains.
        """
        own = self._experiment.source.model
        if model is not own:
            raise ValueError(
                f"the model that trains must be that of {self._run.key}, {own.name!r}; received "
                f"{model.name!r}. Each model has a callback of its own: live(name)"
            )
        return self._experiment.source.snapshot(self._run.path, self._run.quantity)

    def show(self, snapshot: GradientSnapshot | None, status: Status) -> None:
        """Add a snapshot to the history; None where only the status changed."""
        history = self._run.begin_history()
        if not self.is_open:
            return
        line = RunStatus(status.progress, status.step, status.costs)
        with self._lock:
            if snapshot is None:
                history.set_status(line)
                return
        path, quantity = self._run.path, self._run.quantity
        parts = self._experiment.source.parts(snapshot, path, quantity)
        curves = self._run.curves_of(self._experiment.only(parts, path, quantity))
        with self._lock:
            history.append(curves, status.step or 0, line)
        self._steps_came()


def _trains(run: ComparedRun) -> OfSource:
    experiment = run.experiment
    if not isinstance(experiment, OfSource) or not experiment.source.can_train:
        raise ValueError(
            f"live() needs a model; {run.key} is an array, a snapshot or a recording. "
            "compare({name: model}, x, y) takes models"
        )
    return experiment
