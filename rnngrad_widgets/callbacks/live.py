"""`LiveGradients`: shows snapshots during ``fit``."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Protocol

from rnngrad_widgets.callbacks.account import Account
from rnngrad_widgets.callbacks.base import OnError, TrainingCallback
from rnngrad_widgets.callbacks.schedule import Every
from rnngrad_widgets.callbacks.status import Status
from rnngrad_widgets.data.tensor import GradientSnapshot


class Display(Protocol):
    """What snapshots are shown in, for instance a `GradientExplorer`.

    Where it has ``is_open``, and that is False, no snapshot is computed any more.
    """

    @property
    def last_step(self) -> int | None:
        """Training step of its last snapshot, of whichever callback: the next one is later."""

    def show(self, snapshot: GradientSnapshot | None, status: Status) -> None:
        """Show a snapshot and how far the run is; None: only the status changed.

        That is so after a failure (``status.error``) and at the end (``status.running``).
        """


class LiveGradients(TrainingCallback):
    """Show snapshots while a model trains: a callback for ``fit``, of Keras 3 and tf_keras.

    Training is the same with and without it, to the last bit. The state before the first step and
    the one after the last step of a ``fit`` are always shown, those between as far as
    `max_overhead` allows.

    Parameters
    ----------
    display
        Where they are shown.
    probe
        Computes the snapshot of a model; for instance a `BatchSnapshot`.
    every
        Batches, or ``"epoch"``.
    max_overhead
        Share of the training time, of all fits together, that this may cost: due steps are skipped
        to stay below it. The last state of a ``fit`` is taken nevertheless, so that a ``fit`` of
        seconds may cost more; and the first snapshot, for which functions are traced, is apart, and
        paid back from half of the share. None for no limit.
    on_error
        ``"warn"``: a failure is shown and training goes on; ``"raise"``: it ends training.
    account
        Of earlier callbacks of the display, whose counts and costs go on; None for a new one.

    Raises
    ------
    ValueError
        If `every`, `max_overhead` or `on_error` is not as above.
    """

    def __init__(
        self,
        display: Display,
        probe: Callable[[Any], GradientSnapshot],
        *,
        every: Every = 10,
        max_overhead: float | None = 0.05,
        on_error: OnError = "warn",
        account: Account | None = None,
    ) -> None:
        super().__init__(
            probe, every=every, max_overhead=max_overhead, on_error=on_error, account=account
        )
        self._display = display
        self._told_closed = False

    def is_wanted(self) -> bool:
        """Return whether the display is open, and say it once where it is not."""
        is_open = bool(getattr(self._display, "is_open", True))
        if not is_open and not self._told_closed:
            self._told_closed = True
            warnings.warn(
                "LiveGradients: the explorer was closed, training goes on without it. To see it "
                "again: make a new one, and hand its live() to the next fit",
                RuntimeWarning,
                stacklevel=2,
            )
        return is_open

    def known_step(self) -> int | None:
        """Return the last step of the display, of whichever callback."""
        return self._display.last_step

    def on_snapshot(self, snapshot: GradientSnapshot, status: Status, skipped: int) -> None:
        """Show a snapshot."""
        del skipped  # the status counts them
        self._display.show(snapshot, status)

    def on_failure(self, status: Status) -> None:
        """Show why; where that fails too, warn."""
        try:
            self._display.show(None, status)
        except Exception:  # noqa: BLE001 - the display may be what failed
            super().on_failure(status)

    def on_finish(self, status: Status) -> None:
        """Show that training has ended."""
        try:
            self._display.show(None, status)
        except Exception as error:  # noqa: BLE001 - training has ended well
            super().on_failure(Status(error=error))
