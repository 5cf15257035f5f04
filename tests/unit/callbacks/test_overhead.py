"""A cost stays below its share of the training time; told by a clock that the test moves."""

from __future__ import annotations

import pytest

from rnngrad_widgets.callbacks.overhead import Overhead, check_share


class Clock:
    """Seconds that go by when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += seconds


def train(
    overhead: Overhead, clock: Clock, steps: int, step: float, cost: float, share: float | None
) -> int:
    """Train, spending where it can be afforded; how often that was."""
    taken = 0
    for _ in range(steps):
        clock.passes(step)
        overhead.tick()
        if overhead.affords(share):
            taken += 1
            with overhead.spending():
                clock.passes(cost)
    return taken


@pytest.mark.parametrize("cost", [0.001, 0.04, 0.3, 5.0])
def test_the_share_is_kept(cost: float) -> None:
    clock = Clock()
    overhead = Overhead(clock)
    with overhead.spending():
        clock.passes(cost)
    taken = train(overhead, clock, 2000, 0.1, cost, share=0.05)
    with overhead.spending():  # the last step, which is always taken
        clock.passes(cost)
    assert overhead.trained == pytest.approx(200)
    assert overhead.spent == pytest.approx((taken + 2) * cost)
    assert overhead.share is not None
    assert overhead.share <= 0.05 + 1e-9
    # And no more is skipped than must be.
    assert taken + 2 >= min(2002, 10 / cost) - 2


def test_what_short_fits_cost_is_saved_by_later_ones() -> None:
    """Of ten fits of a second, each takes its last state; of the next one, nothing else yet."""
    clock = Clock()
    overhead = Overhead(clock)
    with overhead.spending():
        clock.passes(0.1)
    for _ in range(10):
        overhead.start()
        assert train(overhead, clock, 10, 0.1, 0.1, share=0.05) == 0
        with overhead.spending():
            clock.passes(0.1)
        clock.passes(60)  # nothing trains
    assert overhead.share == pytest.approx(0.11)
    overhead.start()
    assert train(overhead, clock, 150, 0.1, 0.1, share=0.05) == 0
    assert train(overhead, clock, 1000, 0.1, 0.1, share=0.05) >= 48
    assert overhead.share <= 0.05


def test_startup_is_paid_back_from_half_of_the_share() -> None:
    clock = Clock()
    overhead = Overhead(clock)
    with overhead.spending(startup=True):
        clock.passes(3)
    assert train(overhead, clock, 100, 0.1, 0.01, share=0.1) == pytest.approx(50, abs=2)  # 0.5 s
    train(overhead, clock, 1000, 0.1, 0.01, share=0.1)
    assert (overhead.spent + overhead.startup) / overhead.trained <= 0.1 + 1e-9
    assert overhead.spent / overhead.trained == overhead.share


def test_no_limit_and_the_time_between_two_fits() -> None:
    clock = Clock()
    overhead = Overhead(clock)
    assert overhead.share is None
    assert train(overhead, clock, 5, 0.1, 10, share=None) == 5
    clock.passes(3600)
    overhead.start()
    clock.passes(0.5)
    overhead.tick()
    assert overhead.trained == pytest.approx(1)
    assert overhead.share == pytest.approx(50)


def test_what_is_taken_outside_of_fit_is_counted_by_itself() -> None:
    clock = Clock()
    overhead = Overhead(clock)
    assert overhead.each is None
    for cost in (0.2, 0.4):
        with overhead.spending(outside=True):
            clock.passes(cost)
        clock.passes(3600)
    assert overhead.each == pytest.approx(0.3)
    assert (overhead.share, overhead.spent, overhead.trained) == (None, 0, 0)


def test_a_cost_that_grew_is_counted_and_tried_again() -> None:
    clock = Clock()
    overhead = Overhead(clock)
    train(overhead, clock, 100, 0.1, 0.005, share=0.05)
    clock.passes(20)
    overhead.tick()
    assert overhead.affords(0.05)
    with overhead.spending():
        clock.passes(4)
    assert not overhead.affords(0.05)
    clock.passes(300)
    overhead.tick()
    assert overhead.affords(0.05)


def test_what_fails_costs_too() -> None:
    clock = Clock()
    overhead = Overhead(clock)

    @overhead.spending()
    def fail() -> None:
        clock.passes(1)
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert overhead.spent == 1


@pytest.mark.parametrize("share", [0, -0.05, float("nan")])
def test_a_share_that_is_none(share: float) -> None:
    with pytest.raises(ValueError, match=r"max_overhead must be greater than 0, .* or None"):
        check_share(share)
