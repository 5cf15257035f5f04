"""How much of the training time something has cost, and whether more can be afforded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class OverheadLimit:
    """Keep a cost below a share of the training time.

    The share is cost / training time without the cost, so 0.05 makes ``fit`` take at most 5 %
    longer. What is marked as startup (tracing, once) is paid back from half of it: at 5 %, two
    seconds of tracing would else allow nothing for the first 40 seconds of a run.

    Parameters
    ----------
    max_overhead
        The share, greater than 0; None for no limit.
    clock
        Returns seconds, for instance ``time.perf_counter``.

    Attributes
    ----------
    trained, spent, startup
        Seconds of training, of cost, and of what was marked as startup.

    Raises
    ------
    ValueError
        If `max_overhead` is not greater than 0.
    """

    def __init__(
        self, max_overhead: float | None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        if max_overhead is not None and not max_overhead > 0:
            raise ValueError(
                f"max_overhead must be greater than 0, 0.05 is 5 %, or None for no limit; "
                f"received {max_overhead!r}"
            )
        self.max_overhead = max_overhead
        self.trained = 0.0
        self.spent = 0.0
        self.startup = 0.0
        self._last = 0.0
        self._clock = clock
        self._since = clock()

    @property
    def share(self) -> float:
        """Cost / training time so far, startup apart."""
        return self.spent / self.trained if self.trained else 0.0

    def start(self) -> None:
        """Begin to count training time, at first or after a pause that does not count."""
        self._since = self._clock()

    def tick(self) -> None:
        """Count the time since the last call as training."""
        now = self._clock()
        self.trained += now - self._since
        self._since = now

    def affordable(self) -> bool:
        """Tell whether the next cost stays within the share, and one at the end too.

        Both are expected to be like the last one.

        Returns
        -------
        bool
            True without a limit.
        """
        if self.max_overhead is None:
            return True
        budget = self.max_overhead * self.trained
        return self.spent + min(self.startup, budget / 2) + 2 * self._last <= budget

    @contextmanager
    def spending(self, *, startup: bool = False) -> Iterator[None]:
        """Measure what happens inside as cost, or as startup."""
        begin = self._clock()
        try:
            yield
        finally:
            self._since = self._clock()
            cost = self._since - begin
            if startup:
                self.startup += cost
            else:
                self.spent += cost
                self._last = cost
