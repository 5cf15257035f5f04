"""What is told of each sample and of the batch, against profiles that are known and `diagnose`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from rnngrad_widgets import GradientTensor, diagnose
from rnngrad_widgets.data.tensor import NO_TIME, SEQUENCE
from rnngrad_widgets.diagnosis.shares import (
    LEVELS,
    check_levels,
    check_threshold,
    share_in,
    share_text,
)
from rnngrad_widgets.diagnosis.telling import NOTHING, Evidence, Told, tell
from tests.unit.diagnosis.test_over_time import LAGS, B, C, T, made

READABLE = {"": ""}


def told(
    source: Any,
    reasons: dict[str, str] | None = None,
    threshold: float = 1e-8,
    levels: tuple[float, ...] = LEVELS,
) -> Told:
    tensor = source if isinstance(source, GradientTensor) else GradientTensor(source, SEQUENCE)
    return tell(Evidence(tensor, READABLE if reasons is None else reasons, threshold, levels))


@pytest.mark.parametrize(
    ("norms", "sentence"),
    [
        # 0.8^4 = 0.41, 0.8^5 = 0.33; 0.8^30 = 1.2e-3, 0.8^31 = 9.9e-4; 0.8^59 = 1.9e-6
        (0.8**LAGS, "falls below 37 % within 5 timesteps, below 1e-3 within 31, to 1.9e-6"),
        (0.95**LAGS, "falls below 37 % within 20 timesteps, to 5 %"),
        (0.99**LAGS, "falls to 55 %"),
        (0.999**LAGS, "keeps its size: 94 %"),
        (np.where(LAGS < 1, 1.0, 0.1), "falls below 37 % within 1 timestep, to 10 %"),
        (np.where(LAGS < 1, 1.0, 0.0), "falls below 37 % within 1 timestep, below 1e-3 within 1, "),
    ],
)
def test_a_gradient_that_falls(norms: Any, sentence: str) -> None:
    sample = told(made(norms)).samples[3]
    assert sample.startswith(f"from timestep 59 back, gradient {sentence}")
    assert " at timestep 0" in sample


def test_a_gradient_that_grows() -> None:
    rate = 1200 ** (1 / 59)
    found = told(made(rate**LAGS))
    ends = "1,200 times as large at timestep 0 as at timestep 59"
    assert found.samples[0] == f"from timestep 59 back, gradient is {ends}"
    course = "from timestep 59 back, gradient grows 1,200 times towards timestep 0"
    assert found.batch == f"median of {B} samples: {course}"
    # of so few samples no interval says that it grows with every step
    assert ends in told(made(rate**LAGS)[:4]).batch
    loud_end = np.where(LAGS == T - 1, 40.0, 1.0)  # nor where only one timestep is larger
    assert "is 40 times as large at timestep 0" in told(made(loud_end)).batch


def test_what_is_below_the_threshold_is_told_of_each_sample() -> None:
    norms = np.broadcast_to(0.5**LAGS, (B, T)).copy()
    norms[1] = 0.9**LAGS
    found = told(made(norms), threshold=1e-6)
    # 0.5^20 = 9.5e-7, so that timestep 39 is the last one below a millionth
    share = "; 67 % of timesteps (0 .. 39) are below 1e-6 of the strongest"
    assert found.samples[0].endswith(share)
    assert "below 1e-6" not in found.samples[1]
    assert found.batch.endswith(share)
    zeros = made(norms)
    zeros[2] = 0
    assert told(zeros).samples[2] == "all values are exactly 0"


def test_where_lag_0_is_no_measure_only_the_weakest_timestep_is_told() -> None:
    norms = np.full(T, 1.0)
    norms[7] = 0.25
    why = {"": "the loss acts before the last timestep too"}
    found = told(made(norms), why)
    assert set(found.samples) == {"weakest at timestep 7, 25 % of the strongest"}
    assert found.batch == f"no decay can be read here: {why['']}"
    norms[7] = 1e-12
    words = "2 % of timesteps (7) are below 1e-8 of the strongest"
    assert set(told(made(norms), why).samples) == {words}
    assert told(made(norms)[:1], why).batch.startswith("no decay"), "of one sample too"


def test_directions_are_told_apart_and_each_from_where_it_ended() -> None:
    both = np.concatenate([made(0.8**LAGS), made(0.8 ** LAGS[::-1])], axis=-1)
    names = ("forward", "backward")
    tensor = GradientTensor(both, SEQUENCE, "bi", "hidden_gradient", directions=names)
    falls = "gradient falls below 37 % within 5 timesteps, below 1e-3 within 31, to 1.9e-6 at"
    sample = told(tensor, dict.fromkeys(names, "")).samples[0]
    assert sample == (
        f"forward: from timestep 59 back, {falls} timestep 0 · "
        f"backward: from timestep 0 on, {falls} timestep 59"
    )
    assert told(tensor, dict.fromkeys(names, "it is direct")).batch == (
        "no decay can be read here: it is direct"
    ), "said once"


def test_masked_timesteps_are_no_lags_and_samples_end_where_they_end() -> None:
    values = np.zeros((2, T, C))
    values[0] = made(0.8**LAGS)[0]
    values[1, :40] = made(0.8**LAGS)[1, -40:]
    mask = np.ones((2, T), bool)
    mask[1, 40:] = False
    found = told(GradientTensor(values, SEQUENCE, mask=mask))
    falls = "gradient falls below 37 % within 5 timesteps, below 1e-3 within 31, to"
    assert found.samples == [
        f"from timestep 59 back, {falls} 1.9e-6 at timestep 0",
        f"from timestep 39 back, {falls} 1.7e-4 at timestep 0",
    ]
    assert found.batch.startswith("median of 2 samples: from the last timestep processed back, ")
    mask[1] = False
    assert told(GradientTensor(values, SEQUENCE, mask=mask)).samples[1] == (
        "no timestep has a finite gradient"
    )


def test_nothing_is_made_up() -> None:
    values = made(0.8**LAGS)
    values[0], values[1, -1], values[2, 5, 0] = np.nan, np.nan, np.inf
    values[3, -1] = 0
    found = told(values)
    assert found.samples[0] == "no timestep has a finite gradient"
    assert found.samples[1] == "weakest at timestep 0, 2.4e-6 of the strongest"
    assert found.samples[2].startswith("from timestep 59 back, gradient falls below 37 % within 5")
    assert found.samples[3] == "2 % of timesteps (59) are below 1e-8 of the strongest"
    one = told(made(0.8**LAGS)[:, -1:]).samples[0]
    assert one == "weakest at timestep 0, 100 % of the strongest"
    nothing = told(np.full((2, 3, 4), np.nan))
    assert nothing.batch == "median of 2 samples: no timestep has a finite gradient"
    for quantity in ("hidden_state", "weight"):
        assert told(GradientTensor(values, SEQUENCE, "l", quantity)) == NOTHING
    assert tell(Evidence(GradientTensor(values[:, 0], NO_TIME), {}, 1e-8, LEVELS)) == NOTHING


def test_a_sample_is_told_of_as_if_it_were_alone_and_the_table_is_that_of_diagnose() -> None:
    random = np.random.default_rng(3)
    values = made(np.exp(random.normal(-0.2, 0.1, (B, 1)) * LAGS))
    levels = (0.5, 1e-2, 1e-5)
    found = told(values, threshold=1e-4, levels=levels)
    for sample in range(B):
        alone = values[sample : sample + 1]
        assert found.samples[sample] == told(alone, threshold=1e-4, levels=levels).samples[0]
        (numbers,) = diagnose(alone, threshold=1e-4, levels=levels).gradients
        for reach in numbers.reach:
            words = f"within {reach.lag + 1}"
            assert (words in found.samples[sample]) != reach.is_censored
    table = diagnose(values, threshold=1e-4, levels=levels).table
    assert (found.header, found.rows) == ([*table.header], [[*row] for row in table.rows])
    assert found.lines == table.below


@pytest.mark.parametrize("value", [0, 1, -1e-8, 1.5, math.nan])
def test_a_share_is_between_0_and_1(value: float) -> None:
    with pytest.raises(ValueError, match=r"threshold must be between 0 and 1; received .*1e-8"):
        check_threshold(value)
    with pytest.raises(ValueError, match=r"levels must each be between 0 and 1; received .*1e-3"):
        check_levels((0.5, value))


@pytest.mark.parametrize("levels", ["0.5", 0.5, None, np.array(0.5)])
def test_levels_are_numbers(levels: Any) -> None:
    with pytest.raises(TypeError, match=r"levels must be numbers between 0 and 1; received"):
        check_levels(levels)
    with pytest.raises(TypeError, match="threshold must be a number; received 'a'"):
        check_threshold("a")


@pytest.mark.parametrize("count", [0, 9])
def test_there_are_one_to_eight_levels(count: int) -> None:
    with pytest.raises(ValueError, match=f"levels must be 1 to 8 numbers; received {count}"):
        check_levels((0.5,) * count)


@pytest.mark.parametrize(
    ("text", "share"),
    [("1e-8", 1e-8), (" 0.37", 0.37), ("37 %", 0.37), ("1/e", 1 / math.e), ("1 / e ", 1 / math.e)],
)
def test_shares_as_people_write_them(text: str, share: float) -> None:
    assert share_in(text) == share
    assert share_in(share_text(share)) == share


def test_what_is_no_share() -> None:
    with pytest.raises(ValueError, match="a share must be a number between 0 and 1; received 'x'"):
        share_in("x")
    assert [*map(share_text, (1 / math.e, 1e-3, 0.5, 2.5e-12))] == ["1/e", "1e-3", "0.5", "2.5e-12"]
