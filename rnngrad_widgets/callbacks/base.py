"""What a Keras callback that takes snapshots during ``fit`` must know, whatever it does with them.

Keras 3 and tf_keras call the hooks of every object in ``callbacks``; neither asks that it be an
instance of their own ``Callback``. So this is a plain class, for both, and needs neither of them
to be imported.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from rnngrad_widgets.callbacks.account import Account
from rnngrad_widgets.callbacks.overhead import check_share
from rnngrad_widgets.callbacks.schedule import Every, Schedule, whole_step
from rnngrad_widgets.callbacks.status import Status
from rnngrad_widgets.data.tensor import GradientSnapshot, GradientTensor

OnError = Literal["warn", "raise"]


class TrainingCallback:
    """Take a snapshot when one is due and affordable; subclasses say what becomes of it.

    `Schedule` says what is due, `Overhead` what is affordable. The first state and the last of a
    ``fit`` are taken whether they are or not; what they cost is counted, and saved later. All is
    measured: computing the snapshot and what becomes of it.

    Parameters
    ----------
    probe
        Computes the snapshot of a model.
    every, last_step
        As for `Schedule`.
    max_overhead
        Share of the training time, as for `Overhead`; None for no limit.
    on_error
        ``"warn"``: a failure is said once and training goes on; the next due step is tried again.
        ``"raise"``: it ends training.
    account
        Of earlier callbacks, whose counts and costs go on; None for a new one.

    Attributes
    ----------
    account
        What was taken and spent, of all fits together.

    Raises
    ------
    ValueError
        If `every`, `max_overhead` or `on_error` is not as above.
    """

    def __init__(
        self,
        probe: Callable[[Any], GradientSnapshot],
        *,
        every: Every = 10,
        max_overhead: float | None = 0.05,
        on_error: OnError = "warn",
        last_step: int | None = None,
        account: Account | None = None,
    ) -> None:
        self._schedule = Schedule(every, last_step)
        if on_error not in ("warn", "raise"):
            raise ValueError(f"on_error must be 'warn' or 'raise'; received {on_error!r}")
        self.account = Account() if account is None else account
        self.model: Any = None
        self.params: Any = None
        self._probe = probe
        self._on_error = on_error
        self._max_overhead = check_share(max_overhead)
        self._fitting = False
        self._logs: Mapping[str, Any] = {}

    @property
    def status(self) -> Status:
        """How far training is."""
        return self.account.status

    # -- what subclasses say ---------------------------------------------------------------------

    def on_snapshot(self, snapshot: GradientSnapshot, status: Status, skipped: int) -> None:
        """Use a snapshot; `skipped` due ones were left out before it."""
        raise NotImplementedError

    def after_snapshot(self, snapshot: GradientSnapshot, status: Status) -> None:
        """Do what else is to be done with a snapshot that is kept, whether or not it succeeds."""

    def on_failure(self, status: Status) -> None:
        """Tell of ``status.error``; called for the first of failures in a row."""
        warnings.warn(
            f"{type(self).__name__}: {type(status.error).__name__}: {status.error}; training goes "
            "on, the next due step is tried again",
            RuntimeWarning,
            stacklevel=2,
        )

    def on_finish(self, status: Status) -> None:
        """End what a ``fit`` began: it has ended."""

    def is_wanted(self) -> bool:
        """Return whether anybody can still use a snapshot; else none is computed."""
        return True

    def known_step(self) -> int | None:
        """Return the last step that another callback has taken, if it counts; this one goes on."""
        return None

    # -- a training loop of one's own ------------------------------------------------------------

    def update(self, model: Any = None, step: int | None = None) -> None:
        """Take a snapshot now, from a training loop that calls no callbacks.

        Parameters
        ----------
        model
            Not needed after `set_model`.
        step
            Training step, later than the last one; None is what the model's optimizer has counted,
            and where that does not rise, one more than the last.

        Raises
        ------
        ValueError
            If there is no model, or the step is no whole number or not later.
        """
        step = None if step is None else whole_step(step)
        with self.account.lock:
            if model is not None:
                self.set_model(model)
            if self.model is None:
                raise ValueError("update needs a model the first time; received None")
            self._schedule.count_batch()
            if self._is_chief():
                self._attempt(step)

    # -- what Keras calls ------------------------------------------------------------------------

    def set_params(self, params: Any) -> None:
        """Remember Keras' settings of the run."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Remember the model; with several workers only the chief takes snapshots."""
        self.model = model

    def on_train_begin(self, logs: Any = None) -> None:
        """Take note that a fit begins."""
        del logs
        self._logs = {}
        self._schedule.begin_fit()
        self._fitting = True
        self._tell(running=True)
        self.account.overhead.start()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Take the very first state, when the first epoch begins."""
        del epoch, logs
        if self._schedule.begin_epoch(_count(self.model)) and not self._has_first_state():
            self._snapshot_if_affordable(forced=True)

    # Snapshots are taken when a batch begins, not when one ends: Keras 3 calls the end from another
    # thread, beside the next batch, where `callbacks` is not a list.

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Take what is due after the batch before this one."""
        del logs
        if self._schedule.begin_batch(batch):
            self._snapshot_if_affordable()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Take note of the loss; `batch` is the last one where several are executed at once."""
        self._schedule.end_batch(batch)
        self._logs = logs or {}

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Take what is due after an epoch."""
        del epoch
        self._logs = logs or {}
        if self._schedule.end_epoch(_count(self.model), _at_once(self.model)):
            self._snapshot_if_affordable()

    def on_train_end(self, logs: Any = None) -> None:
        """Take the last state."""
        del logs
        self.account.overhead.tick()
        if self._schedule.end_fit():
            self._snapshot_if_affordable(forced=True)
        self._fitting = False
        self._tell(running=False, **self._costs(outside=False))
        if self._is_chief():
            self.on_finish(self.status)

    def _ignore(self, *args: Any, **kwargs: Any) -> None:
        """Ignore what a hook tells."""

    on_batch_begin = on_batch_end = _ignore
    on_test_begin = on_test_end = on_test_batch_begin = on_test_batch_end = _ignore
    on_predict_begin = on_predict_end = on_predict_batch_begin = on_predict_batch_end = _ignore

    def _implements_train_batch_hooks(self) -> bool:
        """Answer tf_keras, which asks each callback."""
        return True

    def _implements_test_batch_hooks(self) -> bool:
        return False

    def _implements_predict_batch_hooks(self) -> bool:
        return False

    # -- taking ----------------------------------------------------------------------------------

    def _has_first_state(self) -> bool:
        """Tell whether another callback has taken it, at the end of an earlier ``fit``."""
        known = self.known_step()
        if known is None or _iterations(self.model) != known:
            return False
        self._schedule.last_step = known
        self._schedule.keep(self._schedule.place(known), known)
        return True

    def _snapshot_if_affordable(self, *, forced: bool = False) -> None:
        with self.account.lock:
            if not self._is_chief() or not self.is_wanted():
                return
            self.account.overhead.tick()
            if forced or self.account.overhead.affords(self._max_overhead):
                self._attempt()
            else:
                self._schedule.skipped += 1
                self._tell(skipped=self.status.skipped + 1)

    def _attempt(self, step: int | None = None) -> None:
        account, first = self.account, self.status.error is None
        startup, account.traced = account.traced is not self.model, self.model
        with account.overhead.spending(startup=startup, outside=not self._fitting):
            try:
                taken = self._take_snapshot(step)
            except Exception as error:  # noqa: BLE001 - `_fail` raises it where it is to be raised
                self._schedule.skipped += 1
                self._fail(error, first=first)
                return
            if taken is not None:
                try:
                    self.after_snapshot(taken, self.status)
                except Exception as error:  # noqa: BLE001 - as above
                    self._fail(error, first=first)

    def _fail(self, error: Exception, *, first: bool) -> None:
        self._tell(failed=self.status.failed + 1, error=error)
        if self._on_error == "raise":
            raise error
        if first:
            self.on_failure(self.status)

    def _take_snapshot(self, given: int | None) -> GradientSnapshot | None:
        """Return the snapshot that was taken; None where it is not new."""
        known = self.known_step()
        if known is not None:
            self._schedule.last_step = known
        snapshot = self._probe(self.model)
        placed = self._schedule.place(snapshot.step, given)
        counted = snapshot.step if given is None else None
        if placed.passed is not None:
            self._warn_of_earlier_run(placed.step, placed.passed)
        if not placed.is_new:
            self._schedule.keep(placed, counted)
            return None
        status = replace(
            self.status,
            step=placed.step,
            loss=snapshot.loss,
            training_loss=self._training_loss(),
            taken=self.status.taken + 1,
            max_overhead=self._max_overhead,
            error=None,
            **self._costs(outside=not self._fitting),
        )
        taken = _at_step(snapshot, placed.step)
        self.on_snapshot(taken, status, self._schedule.skipped)
        self.account.status = status
        self._schedule.keep(placed, counted)
        return taken

    def _costs(self, *, outside: bool) -> dict[str, Any]:
        overhead = self.account.overhead
        return {
            "share": None if outside else overhead.share,
            "each": overhead.each if outside else None,
            "trained": overhead.trained,
            "startup": overhead.startup,
        }

    def _tell(self, **fields: Any) -> None:
        """Change fields of the status."""
        known = {"max_overhead": self._max_overhead, **fields}
        self.account.status = replace(self.status, **known)

    def _warn_of_earlier_run(self, step: int, last: int) -> None:
        warnings.warn(
            f"{type(self).__name__}: the optimizer begins at step {step}, and steps up to "
            f"{last} are there from an earlier run; the next one is taken after step {last}",
            RuntimeWarning,
            stacklevel=2,
        )

    def _is_chief(self) -> bool:
        strategy = getattr(self.model, "distribute_strategy", None)
        return bool(getattr(getattr(strategy, "extended", None), "should_checkpoint", True))

    def _training_loss(self) -> float | None:
        loss = self._logs.get("loss")  # a number only here: it may still be on its way
        return None if loss is None else float(loss)


def _at_once(model: Any) -> int:
    """Return how many batches Keras 3 executes at once; tf_keras tells the right numbers."""
    at_once = getattr(model, "steps_per_execution", 1)
    return at_once if isinstance(at_once, int) else 1


def _count(model: Any) -> int:
    """Return how many steps the optimizer has made; 0 where nobody needs to know."""
    return 0 if _at_once(model) == 1 else _iterations(model) or 0


def _iterations(model: Any) -> int | None:
    """Return how many steps the optimizer has made; None without one."""
    optimizer = getattr(model, "optimizer", None)
    # not np.asarray: that of tf_keras may be mirrored
    return None if optimizer is None else int(optimizer.iterations.numpy())


def _at_step(snapshot: GradientSnapshot, step: int) -> GradientSnapshot:
    if snapshot.step == step:
        return snapshot
    tensors: dict[tuple[str, str], GradientTensor] = {
        key: replace(tensor, step=step) for key, tensor in snapshot.items()
    }
    return replace(snapshot, tensors=tensors, step=step)
