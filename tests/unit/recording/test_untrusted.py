"""A recording from a stranger: nothing runs, nothing is inflated, nothing outside is read."""

from __future__ import annotations

import json
import math
import os
import re
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.data.tensor import SEQUENCE, GradientSnapshot, GradientTensor
from rnngrad_widgets.recording import Recording, RecordingError, RecordingWriter
from rnngrad_widgets.recording.guard import MAX_ROOT
from tests.unit.recording.runs import as_before_norms, record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ARRAY = "bi.output_gradient"
NORMS = f"{ARRAY}.norms"
PICKLE = {"name": "numcodecs.pickle", "configuration": {"protocol": 5}}
MARKUP = "<img src=x onerror=alert(1)>"
ZSTD = {"name": "zstd", "configuration": {"level": 0, "checksum": False}}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    record(tmp_path / "run")
    return tmp_path / "run"


def change(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    root = json.loads((run / "zarr.json").read_text())
    change(root)
    (run / "zarr.json").write_text(json.dumps(root))


def node(root: dict[str, Any], name: str = ARRAY) -> dict[str, Any]:
    return root["consolidated_metadata"]["metadata"][name]


def as_summary(root: dict[str, Any]) -> dict[str, Any]:
    """Say of arrays with one step in a chunk what would be said of those of a summary."""
    as_before_norms(root)
    root["attributes"].update(rnngrad_widgets_recording=3, store="summary")
    metadata = root["consolidated_metadata"]["metadata"]
    for name in (ARRAY, "last.output_gradient", "bi_kernel.weight"):
        shape = metadata[name]["shape"][1:]
        steps = min(1024, 2**17 // (4 * math.prod(shape)))
        metadata[name]["chunk_grid"]["configuration"]["chunk_shape"] = [steps, *shape]
    return root


def before_norms_but(root: dict[str, Any], name: str) -> dict[str, Any]:
    kept = node(root, name)
    as_before_norms(root)["consolidated_metadata"]["metadata"][name] = kept
    return root


def in_place(root: dict[str, Any]) -> None:
    metadata = root["consolidated_metadata"]["metadata"]
    del metadata[ARRAY]
    del metadata[NORMS]["attributes"]["summary_of"]
    metadata[NORMS]["chunk_grid"]["configuration"]["chunk_shape"] = [1, 4, 7, 2]


def everywhere(root: dict[str, Any], steps: int) -> None:
    """Claim a number of steps in every place."""
    root["attributes"]["steps_committed"] = steps
    for name, array in root["consolidated_metadata"]["metadata"].items():
        if name != "mask":
            array["shape"][0] = steps


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "pickle": (lambda r: node(r)["codecs"].append(PICKLE), "codecs must be .* received .*pickle"),
    "zarr 2 inside": (
        lambda r: node(r).update(zarr_format=2, filters=[{"id": "pickle"}]),
        "zarr_format must be 3; received 2",
    ),
    "bomb": (lambda r: node(r)["codecs"].append(ZSTD), "codecs must be .* received .*zstd"),
    "transformer": (
        lambda r: node(r)["storage_transformers"].append({"name": "x"}),
        "storage_transformers must be",
    ),
    "coordinate": (lambda r: node(r, "step").update(shape=[10**12]), r"shape must be \[3\]"),
    "steps": (lambda r: everywhere(r, 10**12), "steps_committed must be 0 .. 10000000"),
    "more than a number": (lambda r: everywhere(r, 10**400), "received a huge number"),
    "steps without chunks": (lambda r: everywhere(r, 10**6), r"step/c\.1 .* it is missing"),
    "true": (lambda r: everywhere(r, True), "must be of type int; received True"),
    "shape": (lambda r: node(r).update(shape=[3, 10**12, 7, 6]), "a step of .* must be 1 to"),
    "chunk": (
        lambda r: node(r)["chunk_grid"]["configuration"].update(chunk_shape=[10**12] * 4),
        "chunk_shape must be",
    ),
    "overflow": (lambda r: node(r).update(shape=[3, 2**32, 2**32, 1]), "a step of .* must be"),
    "negative": (lambda r: node(r).update(shape=[3, -4, -7, 6]), "a step of .* must be 1 to"),
    "axes": (lambda r: node(r).update(shape=[3] + [1] * 40), "at most 32 named axes"),
    "dtype": (lambda r: node(r).update(data_type="object"), "data_type of .* received 'object'"),
    "mask": (lambda r: node(r)["attributes"].update(mask="step"), "the mask of .* must be"),
    "mask of floats": (
        lambda r: node(r, "mask").update(
            data_type="float32",
            fill_value=0.0,
            codecs=[{"name": "bytes", "configuration": {"endian": "little"}}],
        ),
        "the mask of .* must be an array of bools",
    ),
    "mask of another": (
        lambda r: node(r, "last.output_gradient")["attributes"].update(mask="mask"),
        "a mask must be .samples, timesteps.",
    ),
    "odd halves": (
        lambda r: node(r, "last.output_gradient")["attributes"].update(directions=["a", "b"]),
        "directions and gates must divide the channels evenly; received 2 directions",
    ),
    "one direction": (
        lambda r: node(r)["attributes"].update(directions=["a"]),
        "directions must be two, none, or 'backward' alone",
    ),
    "gates": (
        lambda r: node(r)["attributes"].update(gates=[*"abcde"]),
        "received 2 directions and 5 gates",
    ),
    "other timesteps of the loss": (
        lambda r: node(r)["attributes"].update(
            dims=["sample", "timestep", "loss_timestep"], loss_timesteps=[1, 0]
        ),
        "loss_timesteps must rise",
    ),
    "order": (
        lambda r: node(r)["attributes"].update(dims=["channel", "timestep", "sample"]),
        "dims must begin with 'sample', then 'timestep'",
    ),
    "dims": (lambda r: node(r)["attributes"].update(dims=["sample"]), "one name per axis"),
    "alias of an alias": (
        lambda r: r["attributes"].update(aliases={"a": "b", "b": "bi"}),
        "an alias must be another name of a layer; received 'a' for 'b'",
    ),
    "circle": (lambda r: r["attributes"].update(aliases={"a": "b", "b": "a"}), "an alias must be"),
    "alias that hides": (
        lambda r: r["attributes"].update(aliases={"bi": "last"}),
        "an alias must be another name of a layer; received 'bi' for 'last'",
    ),
    "twice": (
        lambda r: node(r)["attributes"].update(layer="last"),
        "a layer's quantity must be one array",
    ),
    "group": (lambda r: node(r).update(node_type="group"), "node_type must be 'array'"),
    "path": (
        lambda r: r["consolidated_metadata"]["metadata"].update({"../x": node(r)}),
        r"a name must be letters, .* received '\.\./x'",
    ),
    "key": (lambda r: r.update(extension="x"), "must not have 'extension'"),
    "long name": (lambda r: node(r)["attributes"].update(layer="x" * 1001), "1000 characters"),
    "name": (lambda r: node(r)["attributes"].update(layer=["x"]), "a name must be of type str"),
    **{
        f"markup in {what}": (
            lambda r, what=what: node(r)["attributes"].update({what: ["a", "b", MARKUP]}),
            f"{what} of .* must be words",
        )
        for what in ("dims", "directions", "gates")
    },
    "markup in quantity": (
        lambda r: node(r)["attributes"].update(quantity=MARKUP),
        "the quantity of .* must be words",
    ),
    "newer": (
        lambda r: r["attributes"].update(rnngrad_widgets_recording=4),
        "version must be 3 or less; received 4; upgrade",
    ),
    "info of another kind": (lambda r: r["attributes"].update(info=["a"]), "info must be of type"),
    "info that is no text": (
        lambda r: r["attributes"]["info"].update(batch=1),
        "a name must be of type str; received 1",
    ),
    "much info": (
        lambda r: r["attributes"].update(info={str(i): "" for i in range(101)}),
        "info must have at most 100 entries; it has 101",
    ),
    "long info": (lambda r: r["attributes"].update(info={"a": 1001 * "x"}), "at most 1000 char"),
    "no info": (lambda r: r["attributes"].pop("info"), "info must be of type dict"),
    "info before there was any": (
        lambda r: as_before_norms(r)["attributes"].update(rnngrad_widgets_recording=1),
        "must not have 'info'",
    ),
    "numbers before there were any": (
        lambda r: r["attributes"].update(rnngrad_widgets_recording=2),
        "dims must be of type list; received None",
    ),
    "norms before there were any": (
        lambda r: before_norms_but(r, NORMS),
        "norms must be beside the arrays of a full recording; received 'bi.output_grad",
    ),
    "a summary before there was any": (
        lambda r: node(as_before_norms(r))["attributes"].update(norms_over=1),
        "norms over channels must be",
    ),
    "norms in the place of an array before there were any": (
        lambda r: in_place(before_norms_but(r, NORMS)),
        "norms must be in version 3; 'bi.output_gradient.norms' is in an older one",
    ),
    "another store": (
        lambda r: r["attributes"].update(store="half"),
        r"store must be one of \['full', 'summary'\]; received 'half'",
    ),
    "a summary of arrays": (
        as_summary,
        "arrays of a summary must be norms or a reach; 'bi.output_gradient' is not",
    ),
    "norms of nothing": (
        lambda r: node(r, NORMS)["attributes"].update(summary_of="x"),
        "'bi.output_gradient.norms' must be the only norms of an array .* received 'x'",
    ),
    "norms twice": (
        lambda r: node(r, "last.output_gradient.norms")["attributes"].update(summary_of=ARRAY),
        "must be the only norms of an array",
    ),
    "norms of another layer": (
        lambda r: node(r, NORMS)["attributes"].update(layer="last"),
        "must be the only norms of an array",
    ),
    "norms without their mask": (
        lambda r: node(r, NORMS)["attributes"].update(mask=None),
        "must be the only norms of an array",
    ),
    "norms over more channels": (
        lambda r: node(r, NORMS)["attributes"].update(norms_over=4),
        "must be the only norms of an array",
    ),
    "norms over none": (
        lambda r: node(r, NORMS)["attributes"].update(norms_over=-3),
        "norms over channels must be .* received norms_over -3",
    ),
    "norms that are no number": (
        lambda r: node(r, NORMS)["attributes"].update(norms_over=True),
        "norms_over must be of type int; received True",
    ),
    "norms of many channels": (
        lambda r: node(r, NORMS).update(shape=[3, 4, 7, 4]),
        "norms over channels must be",
    ),
    "long norms": (
        lambda r: node(r, NORMS).update(shape=[3, 2**30, 7, 2]),
        "a step of .* must be 1 to",
    ),
    "a chunk of other steps": (
        lambda r: node(r, NORMS)["chunk_grid"]["configuration"].update(chunk_shape=[9, 4, 7, 2]),
        "chunk_shape must be",
    ),
    "names of fewer numbers": (
        lambda r: node(r, "numbers")["attributes"]["names"].pop(),
        "numbers: .*shape must be",
    ),
    "numbers of one name": (
        lambda r: node(r, "numbers")["attributes"]["names"].__setitem__(
            0, node(r, "numbers")["attributes"]["names"][1]
        ),
        "the names of numbers must differ",
    ),
    "a long name of a number": (
        lambda r: node(r, "numbers")["attributes"]["names"].__setitem__(0, 10_001 * "x"),
        "at most 10000 characters",
    ),
    "numbers without names": (
        lambda r: node(r, "numbers").update(attributes={}),
        "names must be of type list",
    ),
    "other": (lambda r: r.update(attributes={}), "another kind of zarr store"),
    "list": (lambda r: r.update(attributes=[]), "attributes must be of type dict"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_only_what_a_recording_says_is_believed(run: Path, what: str) -> None:
    wrong, rule = CHANGES[what]
    change(run, wrong)
    with pytest.raises(RecordingError, match=rule):
        Recording(run)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("{", "zarr.json must be JSON"),
        ("[]", "must be of type dict"),
        ("[" * 100_000, "nested too deeply"),
        ("9" * 5000, "zarr.json must be"),
        (" " * (MAX_ROOT + 1), f"must have at most {MAX_ROOT} bytes; it has {MAX_ROOT + 1}"),
    ],
)
def test_json_of_any_kind(run: Path, text: str, rule: str) -> None:
    (run / "zarr.json").write_text(text)
    with pytest.raises(RecordingError, match=rule):
        Recording(run)


def test_a_chunk_has_the_size_that_it_must_have(run: Path) -> None:
    chunk = run / ARRAY / "c.0.0.0.0"
    for data, rule in ((b"", "must have 672 bytes; it has 0"), (b"0" * 673, "it has 673")):
        chunk.write_bytes(data)
        with pytest.raises(RecordingError, match=rule):
            Recording(run).snapshot(0)
    os.truncate(chunk, 2**40)  # takes no room on the disk, and would take it all in memory
    with pytest.raises(RecordingError, match=f"it has {2**40}"):
        Recording(run).snapshot(0)


def claim(run: Path, timesteps: int, dtype: str) -> None:
    """Let an array claim many timesteps, in a file that takes no room on the disk."""
    size = timesteps * np.dtype(dtype).itemsize
    tensor = GradientTensor(np.ones((1, 4, 1), dtype), SEQUENCE, "l", "output_gradient")
    writer = RecordingWriter(run)
    writer.append(GradientSnapshot({("l", "output_gradient"): tensor}, 0.5, 0))
    root = as_before_norms(json.loads((run / "zarr.json").read_text()))
    text = json.dumps(root, separators=(",", ":")).replace("[1,1,4,1]", f"[1,1,{timesteps},1]")
    (run / "zarr.json").write_text(text)
    os.truncate(run / "l.output_gradient" / "c.0.0.0.0", size)


@pytest.mark.parametrize("dtype", ["float32", "bool"])
def test_a_file_that_claims_gigabytes_is_not_read(tmp_path: Path, dtype: str) -> None:
    claim(tmp_path / "run", 2**31 // np.dtype(dtype).itemsize, dtype)
    recording = Recording.open(tmp_path / "run")
    rule = r"must fit the budget of 536,870,912 bytes; .* it takes 2,147,483,648\. .*budget=2147483"
    with pytest.raises(RecordingError, match=rule):
        recording.snapshot(0)
    with pytest.raises(RecordingError, match=rule):
        GradientExplorer.from_recording(tmp_path / "run")


def test_the_budget_can_be_raised(run: Path) -> None:
    small = Recording.open(run, budget=700)
    with pytest.raises(RecordingError, match="must fit the budget of 700 bytes"):
        small.snapshot(0)
    assert small.snapshot(0, [("last", "output_gradient")]).step == 0
    with pytest.raises(RecordingError, match="it takes 700"):  # with its mask
        Recording.open(run, budget=699).snapshot(0, [("bi", "output_gradient")])
    explorer = GradientExplorer.from_recording(Recording.open(run, budget=10_000))
    assert explorer.layer == "bi"
    explorer.close()


def test_steps_that_are_only_claimed_take_no_memory(run: Path) -> None:
    change(run, lambda root: everywhere(root, 10**6))
    with pytest.raises(RecordingError, match="1,000,000 steps must fit the budget of 1,000 bytes"):
        Recording.open(run, budget=1000)


def test_many_arrays_are_refused_at_once(tmp_path: Path) -> None:
    tensors = {
        (f"l{i}", "output_gradient"): GradientTensor(
            np.ones((1, 1, 1), np.float32), SEQUENCE, f"l{i}", "output_gradient"
        )
        for i in range(12)
    }
    RecordingWriter(tmp_path / "run").append(GradientSnapshot(tensors, 0.5, 0))
    with pytest.raises(RecordingError, match=r"at most 11 arrays; it has 12\. .*max_arrays=12"):
        Recording.open(tmp_path / "run", max_arrays=11)
    assert len(Recording.open(tmp_path / "run", max_arrays=12).snapshot(0)) == 12


def test_a_million_timesteps_are_explored_in_seconds(tmp_path: Path) -> None:
    claim(tmp_path / "run", 10**6, "float32")
    start = time.process_time()
    GradientExplorer.from_recording(tmp_path / "run").close()
    assert time.process_time() - start < 20


@pytest.mark.parametrize(
    "key", ["zarr.json", "loss/c.0", f"{ARRAY}/c.0.0.0.0", "mask/c.0.0", ARRAY]
)
def test_links_are_not_followed(run: Path, key: str) -> None:
    outside = run.parent / "outside"
    (run / key).rename(outside)
    (run / key).symlink_to(outside)
    with pytest.raises(RecordingError, match=r"must be a plain file or folder; it is a link"):
        Recording(run).snapshot(0)


def test_a_pipe_is_not_waited_for(run: Path) -> None:
    (run / "zarr.json").unlink()
    os.mkfifo(run / "zarr.json")
    with pytest.raises(RecordingError, match="must be a plain file"):
        Recording(run)


def test_the_recording_itself_may_be_a_link(run: Path, tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(run)
    assert len(Recording(tmp_path / "latest")) == 3


@pytest.mark.one_case_in(3)
@pytest.mark.filterwarnings("ignore:No .* kernel")
@pytest.mark.parametrize("dtype", ["uint8", "int8", "bool", "uint64", "float16", "float64"])
@pytest.mark.parametrize(
    ("shape", "given"),
    [
        ((2, 3, 4), {"dims": SEQUENCE, "directions": ("a", "b")}),
        ((2, 3, 4), {"dims": SEQUENCE, "gates": ("a", "b"), "mask": np.ones((2, 3), bool)}),
        ((2, 4), {"dims": ("sample", "channel"), "directions": ("a", "b")}),
        ((2, 4), {"dims": ("timestep", "channel")}),
        ((2, 4), {"dims": ("sample", "timestep"), "mask": np.ones((2, 4), bool)}),
        ((3, 4), {"dims": ("x", "y"), "gates": ("a", "b")}),
        ((4,), {"dims": ("sample",)}),
        ((4,), {"dims": ("channel",), "gates": ("a", "b")}),
    ],
)
def test_what_is_taken_can_be_explored(
    tmp_path: Path, dtype: str, shape: tuple[int, ...], given: dict[str, Any]
) -> None:
    values = np.full(shape, 1).astype(dtype)
    values.flat[0] = np.iinfo(dtype).min if dtype[0] in "iu" else 0
    tensor = GradientTensor(values, layer="l", quantity="output_gradient", **given)
    writer = RecordingWriter(tmp_path / "run")
    for step in (0, 1):
        writer.append(GradientSnapshot({("l", "output_gradient"): tensor}, 0.5, step, {"m": "n"}))
    writer.close()
    explorer = GradientExplorer.from_recording(tmp_path / "run")
    for view in explorer.view_stack.views:
        explorer.view = view
    largest = "1.3e2" if dtype == "int8" else "1.0e0"
    assert f"max |g| {largest} at " in re.sub("<[^>]*>", "", explorer.summary)
    assert explorer.layer == "l"
    explorer.close()


def test_a_mask_is_true_or_false(run: Path) -> None:
    (run / "mask" / "c.0.0").write_bytes(bytes(range(28)))
    mask = Recording(run).snapshot(0)["bi", "output_gradient"].mask
    assert mask is not None
    assert mask.view("uint8").sum() == 27
