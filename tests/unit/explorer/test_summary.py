"""The summary line says in words what the numbers are."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import numpy as np
import pytest

from rnngrad_widgets.data.tensor import NO_TIME, SEQUENCE, GradientTensor
from rnngrad_widgets.explorer.summary import scientific, summary_html

BOTH = ("forward", "backward")


def tensor(values: Any, **what: Any) -> GradientTensor:
    array = np.asarray(values, np.float32)
    return GradientTensor(array, SEQUENCE if array.ndim == 3 else NO_TIME, **what)


def text(shown: GradientTensor) -> list[str]:
    """The parts of the line, as they are read."""
    return unescape(re.sub("<[^>]*>", "", summary_html(shown))).split(" · ")


def test_a_sequence_gradient() -> None:
    values = np.zeros((3, 4, 5))
    values[:, 1:] = 1e-3
    values[2, 3, 1] = -0.031
    assert text(tensor(values, layer="lstm", quantity="output_gradient")) == [
        "lstm",
        "direct output gradient",
        "3 × 4 × 5",
        "max |g| 3.1e-2 at sample 2, timestep 3, channel 1",
        "no NaN/Inf",
    ]


def test_numbers_are_kept_on_one_line_and_names_are_not_taken_for_numbers() -> None:
    html = summary_html(tensor([[[0.0], [0.02]]], layer="lr 1e-5", quantity="output_gradient"))
    assert re.findall(r"<span class='rnngrad-number'>(.*?)</span>", html) == ["2.0e-2"]


def test_a_plain_array_has_values_and_no_layer() -> None:
    parts = text(tensor(np.ones((1, 1, 1))))
    assert parts[:3] == ["array", "1 × 1 × 1", "max |v| 1.0e0 at sample 0, timestep 0, channel 0"]


def test_both_directions_are_told_apart() -> None:
    values = np.ones((2, 10, 6))
    values[1, 4, 5] = 2
    assert text(tensor(values, layer="bi", quantity="output_gradient", directions=BOTH))[2:] == [
        "2 × 10 × 2 × 3",
        "max |g| 2.0e0 at sample 1, timestep 4, channel 2 (backward)",
        "no NaN/Inf",
    ]


def test_values_without_a_time_axis() -> None:
    values = np.ones((4, 6))
    values[:, [1, 3]] = 0
    values[:3, 5] = 0
    values[3, 2] = -7
    assert text(tensor(values, layer="lstm_1", quantity="output_gradient"))[2:] == [
        "4 × 6, no time axis",
        "max |g| 7.0e0 at sample 3, channel 2",
        "2 of 6 channels zero in every sample",
        "no NaN/Inf",
    ]


def test_all_zero() -> None:
    zeros = np.zeros((2, 3, 4))
    assert text(tensor(zeros))[2:] == ["max |v| 0", "no NaN/Inf"], "the finding says it"
    values = text(tensor(zeros, layer="lstm", quantity="hidden_state"))
    assert values[3:] == ["max |h| 0", "all values are zero", "no NaN/Inf"]
    assert "all values are zero" in text(tensor(zeros[0]))


def test_nan_and_infinity_are_counted_and_stand_out() -> None:
    values = np.ones((2, 30, 40))
    values[:, :, 0], values[0, 0, 1], values[0, 0, 2] = np.nan, np.inf, -np.inf
    shown = tensor(values)
    assert text(shown)[-1] == "60 NaN, 2 Inf"
    assert '<b class="rnngrad-alarm">60 NaN, 2 Inf</b>' in summary_html(shown)
    many = tensor(np.full((2, 30, 40), np.nan))
    assert text(many)[2:] == ["no finite value", "2,400 NaN"]


@pytest.mark.parametrize("what", ["dims", "directions", "gates"])
def test_words_that_slipped_through_are_escaped(what: str) -> None:
    shown = tensor(np.ones((2, 3, 4)), layer="lstm", quantity="gate_gradient")
    word = f"<i>{what}</i>"
    object.__setattr__(shown, what, ("sample", "timestep", word) if what == "dims" else (word,) * 2)
    html = summary_html(shown)
    assert "<i>" not in html
    assert f"&lt;i&gt;{what}&lt;/i&gt;" in html


def test_names_are_escaped() -> None:
    html = summary_html(tensor(np.ones((1, 2, 3)), layer="<img src=x onerror=alert(1)>&"))
    assert "<img" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;&amp;" in html


@pytest.mark.parametrize(
    ("value", "told"),
    [(0, "0"), (0.031, "3.1e-2"), (-5.64e-3, "−5.6e-3"), (9.96, "1.0e1"), (1e-40, "1.0e-40")],
)
def test_scientific(value: float, told: str) -> None:
    assert scientific(value) == told
