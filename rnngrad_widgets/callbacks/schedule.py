"""`Schedule`: which training steps are due; counts only, and knows nothing of Keras."""

from __future__ import annotations

import operator
from typing import Any, Literal, NamedTuple

MAX_STEP = 2**53 - 1
"""Largest training step: numbers in a browser are exact up to there."""

Every = int | Literal["epoch"]


class Placed(NamedTuple):
    """Where a snapshot belongs in a run.

    Parameters
    ----------
    step
        Its training step.
    is_new
        Whether it is to be kept: else an earlier run, or somebody else, has a step so late already.
    passed
        The last step of an earlier run, where an older state was restored and no snapshot is new
        until the run has passed it; None elsewhere.
    """

    step: int
    is_new: bool
    passed: int | None = None


class _Kept(NamedTuple):
    """A snapshot that was kept: after which batch, its step, and what the optimizer counted.

    The count is None where it says nothing of the step.
    """

    batch: int
    step: int
    counted: int | None


class Schedule:
    """Tell which snapshots are due, and at which training step each one is.

    Due are: the state before the first step, every `every`-th step or epoch, and the state after
    the last step of each ``fit``.

    The step of a snapshot is the optimizer's count. Where that starts again (the model was compiled
    anew) or stands still, the steps count on, so that they always rise.

    Parameters
    ----------
    every
        Batches, or ``"epoch"``.
    last_step
        The step that an earlier run ended with; this one counts on. Where the optimizer begins
        before it, but not at zero, an earlier state was restored: its steps are taken already, and
        nothing is new until the optimizer has passed the last one.

    Attributes
    ----------
    last_step
        Step of the last snapshot, of whichever run; None before the first.
    skipped
        Due snapshots that were left out since the last one.

    Raises
    ------
    ValueError
        If `every` is not as above.
    """

    def __init__(self, every: Every, last_step: int | None = None) -> None:
        whole = isinstance(every, int) and not isinstance(every, bool) and every > 0
        if not whole and every != "epoch":
            raise ValueError(f"every must be a number of batches or 'epoch'; received {every!r}")
        self.last_step = last_step
        self.skipped = 0
        self._every = every
        self._continues = last_step is not None
        self._fresh = True  # no epoch of this fit has begun
        # Counted in batches of all fits:
        self._batch = 0  # now
        self._epoch_start = 0  # when the epoch began
        self._ended = 0  # when the last batch ended
        self._due_at = 0  # at the last due snapshot
        self._last: _Kept | None = None  # None before the first snapshot
        # Counted by the optimizer, when the epoch began:
        self._counted = 0

    # -- what happens: each tells whether a snapshot is due ----------------------------------------

    def begin_fit(self) -> None:
        """Take note that a fit begins."""
        self._fresh = True

    def begin_epoch(self, counted: int = 0) -> bool:
        """Begin an epoch.

        Parameters
        ----------
        counted
            How many steps the optimizer has made; 0 where nobody needs to know.

        Returns
        -------
        bool
            Whether a snapshot is due: before the very first epoch.
        """
        # A fit that Ctrl-C ended was told neither of its epoch's end nor of its own.
        self._batch = self._epoch_start = self._ended = max(self._batch, self._ended)
        self._counted = counted
        first, self._fresh = self._fresh and self._last is None, False
        return self._is_due(first)

    def begin_batch(self, batch: int) -> bool:
        """Begin a batch.

        Parameters
        ----------
        batch
            Its number in the epoch, from 0.

        Returns
        -------
        bool
            Whether a snapshot is due, after the batch before this one.
        """
        self._batch = self._epoch_start + batch
        every = self._every
        return self._is_due(every != "epoch" and self._batch // every > self._due_at // every)

    def end_batch(self, batch: int) -> None:
        """End a batch; `batch` is the last one where several are executed at once."""
        self._ended = self._epoch_start + batch + 1

    def end_epoch(self, counted: int = 0, at_once: int = 1) -> bool:
        """End an epoch.

        Parameters
        ----------
        counted
            How many steps the optimizer has made; 0 where nobody needs to know.
        at_once
            How many batches are executed at once. Of these, Keras before 3.11 tells the first one's
            number, and later ones that of the last, as if it were never cut short: the optimizer
            knows better.

        Returns
        -------
        bool
            Whether a snapshot is due.
        """
        begun, counted = self._batch - self._epoch_start, counted - self._counted
        told = self._ended - self._epoch_start
        known = counted and begun <= counted <= begun + at_once
        self._batch = self._ended = self._epoch_start + (counted if known else told)
        return self._is_due(self._every == "epoch")

    def end_fit(self) -> bool:
        """End a fit.

        Returns
        -------
        bool
            Whether a snapshot of its last state is due: where there is none yet.
        """
        return self._is_due(self._last is None or self._last.batch != self._batch)

    def count_batch(self) -> None:
        """Count a batch of a training loop that tells nothing else."""
        self._batch += 1

    def _is_due(self, due: bool) -> bool:
        if due:
            self._due_at = self._batch
        return due

    # -- a snapshot that was computed --------------------------------------------------------------

    def place(self, counted: int | None, given: int | None = None) -> Placed:
        """Give a snapshot its training step.

        Parameters
        ----------
        counted
            What the optimizer has counted; None where it does not count.
        given
            The step that a training loop of one's own names; None without one.

        Returns
        -------
        Placed
            The step, and whether the snapshot is new.

        Raises
        ------
        ValueError
            If the given step is not later than the last one.
        """
        first = self._last is None
        restored = self._is_restored(counted) and given is None
        step = counted if restored and counted is not None else self._next_step(counted, given)
        if first:
            # `every` counts from the step that the run begins at: from 505 to 510, 520, ...
            self._epoch_start += step - self._batch
            self._batch = self._due_at = step
        passed = self.last_step if restored and first and step != self.last_step else None
        is_new = not restored and (self.last_step is None or step > self.last_step)
        return Placed(step, is_new, passed)

    def keep(self, placed: Placed, counted: int | None = None) -> None:
        """Take note that a snapshot was kept, or that it need not be.

        Parameters
        ----------
        placed
            What `place` returned.
        counted
            What the optimizer had counted; None where that says nothing of the step.
        """
        self._last = _Kept(self._batch, placed.step, counted)
        if placed.is_new:
            self.last_step, self.skipped, self._continues = placed.step, 0, False

    def _is_restored(self, counted: int | None) -> bool:
        """Tell whether an earlier run has taken the optimizer's step already."""
        last = self.last_step
        return self._continues and bool(counted) and last is not None and (counted or 0) <= last

    def _next_step(self, counted: int | None, given: int | None) -> int:
        """Return the given step, or the optimizer's count; where that does not rise, count on.

        Others may have taken this step or later ones meanwhile: its own step a snapshot keeps.
        """
        last = -1 if self.last_step is None else self.last_step
        if given is not None:
            if given <= last:
                raise ValueError(f"step must be later than the last one, {last}; received {given}")
            return given
        since = 0 if self._last is None else self._batch - self._last.batch
        if self._last is not None and self._last.counted is not None and counted is not None:
            more = counted - self._last.counted
            if more > 0 or (more == 0 and not since):
                return self._last.step + more
        elif counted is not None and (counted > last or (counted == last and not since)):
            return counted
        return last + max(since, 1)


def whole_step(step: Any) -> int:
    """Check a training step that somebody gave.

    Raises
    ------
    ValueError
        If it is no whole number, or one that a browser does not know exactly.
    """
    try:
        given = -1 if isinstance(step, bool) else operator.index(step)
    except TypeError:
        given = -1
    if not 0 <= given <= MAX_STEP:
        raise ValueError(
            f"step must be a whole number, 0 .. 2**53 - 1; received {step!r}. Without step= it is "
            "what model.optimizer has counted"
        )
    return given
