"""`ComparedRecordings`: the steps of recordings that are compared, read behind the caller."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rnngrad_widgets.comparison.curves import Curve
from rnngrad_widgets.explorer.background import repeat, while_there
from rnngrad_widgets.explorer.compared_run import ComparedRun
from rnngrad_widgets.explorer.compared_sources import OfSource
from rnngrad_widgets.explorer.follower import Follower
from rnngrad_widgets.explorer.recorded_run import PAUSE, fineness

MOST_TOGETHER = 2000
"""Steps of all runs together that are read; each is a widget. More are evenly thinned."""


class _Recorded(NamedTuple):
    """A run whose steps a recording holds."""

    run: ComparedRun
    experiment: OfSource


class _Unread(NamedTuple):
    recorded: _Recorded
    number: int
    place: int


class ComparedRecordings:
    """Read the steps that recordings hold; there is nothing to do where none does.

    Parameters
    ----------
    runs
        All that is compared.
    lock
        Held while a history changes: others read it.
    came
        Called when steps were read.
    failed
        What is told an error of reading behind.
    """

    def __init__(
        self,
        runs: Sequence[ComparedRun],
        lock: threading.RLock,
        came: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._recorded = [
            _Recorded(run, run.experiment)
            for run in runs
            if isinstance(run.experiment, OfSource) and run.experiment.source.has_snapshots
        ]
        self._lock = lock
        self._came = came
        self._failed = failed
        self._began: dict[int, float | None] = {}
        self._unread: list[_Unread] = []  # the next one last
        self._stop = threading.Event()
        self._reader: threading.Thread | None = None
        self._follower: Follower | None = None

    @property
    def are_there(self) -> bool:
        """Whether there is any recording."""
        return bool(self._recorded)

    def begin(self) -> None:
        """Have a history of each recording that has several steps; the last is there at once."""
        several = [
            recorded
            for recorded in self._recorded
            if len(recorded.experiment.source.places_after(None, 2)) > 1
        ]
        self._read_new(several)

    def follow(self) -> None:
        """Read what is written from now on, until `stop`."""
        self._read_new([each for each in self._recorded if each.run.history is None])
        # the thread alone does not keep a comparison in use
        self._follower = Follower(while_there(self._look), while_there(self._failed))

    def read_rest(self) -> None:
        """Read what is missing, now."""
        while self._read_one():
            pass

    def stop(self) -> None:
        """Stop reading and following."""
        self._stop.set()
        if self._follower is not None:
            self._follower.stop()
        if self._reader is not None and self._reader is not threading.current_thread():
            self._reader.join()

    def _look(self) -> None:
        changed = []
        try:
            for recorded in self._recorded:
                if recorded.experiment.source.refresh():
                    changed.append(recorded)  # noqa: PERF401 - what fails leaves those before it
        finally:
            self._read_new(changed)

    def _read_new(self, several: Sequence[_Recorded]) -> None:
        """Take note of steps that were not read yet, and read the last one of each."""
        for recorded in several:
            self._read_new_of(recorded)
        if several:
            self._came()
        if self._unread and (self._reader is None or not self._reader.is_alive()):
            self._reader = repeat(self._read_one_or_tell, self._stop, PAUSE, "rnngrad reader")

    def _read_new_of(self, recorded: _Recorded) -> None:
        run, source = recorded.run, recorded.experiment.source
        if source.began is None:
            return
        with self._lock:
            history = run.begin_history()
            if self._began.setdefault(id(run), source.began) != source.began:
                history.clear()  # another one in its place
                self._unread = [each for each in self._unread if each.recorded is not recorded]
                self._began[id(run)] = source.began
            last = history.steps[-1] if len(history) else None
            places = source.places_after(last, max(MOST_TOGETHER // len(self._recorded), 2))
            if not places:
                return
            *earlier, latest = places
            numbers = history.reserve(len(earlier))
            step = source.step_at(latest)
            curves = run.given if run.given[0].step == step else self._curves(recorded, latest)
            history.append(curves, step, source.status)
            unread = [_Unread(recorded, *each) for each in zip(numbers, earlier, strict=True)]
            self._unread = sorted(
                [*self._unread, *unread], key=lambda each: fineness(each.number), reverse=True
            )

    def _read_one_or_tell(self) -> bool:
        try:
            return self._read_one()
        except (OSError, ValueError) as error:
            self._failed(error)
            return True  # of this one: others may be sound

    def _read_one(self) -> bool:
        """Read one step; tell whether any is left."""
        with self._lock:
            if not self._unread or self._stop.is_set():
                return False
            recorded, number, place = self._unread.pop()
            history = recorded.run.begin_history()
            is_wanted = history.wants(number)
            step = recorded.experiment.source.step_at(place)
        if is_wanted:
            curves = self._curves(recorded, place)
            with self._lock:
                history.insert(number, curves, step)
        if not self._unread:
            with self._lock:  # how many there are is known now
                for each in self._recorded:
                    if each.run.history is not None:
                        each.run.history.set_status(each.experiment.source.status)
            self._came()
        return True

    def _curves(self, recorded: _Recorded, place: int) -> Sequence[Curve]:
        run, experiment = recorded
        found = experiment.source.read(place, run.path, run.quantity)
        return run.curves_of(experiment.only({"": found.tensor}, run.path, run.quantity))
