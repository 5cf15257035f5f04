"""The progress bar of what takes long."""

from __future__ import annotations

import re
import time

import pytest

from rnngrad_widgets.engine import progress
from rnngrad_widgets.engine.progress import ProgressBar


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_PATIENCE", 0.05)


def test_it_says_from_the_first_part_on_how_long_it_takes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bar = ProgressBar()
    time.sleep(0.4)
    bar(10, 20)
    time.sleep(0.1)
    bar(20, 20)
    first = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert "10/20" in first
    assert "20/20" in first
    (each,) = re.findall(r"10/20 \S+ \d+s (\d+)ms/timestep of the loss", first)
    assert 40 <= int(each) < 400, "0.4 s for ten of them"


@pytest.mark.parametrize(("wait", "done", "least"), [(0.0, 1, 0.0), (0.1, 2, 0.0), (0.1, 1, 60.0)])
def test_what_is_soon_done_has_none(
    wait: float, done: int, least: float, capsys: pytest.CaptureFixture[str]
) -> None:
    bar = ProgressBar(least_left=least)
    bar(0, 2)
    time.sleep(wait)
    bar(done, 2)
    assert capsys.readouterr().out == ""
