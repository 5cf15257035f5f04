"""`ComparedRecordings`: the steps of recordings that are compared, read behind the caller."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from rnngrad_widgets.explorer.background import repeat, while_there
from rnngrad_widgets.explorer.compared_run import ComparedRun
from rnngrad_widgets.explorer.compared_sources import Gradient, OfSource
from rnngrad_widgets.explorer.follower import Follower
from rnngrad_widgets.explorer.recorded_run import PAUSE, TOLD_EVERY, fineness

LISTED_EVERY = 2.0
"""Seconds between two looks for other recordings: of an object store, each is paid for."""


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
        Called when steps were read, or `troubles` are others.
    """

    def __init__(
        self, runs: Sequence[ComparedRun], lock: threading.RLock, came: Callable[[], None]
    ) -> None:
        self._recorded = list(_recorded(runs))
        self._lock = lock
        self._came = came
        self._began: dict[int, float | None] = {}
        self._unread: list[_Unread] = []  # the next one last
        self._aside: list[_Unread] = []  # what could not be read
        self._let_join: Callable[[], None] = lambda: None
        self._listed = 0.0
        self._reading = threading.Lock()  # held from taking one until it is there
        self._told = 0.0
        self._troubles = {"following": "", "reading": ""}
        self._stop = threading.Event()
        self._reader: threading.Thread | None = None
        self._follower: Follower | None = None

    @property
    def are_there(self) -> bool:
        """Whether there is any recording."""
        return bool(self._recorded)

    @property
    def troubles(self) -> list[str]:
        """Why something is not read or followed at present."""
        return list(filter(None, self._troubles.values()))

    def begin(self) -> None:
        """Have a history of each recording that has several steps; the last is there at once."""
        self._read_last(
            each for each in self._recorded if len(each.experiment.source.places_after(None, 2)) > 1
        )
        self._read_on()

    def follow(self, let_join: Callable[[], None] = lambda: None) -> None:
        """Read what is written from now on, until `stop`.

        Parameters
        ----------
        let_join
            Called every so often: adds recordings that have come, by `add`.
        """
        self._let_join = let_join
        self._read_last(each for each in self._recorded if each.run.history is None)
        self._read_on()
        if self._follower is None or not self._follower.is_following:
            # the thread alone does not keep a comparison in use
            weakly = (while_there(self._look), while_there(self._failed), while_there(self._found))
            self._follower = Follower(*weakly)

    def add(self, runs: Sequence[ComparedRun]) -> None:
        """Read the steps of recordings that have come, too."""
        recorded = list(_recorded(runs))
        self._read_last(recorded)
        self._recorded = [*self._recorded, *recorded]
        self._read_on()

    def read_rest(self) -> None:
        """Read what is missing, now."""
        self._take_up()
        while self._read_one_or_tell():  # waits for the one that another thread is reading
            pass

    def stop(self) -> None:
        """Stop reading and following."""
        self._stop.set()
        if self._follower is not None:
            self._follower.stop()
        if self._reader is not None and self._reader is not threading.current_thread():
            self._reader.join()

    def _look(self) -> None:
        """Read what is new of all; raises the first error when the others were looked at."""
        errors: list[Exception] = []
        came = False
        try:
            if time.monotonic() - self._listed > LISTED_EVERY:
                self._let_join()
                self._listed = time.monotonic()
        except (OSError, ValueError) as error:
            errors.append(error)
        for recorded in self._recorded:
            try:
                recorded.experiment.source.refresh()
                came = self._read_new(recorded) or came
            except (OSError, ValueError) as error:  # noqa: PERF203 - each may fail
                errors.append(error)
        if came:
            self._came()
        self._read_on()
        if errors:
            raise errors[0]

    def _failed(self, error: Exception) -> None:
        self._tell("following", str(error))

    def _found(self) -> None:
        self._tell("following", "")

    def _tell(self, what: str, trouble: str) -> None:
        if self._troubles[what] != trouble:
            self._troubles[what] = trouble
            self._came()

    def _read_last(self, of: Iterable[_Recorded]) -> None:
        came = [self._read_new(recorded) for recorded in of]
        if any(came):
            self._came()  # once: what is said of all takes its time

    def _read_new(self, recorded: _Recorded) -> bool:
        """Take note of steps that were not read yet, and read the last one; tell whether any is."""
        run, source = recorded.run, recorded.experiment.source
        began = source.began
        if began is None:
            return False
        (latest,) = source.places_after(None, 1)[-1:]
        step = source.step_at(latest)
        with self._lock:
            is_other = self._began.setdefault(id(run), began) != began
            if not is_other and run.steps and run.steps[-1].step >= step:
                return False
            is_given = not is_other and run.given[0].step == step
        # without the lock: others wait for it, and a network may be slow
        gradient = None if is_given else self._gradient(recorded, latest)
        curves = run.given if gradient is None else run.curves_of(gradient)
        with self._lock:
            if is_other and gradient is not None:  # in its place
                run.begin_again(gradient, curves)
                self._unread = [each for each in self._unread if each.recorded is not recorded]
                self._aside = [each for each in self._aside if each.recorded is not recorded]
                self._began[id(run)] = began
            history = run.begin_history()
            last = history.steps[-1] if len(history) else None
            earlier = source.places_after(last, history.capacity - 1)[:-1]
            numbers = history.reserve(len(earlier))
            history.append(curves, step, source.status)
            unread = [_Unread(recorded, *each) for each in zip(numbers, earlier, strict=True)]
            self._unread = _in_order([*self._unread, *unread])
        return True

    def _read_on(self) -> None:
        self._take_up()
        if self._unread and (self._reader is None or not self._reader.is_alive()):
            self._reader = repeat(self._read_one_or_tell, self._stop, PAUSE, "rnngrad reader")

    def _take_up(self) -> None:
        """Try again what could not be read."""
        with self._lock:
            self._unread = _in_order([*self._unread, *self._aside])
            self._aside = []

    def _read_one_or_tell(self) -> bool:
        """Read one step; tell whether any is left."""
        with self._reading:
            with self._lock:
                if not self._unread or self._stop.is_set():
                    return False
                unread = self._unread.pop()
            try:
                self._read(unread)
            except Exception as error:  # noqa: BLE001 - of this one: others may be sound
                self._aside.append(unread)
                self._tell("reading", str(error))
            is_over = not self._unread
            if is_over and not self._aside:
                self._troubles["reading"] = ""
            if is_over or time.monotonic() - self._told > TOLD_EVERY:
                self._tell_how_far()
                self._came()
                self._told = time.monotonic()
        return True

    def _tell_how_far(self) -> None:
        with self._lock:
            for recorded in self._recorded:
                if (history := recorded.run.history) is not None:
                    history.set_status(history.status)

    def _read(self, unread: _Unread) -> None:
        recorded, number, place = unread
        run, source = recorded.run, recorded.experiment.source
        with self._lock:
            is_wanted = run.begin_history().wants(number)
            step = source.step_at(place)
        if not is_wanted:
            return
        curves = run.curves_of(self._gradient(recorded, place))
        with self._lock:  # meanwhile others may have come, or another recording in its place
            history = run.begin_history()
            if source.began == self._began[id(run)] and history.wants(number):
                history.insert(number, curves, step)

    def _gradient(self, recorded: _Recorded, place: int) -> Gradient:
        run, experiment = recorded
        found = experiment.source.read(place, run.path, run.quantity)
        return experiment.only({"": found.tensor}, run.path, run.quantity)


def _recorded(runs: Iterable[ComparedRun]) -> Iterator[_Recorded]:
    """Yield those whose steps a recording holds."""
    for run in runs:
        if isinstance(run.experiment, OfSource) and run.experiment.source.has_snapshots:
            yield _Recorded(run, run.experiment)


def _in_order(unread: Sequence[_Unread]) -> list[_Unread]:
    """Put those last that are read first: the whole runs coarsely and then finer."""
    return sorted(unread, key=lambda each: fineness(each.number), reverse=True)
