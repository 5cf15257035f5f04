"""The numbers of a diagnosis by name."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from rnngrad_widgets import GradientTensor, diagnose
from rnngrad_widgets.data.tensor import SEQUENCE
from rnngrad_widgets.diagnosis.diagnose import diagnosis_of
from rnngrad_widgets.diagnosis.flat import flat_name

VALID = re.compile(r"[A-Za-z0-9_./-]+")


def falling(factor: float, samples: int = 8, timesteps: int = 12) -> np.ndarray:
    """A gradient that changes by a factor with every step back."""
    shares = factor ** np.arange(timesteps)[::-1]
    return np.tile(shares[None, :, None], (samples, 1, 2)).astype("float32")


def test_the_numbers_of_a_gradient() -> None:
    found = diagnose(falling(0.5)).to_flat()
    expected = {
        "factor_per_step": 0.5,
        "factor_per_step_low": 0.5,
        "factor_per_step_high": 0.5,
        "steps_per_decade": math.log(10) / math.log(2),
        "reach_at_0.368": 1,
        "reach_at_0.368_is_censored": 0,
        "reach_at_0.001": 9,
        "reach_at_0.001_is_censored": 0,
        "not_reached": 0,
        "growth": 0.5**11,
        "dead_channels": 0,
        "faint_channels": 0,
        "nan": 0,
        "inf": 0,
        "agreement": 1,
    }
    assert found == pytest.approx({f"array/{name}": value for name, value in expected.items()})
    assert {type(value) for value in found.values()} == {float}


def test_what_there_is_no_number_of_has_no_name() -> None:
    """A gradient that stays has no steps per decade; one of unknown loss has no rate."""
    stays = diagnose(falling(1.0)).to_flat()
    assert stays["array/factor_per_step"] == 1
    assert "array/steps_per_decade" not in stays
    assert stays["array/reach_at_0.001_is_censored"] == 1
    unknown = diagnose(GradientTensor(falling(0.5), SEQUENCE, "lstm", "hidden_gradient")).to_flat()
    assert set(unknown) == {
        f"lstm/hidden_gradient/{name}"
        for name in ("not_reached", "dead_channels", "faint_channels", "nan", "inf", "agreement")
    }


def test_directions_gates_and_kernels_have_names_of_their_own() -> None:
    both = {"directions": ("forward", "backward")}
    tensors = [
        GradientTensor(falling(0.5), SEQUENCE, "a/bi", "hidden_gradient", **both),
        GradientTensor(np.full((2, 3, 8), 0.95), SEQUENCE, "lstm", "gate", gates=tuple("ifco")),
        GradientTensor(
            np.eye(2), ("previous_channel", "channel"), "rnn/recurrent_kernel", "weight", gates=()
        ),
    ]
    found = diagnose({(t.layer, t.quantity): t for t in tensors}).to_flat()
    assert all(VALID.fullmatch(name) for name in found)
    assert found["a/bi/hidden_gradient/forward/dead_channels"] == 0
    assert found["a/bi/hidden_gradient/backward/agreement"] == 1
    assert (found["lstm/gate/f/open"], found["lstm/gate/f/closed"]) == (1, 0)
    assert found["lstm/gate/f/forget_time"] == pytest.approx(-1 / math.log(0.95))
    assert "lstm/gate/i/forget_time" not in found
    assert found["rnn/recurrent_kernel/weight/spectral_radius"] == 1


def test_names_are_valid_and_stay_different() -> None:
    names = ["lstm", "my lstm", "my_lstm", "長期", "短期", "50 %"]
    flat = [flat_name(name, "gate", "") for name in names]
    assert flat[:2] == ["lstm/gate", "my-20-lstm/gate"]
    assert all(VALID.fullmatch(name) for name in flat)
    assert len(set(flat)) == len(names)


def test_nothing_to_diagnose_has_no_numbers() -> None:
    weight = GradientTensor(np.eye(2), ("feature", "channel"), "lstm/kernel", "weight_gradient")
    assert diagnosis_of({("lstm/kernel", "weight_gradient"): weight}).to_flat() == {}
