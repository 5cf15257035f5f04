"""examples/sweep: trials of Ray Tune record, one of them is killed, and a notebook follows."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import nbformat
import psutil
import pytest
from nbclient import NotebookClient

pytest.importorskip("zarr", reason="there is none for Python 3.10")
from rnngrad_widgets import Recording

SWEEP = Path(__file__).parents[1] / "examples" / "sweep"
CELLS = ["LSTM", "SimpleRNN"]
EPOCHS = 30
SECONDS = 240
SLOW = "timed out during startup"
"""What Ray says where a busy machine does not start it within 30 seconds."""

# Of the variables of the notebook, when it has run.
CLAIMS = """
import sys

assert len(trials.findings) and set(kinds.claims) == {CELLS[1]}
assert [row["name"] for row in kinds.table] == CELLS
assert all(len(explorer.snapshots) for explorer in explorers)
explorers[0].sample = 3
assert explorers[1].sample == 3
assert not {"ray", "tensorflow", "keras"} & set(sys.modules)
"""


class Sweep:
    """A sweep that runs: two trials, each in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log.txt"
        self.end = time.monotonic() + SECONDS
        self.process = self._start()
        while not self.recordings() and self._is_running():
            self._wait()
        if not self._is_running() and SLOW in self.log.read_text():
            self.process = self._start()

    def _start(self):
        command = ["sweep.py", str(self.folder / "runs"), "--cells", *CELLS, "--seeds", "1"]
        command += ["--epochs", str(EPOCHS), "--results", str(self.folder / "ray")]
        environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "CUDA_VISIBLE_DEVICES": ""}
        with self.log.open("w") as log:
            return subprocess.Popen(
                [sys.executable, *command], cwd=SWEEP, stdout=log, stderr=log, env=environment
            )

    def _is_running(self):
        return self.process.poll() is None

    def _wait(self):
        assert time.monotonic() < self.end, self.log.read_text()
        time.sleep(0.1)

    def recordings(self):
        """Return the recordings that have a step, by folder."""
        found = {}
        for path in self.folder.glob("runs/*/"):
            with suppress(FileNotFoundError):  # a folder comes before what is in it
                found[path] = Recording.open(path)
        return {path: recording for path, recording in found.items() if len(recording)}

    def wait_for(self, what):
        """Wait until something is there, and return it."""
        while not (found := what()):
            assert self._is_running(), self.log.read_text()
            self._wait()
        return found

    def process_that_records(self):
        """Return the process of a trial that has recorded two steps; None where none has yet."""
        recorded = [path.name for path, each in self.recordings().items() if len(each) > 1]
        for process in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                folder = process.cwd()  # Ray gives each trial a folder of its own to work in
                if any(name.rpartition("-")[2] in folder for name in recorded):
                    return process
        return None


def follow(url):
    """Run the notebook on what is there."""
    notebook = nbformat.read(SWEEP / "follow.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "commit it without outputs"
    settings = notebook.cells[1]
    assert settings.source.startswith('URL = "runs"\nCELLS = [')
    settings.source = f"URL = {url!r}\nCELLS = {CELLS!r}"
    notebook.cells.append(nbformat.v4.new_code_cell(CLAIMS))
    NotebookClient(notebook, timeout=SECONDS, kernel_name="python3").execute()


@pytest.mark.long
def test_trials_record_one_is_killed_and_a_notebook_follows(tmp_path):
    sweep = Sweep(tmp_path)
    try:
        sweep.wait_for(sweep.process_that_records).kill()
        sweep.wait_for(lambda: len(sweep.recordings()) == 2)
        follow(str(tmp_path / "runs"))  # while the other one trains
        sweep.process.wait(timeout=SECONDS)
    finally:
        sweep.process.kill()
    said = sweep.log.read_text()
    assert sweep.process.returncode == 0, said
    assert sum(f"{cell} 0 failed" in said for cell in CELLS) == 1, said
    # one has all of its steps, and of the other each that was recorded is whole
    recordings = sweep.recordings().values()
    ends = sorted(recording.steps[-1] for recording in recordings)
    assert ends[0] < ends[1] == EPOCHS * 32
    for recording in recordings:
        for place in range(len(recording)):
            recording.snapshot(place)
