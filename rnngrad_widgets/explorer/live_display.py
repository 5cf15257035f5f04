"""`LiveDisplay`: shows the snapshots of a model that trains in an explorer."""

from __future__ import annotations

from threading import RLock
from typing import Any

from rnngrad_widgets.callbacks.account import Account
from rnngrad_widgets.callbacks.base import OnError
from rnngrad_widgets.callbacks.live import LiveGradients
from rnngrad_widgets.callbacks.schedule import Every
from rnngrad_widgets.callbacks.status import Status
from rnngrad_widgets.data.tensor import GradientSnapshot
from rnngrad_widgets.data.wire import Precision
from rnngrad_widgets.explorer.base import ExplorerBase
from rnngrad_widgets.explorer.run_status import RunStatus


class LiveDisplay:
    """What `LiveGradients` calls, of one explorer.

    Parameters
    ----------
    explorer
        Where snapshots are shown; its source has a model.
    lock
        Held while a snapshot is computed or shown.
    """

    def __init__(self, explorer: ExplorerBase, lock: RLock) -> None:
        self._explorer = explorer
        self._lock = lock
        self._computed: tuple[str, str] | None = None  # layer and quantity of the last snapshot
        self._account = Account()  # of all fits that are shown
        self._own: LiveGradients | None = None

    @property
    def is_open(self) -> bool:
        """Whether the explorer is open: it may be closed while the model trains."""
        return self._explorer.comm is not None

    @property
    def last_step(self) -> int | None:
        """The training step that the next snapshot must be later than; None before the first.

        It is that of the last one of whichever run, but for a run that has none of that step yet:
        somebody has turned to it since.
        """
        last, run = self._explorer.runs.last_step, self._explorer.runs.current
        has_it = run is not None and run.steps[-1] == last
        return last if last is None or has_it else last - 1

    def callback(
        self,
        every: Every,
        *,
        max_overhead: float | None,
        on_error: OnError,
        precision: Precision | None,
    ) -> LiveGradients:
        """Make a callback for ``fit``, and have the timeline on the page before training begins."""
        callback = LiveGradients(
            self,
            self.compute,
            every=every,
            max_overhead=max_overhead,
            on_error=on_error,
            account=self._account,
        )
        self._explorer.prepare_run(precision)
        return callback

    def update(self, step: int | None) -> None:
        """Take a snapshot now, for a training loop of one's own."""
        if self._own is None:
            self._own = self.callback(1, max_overhead=None, on_error="raise", precision=None)
        self._own.update(self._explorer.source.model, step)

    def compute(self, model: Any) -> GradientSnapshot:
        """Compute the snapshot of what the explorer displays.

        Raises
        ------
        ValueError
            If another model than the explorer's trains.
        """
        own = self._explorer.source.model
        if model is not own:
            raise ValueError(
                f"the model that trains must be the explorer's, {own.name!r}; received "
                f"{model.name!r}. Make a GradientExplorer of that one"
            )
        with self._lock:
            layer, quantity, _ = self._explorer.displayed.key
            self._computed = layer, quantity
            return self._explorer.source.snapshot(layer, quantity)

    def show(self, snapshot: GradientSnapshot | None, status: Status) -> None:
        """Add a snapshot to the timeline; None where only the status changed."""
        explorer = self._explorer
        if not self.is_open:
            return
        if status.error is not None:
            explorer.show_error(status.error)
        line = RunStatus(status.progress, status.step, status.costs)
        with self._lock:
            layer, quantity, _ = explorer.displayed.key
            # a person may have selected something else since it was computed
            if snapshot is not None and self._computed == (layer, quantity):
                if status.error is None:
                    explorer.clear_message()
                parts = explorer.source.parts(snapshot, layer, quantity)
                explorer.add_snapshot(parts, status.step or 0, line)
            else:
                explorer.runs.set_status(line)
