"""`RecordedRun`: the snapshots of a recording, on their way to the timeline of an explorer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any
from weakref import WeakMethod

from rnngrad_widgets.data.tensor import GradientTensor
from rnngrad_widgets.explorer.displayed import Displayed
from rnngrad_widgets.explorer.follower import Follower
from rnngrad_widgets.explorer.run_status import RunStatus
from rnngrad_widgets.explorer.runs import Runs
from rnngrad_widgets.explorer.source import Source

AddSnapshot = Callable[[Mapping[str, GradientTensor], int, RunStatus], None]


class RecordedRun:
    """Read the snapshots that a source holds; there is nothing to do for one that holds none.

    Parameters
    ----------
    source
        Where they are read.
    runs
        The timelines of the explorer.
    lock
        Held while one is read and shown: a follower reads in a thread of its own.
    displayed
        Returns what the explorer displays.
    add
        Adds a snapshot of what is displayed to the timeline: parts, training step, status.
    """

    def __init__(
        self,
        source: Source,
        runs: Runs,
        lock: RLock,
        displayed: Callable[[], Displayed],
        add: AddSnapshot,
    ) -> None:
        self._source = source
        self._runs = runs
        self._lock = lock
        self._displayed = displayed
        self._add = add
        self._began: float | None = None
        self._follower: Follower | None = None

    def read_new(self) -> None:
        """Add the steps that were not read yet; where there are too many, evenly chosen ones."""
        if self._source.began is None:
            return
        with self._lock:
            if self._source.began != self._began:  # another one in its place
                self._runs.forget_all()
                self._began = self._source.began
            run, shown = self._runs.current, self._displayed()
            last = None if run is None else run.steps[-1]
            room = self._runs.prepare(shown.key, shown.tensor).capacity
            for step, tensor, status in self._source.snapshots_after(
                last, shown.key.layer, shown.key.quantity, room
            ):
                self._add({"": tensor}, step, status)

    def follow(self, failed: Callable[[Exception], None], recovered: Callable[[], None]) -> None:
        """Read what is written from now on, until `stop`; arguments as for `Follower`."""
        # the thread alone does not keep an explorer in use
        weakly = (_while_there(self._look), _while_there(failed), _while_there(recovered))
        self._follower = Follower(*weakly)

    def stop(self) -> None:
        """Stop following."""
        if self._follower is not None:
            self._follower.stop()

    def _look(self) -> None:
        if self._source.refresh():
            self.read_new()


def _while_there(method: Any) -> Callable[..., None]:
    """Call a method as long as something else refers to its object."""
    there = WeakMethod(method)

    def call(*arguments: Any) -> None:
        found = there()
        if found is not None:
            found(*arguments)

    return call
