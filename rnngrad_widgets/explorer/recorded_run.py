"""`RecordedRun`: the snapshots of a recording, on their way to the timeline of an explorer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from threading import RLock
from typing import NamedTuple

from rnngrad_widgets.callbacks.status import joined
from rnngrad_widgets.data.tensor import GradientTensor
from rnngrad_widgets.explorer.background import repeat, while_there
from rnngrad_widgets.explorer.displayed import Displayed, DisplayKey
from rnngrad_widgets.explorer.follower import Follower
from rnngrad_widgets.explorer.run import Run
from rnngrad_widgets.explorer.run_status import RunStatus
from rnngrad_widgets.explorer.runs import Runs
from rnngrad_widgets.explorer.source import Source

AddSnapshot = Callable[[Mapping[str, GradientTensor], int, RunStatus], None]

AT_ONCE = 0.5
"""Seconds of reading that a call waits for; what takes longer is read behind it."""

PAUSE = 0.002
"""Seconds between two snapshots that are read behind, in which others get the lock."""

TOLD_EVERY = 0.3
"""Seconds between two words of how far reading is."""


class Unread(NamedTuple):
    """A snapshot that has its number in a run, and is not read yet."""

    run: Run
    number: int
    place: int


class RecordedRun:
    """Read the snapshots that a source holds; there is nothing to do for one that holds none.

    The last one is read first, the others behind it, the whole run coarsely and then finer, so that
    a long recording opens at once.

    Parameters
    ----------
    source
        Where they are read.
    runs
        The timelines of the explorer.
    lock
        Held while one is read and shown: that happens in other threads too.
    displayed
        Returns what the explorer displays.
    add
        Adds a snapshot of what is displayed to the timeline: parts, training step, status.
    failed
        What is told an error of reading behind.
    """

    def __init__(
        self,
        source: Source,
        runs: Runs,
        lock: RLock,
        displayed: Callable[[], Displayed],
        add: AddSnapshot,
        failed: Callable[[Exception], None],
    ) -> None:
        self._source = source
        self._runs = runs
        self._lock = lock
        self._displayed = displayed
        self._add = add
        self._failed = failed
        self._began: float | None = None
        self._follower: Follower | None = None
        self._unread: dict[DisplayKey, list[Unread]] = {}  # by what is displayed; the next one last
        self._aside: list[tuple[DisplayKey, Unread]] = []  # what could not be read
        self._told = 0.0
        self._stop = threading.Event()
        self._reader: threading.Thread | None = None

    def read_new(self) -> None:
        """Add the steps that were not read yet; where there are too many, evenly chosen ones."""
        if self._source.began is None:
            return
        with self._lock:
            if self._source.began != self._began:  # another one in its place
                self._runs.forget_all()
                self._unread.clear()
                self._began = self._source.began
            run, shown = self._runs.current, self._displayed()
            last = None if run is None else run.steps[-1]
            run = self._runs.prepare(shown.key, shown.tensor)
            places = self._source.places_after(last, run.capacity)
            if places:
                *earlier, latest = places
                step, tensor = self._source.step_at(latest), shown.tensor
                if step != tensor.step:
                    tensor = self._source.read(latest, shown.key.layer, shown.key.quantity).tensor
                numbers = run.reserve(len(earlier))
                unread = [Unread(run, *each) for each in zip(numbers, earlier, strict=True)]
                unread += self._unread.get(shown.key, [])
                self._unread[shown.key] = sorted(
                    unread, key=lambda each: fineness(each.number), reverse=True
                )
                status = self._status(self._source.status, shown.key)
                self._add({"": tensor}, step, status)
        self._read_on()

    def read_rest(self) -> None:
        """Read what is missing of the run that is displayed, now; an error is told."""
        if self._source.began is None:
            return
        key = self._displayed().key
        while self._read_one_or_tell(key):  # waits for the one that another thread is reading
            pass

    def follow(self, recovered: Callable[[], None]) -> None:
        """Read what is written from now on, until `stop`; `recovered` as for `Follower`.

        Where that is done already, nothing happens.
        """
        if self._follower is not None and self._follower.is_following:
            return
        # the thread alone does not keep an explorer in use
        weakly = (while_there(self._look), while_there(self._failed), while_there(recovered))
        self._follower = Follower(*weakly)

    def stop(self) -> None:
        """Stop reading and following."""
        self._stop.set()
        if self._follower is not None:
            self._follower.stop()
        if self._reader is not None and self._reader is not threading.current_thread():
            self._reader.join()

    def _look(self) -> None:
        with self._lock:
            changed = self._source.refresh()
        if changed:
            self.read_new()
        else:
            self._read_on()  # what has failed before

    def _read_on(self) -> None:
        """Read what is missing: here for a moment, then behind the caller."""
        with self._lock:
            while self._aside:
                key, unread = self._aside.pop()
                self._unread.setdefault(key, []).insert(0, unread)
        end = time.monotonic() + AT_ONCE
        while self._read_one():
            if time.monotonic() > end:
                if self._reader is None or not self._reader.is_alive():
                    self._reader = repeat(
                        self._read_one_or_tell, self._stop, PAUSE, "rnngrad reader"
                    )
                return

    def _read_one_or_tell(self, key: DisplayKey | None = None) -> bool:
        try:
            return self._read_one(key)
        except Exception as error:  # noqa: BLE001 - there is no caller to raise to
            self._failed(error)
            return isinstance(error, ValueError)  # of this one: others may be sound

    def _read_one(self, key: DisplayKey | None = None) -> bool:
        """Read one snapshot, best of what is displayed; tell whether any is left.

        Parameters
        ----------
        key
            Of what alone; None for any.
        """
        with self._lock:
            chosen = self._displayed().key if key is None else key
            if not self._unread.get(chosen) and key is None:
                chosen = next((other for other, left in self._unread.items() if left), chosen)
            unread = self._unread.get(chosen)
            if not unread or self._stop.is_set():
                return False
            run, number, place = unread[-1]
            if self._runs.of(chosen) is not run:  # it was begun anew
                del self._unread[chosen]
                return True
            self._aside.append((chosen, unread.pop()))  # where it fails, until the next time
            if run.wants(number):
                found = self._source.read(place, chosen.layer, chosen.quantity)
                run.insert(number, found.tensor, found.step)
            self._aside.pop()
            if not unread or time.monotonic() - self._told > TOLD_EVERY:
                self._told = time.monotonic()
                run.set_status(self._status(self._source.status, chosen))
            return True

    def _status(self, status: RunStatus, key: DisplayKey) -> RunStatus:
        if not self._unread.get(key):  # what is set aside is told as an error
            return status
        return status._replace(rest=joined("reading…", status.rest))


def fineness(number: int) -> tuple[int, int]:
    """Sort a run from coarse to fine: numbers with many trailing zero bits come first."""
    return -(number & -number) if number else -(2**62), number
