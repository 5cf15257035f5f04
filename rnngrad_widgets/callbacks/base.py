"""What a Keras callback that takes snapshots during ``fit`` must know, whatever it does with them.

Keras 3 and tf_keras call the hooks of every object in ``callbacks``; neither asks that it be an
instance of their own ``Callback``. So this is a plain class, for both, and needs neither of them
to be imported.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from rnngrad_widgets.callbacks.overhead import OverheadLimit
from rnngrad_widgets.data.tensor import GradientSnapshot, GradientTensor

Every = int | Literal["epoch"]
OnError = Literal["warn", "raise"]


def check_repeatable(x: Any) -> None:
    """Refuse what yields other batches when it is asked again."""
    if isinstance(x, Iterator):
        raise TypeError(
            "x must be one batch of arrays, the same at every step, so that steps compare; "
            f"received a {type(x).__name__}; take one batch with: x, y = next(...)"
        )


class BatchSnapshot:
    """Compute the snapshot of a model with the current weights, for one batch that stays the same.

    Parameters
    ----------
    x, y, layers, quantities, sample_weight, class_weight, training, steps, loss
        As `GradientEngine.compute` takes them.

    Raises
    ------
    TypeError
        If x is an iterator: it would be another batch every time.
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        layers: Any = None,
        quantities: Any = "output_gradient",
        *,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        training: bool = False,
        steps: int | None = None,
        loss: Any = None,
    ) -> None:
        check_repeatable(x)
        self._batch = (x, y, layers, quantities)
        self._options = {
            "sample_weight": sample_weight,
            "class_weight": class_weight,
            "training": training,
            "steps": steps,
            "loss": loss,
        }
        self._engine: Any = None
        self._model: Any = None

    def __call__(self, model: Any) -> GradientSnapshot:
        """Compute the snapshot; raises what `GradientEngine.compute` raises."""
        from rnngrad_widgets.engine import GradientEngine  # noqa: PLC0415 - imports TensorFlow

        if model is not self._model:
            self._engine, self._model = GradientEngine(model), model
        snapshot: GradientSnapshot = self._engine.compute(*self._batch, **self._options)
        return snapshot


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
        """One line: step, loss, count, share of time."""
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


class TrainingCallback:
    """Take a snapshot when one is due and affordable; subclasses say what becomes of it.

    Taken are: the state before the first step, every `every`-th step or epoch that can be
    afforded, and the state after the last step of each ``fit``. All is measured: computing the
    snapshot and what becomes of it.

    The step of a snapshot is the optimizer's count. Where that starts again (the model was compiled
    anew) or stands still, the steps count on, so that they always rise.

    Parameters
    ----------
    probe
        Computes the snapshot of a model.
    every
        Batches, or ``"epoch"``.
    max_overhead
        As `OverheadLimit`.
    on_error
        ``"warn"``: a failure is said once and training goes on; the next due step is tried again.
        ``"raise"``: it ends training.
    last_step
        The step that an earlier run ended with; this one counts on. Where the optimizer begins
        before it, but not at zero, an earlier state was restored: its steps are taken already, and
        nothing is until the optimizer has passed the last one.

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
    ) -> None:
        whole = isinstance(every, int) and not isinstance(every, bool) and every > 0
        if not whole and every != "epoch":
            raise ValueError(f"every must be a number of batches or 'epoch'; received {every!r}")
        if on_error not in ("warn", "raise"):
            raise ValueError(f"on_error must be 'warn' or 'raise'; received {on_error!r}")
        self.status = Status(max_overhead=max_overhead)
        self.model: Any = None
        self.params: Any = None
        self._probe = probe
        self._every = every
        self._on_error = on_error
        self._pace = OverheadLimit(max_overhead)
        self._logs: Mapping[str, Any] = {}
        self._last_step = last_step
        self._continues = last_step is not None
        # Hooks and `update` may come from several threads: one snapshot after the other.
        self._lock = threading.RLock()
        self._skipped = 0  # since the last snapshot
        self._traced = False
        self._chief = True
        self._fresh = True  # no epoch of this fit has begun
        # Batches of all fits: trained, when the epoch began, after its last one so far, at the last
        # look, at the last snapshot.
        self._batch = self._epoch_start = self._ended = self._looked = 0
        self._taken_at: int | None = None
        self._counted = 0  # by the optimizer, when the epoch began

    # -- what subclasses say ---------------------------------------------------------------------

    def take(self, snapshot: GradientSnapshot, status: Status, skipped: int) -> None:
        """Use a snapshot; `skipped` due ones were left out before it."""
        raise NotImplementedError

    def failed(self, status: Status) -> None:
        """Tell of ``status.error``; called for the first of failures in a row."""
        warnings.warn(
            f"{type(self).__name__}: {type(status.error).__name__}: {status.error}; training goes "
            "on, the next due step is tried again",
            RuntimeWarning,
            stacklevel=2,
        )

    def finish(self, status: Status) -> None:
        """A ``fit`` came to its end."""

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
            If there is no model, or the step is not later.
        """
        with self._lock:
            if model is not None:
                self.set_model(model)
            if self.model is None:
                raise ValueError("update needs a model the first time; received None")
            self._batch += 1
            self._pace.tick()
            if self._chief:
                self._attempt(step)

    # -- what Keras calls ------------------------------------------------------------------------

    def set_params(self, params: Any) -> None:
        """Keras' settings of the run."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Remember the model; with several workers only the chief takes snapshots."""
        if model is not self.model:
            self.model, self._traced = model, False
        strategy = getattr(model, "distribute_strategy", None)
        self._chief = bool(getattr(getattr(strategy, "extended", None), "should_checkpoint", True))

    def on_train_begin(self, logs: Any = None) -> None:
        """A fit begins."""
        del logs
        self._logs, self._fresh = {}, True
        self.status = replace(self.status, running=True)
        self._pace.start()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """An epoch begins; before the very first, the state is taken."""
        del epoch, logs
        # A fit that Ctrl-C ended was told neither of its epoch's end nor of its own.
        self._batch = self._epoch_start = self._ended = max(self._batch, self._ended)
        if self._taken_at is None and self._fresh:
            self._turn(forced=True)
        self._fresh = False
        self._counted = _count(self.model)

    # Snapshots are taken when a batch begins, not when one ends: Keras 3 calls the end from another
    # thread, beside the next batch, where `callbacks` is not a list.

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """A batch begins: take what is due after the one before it."""
        del logs
        self._batch = self._epoch_start + batch
        every = self._every
        if every != "epoch" and self._batch // every > self._looked // every:
            self._turn()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """A batch has ended; `batch` is the last one where several are executed at once."""
        self._ended = self._epoch_start + batch + 1
        self._logs = logs or {}

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """An epoch has ended."""
        del epoch
        self._batch = self._ended = self._epoch_start + self._batches()
        self._logs = logs or {}
        if self._every == "epoch":
            self._turn()

    def on_train_end(self, logs: Any = None) -> None:
        """A fit has ended: the last state is taken."""
        del logs
        self._pace.tick()
        if self._taken_at != self._batch:
            self._turn(forced=True)
        self.status = replace(self.status, running=False, share=self._pace.share)
        if self._chief:
            self.finish(self.status)

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

    def _batches(self) -> int:
        """Batches of the epoch that has ended.

        Of several that are executed at once, Keras before 3.11 tells the first one's number, and
        later ones that of the last, as if it were never cut short: the optimizer knows better.
        """
        begun, counted = self._batch - self._epoch_start, _count(self.model) - self._counted
        if counted and begun <= counted <= begun + _at_once(self.model):
            return counted
        return self._ended - self._epoch_start

    # -- taking ----------------------------------------------------------------------------------

    def _turn(self, *, forced: bool = False) -> None:
        with self._lock:
            self._looked = self._batch
            if not self._chief:
                return
            self._pace.tick()
            if forced or self._pace.affordable():
                self._attempt()
            else:
                self._skipped += 1
                self.status = replace(self.status, skipped=self.status.skipped + 1)

    def _attempt(self, step: int | None = None) -> None:
        first, startup = self.status.error is None, not self._traced
        self._traced = True
        try:
            with self._pace.spending(startup=startup):
                self._take(step)
        except Exception as error:
            self._skipped += 1
            self.status = replace(self.status, failed=self.status.failed + 1, error=error)
            if self._on_error == "raise":
                raise
            if first:
                self.failed(self.status)

    def _take(self, given: int | None) -> None:
        snapshot = self._probe(self.model)
        restored = self._restored(snapshot, given)
        step = self._step(snapshot, given) if restored is None else restored
        if self._taken_at is None:
            # `every` counts from the step that the run begins at: from 505 to 510, 520, ...
            self._epoch_start += step - self._batch
            self._batch = self._looked = step
        if step != self._last_step and restored is None:  # else an earlier run ended with it
            status = replace(
                self.status,
                step=step,
                loss=snapshot.loss,
                training_loss=self._training_loss,
                taken=self.status.taken + 1,
                share=self._pace.share,
                startup=self._pace.startup,
                error=None,
            )
            self.take(_at_step(snapshot, step), status, self._skipped)
            self.status, self._last_step, self._skipped = status, step, 0
            self._continues = False
        self._taken_at = self._batch

    def _restored(self, snapshot: GradientSnapshot, given: int | None) -> int | None:
        """The optimizer's step where an earlier run took it already; None elsewhere."""
        step, last = snapshot.step, self._last_step
        if not self._continues or given is not None or not step or last is None or step > last:
            return None
        if self._taken_at is None and step < last:
            warnings.warn(
                f"{type(self).__name__}: the optimizer begins at step {step}, and steps up to "
                f"{last} are there from an earlier run; the next one is taken after step {last}",
                RuntimeWarning,
                stacklevel=2,
            )
        return step

    def _step(self, snapshot: GradientSnapshot, given: int | None) -> int:
        """As given, or the optimizer's count; where that would not rise, the batches since then."""
        last = -1 if self._last_step is None else self._last_step
        if given is not None:
            if given <= last:
                raise ValueError(f"step must be later than the last one, {last}; received {given}")
            return given
        since = 0 if self._taken_at is None else self._batch - self._taken_at
        if snapshot.step is not None and (
            snapshot.step > last or (snapshot.step == last and not since)
        ):
            return snapshot.step
        return last + max(since, 1)

    @property
    def _training_loss(self) -> float | None:
        loss = self._logs.get("loss")
        return None if loss is None else float(loss)


def _at_once(model: Any) -> int:
    """How many batches Keras 3 executes at once; tf_keras tells the right numbers."""
    at_once = getattr(model, "steps_per_execution", 1)
    return at_once if isinstance(at_once, int) else 1


def _count(model: Any) -> int:
    """How many steps the optimizer has made; 0 where nobody needs to know."""
    optimizer = getattr(model, "optimizer", None)
    if _at_once(model) == 1 or optimizer is None:
        return 0
    return int(np.asarray(optimizer.iterations))


def _at_step(snapshot: GradientSnapshot, step: int) -> GradientSnapshot:
    if snapshot.step == step:
        return snapshot
    tensors: dict[tuple[str, str], GradientTensor] = {
        key: replace(tensor, step=step) for key, tensor in snapshot.items()
    }
    return replace(snapshot, tensors=tensors, step=step)
