"""How much of a timestep's loss reaches back, from the reach of each timestep of the loss."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rnngrad_widgets import GradientTensor, diagnose
from rnngrad_widgets.data.tensor import REACH
from rnngrad_widgets.diagnosis.lag_profile import lag_profile, ratios_by_lag
from rnngrad_widgets.diagnosis.shares import LEVELS
from rnngrad_widgets.diagnosis.telling import Evidence, tell

T = 30


def reach_of(
    factor: float, timesteps: tuple[int, ...] = tuple(range(T)), samples: int = 9, **given: object
) -> GradientTensor:
    """A reach that falls by a factor a step, of losses of all sizes."""
    own = np.random.default_rng(0).uniform(0.1, 10.0, size=(samples, 1, len(timesteps)))
    lag = np.array(timesteps) - np.arange(T)[:, None]
    if given.get("directions"):
        lag = -lag
    values = own * np.where(lag >= 0, factor ** np.maximum(lag, 0.0), 0.0)
    rest = np.full((samples, T, 1), 7.0)
    return GradientTensor(
        np.concatenate([values, rest], -1),
        REACH,
        "lstm",
        "reach",
        loss_timesteps=timesteps,
        **given,
    )


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.0, 1.1])
@pytest.mark.parametrize("timesteps", [tuple(range(T)), (9, 19, 29)])
@pytest.mark.parametrize("directions", [(), ("backward",)])
def test_of_a_scalar_recurrence_it_is_the_factor(
    factor: float, timesteps: tuple[int, ...], directions: tuple[str, ...]
) -> None:
    tensor = reach_of(factor, timesteps, directions=directions)
    (found,) = diagnose(tensor).gradients
    assert found.decay is not None
    assert found.decay.slope == pytest.approx(math.log(factor), abs=1e-12)
    assert found.decay.misfit == pytest.approx(0.0, abs=1e-9)
    last = T - 1 - timesteps[0] if directions else timesteps[-1]
    assert found.growth == pytest.approx(factor**last)
    expected = (
        min(last, math.floor(math.log(math.e**-1) / math.log(factor))) if factor < 1 else last
    )
    assert found.reach[0].lag == expected


def masked_reach(mask: np.ndarray) -> GradientTensor:
    """A reach that falls by 0.8 a step that is not masked, of a loss at every such timestep."""
    lag = np.cumsum(mask, axis=1)
    values = np.where(
        np.tri(T).T[None] * mask[:, None] * mask[..., None],
        0.8 ** (lag[:, None] - lag[..., None]),
        0,
    )
    return GradientTensor(
        np.concatenate([values, np.zeros((len(mask), T, 1))], -1),
        REACH,
        "lstm",
        "reach",
        mask=mask,
        loss_timesteps=tuple(range(T)),
    )


def test_masked_timesteps_are_no_lags() -> None:
    mask = np.ones((9, T), bool)
    mask[:, 3:10] = False
    mask[0, 20:] = False
    tensor = masked_reach(mask)
    profile = lag_profile(tensor)
    assert profile.lengths.tolist() == [13, *[23] * 8]
    np.testing.assert_allclose(profile.norms[1, :23], 0.8 ** np.arange(23.0))
    assert diagnose(tensor).gradients[0].decay.factor == pytest.approx(0.8)


def test_the_median_is_over_the_timesteps_of_the_loss() -> None:
    tensor = reach_of(0.5, (2, 3, 4))
    values = tensor.values.copy()
    values[0, 3, 2] = 100.0  # one of three, at lag 1
    values[0, 2, 0] = 0.0  # contributes nothing to its own timestep
    changed = GradientTensor(values, REACH, "lstm", "reach", loss_timesteps=(2, 3, 4))
    ratios = ratios_by_lag(changed)[0]
    assert ratios.shape == (2, T)
    np.testing.assert_allclose(ratios[0, :4], [1, 0.5, 0.25, 0.125])
    assert np.isnan(ratios[0, 4:]).all()
    assert lag_profile(changed).norms[0, 1] == np.median(ratios[:, 1])


def test_what_cannot_be_read_is_not() -> None:
    zero = GradientTensor(np.zeros((9, T, 3)), REACH, "l", "reach", loss_timesteps=(0, T - 1))
    (found,) = diagnose(zero).gradients
    assert (found.decay, found.growth, found.reach) == (None, None, ())
    assert diagnose(zero).findings == (
        "l reach: all values are exactly 0 with these weights, on this batch",
    )
    longer = GradientTensor(np.ones((9, T, 3)), REACH, "l", "reach", loss_timesteps=(0, T))
    (found,) = diagnose(longer).gradients
    assert found.decay is None
    assert "the loss has other timesteps than the layer" in found.no_decay
    unnamed = GradientTensor(np.ones((9, T, 3)), REACH, "l", "reach")
    assert "not known" in diagnose(unnamed).gradients[0].no_decay
    wrong = reach_of(0.9).values.copy()
    wrong[2, 1, 5] = np.nan
    tensor = GradientTensor(wrong, REACH, "l", "reach", loss_timesteps=tuple(range(T)))
    found = diagnose(tensor).gradients[0]
    assert (found.nan, found.first_not_finite) == (1, (2, 1, 5))
    assert found.decay.slope == pytest.approx(math.log(0.9))


def test_the_words_are_about_timesteps_of_the_loss() -> None:
    words = " ".join(diagnose(reach_of(0.5, directions=("backward",))).findings)
    assert "lstm reach (backward): falls by a factor of 0.5 per step back" in words
    assert "what a timestep of the loss contributes is 37 % or more of that at its own" in words
    named = GradientTensor(
        np.ones((9, T, 2)), REACH, "b/backward", "reach", ("backward",), loss_timesteps=(3,)
    )
    assert diagnose(named).findings[0].startswith("b/backward reach: ")


def test_the_batch_is_told_of_where_samples_end_at_different_timesteps() -> None:
    mask = np.ones((9, T), bool)
    mask[:3, 20:] = False
    told = tell(Evidence(masked_reach(mask), {"": ""}, 1e-8, LEVELS))
    falls = "what a timestep of the loss contributes falls below 37 % within 5 timesteps back; "
    assert told.batch == (
        f"median of 9 samples: {falls}1.5e-3 of what it contributes to its own is left at the "
        "first timestep of each sample"
    )
    assert told.samples[0].endswith("1 % of what it contributes to its own is left 19 back")
