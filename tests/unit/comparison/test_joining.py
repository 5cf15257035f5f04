"""Recordings that come where others were found: they join a comparison that follows."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rnngrad_widgets import Comparison, compare
from rnngrad_widgets.data.tensor import GradientSnapshot
from rnngrad_widgets.explorer import compared_recordings, compared_run
from tests.unit.comparison.runs import decaying

pytest.importorskip("zarr")  # which needs Python 3.11

from rnngrad_widgets.recording import Recording, RecordingWriter
from rnngrad_widgets.recording.folders import names_of
from tests.unit.comparison.test_compared_recordings import Run, eventually, snapshot, steps_of


@pytest.fixture(autouse=True)
def _listed_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared_recordings, "LISTED_EVERY", 0.0)


def runs_of(found: Comparison) -> list[tuple[str, int]]:
    return [(row["name"], row["repeat"]) for row in found.table]


def names_of_lines(found: Comparison) -> tuple[list[str], list[int]]:
    """Return what the browser draws: names, whose places are their colours, and those of rows."""
    lines = found.figures[0].marks[1]
    assert len(lines.stack.runs) == len(lines.groups)
    table = found.children[3]
    assert (table.names, table.groups) == (lines.names, lines.groups)
    return lines.names, lines.groups


@pytest.mark.parametrize("how", ["pattern", "folder", "url"])
def test_what_comes_joins(tmp_path: Path, how: str) -> None:
    where: Any = "memory://what-comes-joins" if how == "url" else tmp_path / "runs"
    for name, first in {"b": 0.5, "c": 0.6}.items():
        Run(f"{where}/{name}" if how == "url" else where / name, 10, first=first).go_on(3)
    found = compare(f"{where}/*" if how == "pattern" else where)
    before = found.figures
    found.follow()
    growing = Run(f"{where}/a" if how == "url" else where / "a", 10, first=0.7).go_on(2)
    eventually(lambda: steps_of(found)[2:] == [[0, 10]])
    # beside those that were there, whose places and colours stay
    assert names_of_lines(found) == (["b", "c", "a"], [0, 1, 2])
    assert found.figures == before
    assert found.base == "b"
    eventually(lambda: "a against b" in found.children[0].value)
    assert [row["step"] for row in found.table] == [20, 20, 10]
    growing.go_on(3)
    eventually(lambda: steps_of(found)[2:] == [[0, 10, 20, 30, 40]])
    eventually(lambda: found.table[2]["step"] == 40)
    assert round(found.table[2]["decay"]["factor"], 6) == 0.74
    shared = found.figures[-1].marks[0].timeline
    assert (shared.names, shared.groups, shared.base) == (["b", "c", "a"], [0, 1, 2], 0)
    found.close()


def test_without_following_nothing_joins(tmp_path: Path) -> None:
    Run(tmp_path / "a", 10).go_on(2)
    found = compare(tmp_path)
    Run(tmp_path / "b", 10).go_on(2)
    assert runs_of(found) == [("a", 0)]
    found.close()


def test_a_second_one_makes_a_comparison_of_the_first(tmp_path: Path) -> None:
    Run(tmp_path / "a", 10).go_on(1)
    found = compare(tmp_path)
    assert (found.claims, len(found.figures)) == ({}, 1)
    assert "a second experiment is needed" in found.children[0].value
    found.follow()
    Run(tmp_path / "b", 10, first=0.9).go_on(1)
    eventually(lambda: "b against a" in found.children[0].value)
    assert "a second experiment" not in found.children[0].value
    # lines, ratios, losses and reaches
    eventually(lambda: len(found.figures) == 4)
    assert found.figures[1].marks[1].names == ["a", "b"]
    found.close()


def test_a_chosen_step_stays(tmp_path: Path) -> None:
    Run(tmp_path / "a", 10).go_on(4)
    found = compare(tmp_path)
    found.follow()
    eventually(lambda: len(steps_of(found)[0]) == 4)
    found.step = 10
    Run(tmp_path / "b", 10).go_on(6)
    eventually(lambda: [row["step"] for row in found.table] == [10, 10])
    assert found.step == 10
    found.close()


def test_what_cannot_be_compared_is_named_and_joins_when_it_can(tmp_path: Path) -> None:
    Run(tmp_path / "a", 10).go_on(2)
    Run(tmp_path / "b", 10).go_on(2)
    (tmp_path / "c").mkdir()
    found = compare(tmp_path)
    assert "c is not compared: it holds no recording" in found.findings
    found.follow()
    Run(tmp_path / "other samples", 10, samples=3).go_on(1)
    eventually(lambda: "other samples is not compared: all must be" in found.children[0].value)
    assert "'a' has 2 samples, 'other samples' has 3" in " ".join(found.findings)
    broken = tmp_path / "broken"
    shutil.copytree(tmp_path / "a", broken)
    (broken / "zarr.json").write_text("{")
    eventually(lambda: "broken is not compared: " in found.children[0].value)
    assert runs_of(found) == [("a", 0), ("b", 0)]
    assert len(names_of_lines(found)[0]) == 2
    (tmp_path / "c").rmdir()
    Run(tmp_path / "c", 10).go_on(2)
    shutil.copy(tmp_path / "a" / "zarr.json", broken / "zarr.json")
    eventually(lambda: [name for name, _ in runs_of(found)[2:]] == ["broken", "c"])
    assert [line.partition(" is not")[0] for line in found.findings[3:]] == ["other samples"]
    found.close()


def test_of_another_batch_it_is_named(tmp_path: Path) -> None:
    for name in "ab":
        RecordingWriter(tmp_path / name, info={"batch": "1"}).append(snapshot(0, 0.5, 1.0))
    found = compare(tmp_path)
    found.follow()
    RecordingWriter(tmp_path / "c", info={"batch": "2"}).append(snapshot(0, 0.5, 1.0))
    words = "c is not compared: all must be of one batch; that of 'c' is another than that of 'a'"
    eventually(lambda: any(line.startswith(words) for line in found.findings))
    found.close()


def test_of_another_layer_the_table_says_so(tmp_path: Path) -> None:
    Run(tmp_path / "a", 10).go_on(2)
    found = compare(tmp_path)
    found.follow()
    own = {
        ("gru", word): replace(tensor, layer="gru")
        for (_, word), tensor in snapshot(0, 0.7, 1.0).items()
    }
    RecordingWriter(tmp_path / "b").append(GradientSnapshot(own, loss=1.0, step=0))
    eventually(lambda: "layer" in found.children[3].header)
    told = [each.told["rows"][0] for each in found.snapshots]
    assert {len(row) for row in told} == {len(found.children[3].header) - 1}
    found.close()


def test_twelve_are_on_a_page(tmp_path: Path) -> None:
    for place in range(12):
        Run(tmp_path / f"run-{place}", 10).go_on(1)
    found = compare(tmp_path)
    pages = found.children[1]
    assert pages.layout.display == "none"
    found.follow()
    Run(tmp_path / "run-12", 10).go_on(1)
    eventually(lambda: pages.layout.display is None)
    label, pager = pages.children
    assert label.value == "12 of 13 experiments at a time, and the base:"
    assert (pager.children[0].max, pager.children[1].value) == (2, "of 2")
    found.close()


def test_all_share_what_their_steps_may_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compared_run, "MOST_TOGETHER", 12)
    for name in ("runs/a", "runs/b", "c"):
        Run(tmp_path / name, 10).go_on(9)
    found = compare(tmp_path / "runs")
    eventually(lambda: [len(each) for each in steps_of(found)] == [5, 5])
    found.follow()
    shutil.move(tmp_path / "c", tmp_path / "runs" / "c")
    eventually(lambda: [len(each) for each in steps_of(found)] == [3, 3, 4])
    found.close()


@pytest.fixture
def repeats(tmp_path: Path) -> dict[str, str]:
    """Three seeds of two conditions."""
    for name, first in {"a": 0.5, "b": 0.8}.items():
        for seed in (1, 2, 4):
            record(tmp_path / name / f"seed-{seed}", first + seed / 100)
    return {name: f"{tmp_path}/{name}/*" for name in "ab"}


def record(path: Path, factor: float) -> None:
    Run(path, 10, first=factor).go_on(1)


def slopes(found: Comparison) -> list[float]:
    return [round(row["decay"]["factor"], 2) for row in found.table]


def test_repeats_join_at_the_end(repeats: dict[str, str], tmp_path: Path) -> None:
    found = compare(repeats)
    assert found.claims == {"b": "further"}
    found.follow()
    record(tmp_path / "a" / "seed-10", 0.6)
    record(tmp_path / "b" / "seed-10", 0.9)
    eventually(lambda: len(found.table) == 8)
    assert runs_of(found) == [(name, repeat) for name in "ab" for repeat in range(4)]
    assert slopes(found) == [0.51, 0.52, 0.54, 0.6, 0.81, 0.82, 0.84, 0.9]
    assert found.claims == {"b": "further"}
    names, groups = names_of_lines(found)
    assert (names, sorted(groups)) == (["a", "b"], [0] * 4 + [1] * 4)
    found.close()


def test_a_repeat_that_comes_between_others_waits_for_its_like(
    repeats: dict[str, str], tmp_path: Path
) -> None:
    found = compare(repeats)
    found.follow()
    record(tmp_path / "a" / "seed-3", 0.53)  # its place is that of b's seed 4
    eventually(lambda: "it came between repeats" in found.children[0].value)
    assert len(found.table) == 6
    record(tmp_path / "b" / "seed-3", 0.83)
    eventually(lambda: len(found.table) == 8)
    assert slopes(found) == [0.51, 0.52, 0.54, 0.53, 0.81, 0.82, 0.84, 0.83]
    eventually(lambda: "it came between repeats" not in found.children[0].value)
    found.close()


def test_a_pair_of_which_one_is_broken_joins_when_it_is_sound(
    repeats: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "a" / "seed-5").mkdir()
    record(tmp_path / "b" / "seed-5", 0.85)
    found = compare(repeats)
    assert len(found.table) == 6
    found.follow()
    (tmp_path / "a" / "seed-5").rmdir()
    record(tmp_path / "a" / "seed-5", 0.55)
    eventually(lambda: len(found.table) == 8)
    assert found.claims == {"b": "further"}
    assert found.findings[1:] == ()
    found.close()


def test_a_second_repeat_gives_the_first_a_number(tmp_path: Path) -> None:
    record(tmp_path / "a" / "seed-1", 0.5)
    found = compare({"a": f"{tmp_path}/a/*", "x": decaying([0.5, 0.5], 8)})
    assert "repeat" not in found.children[3].header
    found.follow()
    record(tmp_path / "a" / "seed-2", 0.6)
    eventually(lambda: "repeat" in found.children[3].header)
    shared = found.figures[-1].marks[0].timeline
    eventually(lambda: shared.names == ["a, repeat 0", "a, repeat 1"])
    assert names_of_lines(found) == (["a", "x"], [0, 1, 0])
    found.close()


def test_a_list_that_cannot_be_read_is_said_until_it_can(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    url = f"memory://{request.node.name}"
    Run(f"{url}/a", 10).go_on(2)
    found = compare(url)
    found.follow()
    with monkeypatch.context() as patched:

        def refuse(*_args: object, **_options: object) -> None:
            raise PermissionError(13, "Access Denied")

        patched.setattr("fsspec.implementations.memory.MemoryFileSystem.ls", refuse)
        eventually(lambda: "cannot be read: Access Denied" in found.children[0].value)
    Run(f"{url}/b", 10).go_on(1)
    eventually(lambda: len(found.table) == 2)
    eventually(lambda: "Access Denied" not in found.children[0].value)
    found.close()


def test_sound_ones_are_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Run(tmp_path / "a", 10).go_on(2)
    found = compare(tmp_path)
    opened: list[str] = []
    init = Recording.__init__

    def note(recording: Recording, path: str, **options: Any) -> None:
        opened.append(Path(path).name)
        init(recording, path, **options)

    monkeypatch.setattr(Recording, "__init__", note)
    found.follow()
    Run(tmp_path / "b", 10).go_on(1)
    eventually(lambda: len(found.table) == 2)
    Run(tmp_path / "c", 10).go_on(1)
    eventually(lambda: len(found.table) == 3)
    assert opened == ["b", "c"]
    found.close()


def test_closing_ends_it(tmp_path: Path) -> None:
    Run(tmp_path / "a", 10).go_on(2)
    before = set(threading.enumerate())
    found = compare(tmp_path)
    found.follow()
    Run(tmp_path / "b", 10).go_on(2)
    eventually(lambda: len(found.table) == 2)
    found.close()
    assert not [each for each in set(threading.enumerate()) - before if "rnngrad" in each.name]


def test_names_stay_and_are_their_own() -> None:
    assert names_of(["/r/a/g", "/r/b/g"], {"/r/a/g": "g"}) == ["g", "b"]
    named = {"/r/a/g": "a", "/r/b/g": "b"}
    assert names_of(["/r/a/g", "/r/b/g", "/r/b/h"], named) == ["a", "b", "b/h"]
    assert names_of(["/r/a", "/s/a"], {"/r/a": "a"}) == ["a", "s"]
    assert names_of(["/q/r/a"], {"/r/a": "a", "/q/a": "r/a"}) == ["q/r/a"]
