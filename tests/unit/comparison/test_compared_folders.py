"""`compare` of folders of recordings: what is found, what it is called, what is left out."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnngrad_widgets import compare
from rnngrad_widgets.data.tensor import GradientSnapshot, GradientTensor
from tests.unit.comparison.runs import decaying

pytest.importorskip("zarr")  # which needs Python 3.11

from rnngrad_widgets.recording import Recording, RecordingError, RecordingWriter
from rnngrad_widgets.recording.folders import has_pattern, names_of

T = 8
OLD = Path(__file__).parents[2] / "fixtures" / "recording_2.zip"


def record(path: Path | str, factor: float, layer: str = "lstm", store: str = "full") -> None:
    """Record a gradient that falls so, of a loss that reads the last output only."""
    total = decaying([factor, factor], T)
    # no repeat is another's copy
    own = np.random.default_rng(int(1e6 * factor)).uniform(0.99, 1.01, size=total.shape)
    total = replace(total, values=total.values * own, layer=layer, quantity="hidden_gradient")
    values = np.zeros(total.shape)
    values[:, -1] = 1
    direct = replace(total, values=values, quantity="output_gradient")
    tensors: dict[tuple[str, str], GradientTensor] = {
        (t.layer, t.quantity): t for t in (total, direct)
    }
    RecordingWriter(path, store=store).append(GradientSnapshot(tensors, loss=1.0, step=0))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name, factor in {"run-1": 0.5, "run-10": 0.9, "run-2": 0.7}.items():
        record(tmp_path / "runs" / name, factor, store="summary" if name == "run-2" else "full")
    return tmp_path / "runs"


def factors(found: object) -> dict[str, float]:
    return {
        row["name"]: round(row["decay"]["factor"], 1)
        for row in found.table  # type: ignore[attr-defined]
    }


@pytest.mark.parametrize("how", ["pattern", "folder", "path", "relative", "slash"])
def test_each_recording_is_named_by_its_folder(
    runs: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.chdir(runs.parent)
    source = {
        "pattern": f"{runs}/*",
        "folder": str(runs),
        "path": runs,
        "relative": "runs/run-*",
        "slash": "runs/",
    }[how]
    found = compare(source)
    assert list(factors(found).items()) == [("run-1", 0.5), ("run-2", 0.7), ("run-10", 0.9)]
    assert found.base == "run-1"
    assert len(found.findings) == 2
    assert compare(source, base="run-2").base == "run-2"


def test_norms_are_read_and_no_arrays(runs: Path) -> None:
    for chunk in runs.glob("*/lstm.hidden_gradient/c.0.0.0.0"):
        if chunk.parts[-3] != "run-2":
            chunk.unlink()
    assert len(factors(compare(runs))) == 3


def test_a_folder_that_is_a_recording_is_one(runs: Path) -> None:
    assert list(factors(compare(runs / "run-10"))) == ["run-10"]


def test_a_folder_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    record(tmp_path / "a[1]" / "b*", 0.5)
    assert list(factors(compare(tmp_path / "a[1]"))) == ["b*"]
    assert list(factors(compare({"x": str(tmp_path / "a[1]" / "b*")}))) == ["x"]


def test_a_url(request: pytest.FixtureRequest) -> None:
    url = f"memory://{request.node.name}"
    for name, factor in {"run-2": 0.7, "run-10": 0.9}.items():
        record(f"{url}/{name}", factor)
    for source in (f"{url}/*", url):
        assert list(factors(compare(source)).items()) == [("run-2", 0.7), ("run-10", 0.9)]
    record(f"{url}/run-1", 0.5)
    assert list(factors(compare(url))) == ["run-1", "run-2", "run-10"]


def test_what_is_broken_is_named_and_the_rest_compared(runs: Path) -> None:
    (runs / "notes.txt").write_text("no folder")
    (runs / "empty").mkdir()
    shutil.copytree(runs / "run-1", runs / "run-3")
    (runs / "run-3" / "zarr.json").write_text("{")
    shutil.copytree(runs / "run-1", runs / "run-4")
    (runs / "run-4" / "lstm.hidden_gradient.norms" / "c.0.0.0.0").unlink()
    record(runs / "gru", 0.6, layer="gru")  # matched by its place
    found = compare(runs)
    assert list(factors(found)) == ["gru", "run-1", "run-2", "run-10"]
    last = "\n".join(found.findings[-3:])
    assert "empty is not compared: it holds no recording" in last
    assert "run-3 is not compared: " in last
    assert "is not a sound recording: zarr.json must be JSON" in last
    assert "run-4 is not compared: lstm.hidden_gradient.norms/c.0.0.0.0 in " in last
    assert "notes" not in last
    assert "run-4 is not compared" in found.children[0].value
    assert found.to_dict()["findings"] == list(found.findings)
    with pytest.raises(ValueError, match=r"base must be one of .*received 'run-3'"):
        compare(runs, base="run-3")


def test_it_is_said_of_which_recordings_norms_are_computed(runs: Path, tmp_path: Path) -> None:
    found = compare(runs)
    assert "computed" not in " ".join(found.findings)
    with zipfile.ZipFile(OLD) as packed:
        packed.extractall(tmp_path / "old")
    sources = {name: str(tmp_path / "old") for name in "abcd"}
    found = compare(sources, quantity="output_gradient", layer="bi")
    said = (
        "a, b, c and 1 more: recorded before norms were stored; they are computed from the arrays"
    )
    assert found.findings[-1] == found.to_dict()["findings"][-1] == said
    assert said in found.children[0].value
    found.close()


def test_one_without_the_quantity_is_named(runs: Path) -> None:
    weight = decaying([0.5, 0.5], T)
    other = replace(weight, layer="lstm", quantity="output")
    RecordingWriter(runs / "other").append(GradientSnapshot({("lstm", "output"): other}, step=0))
    found = compare(runs)
    assert list(factors(found)) == ["run-1", "run-2", "run-10"]
    assert (
        "other is not compared: the recording holds ['output'] of layer 'lstm'"
        in found.findings[-1]
    )


def test_a_named_one_without_the_quantity_is_refused(runs: Path) -> None:
    output = replace(decaying([0.5, 0.5], T), layer="lstm", quantity="output")
    RecordingWriter(runs / "other").append(GradientSnapshot({("lstm", "output"): output}, step=0))
    rule = r"^'b', repeat 1: the recording holds \['output'\] of layer 'lstm'; received quantity "
    with pytest.raises(ValueError, match=rule):
        compare({"a": runs / "run-1", "b": [runs / "run-2", runs / "other"]})
    with pytest.raises(ValueError, match=r"^'a', whose layer is compared: the recording holds lay"):
        compare({"a": runs / "run-1"}, layer="gru")


def test_recordings_inside_folders_have_the_names_of_these(tmp_path: Path) -> None:
    for name in ("a", "b"):
        record(tmp_path / name / "gradients", 0.5 if name == "a" else 0.7)
    assert list(factors(compare(f"{tmp_path}/*/gradients"))) == ["a", "b"]
    found = compare(f"{tmp_path}/**")  # their own folders are none
    assert list(factors(found)) == ["a", "b"]
    assert len(found.findings) == 1


def test_a_pattern_is_the_repeats_of_a_condition(tmp_path: Path) -> None:
    for seed in range(4):
        record(tmp_path / "a" / f"seed-{8 + seed}", 0.50 + seed / 100)
        record(tmp_path / "b" / f"seed-{8 + seed}", 0.80 + seed / 100)
    patterns = {"a": f"{tmp_path}/a/*", "b": tmp_path / "b" / "seed-*"}
    found = compare(patterns)
    assert [(row["name"], row["repeat"]) for row in found.table] == [
        (name, repeat) for name in "ab" for repeat in range(4)
    ]
    assert found.claims == {"b": "further"}
    slopes = [round(row["decay"]["factor"], 2) for row in found.table]
    assert slopes == sorted(slopes), "seed-8 and seed-9 come before seed-10"


def test_what_a_broken_repeat_is_paired_with_is_left_out_too(tmp_path: Path) -> None:
    """Else each of those after it would be compared with the one before."""
    for seed in range(4):
        record(tmp_path / "a" / str(seed), 0.50 + seed / 100)
        record(tmp_path / "b" / str(seed), 0.80 + seed / 100)
    shutil.rmtree(tmp_path / "a" / "1" / "lstm.hidden_gradient.norms")
    shutil.rmtree(tmp_path / "b" / "2" / "lstm.hidden_gradient.norms")
    listed = [Recording(tmp_path / "b" / str(seed)) for seed in range(4)]
    for other in (f"{tmp_path}/b/*", listed):
        if other is listed:
            shutil.copytree(
                tmp_path / "b" / "3" / "lstm.hidden_gradient.norms",
                tmp_path / "b" / "2" / "lstm.hidden_gradient.norms",
            )
        found = compare({"a": f"{tmp_path}/a/*", "b": other, "c": decaying([0.9, 0.9], T)})
        kept = [f for f in (0.5, 0.51, 0.52, 0.53) if f != 0.51 and (other is listed or f != 0.52)]
        rows = [round(row["decay"]["factor"], 2) for row in found.table]
        np.testing.assert_allclose(rows[: len(kept)], kept, atol=0.01)
        np.testing.assert_allclose(rows[len(kept) : -1], np.array(kept) + 0.3, atol=0.01)
        assert any(
            line.startswith("a, repeat 1 is not compared: ")
            and line.endswith("; nor are the other repeats 1")
            for line in found.findings
        )
    with pytest.raises(ValueError, match=r"each name must have a repeat .*; 'b' has none"):
        compare({"a": f"{tmp_path}/a/[1-2]", "b": [listed[0]]})


def test_there_is_nothing(tmp_path: Path) -> None:
    for source in (tmp_path, tmp_path / "nowhere", f"{tmp_path}/*", "memory://nowhere/*"):
        with pytest.raises(FileNotFoundError, match=r"compare needs recordings; there is none at "):
            compare(source)
        with pytest.raises(FileNotFoundError, match="there is no"):
            compare({"a": source})
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    rule = r"needs a sound recording; none of 2 at .* is: .*/a is not compared: it holds no record"
    with pytest.raises(RecordingError, match=rule):
        compare(tmp_path)


def test_urls_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"a folder or a URL that fsspec knows: .*nowhere"):
        compare("nowhere://runs/*")

    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Access Denied")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.glob", refuse)
    with pytest.raises(PermissionError, match=r"memory://runs/\* cannot be read: Access Denied"):
        compare("memory://runs/*")

    def forbid(*_args: object, **_options: object) -> None:
        raise PermissionError("Forbidden")  # of s3fs: without a number

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.ls", forbid)
    with pytest.raises(PermissionError, match=r"memory://runs cannot be read: Forbidden"):
        compare("memory://runs")
    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.info", forbid)
    with pytest.raises(PermissionError, match=r"memory://runs/a cannot be read: Forbidden"):
        compare({"a": "memory://runs/a"})
    with pytest.raises(ValueError, match="storage_options are for URLs"):
        compare(Path(__file__).parent, storage_options={"key": "secret"})


def test_a_query_in_a_url_is_no_pattern() -> None:
    assert has_pattern("runs/?")
    assert has_pattern("s3://bucket/*")
    assert not has_pattern("https://host/run?token=1")


def test_short_names_tell_paths_apart() -> None:
    assert names_of(["/r/a", "/r/b"]) == ["a", "b"]
    assert names_of(["/r/a/g", "/r/b/g"]) == ["a", "b"]
    assert names_of(["/r/a/g", "/r/b/g", "/r/b/h"]) == ["a/g", "b/g", "b/h"]
    assert names_of(["s3://bucket/x"]) == ["x"]
