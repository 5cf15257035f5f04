"""When snapshots are taken and what is told of them; the models and the training are made up."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rnngrad_widgets import GradientSnapshot, GradientTensor, LiveGradients
from rnngrad_widgets.callbacks.account import Account
from rnngrad_widgets.callbacks.base import TrainingCallback
from rnngrad_widgets.callbacks.batch_snapshot import BatchSnapshot
from rnngrad_widgets.callbacks.overhead import Overhead
from rnngrad_widgets.callbacks.status import Status
from tests.unit.callbacks.test_overhead import Clock


class Model:
    """Counts its training steps."""

    def __init__(self, iterations: int = 0) -> None:
        self.iterations: int | None = iterations

    def snapshot(self) -> GradientSnapshot:
        step = self.iterations
        values = np.zeros((1, 2, 3), "float32")
        tensor = GradientTensor(
            values, ("sample", "timestep", "channel"), "lstm", "output_gradient", step=step
        )
        return GradientSnapshot({("lstm", "output_gradient"): tensor}, loss=0.25, step=step)


class Counter:
    """An optimizer, whose steps are a variable."""

    def __init__(self, model: Model) -> None:
        self.iterations = SimpleNamespace(numpy=lambda: model.iterations)


class Taker(TrainingCallback):
    """Keeps the steps it was given, or fails as it is told to."""

    def __init__(self, probe: Any = Model.snapshot, **settings: Any) -> None:
        super().__init__(probe, **{"max_overhead": None, **settings})
        self.steps: list[int | None] = []
        self.statuses: list[Status] = []
        self.skips: list[int] = []
        self.told: list[str] = []
        self.finished: list[Status] = []
        self.error: Exception | None = None
        self.late_error: Exception | None = None

    def after_snapshot(self, snapshot: GradientSnapshot, status: Status) -> None:
        assert self.status is status
        assert snapshot.step == status.step
        if self.late_error is not None:
            raise self.late_error

    def on_snapshot(self, snapshot: GradientSnapshot, status: Status, skipped: int) -> None:
        if self.error is not None:
            raise self.error
        assert snapshot["lstm", "output_gradient"].step == snapshot.step == status.step
        self.steps.append(snapshot.step)
        self.statuses.append(status)
        self.skips.append(skipped)

    def on_failure(self, status: Status) -> None:
        self.told.append(str(status.error))

    def on_finish(self, status: Status) -> None:
        self.finished.append(status)


def fit(
    callback: TrainingCallback,
    model: Model,
    batches: int = 10,
    epochs: int = 1,
    *,
    at_once: int = 1,
    updates: float = 1,
    clock: Clock | None = None,
) -> None:
    """Call the hooks as Keras does; a batch takes 0.1 s."""
    callback.set_params({"epochs": epochs})
    callback.set_model(model)
    callback.on_train_begin()
    start = model.iterations or 0
    done = 0
    for epoch in range(epochs):
        callback.on_epoch_begin(epoch)
        for batch in range(0, batches, at_once):
            callback.on_train_batch_begin(batch)
            done += at_once
            if model.iterations is not None:
                model.iterations = start + int(done * updates)
            if clock is not None:
                clock.passes(0.1 * at_once)
            callback.on_train_batch_end(batch + at_once - 1, {"loss": done})
        callback.on_test_begin()
        callback.on_test_end({"loss": 1})
        callback.on_epoch_end(epoch, {"loss": done, "val_loss": 1})
    callback.on_train_end({"loss": done})


def test_first_every_nth_and_last() -> None:
    taker = Taker(every=10)
    fit(taker, Model(), batches=13, epochs=2)
    assert taker.steps == [0, 10, 20, 26]
    assert [status.training_loss for status in taker.statuses] == [None, 10, 20, 26]
    assert taker.status.taken == 4
    assert [(status.running, status.step) for status in taker.finished] == [(False, 26)]


def test_every_epoch() -> None:
    taker = Taker(every="epoch")
    fit(taker, Model(), batches=7, epochs=3)
    assert taker.steps == [0, 7, 14, 21]


def test_steps_go_on_over_several_fits() -> None:
    taker, model = Taker(every=10), Model()
    fit(taker, model, batches=15)
    fit(taker, model, batches=15)
    assert taker.steps == [0, 10, 15, 20, 30]


def test_a_model_that_was_trained_before() -> None:
    taker = Taker(every=10)
    fit(taker, Model(505), batches=20)
    assert taker.steps == [505, 510, 520, 525]


def test_steps_count_on_where_the_optimizer_starts_again() -> None:
    taker = Taker(every=10)
    fit(taker, Model(), batches=20)
    fit(taker, Model(), batches=20)
    assert taker.steps == [0, 10, 20, 30, 40]


def test_steps_count_on_after_an_earlier_recording() -> None:
    again, new = Taker(every=10, last_step=20), Taker(every=10, last_step=20)
    fit(again, Model(20), batches=10)
    assert again.steps == [30]  # 20 is the state that is there already
    fit(new, Model(), batches=10)
    assert new.steps == [21, 30, 31]


def test_a_model_that_counts_nothing() -> None:
    model = Model()
    model.iterations = None
    taker = Taker(every=4)
    fit(taker, model, batches=10)
    assert taker.steps == [0, 4, 8, 10]


def test_several_batches_an_update_and_several_batches_at_once() -> None:
    accumulating, at_once = Taker(every=8), Taker(every=10)
    fit(accumulating, Model(), batches=32, updates=1 / 4)
    assert accumulating.steps == [0, 2, 4, 6, 8]
    fit(at_once, Model(), batches=32, at_once=4)
    assert at_once.steps == [0, 12, 20, 32]


def test_an_interrupted_fit_and_another_one() -> None:
    taker, model = Taker(every=10), Model()
    taker.set_model(model)
    taker.on_train_begin()
    taker.on_epoch_begin(0)
    for batch in range(15):
        taker.on_train_batch_begin(batch)
        model.iterations = batch + 1
        taker.on_train_batch_end(batch, {"loss": 1})
    # No on_train_end: Keras does not call it on Ctrl-C.
    fit(taker, model, batches=10)
    assert taker.steps == [0, 10, 20, 25]


def test_what_fails_after_a_snapshot_leaves_it() -> None:
    taker = Taker(every=5)
    taker.late_error = ValueError("late")
    fit(taker, Model(), batches=10)
    assert (taker.steps, taker.skips) == ([0, 5, 10], [0, 0, 0])
    assert (taker.status.taken, taker.status.failed) == (3, 3)
    assert (taker.told, str(taker.status.error)) == (["late"], "late")
    taker.late_error = None
    fit(taker, Model(10), batches=5)
    assert (taker.steps, taker.status.error) == ([0, 5, 10, 15], None)


def test_what_fails_after_a_snapshot_may_end_training() -> None:
    taker, model = Taker(on_error="raise"), Model()
    taker.late_error = ValueError("late")
    with pytest.raises(ValueError, match="late"):
        taker.update(model, step=7)
    taker.late_error = None
    taker.update(step=8)
    assert taker.steps == [7, 8]


def test_a_loop_of_ones_own() -> None:
    taker, model = Taker(), Model(3)
    with pytest.raises(ValueError, match="update needs a model the first time"):
        taker.update()
    taker.update(model)
    model.iterations = 4
    taker.update()
    taker.update()
    assert taker.steps == [3, 4, 5]
    taker.update(step=100)
    model.iterations = 60
    taker.update()
    assert taker.steps[3:] == [100, 101], "steps rise, whatever the optimizer counts"


def test_a_step_that_is_named_must_be_later() -> None:
    taker, model = Taker(on_error="raise"), Model()
    taker.update(model, step=7)
    with pytest.raises(ValueError, match="step must be later than the last one, 7; received 7"):
        taker.update(step=7)
    taker.update(step=8)
    assert taker.steps == [7, 8]


@pytest.mark.parametrize("step", ["a", 1.5, True, -1, 2**53, [3]])
def test_a_step_that_is_none_is_refused_before_anything_is_computed(step: Any) -> None:
    taker, model = Taker(lambda _: 1 / 0), Model()
    rule = r"step must be a whole number, 0 \.\. 2\*\*53 - 1; received .*Without step= it is what"
    with pytest.raises(ValueError, match=rule):
        taker.update(model, step)
    assert (taker.status.failed, taker.told) == (0, [])


def test_what_cannot_be_afforded_is_skipped_and_counted() -> None:
    clock = Clock()

    def probe(model: Model) -> GradientSnapshot:
        clock.passes(0.02)
        return model.snapshot()

    taker = Taker(probe, every=1, max_overhead=0.05, account=Account(Overhead(clock)))
    fit(taker, Model(), batches=100, clock=clock)
    assert taker.steps[0] == 0
    assert taker.steps[-1] == 100
    assert 22 <= len(taker.steps) == taker.status.taken <= 25
    assert sum(taker.skips) == taker.status.skipped == 101 - taker.status.taken
    assert taker.status.share is not None
    assert taker.status.share <= 0.05
    assert taker.status.startup == pytest.approx(0.02)


def test_short_fits_say_why_they_cost_more_and_are_counted_together() -> None:
    clock, screen, account = Clock(), Screen(), Account()
    account.overhead = Overhead(clock)

    def probe(model: Model) -> GradientSnapshot:
        clock.passes(0.1)
        return model.snapshot()

    model = Model()
    model.optimizer = Counter(model)  # type: ignore[attr-defined]
    for _ in range(2):
        clock.passes(3600)  # nothing trains
        fit(LiveGradients(screen, probe, every=5, account=account), model, 10, clock=clock)
        screen.last_step = model.iterations
    assert [step for step, _ in screen.shown] == [0, 5, 10, None, 20, None]
    status = screen.shown[-1][1]
    assert (status.taken, status.skipped) == (4, 1)
    assert (status.trained, status.startup) == (pytest.approx(2), pytest.approx(0.1))
    assert status.share == pytest.approx(0.15), "the state between the fits is taken once"
    assert status.costs == (
        "1 skipped to stay below 5% · 15.0% of 2 s of training, last states always taken, "
        "0.1 s to start"
    )


def test_a_loop_that_does_nothing_else_is_told_what_a_snapshot_costs() -> None:
    clock = Clock()

    def probe(model: Model) -> GradientSnapshot:
        clock.passes(0.25)
        return model.snapshot()

    taker, model = Taker(probe, account=Account(Overhead(clock))), Model()
    for _ in range(3):
        clock.passes(0.001)
        taker.update(model)
    assert [status.costs for status in taker.statuses] == [
        "",
        "0.2 s to start",
        "0.25 s each, 0.2 s to start",
    ]
    assert taker.status.share is None


def test_a_failure_is_told_once_and_training_goes_on() -> None:
    taker = Taker(every=1)
    taker.error = OSError("disk full")
    fit(taker, Model(), batches=5)
    assert taker.told == ["disk full"]
    assert (taker.status.taken, taker.status.failed) == (0, 6)
    taker.error = None
    fit(taker, Model(5), batches=3)
    assert taker.steps == [5, 6, 7, 8]
    assert taker.skips[0] == 6
    taker.error = OSError("full again")
    fit(taker, Model(8), batches=3)
    assert taker.told == ["disk full", "full again"]


def test_a_failure_that_is_to_end_training() -> None:
    taker = Taker(every=1, on_error="raise")
    taker.error = OSError("disk full")
    with pytest.raises(OSError, match="disk full"):
        fit(taker, Model())


def test_ctrl_c_is_no_failure() -> None:
    taker = Taker(every=1)
    taker.error = KeyboardInterrupt()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        fit(taker, Model())
    assert taker.status.failed == 0


def test_only_the_chief_takes_snapshots() -> None:
    def worker(*, chief: bool) -> Any:
        model = Model()
        model.distribute_strategy = SimpleNamespace(  # type: ignore[attr-defined]
            extended=SimpleNamespace(should_checkpoint=chief)
        )
        return model

    chief, other = Taker(), Taker()
    fit(chief, worker(chief=True))
    fit(other, worker(chief=False))
    assert chief.steps == [0, 10]
    assert other.steps == other.finished == []


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"every": 0}, "every must be a number of batches or 'epoch'; received 0"),
        ({"every": 1.5}, "received 1.5"),
        ({"every": True}, "received True"),
        ({"every": "batch"}, "received 'batch'"),
        ({"on_error": "ignore"}, "on_error must be 'warn' or 'raise'; received 'ignore'"),
        ({"max_overhead": 0}, "max_overhead must be greater than 0"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        Taker(**settings)


def test_a_probe_is_one_batch() -> None:
    with pytest.raises(TypeError, match=r"x must be one batch of arrays, .* received a generator"):
        BatchSnapshot(batch for batch in [1, 2])


class Screen:
    """Shows snapshots, or fails as it is told to."""

    last_step: int | None = None

    def __init__(self) -> None:
        self.shown: list[tuple[int | None, Status]] = []
        self.broken = False

    def show(self, snapshot: GradientSnapshot | None, status: Status) -> None:
        if self.broken:
            raise RuntimeError("no screen")
        self.shown.append((snapshot and snapshot.step, status))


def test_live() -> None:
    screen, model = Screen(), Model()
    fit(LiveGradients(screen, Model.snapshot, every=4, max_overhead=None), model, batches=10)
    assert [step for step, _ in screen.shown] == [0, 4, 8, 10, None]
    assert [status.running for _, status in screen.shown] == [True] * 4 + [False]
    assert str(screen.shown[1][1]).startswith("step 4 · loss 0.25 · 2 snapshots · ")


def test_live_shows_why_it_fails() -> None:
    screen = Screen()

    def probe(_: Model) -> GradientSnapshot:
        raise ValueError("NaN")

    fit(LiveGradients(screen, probe, every=4), Model(), batches=10)
    assert [(step, str(status.error)) for step, status in screen.shown] == [(None, "NaN")] * 2
    assert "ValueError: NaN" in str(screen.shown[0][1])


def test_a_screen_that_is_broken_is_warned_of() -> None:
    screen = Screen()
    screen.broken = True
    live = LiveGradients(screen, Model.snapshot, every=4, max_overhead=None)
    with pytest.warns(RuntimeWarning, match="LiveGradients: RuntimeError: no screen; training go"):
        fit(live, Model())
    assert live.status.failed == 4


def test_the_line() -> None:
    status = Status(
        step=1200,
        loss=0.123456,
        taken=12,
        skipped=3,
        failed=1,
        share=0.0312,
        trained=41,
        startup=1.26,
        max_overhead=0.05,
        running=True,
        error=ValueError("why"),
    )
    assert str(status) == (
        "step 1,200 · loss 0.1235 · 12 snapshots · 3 skipped to stay below 5% · 1 failed · "
        "3.1% of training time, 1.3 s to start · ValueError: why"
    )
    assert replace(status, max_overhead=None, error=None, share=3.5).costs == (
        "3 skipped · 1 failed · 350.0% of training time, 1.3 s to start"
    )
    assert str(Status()) == "0 snapshots"
