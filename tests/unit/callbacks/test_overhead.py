"""A cost stays below its share of the training time; told by a clock that the test moves."""

from __future__ import annotations

import pytest

from rnngrad_widgets.callbacks.overhead import OverheadLimit


class Clock:
    """Seconds that go by when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += seconds


def train(limit: OverheadLimit, clock: Clock, steps: int, step: float, cost: float) -> int:
    """Train, spending where it can be afforded; how often that was."""
    taken = 0
    for _ in range(steps):
        clock.passes(step)
        limit.tick()
        if limit.affordable():
            taken += 1
            with limit.spending():
                clock.passes(cost)
    return taken


@pytest.mark.parametrize("cost", [0.001, 0.04, 0.3, 5.0])
def test_the_share_is_kept(cost: float) -> None:
    clock = Clock()
    limit = OverheadLimit(0.05, clock)
    with limit.spending():
        clock.passes(cost)
    taken = train(limit, clock, 2000, 0.1, cost)
    with limit.spending():  # the last step, which is always taken
        clock.passes(cost)
    assert limit.trained == pytest.approx(200)
    assert limit.spent == pytest.approx((taken + 2) * cost)
    assert limit.share <= 0.05 + 1e-9
    # And no more is skipped than must be.
    assert taken + 2 >= min(2002, 10 / cost) - 2


def test_startup_is_paid_back_from_half_of_the_share() -> None:
    clock = Clock()
    limit = OverheadLimit(0.1, clock)
    with limit.spending(startup=True):
        clock.passes(3)
    assert train(limit, clock, 100, 0.1, 0.01) == pytest.approx(50, abs=2)  # 0.5 s of 1 s
    train(limit, clock, 1000, 0.1, 0.01)
    assert (limit.spent + limit.startup) / limit.trained <= 0.1 + 1e-9
    assert limit.spent / limit.trained == limit.share


def test_no_limit_and_the_time_between_two_fits() -> None:
    clock = Clock()
    limit = OverheadLimit(None, clock)
    assert limit.share == 0
    assert train(limit, clock, 5, 0.1, 10) == 5
    clock.passes(3600)
    limit.start()
    clock.passes(0.5)
    limit.tick()
    assert limit.trained == pytest.approx(1)
    assert limit.share == pytest.approx(50)


def test_a_cost_that_grew_is_counted_and_tried_again() -> None:
    clock = Clock()
    limit = OverheadLimit(0.05, clock)
    train(limit, clock, 100, 0.1, 0.005)
    clock.passes(20)
    limit.tick()
    assert limit.affordable()
    with limit.spending():
        clock.passes(4)
    assert not limit.affordable()
    clock.passes(300)
    limit.tick()
    assert limit.affordable()


def test_what_fails_costs_too() -> None:
    clock = Clock()
    limit = OverheadLimit(0.05, clock)

    @limit.spending()
    def fail() -> None:
        clock.passes(1)
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert limit.spent == 1


@pytest.mark.parametrize("share", [0, -0.05, float("nan")])
def test_a_share_that_is_none(share: float) -> None:
    with pytest.raises(ValueError, match=r"max_overhead must be greater than 0, .* or None"):
        OverheadLimit(share)
