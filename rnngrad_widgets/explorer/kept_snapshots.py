"""`KeptSnapshots`: the snapshots of a run in the browser, thinned to a budget."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from rnngrad_widgets.data.thinning import capacity_for, is_kept, kept_of, stride_for
from rnngrad_widgets.explorer.run_status import RunStatus
from rnngrad_widgets.widgets.reachable import close_widgets

if TYPE_CHECKING:
    from ipywidgets import Widget

    from rnngrad_widgets.widgets.timeline import Snapshot, Timeline


class Entry(Protocol):
    """What is kept of a snapshot."""

    @property
    def snapshot(self) -> Snapshot:
        """The widget that the browser has."""


E = TypeVar("E", bound=Entry)
State = TypeVar("State")


class KeptSnapshots(ABC, Generic[E, State]):
    """The snapshots of a training run; their steps rise.

    The whole run is kept, evenly thinned: when the budget is full, every second snapshot goes. The
    browser keeps the same ones by the same rule (``js/src/data/thinning.ts``), because a message
    that closes one may be lost.

    Parameters
    ----------
    timeline
        What the snapshots join.
    size
        Bytes that one takes.
    budget, most
        Bytes that all may take, and how many they may be, as for `capacity_for`.
    """

    def __init__(self, timeline: Timeline, size: int, budget: int, most: int | None = None) -> None:
        self.timeline = timeline
        self._size = size
        self._next = 0
        self._status = RunStatus()
        self._entries: dict[int, E] = {}
        self.capacity = timeline.capacity = capacity_for(size, budget, most)

    @abstractmethod
    def _entry(self, number: int, state: State, step: int, status: str) -> E:
        """Make the widget of a snapshot, and what else is kept of it."""

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
    def detached_widgets(self) -> list[Widget]:
        """Every widget of the run that is not under a box."""
        return list(self.snapshots)

    @property
    def status(self) -> RunStatus:
        """The last status line."""
        return self._status

    def entry_of(self, step: int) -> E:
        """Return what is kept of a step that is kept."""
        return next(entry for entry in self._entries.values() if entry.snapshot.step == step)

    def append(self, state: State, step: int, status: RunStatus) -> None:
        """Send the snapshot of a training step: a later one than all others, or the last one again.

        Older ones go where the budget is full.
        """
        self._status = status
        replaced = None
        if self._entries and self.steps[-1] == step:
            self._next -= 1
            replaced = self._entries.pop(self._next).snapshot
        number, self._next = self._next, self._next + 1
        # of those before it, some may still be on their way
        kept = min(kept_of(number, stride_for(number, self.capacity)), len(self) + 1)
        self._entries[number] = self._entry(number, state, step, status.line(kept, self._next))
        self._thin()
        if replaced is not None:
            replaced.close()

    def reserve(self, count: int) -> range:
        """Return numbers for snapshots that come later than the next one, by `insert`."""
        self._next += count
        return range(self._next - count, self._next)

    def wants(self, number: int) -> bool:
        """Tell whether a snapshot of a reserved number is kept now."""
        last = self._next - 1
        return is_kept(number, stride_for(last, self.capacity), last)

    def insert(self, number: int, state: State, step: int) -> None:
        """Send a snapshot to its reserved place."""
        self._entries[number] = self._entry(number, state, step, "")
        self._entries = dict(sorted(self._entries.items()))

    def share(self, budget: int, most: int | None = None) -> None:
        """Reduce the budget, as for the class: other runs share it."""
        before = len(self)
        self.capacity = self.timeline.capacity = capacity_for(self._size, budget, most)
        self._thin()
        if len(self) < before:
            self.set_status(self._status)

    def set_status(self, status: RunStatus) -> None:
        """Show a status line."""
        self._status = status
        with self.timeline.hold_sync():
            self.timeline.status_step = status.step
            self.timeline.status_number = self._next
            self.timeline.status = status.line(len(self), self._next)

    def _thin(self) -> None:
        last = self._next - 1
        stride = stride_for(last, self.capacity)
        gone = [number for number in self._entries if not is_kept(number, stride, last)]
        close_widgets(self._entries.pop(number).snapshot for number in gone)


def finite(loss: float | None) -> float | None:
    """Replace NaN, which JSON does not have: the browser takes None for it."""
    return loss if loss is not None and abs(loss) < float("inf") else None
