"""How much further back a gradient extends, against powers whose logarithms are known."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from rnngrad_widgets.comparison.curves import Curve
from rnngrad_widgets.comparison.differences import difference_of, log_ratios
from rnngrad_widgets.comparison.words import finding
from rnngrad_widgets.data.tensor import SEQUENCE, GradientTensor
from tests.unit.comparison.runs import curve, decaying

THRESHOLD = 1e-8


def mean_lag(count: int) -> float:
    """Return the mean of the lags 1 .. count - 1."""
    return count / 2


def test_the_ratio_of_two_powers() -> None:
    one, other = curve(decaying([0.9, 0.5, 0.7], scale=30.0)), curve(decaying([0.8, 0.5, 0.9]))
    expected = [mean_lag(20) * math.log10(a / b) for a, b in [(0.9, 0.8), (1, 1), (0.7, 0.9)]]
    np.testing.assert_allclose(log_ratios(one, other, THRESHOLD).by_sample, expected, atol=1e-9)


def test_lags_that_both_have_are_compared() -> None:
    one, other = curve(decaying([0.9], timesteps=30)), curve(decaying([0.8], timesteps=12))
    expected = [mean_lag(12) * math.log10(0.9 / 0.8)]
    found = log_ratios(one, other, THRESHOLD)
    np.testing.assert_allclose(found.by_sample, expected, atol=1e-9)
    assert (found.lags, found.is_bound) == (11, False)


def test_lags_count_where_one_of_the_two_is_above_the_threshold() -> None:
    """However many timesteps come before: they would make any two alike."""
    for timesteps in (20, 1000):
        one, other = curve(decaying([0.1], timesteps)), curve(decaying([0.01], timesteps))
        found = log_ratios(one, other, 1.5e-8)
        # lags 1 to 7; the other is below from lag 4 on, and counts as 1.5e-8
        logs = [max(-2.0 * lag, math.log10(1.5e-8)) for lag in range(1, 8)]
        expected = np.mean([-lag - low for lag, low in zip(range(1, 8), logs, strict=True)])
        np.testing.assert_allclose(found.by_sample, [expected], atol=1e-6)
        assert (found.lags, found.is_bound) == (7, True)
    told = difference_of([one], [other], 1.5e-8)
    assert finding(told, 1.5e-8).endswith("; what is below 1.5e-8 of lag 0 counts as that")


def test_samples_without_a_gradient_do_not_count() -> None:
    values = decaying([0.9, 0.9]).values.copy()
    values[1] = 0
    one = curve(GradientTensor(values, SEQUENCE))
    found = difference_of([one], [curve(decaying([0.9, 0.9]))], THRESHOLD)
    assert (found.samples, found.by_repeat) == (1, (0.0,))


def test_masked_timesteps_are_no_lags() -> None:
    mask = np.arange(20)[None] < 5
    one, other = (
        curve(GradientTensor(decaying([f], 5).values.repeat(4, 1)[:, :20], SEQUENCE, mask=mask))
        for f in (0.9, 0.8)
    )
    assert log_ratios(one, other, THRESHOLD).lags == 4


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (np.zeros((2, 5, 3)), "no sample has a gradient at lag 0, and one"),
        (np.full((2, 5, 3), np.nan), "the gradient of 'b' is nowhere finite"),
        (np.ones((2, 1, 3)), "'b' has a single timestep"),
    ],
    ids=["zeros", "NaN", "one timestep"],
)
def test_where_nothing_can_be_compared_it_is_said(values: np.ndarray, why: str) -> None:
    one = curve(GradientTensor(values, SEQUENCE), "b")
    found = difference_of([one], [curve(decaying([0.9, 0.9], values.shape[1]))], THRESHOLD)
    assert (found.by_repeat, found.claim) == ((), None)
    assert finding(found, THRESHOLD).startswith(
        f"b against a: no comparison relative to lag 0: {why}"
    )


@pytest.mark.parametrize(
    ("factors", "claim", "words"),
    [
        ([0.90, 0.92, 0.91], "further", r"its gradient extends further; relative to lag 0, 3\.\d+"),
        ([0.70, 0.72, 0.71], "less far", r"its gradient extends less far; relative to lag 0"),
        ([0.90, 0.78, 0.91], None, r"no claim, the 3 repeats do not agree; relative to lag 0"),
        ([0.81, 0.95, 0.82], None, r"no claim, the 3 repeats differ too much; relative to lag 0"),
        ([0.80, 0.801, 0.7995], None, r"no claim, the gradients of the 3 repeats are as strong; "),
        ([0.90, 0.92], None, r"no claim of 2 repeats, at least 3 are needed; relative to lag 0"),
        ([0.90], None, r"relative to lag 0, its gradient is 3\.25 times that of a at lags 1 to 19"),
        ([0.80], None, r"its gradient is as strong at lags 1 to 19 \(geometric mean\)$"),
    ],
)
def test_a_claim_needs_repeats_that_agree(
    factors: list[float], claim: str | None, words: str
) -> None:
    changed = [curve(decaying([f, f - 0.01, f + 0.01, f]), "b", i) for i, f in enumerate(factors)]
    factor = 0.8
    base = [
        curve(decaying([factor, 0.79, 0.81, factor + 1e-9 * i]), "a", i)
        for i in range(len(factors))
    ]
    found = difference_of(changed, base, THRESHOLD)
    assert found.claim == claim
    assert finding(found, THRESHOLD).startswith("b against a: ")
    assert re.search(words, finding(found, THRESHOLD)), finding(found, THRESHOLD)


def test_students_interval_of_three_repeats() -> None:
    base = [curve(decaying([0.8 + 1e-9 * i]), "a", i) for i in range(3)]
    found = difference_of([curve(decaying([f]), "b") for f in (0.9, 0.92, 0.91)], base, THRESHOLD)
    interval = found.interval
    assert interval is not None
    middle, half = np.mean(found.by_repeat), 4.302653 * np.std(found.by_repeat, ddof=1) / 3**0.5
    np.testing.assert_allclose(interval, (middle - half, middle + half), rtol=1e-4)


def test_nothing_is_claimed_where_lag_0_is_no_measure() -> None:
    changed = [curve(decaying([0.9]), "b", i, "the loss acts everywhere") for i in range(3)]
    found = difference_of(changed, [curve(decaying([0.5]), "a")] * 3, THRESHOLD)
    assert found.claim is None
    assert finding(found, THRESHOLD) == (
        "b against a: no comparison relative to lag 0: the loss acts everywhere"
    )


def three(name: str, factors: list[float], timesteps: int = 20) -> list[Curve]:
    return [curve(decaying([f, f, f], timesteps), name, i) for i, f in enumerate(factors)]


def test_repeats_that_are_the_same_run_are_none() -> None:
    same = [curve(decaying([0.9]), "b", i) for i in range(3)]
    found = difference_of(same, three("a", [0.8, 0.81, 0.79]), THRESHOLD)
    assert found.claim is None
    assert "repeats of 'b' are equal, and say nothing of another repeat" in found.reason


def test_repeats_that_do_not_pair_up_are_not_compared() -> None:
    found = difference_of(
        three("b", [0.9, 0.91, 0.92, 0.1, 0.11]), three("a", [0.8, 0.81, 0.79]), THRESHOLD
    )
    assert found.claim is None
    assert "'b' has 5, 'a' has 3" in finding(found, THRESHOLD)


def test_a_claim_that_the_reach_contradicts_is_none() -> None:
    """Stronger at most lags, but not at the furthest: 0.93^k against a plateau at 1.2e-3."""
    plateau = np.full((3, 100, 1), 1.2e-3)
    plateau[:, -1] = 1
    flat = [
        curve(GradientTensor(plateau * (1 + 1e-6 * i * np.arange(100)[:, None]), SEQUENCE), "a", i)
        for i in range(3)
    ]
    found = difference_of(three("b", [0.93, 0.931, 0.929], 100), flat, THRESHOLD)
    assert min(found.by_repeat) > 0
    assert found.claim is None
    assert "no claim, the furthest lag that it reaches says otherwise, see the table" in finding(
        found, THRESHOLD
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
        claims.append(found.claim)
    share = 1 - claims.count(None) / len(claims)
    assert share < 0.08, "5 % by chance"
