"""examples/sweep: trials of Ray Tune record, one of them is killed, and a notebook follows."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import nbformat
import psutil
import pytest
from nbclient import NotebookClient

SWEEP = Path(__file__).parents[1] / "examples" / "sweep"
CELLS = ["LSTM", "SimpleRNN"]
SECONDS = 240

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


def process_of(trial, sweep):
    """Return the process in which a trial of a sweep runs; None before it does."""
    for each in psutil.Process(sweep.pid).children(recursive=True):
        with suppress(psutil.Error):
            if trial in each.cwd():  # Ray gives each trial a folder to work in
                return each
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


def test_trials_record_one_is_killed_and_a_notebook_follows(tmp_path):
    pytest.importorskip("zarr", reason="there is none for Python 3.10")
    from rnngrad_widgets import Recording  # noqa: PLC0415 - which needs it

    def recordings():
        found = {}
        for path in tmp_path.glob("runs/*/"):
            with suppress(FileNotFoundError):  # a folder comes before what is in it
                found[path] = Recording.open(path)
        return {path: recording for path, recording in found.items() if len(recording)}

    end = time.monotonic() + SECONDS

    def running():
        assert sweep.poll() is None, Path(log.name).read_text()
        assert time.monotonic() < end
        time.sleep(0.1)

    command = ["sweep.py", str(tmp_path / "runs"), "--cells", *CELLS, "--seeds", "1"]
    command += ["--epochs", "30", "--results", str(tmp_path / "ray")]
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "CUDA_VISIBLE_DEVICES": ""}
    with (tmp_path / "log.txt").open("w+") as log:
        sweep = subprocess.Popen(
            [sys.executable, *command], cwd=SWEEP, stdout=log, stderr=log, env=environment
        )
        try:
            killed = None
            while killed is None:
                running()
                for path, recording in recordings().items():
                    killed = process_of(path.name.rpartition("-")[2], sweep)
                    if len(recording) > 1 and killed is not None:
                        killed.send_signal(signal.SIGKILL)
                        break
                    killed = None
            while len(recordings()) < 2:
                running()
            follow(str(tmp_path / "runs"))  # while the other one trains
            sweep.wait(timeout=SECONDS)
        finally:
            sweep.kill()
        said = Path(log.name).read_text()
    assert sweep.returncode == 0, said
    assert sum(f"{cell} 0 failed" in said for cell in CELLS) == 1, said
    # one has all of its steps, and of the other each that was recorded is whole
    ends = sorted(recording.steps[-1] for recording in recordings().values())
    assert ends[0] < ends[1] == 30 * 32
    for recording in recordings().values():
        for place in range(len(recording)):
            recording.snapshot(place)
