"""Several writers, threads and folders: nothing is mixed, nothing outside is touched."""

from __future__ import annotations

import fcntl
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from zarr.storage import FsspecStore

from rnngrad_widgets.recording import Recording, RecordingError, RecordingWriter, locks, store
from tests.unit.recording.runs import assert_same, check, record, snapshot, snapshot_of, tensor

if TYPE_CHECKING:
    from pathlib import Path

    from rnngrad_widgets.data.tensor import GradientSnapshot

ARRAY = "bi.output_gradient"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of someone else, with a file of a name that writers sweep up."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "c.0.partial").write_text("years of work")
    (folder / "zarr.json").write_text("{}")
    return folder


def untouched(outside: Path) -> bool:
    found = {file.name: file.read_text() for file in outside.iterdir()}
    return found == {"c.0.partial": "years of work", "zarr.json": "{}"}


def lead_out(run: Path, name: str, outside: Path) -> None:
    (run / name).rename(run.parent / f"old {name}")
    (run / name).symlink_to(outside)


@pytest.mark.parametrize("name", [ARRAY, "step", "loss", "mask"])
@pytest.mark.parametrize("mode", ["a", "w"])
def test_a_link_is_not_written_through(tmp_path: Path, outside: Path, mode: str, name: str) -> None:
    record(tmp_path / "run")
    lead_out(tmp_path / "run", name, outside)

    def go_on() -> None:
        RecordingWriter(tmp_path / "run", mode).append(snapshot(30))

    with pytest.raises(RecordingError, match=r"must be a plain (file or )?folder; it is a link"):
        go_on()
    assert untouched(outside)


def test_a_link_that_comes_later_is_not_written_through(tmp_path: Path, outside: Path) -> None:
    writer = RecordingWriter(tmp_path / "run")
    writer.append(snapshot(0))
    lead_out(tmp_path / "run", ARRAY, outside)
    with pytest.raises(RecordingError, match=f"{ARRAY} in .* must be a plain folder"):
        writer.append(snapshot(10))
    with pytest.raises(RecordingError, match=f"{ARRAY} in .* must be a plain folder"):
        writer.close()
    assert untouched(outside)


def test_the_folder_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path)
    writer = RecordingWriter("run")
    writer.append(snapshot(0))
    recording = Recording("run")
    monkeypatch.chdir(elsewhere)
    writer.append(snapshot(10))
    writer.close()
    assert recording.refresh()
    assert recording.path == writer.path == str(tmp_path / "run")
    assert check(tmp_path / "run").steps.tolist() == [0, 10]
    assert not list(elsewhere.iterdir())


def test_closing_does_not_bring_a_removed_recording_back(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "run")
    writer.append(snapshot(0))
    (tmp_path / "run").rename(tmp_path / "moved")
    writer.close()
    assert not (tmp_path / "run").exists()
    other = RecordingWriter(tmp_path / "run")
    other.append(snapshot_of(tensor("gru"), step=3))
    before = sorted(path.name for path in (tmp_path / "run").iterdir())
    writer.close()
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == before


def marked(step: int, writer: int) -> GradientSnapshot:
    """A snapshot whose every value says which writer it is of."""
    values = np.full((3, 200, 50), writer, np.float32)
    one, two = (tensor(name, shape=values.shape) for name in "ab")
    for each in (one, two):
        object.__setattr__(each, "values", values)
    return snapshot_of(one, two, step=step, loss=float(writer))


@pytest.mark.parametrize("place", ["folder", "memory"])
def test_two_writers_are_not_mixed(tmp_path: Path, place: str) -> None:
    for attempt in range(12):
        path = tmp_path / str(attempt) if place == "folder" else f"memory://two-{attempt}"
        RecordingWriter(path).append(marked(0, 9))
        writers = [RecordingWriter(path, "a") for _ in range(2)]
        start = threading.Barrier(2)
        refused: list[str] = []

        def go_on(
            number: int,
            writers: list[RecordingWriter] = writers,
            start: threading.Barrier = start,
            refused: list[str] = refused,
        ) -> list[int]:
            taken = []
            start.wait()
            for step in range(1, 6):
                try:
                    writers[number].append(marked(step, number))
                except RecordingError as error:
                    refused.append(str(error))
                    break
                taken.append(step)
            return taken

        with ThreadPoolExecutor(2) as pool:
            taken = list(pool.map(go_on, range(2)))
        (told,) = refused
        assert "was changed or removed by someone else" in told
        recording = Recording(path)
        assert recording.steps.tolist() == [0, 1, 2, 3, 4, 5]
        assert sorted(len(steps) for steps in taken) == [0, 5]
        for index in range(1, 6):
            found = recording.snapshot(index)
            for each in found.values():
                np.testing.assert_array_equal(each.values, found.loss)


def test_another_process_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = RecordingWriter(tmp_path / "run")
    writer.append(snapshot(0))
    other = os.open(tmp_path / "run", os.O_RDONLY)  # a lock is the handle's, not the process's
    fcntl.flock(other, fcntl.LOCK_EX)
    threading.Timer(0.3, os.close, [other]).start()
    writer.append(snapshot(10))

    monkeypatch.setattr(locks, "PATIENCE", 0.1)
    other = os.open(tmp_path / "run", os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(BlockingIOError, match=r"one writer at a time; .* Record to another path"):
        writer.append(snapshot(20))
    os.close(other)
    writer.append(snapshot(20))
    assert check(tmp_path / "run").steps.tolist() == [0, 10, 20]


def test_threads_with_one_writer(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "run")
    with ThreadPoolExecutor(4) as pool:
        unnumbered = [snapshot_of(tensor(seed=seed), step=None) for seed in range(20)]
        list(pool.map(writer.append, unnumbered))
    recording = Recording(tmp_path / "run")
    assert recording.steps.tolist() == list(range(20))
    firsts = [
        float(recording.snapshot(i)["lstm", "output_gradient"].values[0, 0, 0]) for i in range(20)
    ]
    assert len(set(firsts)) == 20


class Flaky:
    """What a store does, but for its first answers after `fail`."""

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.asked = 0

    def answer(self) -> None:
        self.asked += 1
        if self.failures:
            raise self.failures.pop()


@pytest.fixture
def flaky(monkeypatch: pytest.MonkeyPatch) -> Flaky:
    network = Flaky()
    for name in ("set", "get", "getsize"):
        real = getattr(FsspecStore, name)

        async def asked(self: FsspecStore, *args: object, real: object = real) -> object:
            network.answer()
            return await real(self, *args)

        monkeypatch.setattr(FsspecStore, name, asked)
    monkeypatch.setattr(store, "PAUSES", (0, 0, 0))
    return network


class ServerError(Exception):
    """503, as clients of object stores raise it."""


def test_a_network_is_asked_again(flaky: Flaky) -> None:
    writer = RecordingWriter("memory://flaky")
    for step, errors in enumerate(
        ([], [TimeoutError()], [ConnectionResetError(), ServerError("503")])
    ):
        flaky.failures = list(errors)
        writer.append(snapshot(step))
    flaky.failures = [OSError("reset")] * 3
    recording = Recording("memory://flaky")
    assert recording.steps.tolist() == [0, 1, 2]
    flaky.failures = [TimeoutError()]
    assert_same(recording.snapshot(2), snapshot(2))

    flaky.failures = [ServerError("503")] * 9
    with pytest.raises(OSError, match="memory://flaky cannot be read: 503"):
        recording.refresh()
    assert len(flaky.failures) == 5  # one attempt, and three more
    flaky.failures = [PermissionError(13, "no")] * 9
    with pytest.raises(PermissionError, match=r"memory://flaky cannot be read: .*no"):
        recording.refresh()
    assert len(flaky.failures) == 8
