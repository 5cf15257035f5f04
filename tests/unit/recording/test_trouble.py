"""The disk is full, may not be written, is gone; the process is interrupted."""

from __future__ import annotations

import asyncio
import errno
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest
from zarr.storage import LocalStore

from rnngrad_widgets.recording import Recording, RecordingError, RecordingWriter
from tests.unit.recording.runs import check, record, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Disk:
    """Where zarr writes; fails at the `fails_in`-th write from now."""

    def __init__(self) -> None:
        self.fails_in = 0
        self.number = errno.ENOSPC
        self.writes = 0

    def write(self) -> None:
        self.writes += 1
        self.fails_in -= 1
        if self.fails_in == 0:
            raise OSError(self.number, "the words of the system", "/a/path/of/zarr's")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk, write = Disk(), LocalStore.set

    async def set_(store: LocalStore, key: str, value: object) -> None:
        disk.write()
        await write(store, key, value)

    monkeypatch.setattr(LocalStore, "set", set_)
    return disk


FULL = r"cannot be written: the words of the system"


def test_a_failure_while_it_begins(tmp_path: Path, disk: Disk) -> None:
    RecordingWriter(tmp_path / "run").append(snapshot(0))
    for place in range(1, disk.writes + 1):
        path = tmp_path / f"run{place}"
        writer = RecordingWriter(path)
        disk.fails_in = place
        with pytest.raises(OSError, match=FULL):
            writer.append(snapshot(0))
        assert not (path / "zarr.json").exists() or len(Recording(path)) == 0
        if place % 2:
            writer = RecordingWriter(path, "a")  # as after a restart
        writer.append(snapshot(0))
        assert len(check(path)) == 1


def test_a_failure_at_a_later_step(tmp_path: Path, disk: Disk) -> None:
    writer = RecordingWriter(tmp_path / "run")
    writer.append(snapshot(0))
    before = disk.writes
    writer.append(snapshot(1))
    for place in range(1, disk.writes - before + 1):
        step = len(writer)
        disk.fails_in = place
        with pytest.raises(OSError, match=FULL) as raised:
            writer.append(snapshot(step + 1000))
        assert raised.value.errno == errno.ENOSPC
        assert len(check(tmp_path / "run")) == step
        writer.append(snapshot(step))
        assert len(check(tmp_path / "run")) == step + 1


def test_no_write_of_a_failed_attempt_comes_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, write = RecordingWriter(tmp_path / "run"), LocalStore.set
    writer.append(snapshot(0))

    async def set_(store: LocalStore, key: str, value: object) -> None:
        if key.startswith("last."):
            raise OSError(errno.ENOSPC, "the words of the system")
        await asyncio.sleep(0.1)
        await write(store, key, value)

    monkeypatch.setattr(LocalStore, "set", set_)
    with pytest.raises(OSError, match=FULL):
        writer.append(snapshot(1001))
    monkeypatch.setattr(LocalStore, "set", write)
    writer.append(snapshot(1))
    time.sleep(0.2)
    assert len(check(tmp_path / "run")) == 2


def test_no_permission(tmp_path: Path, disk: Disk) -> None:
    writer = RecordingWriter(tmp_path / "run")
    disk.fails_in, disk.number = 1, errno.EACCES
    with pytest.raises(PermissionError, match=r"run cannot be written: the words of the system"):
        writer.append(snapshot(0))


def test_an_object_store_has_errors_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class ClientError(Exception):
        """As botocore's: not an OSError."""

    async def get(*_: object) -> None:
        raise ClientError("InvalidAccessKeyId")

    record(tmp_path / "run")
    monkeypatch.setattr(LocalStore, "get", get)
    with pytest.raises(OSError, match="run cannot be read: InvalidAccessKeyId"):
        Recording(tmp_path / "run")


def test_a_commit_whose_answer_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = RecordingWriter(tmp_path / "run")
    writer.append(snapshot(0))
    write = LocalStore.set

    async def set_(store: LocalStore, key: str, value: object) -> None:
        await write(store, key, value)
        if key == "zarr.json":
            raise TimeoutError("no answer")

    monkeypatch.setattr(LocalStore, "set", set_)
    with pytest.raises(OSError, match="no answer"):
        writer.append(snapshot(1))
    monkeypatch.setattr(LocalStore, "set", write)
    writer.append(snapshot(2))
    assert check(tmp_path / "run").steps.tolist() == [0, 1, 2]


def test_a_recording_that_is_taken_away(tmp_path: Path) -> None:
    record(tmp_path / "run")
    recording, writer = Recording(tmp_path / "run"), RecordingWriter(tmp_path / "run", "a")
    (tmp_path / "run").rename(tmp_path / "moved")
    with pytest.raises(FileNotFoundError, match=r"there is no recording at .* any more"):
        recording.refresh()
    with pytest.raises(RecordingError, match="was changed or removed by someone else"):
        writer.append(snapshot(30))
    assert not (tmp_path / "run").exists()


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Python's own way with SIGINT, which a shell may have switched off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_does_not_tear_a_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = RecordingWriter(tmp_path / "run")
    writer.append(snapshot(0))
    go_on, write = threading.Event(), LocalStore.set

    async def set_(store: LocalStore, key: str, value: object) -> None:
        if not go_on.is_set():
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            await asyncio.to_thread(go_on.wait, 10)
        await write(store, key, value)

    monkeypatch.setattr(LocalStore, "set", set_)
    with pytest.raises(KeyboardInterrupt):
        writer.append(snapshot(1))
    go_on.set()
    writer.append(snapshot(2))
    assert check(tmp_path / "run").steps.tolist() == [0, 1, 2]
