"""`Overhead`: what snapshots have cost beside the training time, and whether more is affordable."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def check_share(max_overhead: float | None) -> float | None:
    """Check a share of the training time.

    Raises
    ------
    ValueError
        If it is neither None nor greater than 0.
    """
    if max_overhead is not None and not max_overhead > 0:
        raise ValueError(
            f"max_overhead must be greater than 0, 0.05 is 5 %, or None for no limit; "
            f"received {max_overhead!r}"
        )
    return max_overhead


class Overhead:
    """What snapshots cost, of all fits together.

    The share is cost / training time without the cost, so 0.05 makes ``fit`` take 5 % longer.
    What is marked as startup (tracing, once) is apart, and paid back from half of a limit: at 5 %,
    two seconds of tracing would else allow nothing for the first 40 seconds of a run. What is taken
    outside of ``fit`` is counted by itself: nobody tells what the time between is spent on.

    Parameters
    ----------
    clock
        Returns seconds, for instance ``time.perf_counter``.

    Attributes
    ----------
    trained, spent, startup
        Seconds of training, of cost, and of what was marked as startup.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.trained = 0.0
        self.spent = 0.0
        self.startup = 0.0
        self._last = 0.0
        self._outside: tuple[int, float] = (0, 0.0)  # how often, and seconds
        self._clock = clock
        self._since = clock()

    @property
    def share(self) -> float | None:
        """Cost / training time so far; None before there was any."""
        return self.spent / self.trained if self.trained else None

    @property
    def each(self) -> float | None:
        """Seconds that a snapshot costs on average outside of ``fit``; None before the first."""
        count, seconds = self._outside
        return seconds / count if count else None

    def start(self) -> None:
        """Begin to count training time, at first or after a pause that does not count."""
        self._since = self._clock()

    def tick(self) -> None:
        """Count the time since the last call as training."""
        now = self._clock()
        self.trained += now - self._since
        self._since = now

    def affords(self, max_overhead: float | None) -> bool:
        """Tell whether the next cost stays within a share, and one at the end of the fit too.

        Both are expected to be like the last one.

        Parameters
        ----------
        max_overhead
            The share; None for no limit.
        """
        if max_overhead is None:
            return True
        budget = max_overhead * self.trained
        return self.spent + min(self.startup, budget / 2) + 2 * self._last <= budget

    @contextmanager
    def spending(self, *, startup: bool = False, outside: bool = False) -> Iterator[None]:
        """Measure what happens inside as cost; as startup; or as cost outside of ``fit``."""
        begin = self._clock()
        try:
            yield
        finally:
            self._since = self._clock()
            cost = self._since - begin
            if startup:
                self.startup += cost
            elif outside:
                count, seconds = self._outside
                self._outside = (count + 1, seconds + cost)
            else:
                self.spent += cost
                self._last = cost
