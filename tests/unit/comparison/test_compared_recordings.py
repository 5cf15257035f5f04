"""Recordings of several steps that are compared: one step for all of them, and new ones."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from traitlets import TraitError

from rnngrad_widgets import Comparison, compare
from rnngrad_widgets.data.tensor import GradientSnapshot, GradientTensor
from rnngrad_widgets.explorer import compared_run
from rnngrad_widgets.explorer.source import RecordedStep
from rnngrad_widgets.explorer.sources import RecordingSource
from tests.unit.comparison.runs import decaying

pytest.importorskip("zarr")  # which needs Python 3.11

from rnngrad_widgets.recording import RecordingWriter

T = 8


def snapshot(step: int, factor: float, loss: float, samples: int = 2) -> GradientSnapshot:
    """Return a gradient that falls so, of a loss that reads the last output only."""
    total = replace(decaying([factor] * samples, T), layer="lstm", quantity="hidden_gradient")
    values = np.zeros(total.shape)
    values[:, -1] = 1
    direct = replace(total, values=values, quantity="output_gradient")
    tensors: dict[tuple[str, str], GradientTensor] = {
        (each.layer, each.quantity): replace(each, step=step, loss=loss) for each in (total, direct)
    }
    return GradientSnapshot(tensors, loss=loss, step=step)


class Run:
    """A recording that grows: at step s the factor is first + s / 1000, the loss 1 / (1 + s)."""

    def __init__(
        self,
        path: Path | str,
        every: int,
        store: str = "summary",
        first: float = 0.5,
        samples: int = 2,
    ) -> None:
        self.path = path
        self._writer = RecordingWriter(path, store=store)
        self._every = every
        self._first, self._samples = first, samples
        self._next = 0

    def go_on(self, count: int) -> Run:
        for _ in range(count):
            step = self._next
            factor = self._first + step / 1000
            self._writer.append(snapshot(step, factor, 1 / (1 + step), self._samples))
            self._next += self._every
        return self


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Run(tmp_path / "runs" / "a", 10).go_on(5)
    Run(tmp_path / "runs" / "b", 25, store="full").go_on(3)
    return tmp_path / "runs"


def steps_of(found: Comparison) -> list[list[int]]:
    by_run: dict[str, list[int]] = {}
    for each in found.snapshots:
        by_run.setdefault(each.timeline_id, []).append(each.step)
    return list(by_run.values())


def factors(found: Comparison) -> list[float]:
    return [row["decay"]["factor"] for row in found.table]


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def test_one_step_of_all_runs_is_compared(folder: Path) -> None:
    found = compare(folder)
    assert found.step == 50
    np.testing.assert_allclose(factors(found), [0.54, 0.55], rtol=1e-5)  # the last of each
    eventually(lambda: steps_of(found) == [[0, 10, 20, 30, 40], [0, 25, 50]])
    (a, b) = found.figures[-1].marks[0].timeline.timelines
    eventually(lambda: (a.status, b.status) == ("5 snapshots", "3 snapshots"))
    found.step = 20
    np.testing.assert_allclose(factors(found), [0.52, 0.5], rtol=1e-5)
    assert [row["loss"] for row in found.table] == [1 / 21, 1.0]
    assert "Of training steps a 20, b 0:" in found.children[0].value
    (a, b) = ([each.array[0, :, 0] for each in found.snapshots[i]] for i in (slice(5), slice(5, 8)))
    np.testing.assert_allclose(a[2], 0.52 ** np.arange(T), rtol=1e-5)
    np.testing.assert_allclose(b[1], 0.525 ** np.arange(T), rtol=1e-5)
    found.close()


def test_by_loss_the_step_is_that_of_the_base(tmp_path: Path) -> None:
    for name, every in {"a": 10, "b": 25}.items():
        Run(tmp_path / name, every).go_on(6)
    found = compare(tmp_path)
    eventually(lambda: [len(each) for each in steps_of(found)] == [6, 6])
    found.matched_by = "loss"
    for chosen, beside in ((50, 75), (75, 75), (0, 0), (75, 75)):
        found.step = chosen
        assert found.step == chosen
        assert [row["step"] for row in found.table] == [min(chosen, 50), beside]
    found.close()


def test_what_is_said_of_all_is_said_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = Reading(monkeypatch)  # nothing more comes
    said: list[Comparison] = []
    write = Comparison._steps_came
    monkeypatch.setattr(Comparison, "_steps_came", lambda own: [said.append(own), write(own)])
    found = compare(folder)
    assert len(said) == 1
    reading.may_go_on.release(100)
    found.close()


def test_a_recording_of_one_step_has_no_timeline(tmp_path: Path) -> None:
    for name in "ab":
        Run(tmp_path / name, 1).go_on(1)
    found = compare({name: tmp_path / name for name in "ab"})
    assert (found.snapshots, found.step) == ([], None)
    assert "Of training step" not in found.children[0].value


def test_recordings_that_go_on_are_followed(folder: Path) -> None:
    growing = Run(folder / "c", 10).go_on(1)
    found = compare(folder)
    found.follow()
    eventually(lambda: steps_of(found)[2:] == [[0]])
    growing.go_on(8)
    eventually(lambda: steps_of(found)[2:] == [[0, 10, 20, 30, 40, 50, 60, 70, 80]])
    eventually(lambda: found.step == 80)
    np.testing.assert_allclose(factors(found), [0.54, 0.55, 0.58], rtol=1e-5)
    # another recording in its place
    shutil.rmtree(folder / "c")
    Run(folder / "c", 7).go_on(2)
    eventually(lambda: steps_of(found)[2:] == [[0, 7]])
    found.close()


def test_the_latest_step_is_followed_again(folder: Path) -> None:
    growing = Run(folder / "c", 10).go_on(7)
    found = compare(folder)
    found.follow()
    timeline = found.figures[-1].marks[0].timeline
    for chosen in (20, 60):  # the latest one itself, chosen after another one, stays too
        found.step = chosen
        assert (found.step, timeline.follow) == (chosen, False)
    growing.go_on(1)
    eventually(lambda: steps_of(found)[2][-1] == 70)
    assert found.step == 60
    found.follow_latest()
    assert (found.step, timeline.follow) == (70, True)
    assert "Of training steps a 40, b 50, c 70:" in found.children[0].value
    growing.go_on(1)
    eventually(lambda: found.step == 80)
    found.close()
    with pytest.raises(RuntimeError, match="the widget must be open; it was closed"):
        found.follow_latest()


def test_what_cannot_be_read_is_said_and_the_rest_is_there(folder: Path) -> None:
    found = compare(folder)
    found.follow()
    shutil.rmtree(folder / "a")
    eventually(lambda: "there is no recording at" in found.children[0].value)
    assert len(steps_of(found)[1]) == 3
    found.close()


def test_another_recording_in_its_place_is_told_by_its_numbers_not_its_steps(
    folder: Path,
) -> None:
    found = compare(folder)
    found.follow()
    eventually(lambda: len(steps_of(found)[0]) == 5)
    shutil.rmtree(folder / "a")
    Run(folder / "a", 10, first=0.9).go_on(5)  # the same steps and losses
    eventually(lambda: round(factors(found)[0], 6) == 0.94)
    eventually(lambda: steps_of(found)[0] == [0, 10, 20, 30, 40])
    found.step = 10
    np.testing.assert_allclose(factors(found)[0], 0.91, rtol=1e-5)
    found.close()


def test_another_recording_that_cannot_be_compared_is_refused(folder: Path) -> None:
    found = compare(folder)
    found.follow()
    before = (found.findings, found.table, found.step)
    shutil.rmtree(folder / "a")
    Run(folder / "a", 10, samples=5).go_on(2)
    eventually(lambda: "of 5 samples in the place of 2" in found.children[0].value)
    assert (found.findings, found.table, found.step) == before
    shutil.rmtree(folder / "a")
    Run(folder / "a", 10, first=0.9).go_on(2)
    eventually(lambda: "in the place of" not in found.children[0].value)
    np.testing.assert_allclose(factors(found)[0], 0.91, rtol=1e-5)
    found.close()


def test_a_recording_of_another_layer_in_its_place_is_refused(folder: Path) -> None:
    found = compare(folder)
    found.follow()
    before = (found.findings, found.table, found.step)
    shutil.rmtree(folder / "a")
    tensors = {
        ("gru", word): replace(tensor, layer="gru")
        for (_, word), tensor in snapshot(0, 0.5, 1.0).items()
    }
    RecordingWriter(folder / "a").append(GradientSnapshot(tensors, loss=1.0, step=0))
    eventually(lambda: "holds [] of layer &#x27;lstm&#x27;" in found.children[0].value)
    assert (found.findings, found.table, found.step) == before
    found.close()


def test_what_is_there_again_is_no_trouble_any_more(folder: Path) -> None:
    found = compare(folder)
    found.follow()
    shutil.move(folder / "a", folder.parent / "elsewhere")
    eventually(lambda: "there is no recording at" in found.children[0].value)
    shutil.move(folder.parent / "elsewhere", folder / "a")
    eventually(lambda: "there is no recording at" not in found.children[0].value)
    found.close()


class Reading:
    """The reading of recordings behind, which waits at each step, and may fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, thread: str = "rnngrad reader") -> None:
        self.may_go_on = threading.Semaphore(0)
        self.waits = threading.Event()
        self.fails = False
        read = RecordingSource.read

        def slowly(source: RecordingSource, *arguments: Any) -> RecordedStep:
            if threading.current_thread().name == thread:
                self.waits.set()
                assert self.may_go_on.acquire(timeout=60)
                if self.fails:
                    raise OSError("the network is away")
            return read(source, *arguments)

        monkeypatch.setattr(RecordingSource, "read", slowly)


def test_a_page_waits_for_the_step_that_is_being_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = Reading(monkeypatch)
    found = compare(folder)
    assert reading.waits.wait(20)
    threading.Timer(0.2, reading.may_go_on.release, [100]).start()
    found.save_html(folder.parent / "page.html")
    assert [len(each) for each in steps_of(found)] == [5, 3]
    found.close()


def test_a_step_that_is_still_to_be_read_is_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = Reading(monkeypatch)
    found = compare(folder)
    assert reading.waits.wait(20)
    assert steps_of(found) == [[40], [50]]
    threading.Timer(0.2, reading.may_go_on.release, [100]).start()
    found.step = 20
    assert [row["step"] for row in found.table] == [20, 0]
    with pytest.raises(TraitError, match=r"step must be one of the 7 that are kept, 0 .. 50; "):
        found.step = 15
    with pytest.raises(TraitError, match="step must be an integer; received None"):
        found.step = None
    found.close()


def test_a_step_that_could_not_be_read_is_read_when_it_can_be(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = Reading(monkeypatch)
    reading.fails = True
    found = compare(folder)
    reading.may_go_on.release(6)  # those before the last of each
    eventually(lambda: "the network is away" in found.children[0].value)
    reading.fails = False
    reading.may_go_on.release(100)
    found.follow()
    eventually(lambda: [len(each) for each in steps_of(found)] == [5, 3])
    eventually(lambda: "the network is away" not in found.children[0].value)
    found.close()


def test_a_slow_store_keeps_no_choice_waiting(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    growing = Run(folder / "c", 10).go_on(3)
    found = compare(folder)
    eventually(lambda: [len(each) for each in steps_of(found)] == [5, 3, 3])
    reading = Reading(monkeypatch, thread="rnngrad follower")
    found.follow()
    growing.go_on(1)
    assert reading.waits.wait(20)
    handled = threading.Event()

    def choose() -> None:
        found.step = 20
        assert [row["step"] for row in found.table] == [20, 0, 20]
        handled.set()

    threading.Thread(target=choose).start()
    assert handled.wait(20), "the choice waits for the store"
    assert found.table[2]["step"] == 20
    assert steps_of(found)[2] == [0, 10, 20]
    reading.may_go_on.release(100)
    eventually(lambda: steps_of(found)[2] == [0, 10, 20, 30])
    found.close()


def test_following_needs_a_recording() -> None:
    with pytest.raises(ValueError, match=r"follow\(\) needs recordings; none of the sources"):
        compare({"a": decaying([0.5], 4)}).follow()


def test_long_runs_are_thinned_evenly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared_run, "MOST_TOGETHER", 8)
    for name in "ab":
        Run(tmp_path / name, 1).go_on(20)
    found = compare(tmp_path)
    eventually(lambda: [len(each) for each in steps_of(found)] == [4, 4])
    assert steps_of(found)[0] == [0, 7, 14, 19]
    found.close()


def test_runs_share_what_their_steps_may_take(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = 2 * 2 * T * 4  # a step: two samples in float32, here and in the browser
    monkeypatch.setattr(compared_run, "BUDGET", 2 * 10 * one)
    found = compare(folder)
    timelines = found.figures[-1].marks[0].timeline.timelines
    assert [each.capacity for each in timelines] == [10, 10]
    found.close()


def test_closing_ends_the_threads(folder: Path) -> None:
    def ours() -> list[str]:
        return [each.name for each in threading.enumerate() if each.name.startswith("rnngrad")]

    before = ours()
    found = compare(folder)
    found.follow()
    found.follow()  # as if once
    assert len(ours()) > len(before)
    found.close()
    assert ours() == before
