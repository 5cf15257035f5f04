"""How much further back a gradient extends, against powers whose logarithms are known."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from rnngrad_widgets.comparison.differences import difference_of, log_ratios
from rnngrad_widgets.comparison.words import finding
from tests.unit.comparison.runs import curve, decaying

THRESHOLD = 1e-8


def mean_lag(count: int) -> float:
    """Return the mean of the lags 1 .. count - 1."""
    return count / 2


def test_the_ratio_of_two_powers() -> None:
    one, other = curve(decaying([0.9, 0.5, 0.7], scale=30.0)), curve(decaying([0.8, 0.5, 0.9]))
    expected = [mean_lag(20) * math.log10(a / b) for a, b in [(0.9, 0.8), (1, 1), (0.7, 0.9)]]
    np.testing.assert_allclose(log_ratios(one, other, THRESHOLD), expected, atol=1e-9)


def test_lags_that_both_have_are_compared() -> None:
    one, other = curve(decaying([0.9], timesteps=30)), curve(decaying([0.8], timesteps=12))
    expected = [mean_lag(12) * math.log10(0.9 / 0.8)]
    np.testing.assert_allclose(log_ratios(one, other, THRESHOLD), expected, atol=1e-9)
    assert difference_of([curve(decaying([0.9], timesteps=1))], [other], THRESHOLD) is None


def test_how_far_below_the_threshold_does_not_matter() -> None:
    one, other = curve(decaying([1e-9], 5)), curve(decaying([1e-20], 5))
    assert log_ratios(one, other, THRESHOLD) == [0]


def test_samples_without_a_gradient_do_not_count() -> None:
    values = decaying([0.9, 0.9]).values.copy()
    values[1] = 0
    one = curve(type(decaying([1.0]))(values, ("sample", "timestep", "channel")))
    found = difference_of([one], [curve(decaying([0.9, 0.9]))], THRESHOLD)
    assert found is not None
    assert (found.samples, found.by_repeat) == (1, (0.0,))
    dead = curve(type(decaying([1.0]))(np.zeros((2, 5, 3)), ("sample", "timestep", "channel")))
    assert difference_of([dead], [one], THRESHOLD) is None


@pytest.mark.parametrize(
    ("factors", "claim", "words"),
    [
        ([0.90, 0.92, 0.91], "further", r"its gradient extends further; relative to lag 0, 3\.\d+"),
        ([0.70, 0.72, 0.71], "less far", r"its gradient extends less far; relative to lag 0"),
        ([0.90, 0.78, 0.91], None, r"no claim, the 3 repeats do not agree; relative to lag 0"),
        ([0.81, 0.95, 0.82], None, r"no claim, the 3 repeats differ too much; relative to lag 0"),
        ([0.90, 0.92], None, r"no claim of 2 repeats, at least 3 are needed; relative to lag 0"),
        ([0.90], None, r"relative to lag 0, its gradient is 3\.25 times that of a at lags 1 to 19"),
        ([0.80], None, r"its gradient is as strong at lags 1 to 19"),
    ],
)
def test_a_claim_needs_repeats_that_agree(
    factors: list[float], claim: str | None, words: str
) -> None:
    changed = [curve(decaying([f, f - 0.01, f + 0.01, f]), "b", i) for i, f in enumerate(factors)]
    base = [curve(decaying([0.80, 0.79, 0.81, 0.80]), "a", i) for i in range(len(factors))]
    found = difference_of(changed, base, THRESHOLD)
    assert found is not None
    assert found.claim == claim
    assert finding(found).startswith("b against a: ")
    assert re.search(words, finding(found)), finding(found)


def test_students_interval_of_three_repeats() -> None:
    base = [curve(decaying([0.8]), "a", i) for i in range(3)]
    found = difference_of([curve(decaying([f]), "b") for f in (0.9, 0.92, 0.91)], base, THRESHOLD)
    assert found is not None
    interval = found.interval
    assert interval is not None
    middle, half = np.mean(found.by_repeat), 4.302653 * np.std(found.by_repeat, ddof=1) / 3**0.5
    np.testing.assert_allclose(interval, (middle - half, middle + half), rtol=1e-4)


def test_nothing_is_claimed_where_lag_0_is_no_measure() -> None:
    changed = [curve(decaying([0.9]), "b", i, "the loss acts everywhere") for i in range(3)]
    found = difference_of(changed, [curve(decaying([0.5]), "a")] * 3, THRESHOLD)
    assert found is not None
    assert found.claim is None
    assert finding(found) == (
        "b against a: no comparison relative to lag 0: the loss acts everywhere"
    )


def test_of_seeds_alone_hardly_anything_is_claimed() -> None:
    """The trap: many samples of each run agree, and say nothing of another seed."""
    random = np.random.default_rng(0)
    claims = []
    for _ in range(400):
        runs = [
            [curve(decaying(random.normal(slope, 0.001, 16)), str(i)) for slope in slopes]
            for i, slopes in enumerate(random.normal(0.85, 0.02, (2, 3)))
        ]
        found = difference_of(*runs, THRESHOLD)
        assert found is not None
        claims.append(found.claim)
    share = 1 - claims.count(None) / len(claims)
    assert share < 0.08, "5 % by chance"
