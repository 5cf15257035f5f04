"""`Status`: how far a run is, in fields and in one line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Status:
    """How far a run is.

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
        Cost / training time without it; startup apart.
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
    share: float = 0.0
    startup: float = 0.0
    max_overhead: float | None = None
    running: bool = False
    error: Exception | None = None

    def __str__(self) -> str:
        """Write one line: step, loss, count, share of time."""
        parts = [] if self.step is None else [f"step {self.step:,}"]
        if self.loss is not None:
            parts.append(f"loss {self.loss:.4g}")
        parts.append(f"{self.taken:,} snapshot{'' if self.taken == 1 else 's'}")
        if self.skipped:
            parts.append(f"{self.skipped:,} skipped to stay below {self.max_overhead:.0%}")
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        parts.append(f"{self.share:.1%} of training time, {self.startup:.1f} s to start")
        if self.error is not None:
            parts.append(f"{type(self.error).__name__}: {self.error}")
        return " · ".join(parts)
