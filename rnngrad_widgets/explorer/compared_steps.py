"""`ComparedSteps`: the runs of a comparison, which step of each is shown, and its numbers."""

from __future__ import annotations

import math
import operator
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from threading import RLock
from typing import TYPE_CHECKING

from rnngrad_widgets.comparison.curves import in_double
from rnngrad_widgets.comparison.matching import MATCHED_BY, matched
from rnngrad_widgets.comparison.result import ComparedRuns

if TYPE_CHECKING:
    from rnngrad_widgets.comparison.curves import Curve
    from rnngrad_widgets.explorer.compared_run import ComparedRun, RunKey
    from rnngrad_widgets.widgets.shared_timeline import SharedTimeline
    from rnngrad_widgets.widgets.timeline import Snapshot

MOST_NAMED = 6
"""Runs whose steps are written out above the findings."""


class ComparedSteps:
    """The runs, at the step that the shared timeline is at.

    Parameters
    ----------
    runs
        All of them.
    base
        The name that the others are compared with.
    shares
        The threshold and the levels of `diagnose`.
    timeline
        Which step is shown, and by what steps are matched.

    Attributes
    ----------
    lock
        Held while a history changes or is read: callbacks and readers come in other threads.
    """

    def __init__(
        self,
        runs: Sequence[ComparedRun],
        base: str,
        shares: tuple[float, tuple[float, ...]],
        timeline: SharedTimeline,
    ) -> None:
        self.lock = RLock()
        self._runs = list(runs)
        self._base = base
        self._shares = shares
        self._timeline = timeline
        self._found: tuple[Sequence[Sequence[Curve]], ComparedRuns] | None = None

    def add(self, runs: Iterable[ComparedRun]) -> None:
        """Take in runs that have come."""
        with self.lock:
            self._runs += runs
            self._found = None

    @property
    def are_there(self) -> bool:
        """Whether any run has a history."""
        return any(run.history is not None for run in self._runs)

    @property
    def known(self) -> list[int]:
        """The steps of all runs, rising; the slider stands at one of them."""
        return sorted({each.step for run in self._runs for each in run.steps})

    @property
    def chosen(self) -> int | None:
        """The step at which the slider stands; None where there is none."""
        steps = self.known
        after = len(steps)
        if not self._timeline.follow and self._timeline.step is not None:
            after = bisect_right(steps, self._timeline.step)
        return steps[max(after - 1, 0)] if steps else None

    def choose(self, step: int) -> None:
        """Show a step; following the latest goes on only from the latest itself."""
        with self.lock:
            is_last = step == self.known[-1]
        timeline = self._timeline
        with timeline.hold_sync(), timeline.hold_trait_notifications():
            timeline.follow = timeline.follow and is_last
            timeline.step = step

    def follow_latest(self) -> None:
        """Show the latest step of each run, and each that comes."""
        self._timeline.follow = True

    @property
    def shown(self) -> list[tuple[RunKey, int]]:
        """The step of each run that is shown, of those that have any."""
        pairs = zip(self._runs, self._places, strict=True)
        return [(run.key, run.steps[place].step) for run, place in pairs if place >= 0]

    @property
    def numbers(self) -> ComparedRuns:
        """The numbers of what is shown."""
        with self.lock:
            kept = [run.kept_at(place) for run, place in zip(self._runs, self._places, strict=True)]
            if self._found is None or not all(map(operator.is_, kept, self._found[0])):
                self._found = kept, self._compared([list(map(in_double, own)) for own in kept])
            return self._found[1]

    @property
    def given(self) -> ComparedRuns:
        """The numbers of what the comparison began with."""
        return self._compared(run.given for run in self._runs)

    @property
    def snapshots(self) -> list[Snapshot]:
        """The snapshots of all runs."""
        with self.lock:
            histories = [run.history for run in self._runs]
            return [each for history in histories if history for each in history.snapshots]

    def place(self) -> bool:
        """Let the timeline have those of all runs that have one; tell whether any is new."""
        runs = [(run, run.history) for run in self._runs if run.history is not None]
        timelines = [history.timeline for _, history in runs]
        if self._timeline.timelines == timelines:
            return False
        names = list(dict.fromkeys(run.key.name for run in self._runs))
        with self._timeline.hold_sync():
            self._timeline.names = [run.key.words for run, _ in runs]
            self._timeline.groups = [names.index(run.key.name) for run, _ in runs]
            of_base = (i for i, (run, _) in enumerate(runs) if run.key.name == self._base)
            self._timeline.base = next(of_base, 0)
            self._timeline.timelines = timelines
        self._found = None  # the table has other columns
        return True

    def _compared(self, curves: Iterable[Sequence[Curve]]) -> ComparedRuns:
        by_name: dict[str, list[Curve]] = {}
        for run, own in zip(self._runs, curves, strict=True):
            by_name.setdefault(run.key.name, []).extend(own)
        return ComparedRuns(by_name, self._base, *self._shares, self.are_there)

    @property
    def _places(self) -> list[int]:
        """The place of what is shown in the steps of each run; -1 of what was given."""
        runs = [run.steps for run in self._runs]
        base = next(i for i, run in enumerate(self._runs) if run.key.name == self._base)
        latest = self._timeline.follow or self._timeline.step is None
        step = math.inf if latest else self._timeline.step
        return matched(runs, base, step, MATCHED_BY[self._timeline.matched_by])


def steps_words(shown: Sequence[tuple[RunKey, int]]) -> str:
    """Say which steps are shown, of few runs each."""
    steps = [step for _, step in shown]
    low, high = min(steps), max(steps)
    if low == high:
        return f"step {low:,}"
    if len(shown) > MOST_NAMED or any(key.is_one_of_several for key, _ in shown):
        return f"steps {low:,} to {high:,}, see the table"
    return f"steps {', '.join(f'{key.words} {step:,}' for key, step in shown)}"
