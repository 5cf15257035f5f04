"""Which snapshots stand beside each other: against loops, which are the browser's truth too."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from rnngrad_widgets.comparison.matching import StepLoss, matched
from tests.fixtures import matching


@pytest.mark.parametrize("case", matching.golden(), ids=lambda case: str(case["what"]))
def test_snapshots_are_matched_by_step_and_by_loss(case: dict[str, Any]) -> None:
    runs = [
        [StepLoss(each["step"], np.nan if each["loss"] is None else each["loss"]) for each in run]
        for run in case["runs"]
    ]
    assert matched(runs, case["base"], case["step"], case["by"]) == case["places"]


def test_the_file_is_what_is_computed() -> None:
    assert json.loads(matching.PATH.read_text()) == matching.golden()
