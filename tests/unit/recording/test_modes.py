"""New, continued, replaced; followed while written; where a recording can be."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from rnngrad_widgets.recording import Recording, RecordingError, RecordingWriter
from tests.unit.recording.runs import as_before_norms, check, record, snapshot, snapshot_of, tensor


def test_an_existing_recording_is_refused(tmp_path: Path) -> None:
    record(tmp_path / "run")
    with pytest.raises(FileExistsError, match=r"exists; .* mode='a' to continue it or mode='w'"):
        RecordingWriter(tmp_path / "run")
    check(tmp_path / "run")


@pytest.mark.parametrize("mode", ["x", "a", "w"])
def test_a_folder_of_other_files_is_left_alone(tmp_path: Path, mode: str) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match="must have a new or empty folder"):
        RecordingWriter(tmp_path, mode)
    with pytest.raises(NotADirectoryError, match=r"a recording is a folder; .* is a file"):
        RecordingWriter(tmp_path / "thesis.tex", mode)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_recording_is_continued(tmp_path: Path) -> None:
    record(tmp_path / "run", mode="a")
    record(tmp_path / "run", [30, 40], mode="a")
    assert check(tmp_path / "run").steps.tolist() == [0, 10, 20, 30, 40]


def test_what_a_killed_writer_left_is_swept_up(tmp_path: Path) -> None:
    record(tmp_path / "run")
    rest = [tmp_path / "run" / "zarr.1f.partial", tmp_path / "run" / "loss" / "c.1f.partial"]
    for file in rest:
        file.touch()
    record(tmp_path / "run", [30], mode="a")
    assert not any(file.exists() for file in rest)
    check(tmp_path / "run")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "zarr.1f.partial").touch()  # killed at the very first write
    record(tmp_path / "new")
    assert not (tmp_path / "new" / "zarr.1f.partial").exists()
    check(tmp_path / "new")


def test_only_what_fits_is_continued(tmp_path: Path) -> None:
    record(tmp_path / "run")
    writer = RecordingWriter(tmp_path / "run", "a")
    with pytest.raises(RecordingError, match=r"every step .* must be as the first"):
        writer.append(snapshot_of(tensor(), step=30))
    with pytest.raises(RecordingError, match="shape of bi output_gradient was"):
        writer.append(snapshot(30, size=4))
    writer.append(snapshot(30))
    assert check(tmp_path / "run").steps.tolist() == [0, 10, 20, 30]


def test_a_recording_from_before_there_was_info_is_read_and_continued(tmp_path: Path) -> None:
    path = tmp_path / "run"
    RecordingWriter(path).append(snapshot_of(tensor(), step=1))
    root = as_before_norms(json.loads((path / "zarr.json").read_bytes()))
    assert root["attributes"].pop("info") == {}
    root["attributes"]["rnngrad_widgets_recording"] = 1
    (path / "zarr.json").write_text(json.dumps(root))
    assert dict(Recording(path).info) == {}
    RecordingWriter(path, "a", info={"batch": "b"}).append(snapshot_of(tensor(), step=2))
    assert list(Recording(path).steps) == [1, 2]
    again = json.loads((path / "zarr.json").read_bytes())["attributes"]
    assert (again["rnngrad_widgets_recording"], "info" in again) == (1, False)


def test_what_the_run_was_made_with_is_kept_and_another_batch_refused(tmp_path: Path) -> None:
    path, info = tmp_path / "run", {"batch": "b1", "every": "10"}
    RecordingWriter(path, info=info).append(snapshot_of(tensor(), step=1))
    assert dict(Recording(path).info) == info
    RecordingWriter(path, "a", info={"batch": "b1"}).append(snapshot_of(tensor(), step=2))
    RecordingWriter(path, "a").append(snapshot_of(tensor(), step=3))
    assert dict(Recording(path).info) == info
    with pytest.raises(RecordingError, match="was begun with another batch; continue it with that"):
        RecordingWriter(path, "a", info={"batch": "b2"})
    assert list(Recording(path).steps) == [1, 2, 3]
    RecordingWriter(path, "w", info={"batch": "b2"}).append(snapshot_of(tensor(), step=1))
    assert dict(Recording(path).info) == {"batch": "b2"}


def test_a_recording_is_replaced_when_the_first_snapshot_comes(tmp_path: Path) -> None:
    record(tmp_path / "run")
    (tmp_path / "run" / "notes.txt").write_text("mine")
    writer = RecordingWriter(tmp_path / "run", "w")
    recording = check(tmp_path / "run")
    assert len(recording) == 3
    other = snapshot_of(tensor("gru"), step=1)
    writer.append(other)
    assert recording.refresh()
    assert recording.keys == (("gru", "output_gradient"),)
    assert recording.steps.tolist() == [1]
    assert not list((tmp_path / "run").glob("bi*"))
    assert (tmp_path / "run" / "notes.txt").read_text() == "mine"


def test_an_unsound_recording_is_not_continued(tmp_path: Path) -> None:
    record(tmp_path / "run")
    (tmp_path / "run" / "zarr.json").write_text("{}")
    for mode in ("a", "w"):
        with pytest.raises(RecordingError, match="is not a sound recording"):
            RecordingWriter(tmp_path / "run", mode)


def test_a_mode_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"mode must be 'x' .* received 'r\+'"):
        RecordingWriter(tmp_path / "run", "r+")


def test_two_writers_of_one_recording(tmp_path: Path) -> None:
    first, second = (RecordingWriter(tmp_path / "run", "a") for _ in range(2))
    first.append(snapshot(0))
    with pytest.raises(RecordingError, match="was changed or removed by someone else"):
        second.append(snapshot(0))
    first.append(snapshot(1))
    assert check(tmp_path / "run").steps.tolist() == [0, 1]


def test_new_steps_appear(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "run")
    writer.append(snapshot(0))
    recording = Recording(tmp_path / "run")
    before = recording.snapshot(0)
    assert not recording.refresh()
    for step in range(1, 4):
        writer.append(snapshot(step))
        assert recording.refresh()
        assert recording.snapshot(-1).step == step
    assert not recording.refresh()
    np.testing.assert_array_equal(
        before["bi", "output_gradient"], recording.snapshot(0)["bi", "output_gradient"]
    )


def test_there_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no recording at .*run"):
        Recording(tmp_path / "run")
    with pytest.raises(FileNotFoundError, match=r"there is no recording at .* after 0.1 s"):
        Recording.open(tmp_path / "run", timeout=0.1)
    assert not list(tmp_path.iterdir())


def test_a_url(tmp_path: Path) -> None:
    url = f"memory://{tmp_path.name}/run"
    record(url)
    assert len(check(url)) == 3
    with pytest.raises(FileExistsError, match=rf"^{re.escape(url)} exists; give another path"):
        RecordingWriter(url)
    record(url, [30], mode="a")
    assert len(check(url)) == 4
    record(url, [1], mode="w")
    assert len(check(url)) == 1
    with pytest.raises(FileNotFoundError, match="there is no recording at memory://"):
        Recording(url + "2")


def test_file_urls_and_the_home_folder_are_local(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    record(f"file://{tmp_path}/run")
    assert len(check("~/run")) == 3


def test_urls_that_cannot_be() -> None:
    with pytest.raises(ValueError, match=r"a folder or a URL that fsspec knows: .*nowhere"):
        Recording("nowhere://run")
    with pytest.raises(ValueError, match="storage_options are for URLs"):
        Recording("run", storage_options={"key": "secret"})


@pytest.mark.parametrize("module", ["zarr", "fsspec"])
def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    path = tmp_path / "run" if module == "zarr" else "memory://run"
    with pytest.raises(ModuleNotFoundError, match=r'pip install "rnngrad-widgets\[recording\]"'):
        RecordingWriter(path)


def test_an_old_zarr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zarr.__version__", "3.1.2")
    with pytest.raises(ModuleNotFoundError, match=r"need zarr 3\.1\.3 or newer; found 3\.1\.2"):
        Recording(tmp_path)
