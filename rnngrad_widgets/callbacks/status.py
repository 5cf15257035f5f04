"""`Status`: how far training is and what snapshots of it cost, in fields and in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Status:
    """How far training is; counts and costs are of all fits together.

    Parameters
    ----------
    step
        Training step of the last snapshot; None before the first.
    loss
        Loss of the probe batch there.
    training_loss
        Loss that Keras logged last: its mean over the epoch so far.
    taken, skipped, failed
        How many snapshots were taken, were due but skipped to stay below `max_overhead`, or
        failed.
    share
        Cost / training time without it; startup apart. None where that is not known: before there
        was any training, and for what is taken outside of ``fit``.
    trained
        Seconds of training, without the cost.
    each
        Seconds that a snapshot costs on average outside of ``fit``; None where that is not known.
    startup
        Seconds that the first snapshot took, with tracing.
    max_overhead
        The limit; None without one.
    running
        Whether ``fit`` is running.
    error
        Why the last snapshot failed; None if it did not.
    """

    step: int | None = None
    loss: float | None = None
    training_loss: float | None = None
    taken: int = 0
    skipped: int = 0
    failed: int = 0
    share: float | None = None
    trained: float = 0.0
    each: float | None = None
    startup: float = 0.0
    max_overhead: float | None = None
    running: bool = False
    error: Exception | None = None

    def __str__(self) -> str:
        """Write one line: step, loss, count, share of time."""
        return joined(self.progress, snapshots(self.taken), self.costs)

    @property
    def progress(self) -> str:
        """Step and loss, in words."""
        step = "" if self.step is None else f"step {self.step:,}"
        return joined(step, "" if self.loss is None else f"loss {self.loss:.4g}")

    @property
    def costs(self) -> str:
        """What was skipped or failed, the share of time, and the error, in words."""
        limit = self.max_overhead
        why = "" if limit is None else f" to stay below {limit:.0%}"
        return joined(
            f"{self.skipped:,} skipped{why}" if self.skipped else "",
            f"{self.failed:,} failed" if self.failed else "",
            ", ".join(filter(None, (self._time(), self._startup()))),
            "" if self.error is None else f"{type(self.error).__name__}: {self.error}",
        )

    def _time(self) -> str:
        if self.share is None:
            return "" if self.each is None else f"{self.each:.2g} s each"
        if self.max_overhead is None or self.share <= self.max_overhead:
            return f"{self.share:.1%} of training time"
        trained = f"{self.trained:.2g}" if self.trained < 10 else f"{self.trained:,.0f}"
        return f"{self.share:.1%} of {trained} s of training, last states always taken"

    def _startup(self) -> str:
        return f"{self.startup:.1f} s to start" if self.startup >= 0.05 else ""


def snapshots(count: int) -> str:
    """Write ``1 snapshot``, ``1,200 snapshots``."""
    return f"{count:,} snapshot{'' if count == 1 else 's'}"


def joined(*parts: str) -> str:
    """Join the parts of a status line, without empty ones."""
    return " · ".join(filter(None, parts))
