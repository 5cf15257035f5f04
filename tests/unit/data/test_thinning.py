"""Which snapshots of a run are kept, and how many."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rnngrad_widgets.data.thinning import BUDGET, MOST, capacity_for, is_kept, stride_for
from tests.fixtures import thinning


def test_golden_file_is_current() -> None:
    assert json.loads(thinning.PATH.read_text()) == thinning.golden()


def test_the_rule_is_what_is_written() -> None:
    for case in thinning.golden():
        last = case["last"]
        stride = stride_for(last, case["capacity"])
        found = [number for number in range(last + 1) if is_kept(number, stride, last)]
        assert found == case["kept"], case


@pytest.mark.parametrize("room", [2, 3, 7, 64])
def test_first_and_last_are_kept_and_no_more_than_there_is_room_for(room: int) -> None:
    before: set[int] = set()
    for last in range(500):
        stride = stride_for(last, room)
        kept = [number for number in range(last + 1) if is_kept(number, stride, last)]
        assert (kept[0], kept[-1]) == (0, last)
        assert len(kept) <= room
        assert set(kept) <= before | {last}, "what is gone does not come back"
        assert len(set(np.diff(kept[:-1]))) <= 1, "evenly"
        assert len(kept) > room // 2 or len(kept) == last + 1, "no less than half of the room"
        before = set(kept)


def test_room() -> None:
    assert capacity_for(3_000_000, BUDGET) == 85
    assert capacity_for(BUDGET, BUDGET) == 2
    assert capacity_for(120, BUDGET) == capacity_for(120, BUDGET, 2 * MOST) == MOST
    assert capacity_for(120, BUDGET, 50) == 50
    assert capacity_for(120, BUDGET, 0) == 2
