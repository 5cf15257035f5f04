"""The numbers of a gradient over time, against profiles that are known and loops by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rnngrad_widgets import GradientTensor
from rnngrad_widgets.data.tensor import SEQUENCE
from rnngrad_widgets.diagnosis.diagnose import diagnose
from rnngrad_widgets.diagnosis.gradient import GradientDiagnosis

B, T, C = 12, 60, 5
LAGS = np.arange(T)[::-1]  # of each timestep


def made(norms: Any, seed: int = 0) -> np.ndarray:
    """Return values whose norm at each timestep is as given, in random directions."""
    values = np.random.default_rng(seed).normal(size=(B, T, C))
    values /= np.linalg.norm(values, axis=-1, keepdims=True)
    return values * np.broadcast_to(norms, (B, T))[..., None]


def of(source: Any, **options: Any) -> GradientDiagnosis:
    (found,) = diagnose(source, **options).gradients
    return found


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.0, 1.1])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1.0, 1e-20])
def test_the_rate_of_a_geometric_profile(factor: float, dtype: str, scale: float) -> None:
    found = of(made(scale * factor**LAGS).astype(dtype))
    assert found.decay is not None
    assert found.decay.slope == pytest.approx(math.log(factor), abs=1e-5)
    assert found.decay.factor == pytest.approx(factor, rel=1e-5)
    assert found.decay.misfit < 1e-4
    assert found.growth == pytest.approx(factor ** (T - 1), rel=1e-4)
    if factor != 1.0:
        assert found.decay.steps_per_decade == pytest.approx(
            math.log(10) / abs(math.log(factor)), rel=1e-4
        )


def test_a_float32_gradient_is_read_down_to_where_it_loses_its_precision() -> None:
    found = of(made(np.maximum(1e-20 * 0.3**LAGS, 1e-37)).astype("float32"))
    assert found.decay is not None
    assert found.decay.slope == pytest.approx(math.log(0.3), abs=1e-4), "the floor does not count"


def test_one_outlier_and_the_loss_itself_do_not_move_the_rate() -> None:
    norms = np.broadcast_to(0.8**LAGS, (B, T)).copy()
    norms[:, -1] *= 50  # lag 0
    norms[:, 20] *= 100
    found = of(made(norms))
    assert found.decay is not None
    assert found.decay.slope == pytest.approx(math.log(0.8), abs=1e-3)


def test_the_interval_holds_the_median_of_slopes_that_differ() -> None:
    rates = np.random.default_rng(1).normal(-0.2, 0.05, (B, 1))
    decay = of(made(np.exp(rates * LAGS))).decay
    assert decay is not None
    assert decay.slope == pytest.approx(float(np.median(rates)))
    assert decay.interval is not None
    low, high = decay.interval
    # The median of order statistics: an exact 95 % interval of 12 is from the 3rd to the 10th.
    exact = np.sort(rates.ravel())[[2, 9]]
    assert low == pytest.approx(exact[0], abs=0.02)
    assert high == pytest.approx(exact[1], abs=0.02)
    of_seven = of(made(np.exp(rates * LAGS))[:7]).decay
    assert of_seven is not None
    assert of_seven.interval is None


def test_there_is_no_rate_where_a_line_says_nothing() -> None:
    random = np.random.default_rng(2)
    found = of(made(10.0 ** random.uniform(-3, 0, (B, T))))
    assert found.decay is None
    assert found.no_decay.startswith("it is not geometric: a line misses it by ")
    assert found.reach, "this is told all the same"
    few = made(0.9**LAGS)[:, -5:]
    assert of(few).no_decay == "fewer than 5 timesteps have a gradient to read it from"
    assert of(few[:, -1:]).decay is None
    assert of(made(0.9**LAGS)[:, -6:]).decay is not None


def test_reach_is_the_furthest_lag_and_never_extrapolated() -> None:
    found = of(made(0.9**LAGS), levels=(0.5, 1e-3, 0.9**59 / 2))
    assert [(each.lag, each.is_censored) for each in found.reach] == [
        (6, False),  # 0.9^6 = 0.53
        (59, True),
        (59, True),
    ]
    assert [str(each) for each in found.reach] == ["6", "≥ 59", "≥ 59"]
    norms = 0.5 ** np.minimum(LAGS, 10)
    norms[T - 1 - 30] = 1.0  # comes back
    assert of(made(norms), levels=(0.9,)).reach[0].lag == 30
    some = np.where(np.arange(B)[:, None] < 7, 0.9**LAGS, 1.0)
    assert not of(made(some), levels=(0.5,)).reach[0].is_censored, "5 of 12"
    some = np.where(np.arange(B)[:, None] < 5, 0.9**LAGS, 1.0)
    assert of(made(some), levels=(0.5,)).reach[0].is_censored, "7 of 12"


def test_what_is_not_reached_is_a_share_of_the_strongest() -> None:
    norms = np.full(T, 1.0)
    norms[[3, 4, 5, 9]] = 1e-5
    found = of(made(norms), threshold=1e-4)
    assert found.not_reached == pytest.approx(4 / T)
    assert found.timesteps_not_reached == ((3, 5), (9, 9))
    assert of(made(norms)).not_reached == 0


def test_masked_timesteps_are_no_lags() -> None:
    values = made(0.7**LAGS)
    mask = np.ones((B, T), bool)
    mask[:, -10:] = False
    mask[0] = False
    mask[1, 5:9] = False
    moved = np.zeros((B, T, C))
    for sample in range(B):
        count = mask[sample].sum()
        moved[sample, mask[sample]] = values[sample, T - count :]
    found = of(GradientTensor(moved, SEQUENCE, mask=mask))
    assert found.decay is not None
    assert found.decay.slope == pytest.approx(math.log(0.7))
    assert found.decay.samples == B - 1, "one has no timestep"
    assert found.not_reached == 0


def test_a_backward_layer_processes_the_first_timestep_last() -> None:
    both = np.concatenate([made(0.7**LAGS), made(0.8 ** LAGS[::-1])], axis=-1)
    names = ("forward", "backward")
    found = diagnose(GradientTensor(both, SEQUENCE, directions=names)).gradients
    assert [each.direction for each in found] == [*names]
    slopes = [each.decay.slope for each in found if each.decay]
    assert slopes == pytest.approx([math.log(0.7), math.log(0.8)])


def test_channels_that_are_dead_or_faint() -> None:
    values = made(np.ones(T))
    values[..., 1] = 0
    values[..., 3] *= 1e-10
    found = of(values)
    assert (found.channels, found.dead_channels, found.faint_channels) == (C, 1, 1)


def test_values_that_are_not_finite_have_a_place_and_are_left_out() -> None:
    values = made(0.9**LAGS)
    values[2, 7, 1], values[3, 7, 0], values[2, 50, 2] = np.nan, np.inf, -np.inf
    found = of(values)
    assert (found.nan, found.inf, found.first_not_finite) == (1, 2, (2, 7, 1))
    assert found.explodes
    assert found.decay is not None
    assert found.decay.slope == pytest.approx(math.log(0.9), abs=1e-6)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_nothing_is_made_up_of_zeros_or_of_nan(value: float) -> None:
    found = of(np.full((B, T, C), value))
    assert (found.decay, found.growth, found.reach) == (None, None, ())
    assert found.not_reached == (None if np.isnan(value) else 1)
    assert found.agreement is None


def test_agreement_of_samples() -> None:
    values = made(0.9**LAGS)
    found = of(values).agreement
    assert found is not None
    by_hand = [
        np.linalg.norm(values[:, t].mean(0)) / np.linalg.norm(values[:, t], axis=-1).mean()
        for t in range(T)
    ]
    np.testing.assert_allclose(np.array(found.by_timestep, float), by_hand, rtol=1e-12)
    assert found.median == pytest.approx(np.median(by_hand))
    assert found.chance == pytest.approx(1 / math.sqrt(B))
    same = of(np.repeat(values[:1], B, axis=0)).agreement
    assert same is not None
    assert same.median == pytest.approx(1)
    assert of(values[:1]).agreement is None


def test_whole_numbers_lists_and_further_axes() -> None:
    whole = np.repeat(2 ** np.arange(10)[None, :, None], 3, axis=0)
    assert of(whole.tolist()).decay == of(whole.astype(float)).decay
    rate = of(whole).decay
    assert rate is not None
    assert rate.factor == pytest.approx(0.5)
    images = made(0.9**LAGS).reshape(B, T, 1, C)
    found = of(images, dims=("sample", "timestep", "row", "channel"))
    assert found.channels == C
    assert found.decay == of(made(0.9**LAGS)).decay


def test_a_backward_layer_alone() -> None:
    values = made(0.7 ** LAGS[::-1])
    found = of(GradientTensor(values, SEQUENCE, directions=("backward",)))
    assert found.decay is not None
    assert found.decay.slope == pytest.approx(math.log(0.7))


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_what_is_not_finite_is_not_zero(wrong: float) -> None:
    diagnosis = diagnose(np.full((B, T, C), wrong))
    word = "NaN" if np.isnan(wrong) else "Inf"
    assert diagnosis.findings[0] == f"array: holds 3,600 {word}, the first at (0, 0, 0)"
    assert diagnosis.gradients[0].dead_channels == 0
    some = np.zeros((B, T, C))
    some[3, :, 1] = wrong
    diagnosis = diagnose(some)
    assert diagnosis.findings[0] == f"array: holds 60 {word}, the first at (3, 0, 1)"
    assert diagnosis.gradients[0].dead_channels == C - 1


def test_words_where_sequences_have_different_lengths() -> None:
    mask = np.arange(T) >= np.linspace(0, 40, B)[:, None]  # the last timestep is there in each
    norms = np.where(LAGS <= 25, 0.9**LAGS, 1e-9)
    tensor = GradientTensor(made(norms), SEQUENCE, mask=mask)
    sentences = diagnose(tensor, levels=(0.95, 0.5, 1e-3)).findings
    assert (
        "array: its norm is below 95 % of that at the last timestep at every timestep before it"
        in (sentences)
    )
    assert any(
        "50 % or more of that at the last timestep up to 6 timesteps back" in s for s in sentences
    )
    mask = np.arange(T) >= np.r_[np.full(7, 40), np.zeros(5)][:, None]
    tensor = GradientTensor(made(norms), SEQUENCE, mask=mask)
    (sentence,) = (s for s in diagnose(tensor, levels=(1e-3,)).findings if "1e-3 or more" in s)
    assert sentence.endswith("as far back as more than half of the sequences go, 19 timesteps")
