"""Which steps are due, and which step a snapshot is of: tables, without a callback or a model."""

from __future__ import annotations

import pytest

from rnngrad_widgets.callbacks.schedule import Every, Placed, Schedule


def run(
    schedule: Schedule,
    fits: list[list[int]],
    *,
    begin: int = 0,
    fails: tuple[int, ...] = (),
    counts: bool = True,
) -> list[int]:
    """Steps that were taken: `fits` has the batches of each epoch of each fit.

    The optimizer counts on from `begin`, or stands still; attempts whose number is in `fails` fail.
    """
    counted, attempts, taken = begin, 0, []

    def attempt(due: bool) -> None:
        nonlocal attempts
        if not due:
            return
        attempts += 1
        placed = schedule.place(counted)
        if attempts - 1 in fails:
            return
        schedule.keep(placed)
        if placed.is_new:
            taken.append(placed.step)

    for epochs in fits:
        schedule.begin_fit()
        for batches in epochs:
            attempt(schedule.begin_epoch())
            for batch in range(batches):
                attempt(schedule.begin_batch(batch))
                counted += counts
                schedule.end_batch(batch)
            attempt(schedule.end_epoch())
        attempt(schedule.end_fit())
    return taken


@pytest.mark.parametrize(
    ("every", "fits", "taken"),
    [
        (10, [[26]], [0, 10, 20, 26]),
        (10, [[20]], [0, 10, 20]),
        (10, [[3]], [0, 3]),
        (10, [[15, 15]], [0, 10, 20, 30]),
        (10, [[15], [15]], [0, 10, 15, 20, 30]),
        (1, [[3]], [0, 1, 2, 3]),
        ("epoch", [[7, 7, 5]], [0, 7, 14, 19]),
        ("epoch", [[7], [7]], [0, 7, 14]),
        (10, [[0]], [0]),
        (10, [[], [4]], [0, 4]),
    ],
)
def test_first_every_nth_and_the_last_of_each_fit(
    every: Every, fits: list[list[int]], taken: list[int]
) -> None:
    assert run(Schedule(every), fits) == taken


@pytest.mark.parametrize(
    ("every", "begin", "taken"),
    [(10, 505, [505, 510, 520, 525]), (10, 500, [500, 510, 520]), ("epoch", 3, [3, 23])],
)
def test_steps_are_those_of_the_optimizer(every: Every, begin: int, taken: list[int]) -> None:
    assert run(Schedule(every), [[20]], begin=begin) == taken


@pytest.mark.parametrize(
    ("begin", "taken"),
    [
        (0, [21, 30, 40, 41]),  # the optimizer started again: the steps count on
        (20, [30, 40]),  # 20 is there already
        (12, [30, 32]),  # restored: what is up to 20 is there already
        (35, [35, 40, 50, 55]),
    ],
)
def test_after_an_earlier_run_that_ended_with_20(begin: int, taken: list[int]) -> None:
    assert run(Schedule(10, last_step=20), [[20]], begin=begin) == taken


def test_steps_rise_where_the_optimizer_stands_still() -> None:
    assert run(Schedule(10), [[12], [12]], begin=5, counts=False) == [5, 10, 17, 20, 29]


def test_the_first_state_is_not_due_again_where_it_failed() -> None:
    assert run(Schedule(10), [[8, 8]], fails=(0,)) == [10, 16]
    assert run(Schedule("epoch"), [[8, 8]], fails=(0, 1)) == [16]


@pytest.mark.parametrize(
    ("last", "counted", "given", "placed"),
    [
        (None, 0, None, Placed(0, is_new=True)),
        (None, None, None, Placed(0, is_new=True)),
        (None, 7, None, Placed(7, is_new=True)),
        (None, 7, 3, Placed(3, is_new=True)),
        (20, 20, None, Placed(20, is_new=False)),
        (20, 12, None, Placed(12, is_new=False, passed=20)),
        (20, 0, None, Placed(21, is_new=True)),
        (20, None, None, Placed(21, is_new=True)),
        (20, 12, 30, Placed(30, is_new=True)),
        (20, 25, None, Placed(25, is_new=True)),
    ],
)
def test_the_step_of_a_first_snapshot(
    last: int | None, counted: int | None, given: int | None, placed: Placed
) -> None:
    assert Schedule(10, last).place(counted, given) == placed


@pytest.mark.parametrize("given", [6, 7])
def test_a_given_step_is_later_than_the_last(given: int) -> None:
    schedule = Schedule(10)
    schedule.keep(schedule.place(None, 7))
    with pytest.raises(
        ValueError, match=rf"^step must be later than the last one, 7; received {given}$"
    ):
        schedule.place(100, given)
    assert schedule.place(100, 8) == Placed(8, is_new=True)


@pytest.mark.parametrize(
    ("told", "counted", "at_once", "batches"),
    [
        (7, 0, 1, 8),  # the batches that Keras told
        (7, 6, 4, 6),  # of 4 at once it told one that never was
        (4, 8, 4, 8),  # it told the first of the last four
        (7, 100, 4, 8),  # what the optimizer cannot have counted is not believed
    ],
)
def test_batches_of_an_epoch(told: int, counted: int, at_once: int, batches: int) -> None:
    schedule = Schedule(1000)
    schedule.begin_fit()
    assert schedule.begin_epoch()
    schedule.keep(schedule.place(0))
    schedule.begin_batch(4)
    schedule.end_batch(told)
    schedule.end_epoch(counted, at_once)
    assert schedule.end_fit()
    assert schedule.place(None).step == batches


def test_skipped_ones_are_counted_until_the_next_that_is_new() -> None:
    schedule = Schedule(10, last_step=5)
    schedule.skipped = 3
    schedule.keep(schedule.place(5))
    assert schedule.skipped == 3
    schedule.keep(schedule.place(6))
    assert (schedule.skipped, schedule.last_step) == (0, 6)
