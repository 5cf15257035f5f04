"""Writers that are killed at random moments, in processes of their own.

``python -m tests.unit.recording.kills STORE BYTES`` forks, for every path on its standard input, a
process that continues the recording there until it is killed; it says its process id and then,
after every step, how many are in. Chunks of several steps have so many bytes.
"""

from __future__ import annotations

import importlib
import os
import random
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING
from unittest import mock

from rnngrad_widgets.recording import Recording, RecordingWriter, layout
from tests.unit.recording.runs import assert_same, check, recorded, snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
LONGEST = 0.15
"""Seconds after which a process is killed at the latest; a step takes 0.01."""


CHUNK = 1000
"""Bytes in a chunk of several steps, so that writers are killed where one ends too: 4 of the norms,
and a step of the numbers."""


@contextmanager
def nursery(store: str) -> Iterator[subprocess.Popen[str]]:
    """A process that forks writers: importing numpy and zarr once saves a second a kill."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.recording.kills", store, str(layout.SERIES_CHUNK)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        pipe(process.stdin).close()
        process.wait()
        pipe(process.stdout).close()


def kill_once(
    nursery: subprocess.Popen[str], path: Path, delay: float, *, begun: bool
) -> Recording | None:
    """Let a recording be written, followed and killed; fail if a step is not whole.

    `begun`: the delay counts from its first step, not from its start.
    """
    stdin, stdout = pipe(nursery.stdin), pipe(nursery.stdout)
    print(path, file=stdin, flush=True)
    child = int(stdout.readline())
    said = int(stdout.readline()) if begun else 0
    try:
        follow(path, delay)
    finally:
        os.kill(child, 9)
    while (line := stdout.readline()).strip().isdigit():
        said = int(line)
    assert line == "ended -9\n", f"an error, not the kill, ended it: {line!r}"
    if not (path / "zarr.json").exists():
        assert said == 0
        return None
    recording = check(path)
    assert len(recording) >= said
    assert recording.steps.tolist() == list(range(len(recording)))
    return recording


def follow(path: Path, seconds: float) -> None:
    """Read a recording as another process writes it; fail if a step is not whole."""
    end = time.monotonic() + seconds
    recording: Recording | None = None
    while time.monotonic() < end:
        if recording is None and (path / "zarr.json").exists():
            recording = Recording(path)
        if recording is not None and recording.refresh() and len(recording):
            newest = recording.snapshot(-1)
            assert_same(newest, recorded(len(recording) - 1, recording.store))
        time.sleep(0.002)


def kill(folder: Path, kills: int, seed: int = 0, store: str = "full") -> list[Recording | None]:
    """Kill that many writers, every third of a new recording, the others of a continued one."""
    chance = random.Random(seed)
    small = mock.patch.object(layout, "SERIES_CHUNK", CHUNK)
    with small, nursery(store) as process:
        return [
            kill_once(
                process,
                folder / str(count // 3),
                chance.uniform(0, LONGEST),
                begun=count % 3 > 0,
            )
            for count in range(kills)
        ]


def pipe(of: IO[str] | None) -> IO[str]:
    assert of is not None
    return of


def main() -> None:
    importlib.import_module("zarr.storage")  # else every child would
    store, chunk = sys.argv[1:]
    layout.SERIES_CHUNK = int(chunk)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            write_for_ever(line.strip(), store)
        _, status = os.waitpid(child, 0)
        print("ended", os.waitstatus_to_exitcode(status), flush=True)


def write_for_ever(path: str, store: str) -> None:
    say(os.getpid())
    writer = RecordingWriter(path, "a", store=store)
    while True:
        writer.append(snapshot(len(writer)))
        say(len(writer))


def say(number: int) -> None:
    """Write a line in one go: `print` may write its end apart, and be killed between."""
    os.write(1, f"{number}\n".encode())


if __name__ == "__main__":
    main()
