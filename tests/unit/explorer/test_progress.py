"""The words for how far a reach is."""

from __future__ import annotations

import pytest

from rnngrad_widgets.explorer import progress
from rnngrad_widgets.explorer.progress import ReachProgress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time, in a list that a test moves on."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_what_is_left_is_said_where_it_is_long(clock: list[float]) -> None:
    said: list[str] = []
    tell = ReachProgress(said.append)
    for seconds, done in [(30.0, 10), (50.0, 20), (152.0, 90), (160.0, 100)]:
        clock[0] = seconds
        tell(done, 100)
    assert said == [
        # 3 s each by then, some of which went into tracing
        "Computing: 10 of 100 timesteps of the loss, at most 5 min left…",
        # 2 s each since
        "Computing: 20 of 100 timesteps of the loss, about 3 min left…",
        "Computing: 90 of 100 timesteps of the loss, about 15 s left…",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(9.9, "done"), (10.0, "10 s"), (99.0, "99 s"), (101.0, "2 min"), (7200.0, "2.0 h")],
)
def test_units_of_what_is_left(clock: list[float], seconds: float, words: str) -> None:
    said: list[str] = []
    tell = ReachProgress(said.append)
    clock[0] = seconds
    tell(1, 2)
    left = "" if words == "done" else f", at most {words} left"
    assert said == [f"Computing: 1 of 2 timesteps of the loss{left}…"]


def test_it_can_begin_again(clock: list[float]) -> None:
    said: list[str] = []
    tell = ReachProgress(said.append)
    for done in (1, 2, 1, 2):
        clock[0] += 1.0
        tell(done, 4)
    assert len(said) == 4
