"""The explorer of a recording: all steps, each quantity, new steps, and trouble while following."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import rnngrad_widgets.explorer.follower as follower_module
from rnngrad_widgets import GradientExplorer, GradientTensor, diagnose
from rnngrad_widgets.data.tensor import SEQUENCE
from rnngrad_widgets.explorer.run_status import RunStatus
from rnngrad_widgets.explorer.sources import RecordingSource
from rnngrad_widgets.recording import Recording, RecordingWriter
from tests.unit.recording import runs
from tests.unit.recording.runs import record, snapshot, snapshot_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("open_widgets")
SCRIPT = """
import sys
from rnngrad_widgets import GradientExplorer
e = GradientExplorer.from_recording(sys.argv[1], follow=True)
e.step = 10
print(len(e.snapshots), e.layer, e.quantity, e.step)
e.close()
print(*{"tensorflow", "keras", "tf_keras"} & set(sys.modules))
"""


def steps(explorer: GradientExplorer) -> list[int]:
    return [snapshot.step for snapshot in explorer.snapshots]


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def followers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "rnngrad follower"]


def test_tensorflow_is_not_needed(tmp_path: Path) -> None:
    record(tmp_path / "run")
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT, tmp_path / "run"], check=True, capture_output=True, text=True
    )
    assert answer.stdout == "3 bi output_gradient 10\n\n"


def test_a_notebook_that_runs_without_a_browser_ends(tmp_path: Path) -> None:
    """As by papermill, nbconvert and ``jupyter execute``, all of which use nbclient."""
    record(tmp_path / "run")
    cells = [
        "from rnngrad_widgets import GradientExplorer\n"
        "e = GradientExplorer.from_recording('run', follow=True); e",
        "print(len(e.snapshots)); e.save_html('page.html')",
        "e.save('picture.png')",
    ]
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)])
    place = {"metadata": {"path": str(tmp_path)}}
    client = NotebookClient(notebook, timeout=100, kernel_name="python3", resources=place)
    with pytest.raises(
        CellExecutionError, match=r"no browser to draw .* save_html\(path\) and save"
    ):
        client.execute()  # returns when the kernel has ended, which follows
    assert notebook.cells[1].outputs[0]["text"] == "3\n"
    assert (tmp_path / "page.html").exists()
    assert not (tmp_path / "picture.png").exists()


def test_a_recording_is_opened_with_a_selection_and_a_style(tmp_path: Path) -> None:
    record(tmp_path / "run")
    explorer = GradientExplorer.from_recording(
        tmp_path / "run", sample=1, norm=(-2, 2), view="curves", cmap="RdBu", title="Run 1"
    )
    assert (explorer.sample, explorer.norm, explorer.view) == (1, (-2.0, 2.0), "curves")
    assert (explorer.cmap, explorer.title, explorer.step) == ("RdBu", "Run 1", 20)
    assert [snapshot.step for snapshot in explorer.snapshots] == [0, 10, 20]


@pytest.mark.parametrize("with_direct", [True, False])
def test_where_the_loss_acts_is_known_where_the_direct_gradient_was_recorded(
    tmp_path: Path, with_direct: bool
) -> None:
    # the total gradient falls, one by a state that has a longer path; the direct one is of the end
    falling = 0.5 ** np.arange(7)[::-1, None] * np.ones((4, 7, 3))
    direct = np.where(np.arange(7)[:, None] < 6, 0.0, falling)
    writer = RecordingWriter(tmp_path / "run")
    for step in (0, 10):
        tensors = [GradientTensor(falling * (step + 1), SEQUENCE, "lstm/0", "hidden_gradient")]
        if with_direct:
            tensors.append(GradientTensor(direct, SEQUENCE, "lstm", "output_gradient"))
        writer.append(snapshot_of(*tensors, step=step))
    writer.close()
    explorer = GradientExplorer.from_recording(tmp_path / "run", "lstm/0")
    for shown in explorer.snapshots:
        explorer.step = shown.step
        assert shown.told["lines"] == list(diagnose(explorer).findings)
        batch = shown.told["batch"]
        if with_direct:
            course = "falls below 37 % within 2 timesteps, to 2 % at timestep 0"
            assert batch == f"median of 4 samples: from timestep 6 back, gradient {course}"
        else:
            assert batch.startswith("no decay can be read here: whether the loss acts before")


@pytest.mark.parametrize(
    ("after", "room", "steps_read"),
    [
        (None, 100, [*range(0, 100, 10)]),
        (None, 10, [*range(0, 100, 10)]),
        (None, 3, [0, 40, 80, 90]),
        (40, 3, [50, 70, 90]),
        (45, 100, [50, 60, 70, 80, 90]),
        (90, 3, []),
    ],
)
def test_steps_are_chosen_evenly_and_the_last_always(
    tmp_path: Path, after: int | None, room: int, steps_read: list[int]
) -> None:
    record(tmp_path / "run", range(0, 100, 10))
    source = RecordingSource(Recording.open(tmp_path / "run"))
    read = [
        source.read(place, "bi", "output_gradient") for place in source.places_after(after, room)
    ]
    assert [step for step, _, _ in read] == steps_read
    for step, tensor, status in read:
        np.testing.assert_array_equal(tensor.values, snapshot(step)["bi", "output_gradient"].values)
        assert status == RunStatus(rest="9 skipped", of=10)


def test_a_cell_that_waits_for_the_first_step_says_so(tmp_path: Path, monkeypatch: Any) -> None:
    shown: list[str] = []

    class Line:
        def update(self, data: dict[str, str], *, raw: bool) -> None:
            assert raw
            shown.append(data["text/plain"])

    def display(data: dict[str, str], *, raw: bool, display_id: bool) -> Line:
        assert (raw, display_id) == (True, True)
        shown.append(data["text/plain"])
        record(tmp_path / "run", [0])
        return Line()

    def open_it() -> GradientExplorer:
        return GradientExplorer.from_recording(tmp_path / "run", timeout=20)

    module = "rnngrad_widgets.explorer.waiting"
    monkeypatch.setattr(f"{module}.get_ipython", lambda: SimpleNamespace(kernel="a notebook's"))
    monkeypatch.setattr(f"{module}.display", display)
    assert open_it().step == 0
    waited = f"Waiting for the first snapshot in {tmp_path / 'run'}, 20 s at most…"
    assert shown == [waited, ""]
    open_it()
    assert shown == [waited, ""], "it is there"


def test_every_step_of_what_is_turned_to(tmp_path: Path) -> None:
    record(tmp_path / "run", range(0, 50, 10))
    explorer = GradientExplorer.from_recording(tmp_path / "run")
    assert (steps(explorer), explorer.step) == ([0, 10, 20, 30, 40], 40)
    for shown in explorer.snapshots:
        values = snapshot(shown.step)["bi", "output_gradient"].values
        np.testing.assert_array_equal(shown.array, values)
        assert shown.loss == pytest.approx(1 / (shown.step + 1))
    explorer.step = 20

    for layer, key in (
        ("last", ("last", "output_gradient")),
        ("bi/kernel", ("bi/kernel", "weight")),
    ):
        explorer.layer = layer
        assert (steps(explorer), explorer.step) == ([0, 10, 20, 30, 40], 40)
        explorer.step = 10
        np.testing.assert_array_equal(explorer.tensor.values, snapshot(10)[key].values)
    explorer.layer = "b"  # another name of it
    assert (explorer.layer, explorer.step) == ("bi", 20)
    np.testing.assert_array_equal(
        explorer.tensor.values, snapshot(20)["bi", "output_gradient"].values
    )


def test_what_is_shown_comes_first_and_the_rest_behind_it(
    tmp_path: Path, monkeypatch: Any, open_widgets: dict[str, object]
) -> None:
    monkeypatch.setattr("rnngrad_widgets.explorer.recorded_run.AT_ONCE", -1)
    allowed = threading.Semaphore(0)
    read = RecordingSource.read

    def wait_and_read(self: Any, *which: Any) -> Any:
        if threading.current_thread().name == "rnngrad reader":
            assert allowed.acquire(timeout=60)
        return read(self, *which)

    monkeypatch.setattr(RecordingSource, "read", wait_and_read)
    record(tmp_path / "run", range(0, 90, 10))
    explorer = GradientExplorer.from_recording(tmp_path / "run")
    run = explorer.runs.current
    assert run is not None
    assert (explorer.step, run.steps) == (80, [0, 80]), "the last, and one for want of time"
    assert run.snapshots[-1].status == "1 of 9 snapshots in the timeline · reading… · 9 skipped"
    for steps_read in ([0, 40, 80], [0, 20, 40, 80], [0, 20, 40, 60, 80]):
        allowed.release()
        eventually(lambda wanted=steps_read: run.steps == wanted)  # type: ignore[misc]
        assert explorer.step == 80
    with monkeypatch.context() as patch:
        patch.setattr(RecordingSource, "read", read)
        allowed.release()  # the reader has the lock
        assert steps(explorer) == [*range(0, 90, 10)], "who asks for all of it has it"
    for shown in explorer.snapshots:
        values = snapshot(shown.step)["bi", "output_gradient"].values
        np.testing.assert_array_equal(shown.array, values)
    assert run.view.model.status == "9 snapshots · 9 skipped"
    assert run.view.model.status_number == 9, "newer than what the snapshots say"
    assert [s.number for s in explorer.snapshots] == [*range(9)]
    explorer.close()
    assert open_widgets == {}


def test_a_snapshot_that_is_being_read_is_waited_for(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("rnngrad_widgets.explorer.recorded_run.AT_ONCE", -1)
    reading, allowed = threading.Event(), threading.Event()
    read = RecordingSource.read

    def wait_and_read(self: Any, *which: Any) -> Any:
        if threading.current_thread().name == "rnngrad reader":
            reading.set()
            assert allowed.wait(timeout=60)
        return read(self, *which)

    monkeypatch.setattr(RecordingSource, "read", wait_and_read)
    record(tmp_path / "run")
    explorer = GradientExplorer.from_recording(tmp_path / "run")
    assert reading.wait(timeout=60), "the only one that is left"
    threading.Timer(0.2, allowed.set).start()
    explorer.step = 10
    assert steps(explorer) == [0, 10, 20]


def test_closing_ends_what_is_read_behind(
    tmp_path: Path, monkeypatch: Any, open_widgets: dict[str, object]
) -> None:
    monkeypatch.setattr("rnngrad_widgets.explorer.recorded_run.AT_ONCE", -1)
    record(tmp_path / "run", range(60))
    places = []
    read = RecordingSource.read

    def read_slowly(self: Any, place: int, *which: Any) -> Any:
        places.append(place)
        time.sleep(0.1)
        return read(self, place, *which)

    monkeypatch.setattr(RecordingSource, "read", read_slowly)
    explorer = GradientExplorer.from_recording(tmp_path / "run")
    eventually(lambda: len(places) > 2)
    explorer.close()
    assert open_widgets == {}
    assert len(places) < 50
    assert not [t for t in threading.enumerate() if t.name == "rnngrad reader"]


def test_what_cannot_be_read_behind_is_told_and_the_rest_is_there(
    tmp_path: Path, monkeypatch: Any
) -> None:
    record(tmp_path / "run", range(0, 50, 10))
    monkeypatch.setattr("rnngrad_widgets.explorer.recorded_run.AT_ONCE", -1)
    damaged = tmp_path / "run" / "bi.output_gradient" / "c.2.0.0.0"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-1])
    explorer = GradientExplorer.from_recording(tmp_path / "run")
    assert steps(explorer) == [0, 10, 30, 40]
    assert "c.2.0.0.0 in " in explorer.message
    damaged.write_bytes(whole)
    explorer.refresh()
    assert steps(explorer) == [0, 10, 20, 30, 40]
    assert (explorer.message, explorer.step) == ("x holds 2 NaN or Inf values", 40)


def test_more_steps_than_the_budget_holds(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("rnngrad_widgets.data.thinning.MOST", 6)
    record(tmp_path / "run", range(40))
    explorer = GradientExplorer.from_recording(tmp_path / "run")
    kept = steps(explorer)
    assert (kept[0], kept[-1]) == (0, 39)
    assert 3 <= len(kept) <= 6
    writer = RecordingWriter(tmp_path / "run", "a")
    for step in range(40, 60):
        writer.append(snapshot(step))
        explorer.refresh()
        assert (explorer.step, len(explorer.snapshots) <= 6) == (step, True)
    writer.close()


def test_new_steps_appear_and_closing_ends_the_thread(
    tmp_path: Path, open_widgets: dict[str, object]
) -> None:
    record(tmp_path / "run", [0])
    code = (
        "import sys; from tests.unit.recording.runs import *\n"
        "w = RecordingWriter(sys.argv[1], 'a')\n"
        "for step in map(int, sys.stdin): w.append(snapshot(step))\n"
        "w.close()"
    )
    explorer = GradientExplorer.from_recording(tmp_path / "run", follow=True)
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "run"], stdin=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdin is not None
        writer.stdin.write("10\n20\n")
        writer.stdin.flush()
        eventually(lambda: explorer.step == 20)
        explorer.step = 10
        explorer.layer = "last"
        explorer.layer = "bi"
        writer.stdin.write("30\n")
        writer.stdin.close()
        eventually(lambda: steps(explorer) == [0, 10, 20, 30])
    assert explorer.step == 10, "a person looks at it"
    explorer.layer = "last"
    assert steps(explorer) == [0, 10, 20, 30]
    latest = explorer.snapshots[-1]
    assert (latest.status, latest.status_step) == ("4 snapshots", None)
    explorer.follow()  # again
    assert len(followers()) == 1
    explorer.close()
    assert (followers(), open_widgets) == ([], {})


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ("gone", "<b>FileNotFoundError</b> there is no recording at "),
        ("damaged", "<b>RecordingError</b> "),
        ("other", "<b>ValueError</b> the recording holds "),
    ],
)
def test_trouble_while_following_is_told_and_following_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str, told: str
) -> None:
    monkeypatch.setattr(follower_module, "INTERVAL", 0.1)
    record(tmp_path / "run")
    explorer = GradientExplorer.from_recording(tmp_path / "run", layer="last", follow=True)
    writer = RecordingWriter(tmp_path / "run", "a" if trouble != "other" else "w")
    root = tmp_path / "run" / "zarr.json"
    sound = root.read_bytes()
    if trouble == "gone":
        root.unlink()
    elif trouble == "damaged":
        root.write_text("{")
    else:
        full = snapshot(0)
        writer.append(type(full)({k: t for k, t in full.items() if k[0] == "bi"}, step=0))
    eventually(lambda: told in explorer.message)
    assert "it is looked for again" in explorer.message
    assert len(followers()) == 1
    if trouble == "other":
        return
    assert steps(explorer) == [0, 10, 20], "what was read stays"
    explorer.sample = 1
    root.write_bytes(sound)
    writer.append(snapshot(30))
    eventually(lambda: steps(explorer) == [0, 10, 20, 30])
    eventually(lambda: "looked for" not in explorer.message)
    explorer.close()


def test_pauses_grow_while_looks_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower_module, "INTERVAL", 0.05)
    monkeypatch.setattr(follower_module, "LONGEST", 0.2)
    answers: list[Exception | None] = [
        *[OSError(5, "no answer")] * 3,
        OSError(6, "away"),
        None,
        None,
        KeyError("end"),
    ]
    times, told, well = [], [], []

    def look() -> None:
        times.append(time.monotonic())
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    follower = follower_module.Follower(look, told.append, lambda: well.append(len(times)))
    eventually(lambda: len(told) == 3)
    pauses = np.diff(times)
    assert (pauses[:4] > np.array([0.1, 0.2, 0.2, 0.2]) - 0.01).all()
    assert pauses[4] < 0.1
    assert well == [5]
    assert [str(each) for each in told[:2]] == [
        "[Errno 5] no answer; it is looked for again",
        "[Errno 6] away; it is looked for again",
    ]
    assert isinstance(told[2], KeyError)
    follower.stop()


def test_another_recording_in_its_place_begins_anew(tmp_path: Path) -> None:
    record(tmp_path / "run")
    explorer = GradientExplorer.from_recording(tmp_path / "run", follow=True)
    record(tmp_path / "run", [0, 5, 10, 15, 20, 25], mode="w")
    eventually(lambda: steps(explorer) == [0, 5, 10, 15, 20, 25])
    assert explorer.step == 25
    explorer.close()


def test_what_was_not_recorded_is_refused(tmp_path: Path) -> None:
    record(tmp_path / "run")
    with pytest.raises(FileNotFoundError, match="there is no recording at "):
        GradientExplorer.from_recording(tmp_path / "nowhere")
    with pytest.raises(
        ValueError, match=r"the recording holds layers \['bi', 'last', 'bi/kernel'\]"
    ):
        GradientExplorer.from_recording(tmp_path / "run", layer="gru")
    explorer = GradientExplorer.from_recording(tmp_path / "run")
    with pytest.raises(
        ValueError, match=r"holds \['output_gradient'\] of layer 'bi'; received qua"
    ):
        explorer.quantity = "hidden_gradient"
    with pytest.raises(ValueError, match=r"received quantity 'weight'\. .*: choose layer='bi/ker"):
        explorer.quantity = "weight"
    assert (explorer.quantity, len(Recording.open(tmp_path / "run"))) == ("output_gradient", 3)


def test_a_layer_is_found_by_its_name_where_only_its_weights_were_recorded(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "run")
    writer.append(
        snapshot_of(
            runs.tensor("lstm/kernel", "weight", ("feature", "channel"), (3, 24)),
            runs.tensor("lstm/bias", "weight", ("channel",), (24,)),
            runs.tensor("lstm_1/bias", "weight", ("channel",), (24,)),
        )
    )
    writer.close()
    explorer = GradientExplorer.from_recording(tmp_path / "run", layer="lstm")
    assert (explorer.layer, explorer.quantity) == ("lstm/kernel", "weight")
    explorer.layer = "lstm_1"
    assert explorer.layer == "lstm_1/bias"
    with pytest.raises(
        ValueError, match=r"live\(\) needs a model; this explorer shows an array or"
    ):
        explorer.live()
