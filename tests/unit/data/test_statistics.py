"""The numbers of a whole tensor, against numpy loops written out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnngrad_widgets.data.statistics import (
    THRESHOLD,
    Extreme,
    auto_limit,
    extreme,
    halves,
    max_decade,
    relative_medians,
    round_up,
    share_not_reached,
)
from rnngrad_widgets.data.tensor import SEQUENCE, GradientTensor
from rnngrad_widgets.diagnosis.profile import profile_of
from tests.fixtures.golden import limits

NICE = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)


def float32(values: object) -> np.ndarray:
    return np.asarray(values, np.float32)


# -- the automatic colour range --------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-30, 3.7e-9, 1.0, 42.0, 6e20])
def test_auto_limit_is_the_next_nice_number_above_the_percentile(scale: float) -> None:
    values = float32(np.random.default_rng(0).normal(size=(4, 50, 30)) * scale)
    limit = auto_limit(values)
    percentile = np.percentile(np.abs(values.astype(float)), 99.8)
    nice = [step * 10.0**k for k in range(-40, 40) for step in NICE]
    assert limit == pytest.approx(min(n for n in nice if n >= percentile), rel=1e-12)
    assert np.mean(np.abs(values) > limit) <= 0.002


@pytest.mark.parametrize("case", limits(), ids=lambda case: case["what"])
def test_auto_limit_is_that_of_the_browser(case: dict[str, Any]) -> None:
    assert auto_limit(case["values"]) == case["limit"]


@pytest.mark.parametrize("arrangement", ["any", "sorted", "rounded", "one row", "with NaN"])
def test_auto_limit_of_many_values_is_that_of_a_full_sort(arrangement: str) -> None:
    # of many values only the largest are sorted, above a bound that some of them give
    values = np.random.default_rng(0).standard_normal((3, 500, 203)).astype(np.float32)
    if arrangement == "sorted":
        values = np.sort(values, axis=None).reshape(values.shape)
    elif arrangement == "rounded":
        values = np.round(values)
    elif arrangement == "one row":
        values[1, 7] *= 1e6
    elif arrangement == "with NaN":
        values[0] = np.nan
    counted = np.sort(np.abs(values[np.isfinite(values) & (values != 0)].astype(float)))
    place = 0.998 * (len(counted) - 1)
    below, above = counted[int(place)], counted[int(place) + 1]
    assert auto_limit(values) == round_up(below + (above - below) * (place % 1))


def test_auto_limit_leaves_zeros_out() -> None:
    # gradient on one timestep of a thousand: counted with its zeros, the percentile would be zero
    values = np.zeros((2, 1000, 8), np.float32)
    values[:, -1] = 0.02
    assert auto_limit(values) == 0.02


def test_auto_limit_leaves_few_outliers_out() -> None:
    values = np.full(10_000, 0.5, np.float32)
    values[:10] = 1e6
    assert auto_limit(values) == 0.5


def test_auto_limit_leaves_nan_and_infinity_out() -> None:
    assert auto_limit(float32([np.nan, np.inf, -np.inf, -2.5, 0])) == 3.0


@pytest.mark.parametrize("values", [[0.0, 0.0], [np.nan, np.inf], [np.nan, 0.0]])
def test_auto_limit_is_one_where_there_is_nothing(values: list[float]) -> None:
    assert auto_limit(float32(values)) == 1.0


def test_auto_limit_of_values_at_the_end_of_float32() -> None:
    assert auto_limit(float32([1e-40, -1e-40])) == pytest.approx(1e-40, rel=1e-4)
    assert auto_limit(float32([3e38])) == pytest.approx(3e38)
    assert auto_limit(float32([3.4e38])) == pytest.approx(4e38)


@pytest.mark.parametrize("nice", [*NICE, 0.3, 0.06, 8e-7, 3000.0])
def test_a_nice_number_is_its_own_limit_in_either_precision(nice: float) -> None:
    assert round_up(nice) == nice
    assert round_up(float(np.float32(nice))) == nice


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(1.01, 1.5), (1.6, 2), (2.5, 3), (6.1, 8), (8.1, 10), (0.091, 0.1), (3.1e-2, 4e-2)],
)
def test_round_up(value: float, rounded: float) -> None:
    assert round_up(value) == rounded


# -- the largest value -----------------------------------------------------------------------------


def test_extreme_tells_magnitude_and_place() -> None:
    values = np.zeros((2, 3, 4), np.float32)
    values[1, 2, 0], values[0, 1, 3] = -7, 6
    assert extreme(values) == Extreme(7.0, (1, 2, 0))


def test_extreme_is_the_first_of_several_and_negative_ones_count() -> None:
    assert extreme(float32([[1, -3], [3, 0]])) == Extreme(3.0, (0, 1))
    assert extreme(float32([[1, 3], [-3, 0]])) == Extreme(3.0, (0, 1))
    assert extreme(np.array([[-128, 127]], np.int8)) == Extreme(128.0, (0, 0))
    assert extreme(np.zeros((0, 3))) is None


def test_extreme_ignores_what_is_not_finite_and_changes_nothing() -> None:
    values = float32([[np.nan, np.inf], [-np.inf, -3]])
    values.flags.writeable = False
    assert extreme(values) == Extreme(3.0, (1, 1))
    assert extreme(float32([[np.nan, np.inf]])) is None
    assert extreme(float32([[np.nan, 0]])) == Extreme(0.0, (0, 1))


@pytest.mark.parametrize(
    ("magnitude", "decade"),
    [(1, 0), (1.001, 1), (1000, 3), (0.02, -1), (0.5, 0), (1e-40, -40), (0, 0), (np.nan, 0)],
)
def test_top_decade(magnitude: float, decade: int) -> None:
    assert max_decade(float32([[0, -magnitude]])) == decade


# -- which timesteps gradient reaches --------------------------------------------------------------


def share_by_hand(values: np.ndarray, mask: np.ndarray | None = None) -> float:
    """The definition, one number after the other, in double precision."""
    samples, timesteps, _ = values.shape
    norms = np.zeros((samples, timesteps))
    for s in range(samples):
        for t in range(timesteps):
            norms[s, t] = np.sqrt(sum(float(v) ** 2 for v in values[s, t]))
    largest = norms[np.isfinite(norms) & (True if mask is None else mask)].max()
    missed = counted = 0
    for t in range(timesteps):
        kept = [
            norms[s, t]
            for s in range(samples)
            if (mask is None or mask[s, t]) and np.isfinite(norms[s, t])
        ]
        if kept:
            counted += 1
            missed += np.median(kept) < THRESHOLD * largest
    return missed / counted


def relative(values: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Relative medians of the norms that a diagnosis takes."""
    return relative_medians(profile_of(values, mask, backward=False).by_timestep())


def vanishing(seed: int = 0, samples: int = 5) -> np.ndarray:
    """Gradients that fall by about a decade every two timesteps, towards the first."""
    rng = np.random.default_rng(seed)
    decay = 10.0 ** -np.linspace(20, 0, 40)
    scatter = 10.0 ** rng.normal(size=(samples, 40, 1))
    return float32(rng.normal(size=(samples, 40, 6)) * decay[None, :, None] * scatter)


@pytest.mark.parametrize("samples", [1, 4, 5])
def test_share_equals_the_loop(samples: int) -> None:
    values = vanishing(samples=samples)
    share = share_not_reached(relative(values, None))
    assert share == share_by_hand(values)
    assert 0.4 < share < 0.8


def test_share_leaves_masked_timesteps_out() -> None:
    values = vanishing()
    mask = np.random.default_rng(1).random((5, 40)) < 0.5
    mask[:, :12] = False  # padded in every sample: these timesteps do not count at all
    share = share_not_reached(relative(values, mask))
    assert share == share_by_hand(values, mask)
    assert share < share_not_reached(relative(values, None))


def test_share_leaves_what_is_not_finite_out() -> None:
    values = vanishing()
    values[0, 3], values[:, 5, 2], values[:, 7, 1] = np.nan, np.nan, np.inf
    assert share_not_reached(relative(values, None)) == share_by_hand(values)
    assert np.flatnonzero(np.isnan(relative(values, None))).tolist() == [5, 7]


def test_relative_medians_are_those_over_samples_relative_to_the_largest() -> None:
    values = np.zeros((3, 4, 2), np.float32)
    values[:, 1] = [[3, 4], [6, 8], [0, 0]]
    values[1, 2] = [0, 20]
    mask = np.ones((3, 4), bool)
    mask[0, 1] = mask[:, 3] = False
    np.testing.assert_allclose(relative(values, None), [0, 0.25, 0, 0])
    np.testing.assert_allclose(relative(values, mask), [0, 0.25, 0, np.nan])
    np.testing.assert_allclose(relative(values[:2], mask[:2]), [0, 0.5, 0.5, np.nan])
    infinite = np.array([[1.0, np.inf], [3.0, 4.0]])
    np.testing.assert_allclose(relative_medians(infinite), [0.5, 1])


@pytest.mark.parametrize("scale", [2.0**-80, 2.0**100])
def test_share_does_not_depend_on_the_scale(scale: float) -> None:
    # squares of these do not fit float32; a power of two scales without rounding
    values = vanishing()[:, 20:]
    values[:, :4] = 0
    assert share_not_reached(relative(float32(values * scale), None)) == share_not_reached(
        relative(values, None)
    )


def test_share_of_the_smallest_numbers() -> None:
    values = np.zeros((2, 4, 3), np.float32)
    values[:, 2:] = 1e-40
    assert share_not_reached(relative(values, None)) == 0.5


def test_share_is_told_only_where_there_is_one() -> None:
    ones = np.ones((2, 3, 4), np.float32)
    assert share_not_reached(relative(np.nan * ones, None)) is None
    assert share_not_reached(relative(ones, np.zeros((2, 3), bool))) is None
    assert share_not_reached(relative(ones, None)) == 0
    assert share_not_reached(relative(0 * ones, None)) == 1


def test_halves_are_the_directions() -> None:
    values = np.arange(24.0).reshape(2, 3, 4)
    both = halves(GradientTensor(values, SEQUENCE, "bi", directions=("forward", "backward")))
    np.testing.assert_array_equal(both["forward"], values[..., :2])
    np.testing.assert_array_equal(both["backward"], values[..., 2:])
    np.testing.assert_array_equal(halves(GradientTensor(values, SEQUENCE))[""], values)


def test_medians_of_all_timesteps_at_once_are_those_of_each() -> None:
    random = np.random.default_rng(2)
    values = random.normal(size=(5, 40, 3))
    values[random.random((5, 40)) < 0.1] = np.nan
    mask = random.random((5, 40)) < 0.6
    mask[:, 7] = False
    norms = np.sqrt((values**2).sum(axis=-1))
    counted = np.isfinite(norms) & mask
    found = relative(values, mask)
    assert np.isnan(found[7])
    for t in np.flatnonzero(counted.any(axis=0)):
        expected = np.median(norms[counted[:, t], t]) / norms[counted].max()
        np.testing.assert_allclose(found[t], expected, rtol=1e-12)
    conv = values.reshape(5, 40, 3, 1)
    np.testing.assert_array_equal(relative(conv, mask), found)
