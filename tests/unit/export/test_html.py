"""Saved pages: what is in the file, what is refused, and that it is written as a whole."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from html.parser import HTMLParser
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ipywidgets import IntSlider, VBox, jslink
from ipywidgets.widgets.widget_link import Link

from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.data.tensor import GradientTensor
from rnngrad_widgets.data.wire import as_bfloat16
from rnngrad_widgets.export.bundle import licences, renderer
from rnngrad_widgets.export.html import save_html
from tests.unit.explorer.fake_source import FakeSource, explore

ARRAY = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
STATE = "rnngrad-state"
VIEW = "application/vnd.jupyter.widget-view+json"
EVIL = "</script><img src=x onerror=alert(1)><!--<script>"

pytestmark = pytest.mark.usefixtures("open_widgets")


class Page(HTMLParser):
    """A saved page as a browser reads it: its elements and the text in each kind of them."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._kind = ""
        self.feed(path.read_text("utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._kind = dict(attrs).get("class") or dict(attrs).get("type") or tag

    def handle_endtag(self, _tag: str) -> None:
        self._kind = ""

    def handle_data(self, data: str) -> None:
        self.texts[self._kind] = self.texts.get(self._kind, "") + data

    @property
    def models(self) -> dict[str, Any]:
        return json.loads(self.texts[STATE])["state"]

    def named(self, name: str) -> list[dict[str, Any]]:
        return [model for model in self.models.values() if model["model_name"] == name]

    @property
    def selection(self) -> dict[str, Any]:
        (found,) = self.named("SelectionModel")
        return found["state"]


@pytest.fixture
def explorer() -> GradientExplorer:
    return GradientExplorer.from_array(ARRAY)


def array_in(page: Page) -> tuple[dict[str, Any], bytes]:
    model = page.models[page.selection["tensor"].removeprefix("IPY_MODEL_")]
    (buffer,) = (buffer for buffer in model["buffers"] if buffer["path"] == ["array", "data"])
    assert buffer["encoding"] == "base64"
    return model["state"]["array"], base64.b64decode(buffer["data"])


# -- what is in it ---------------------------------------------------------------------------------


def test_the_whole_state_is_there(explorer, open_widgets, tmp_path):
    page = Page(explorer.save_html(tmp_path / "page.html").path)
    assert json.loads(page.texts[VIEW])["model_id"] == explorer.model_id
    assert page.models[explorer.model_id]["model_name"] == "ExplorerModel"
    referred = set(re.findall(r"IPY_MODEL_(\w+)", page.texts[STATE]))
    assert referred <= set(page.models)
    assert page.selection["norm"] == list(explorer.selection.norm)
    links = [widget for widget in open_widgets.values() if isinstance(widget, Link)]
    assert len(page.named("LinkModel")) == len(links) > 0
    wire, data = array_in(page)
    assert wire == {"dtype": "float32", "shape": [3, 5, 4]}
    np.testing.assert_array_equal(np.frombuffer(data, "<f4").reshape(3, 5, 4), ARRAY)


def test_other_widgets_stay_out(explorer, tmp_path):
    other = GradientExplorer.from_array(ARRAY)
    page = Page(explorer.save_html(tmp_path / "page.html").path)
    assert other.model_id not in page.models
    assert page.selection["tensor"] == f"IPY_MODEL_{explorer.selection.tensor.model_id}"


def test_any_widget_can_be_saved(tmp_path):
    sliders = [IntSlider(), IntSlider()]
    link = jslink((sliders[0], "value"), (sliders[1], "value"))
    page = Page(save_html(VBox(sliders), tmp_path / "page.html").path)
    assert link.model_id in page.models


def test_a_page_of_linked_explorers_has_the_link_and_that_of_one_only_it(tmp_path):
    a, b = (GradientExplorer.from_array(ARRAY) for _ in range(2))
    link = a.link(b)
    both = Page(save_html(VBox([a, b]), tmp_path / "both.html").path)
    assert {a.model_id, b.model_id, link.model_id} <= both.models.keys()
    one = Page(a.save_html(tmp_path / "one.html").path)
    assert {b.model_id, b.selection.model_id}.isdisjoint(one.models)


def test_a_box_with_an_explorer_keeps_the_snapshots_of_its_run(explorer, tmp_path):
    for step in range(2):
        tensor = GradientTensor(ARRAY, ("sample", "timestep", "channel"), step=step)
        explorer.add_snapshot({"": tensor}, step, f"step {step}")
    page = Page(save_html(VBox([explorer]), tmp_path / "page.html").path)
    assert {each.model_id for each in explorer.snapshots} <= page.models.keys()
    assert sorted(each["state"]["step"] for each in page.named("SnapshotModel")) == [0, 1]


def test_bfloat16_halves_the_array_and_says_so(explorer, tmp_path):
    whole = explorer.save_html(tmp_path / "whole.html")
    half = explorer.save_html(tmp_path / "half.html", precision="bfloat16")
    wire, data = array_in(Page(half.path))
    assert wire == {"dtype": "bfloat16", "shape": [3, 5, 4]}
    np.testing.assert_array_equal(np.frombuffer(data, "<u2"), as_bfloat16(ARRAY).ravel())
    assert "rounded to bfloat16" in Page(half.path).texts["footer"]
    assert "rounded" not in Page(whole.path).texts["footer"]
    assert explorer.selection.tensor.get_state("array")["array"]["dtype"] == "float32"


def test_nothing_is_loaded_and_only_our_script_runs(explorer, tmp_path):
    page = Page(explorer.save_html(tmp_path / "page.html").path)
    attributes = {name for _, attributes in page.elements for name in attributes}
    assert attributes.isdisjoint({"src", "href", "style", "data"})
    (policy,) = (a["content"] for _, a in page.elements if "http-equiv" in a)
    digest = base64.b64encode(hashlib.sha256(page.texts["script"].encode()).digest()).decode()
    assert policy is not None
    assert policy.split("; ")[:2] == ["default-src 'none'", f"script-src 'sha256-{digest}'"]
    # these have no default
    assert policy.split("; ")[-2:] == ["form-action 'none'", "base-uri 'none'"]


def test_text_of_users_is_text(tmp_path, monkeypatch):
    monkeypatch.setattr(FakeSource, "layers", lambda _: {"lstm": EVIL})
    explorer = explore(FakeSource())
    path = explorer.save_html(tmp_path / "page.html", title=EVIL).path
    page = Page(path)
    assert page.texts["title"].strip() == page.texts["h1"].strip() == EVIL
    labels = [m["state"].get("_options_labels") for m in page.models.values()]
    assert [EVIL] in [label and [*label] for label in labels]
    tags = [tag for tag, _ in page.elements]
    assert tags.count("script") == 4
    assert "img" not in tags
    assert path.read_text("utf-8").lower().count("</script") == 4


def test_the_title_is_optional(explorer, tmp_path):
    page = Page(explorer.save_html(tmp_path / "page.html").path)
    assert page.texts["title"].strip() == "Gradients"
    assert page.texts["rnngrad-unseen"].strip() == "Gradients"  # for screen readers
    explorer.title = "After 200 iterations"
    page = Page(explorer.save_html(tmp_path / "page.html").path)
    assert page.texts["title"].strip() == "After 200 iterations"


def test_the_page_holds_the_licences_of_its_code(explorer, tmp_path):
    text = Page(explorer.save_html(tmp_path / "page.html").path).texts["text/plain"]
    for name in ("@jupyter-widgets/base", "@lumino/widgets", "jquery", "bqplot", "d3-scale"):
        assert re.search(rf"(^|, ){name}(, |:$)", text, re.MULTILINE), name
    assert "Apache License" in text
    assert licences().count("Permission is hereby granted") >= 10


def test_no_script_is_so_long_that_webkit_would_take_minutes(tmp_path):
    array = np.random.default_rng(0).normal(size=(4, 1000, 40)).astype(np.float32)
    page = GradientExplorer.from_array(array).save_html(tmp_path / "page.html")
    scripts = re.findall("<script[^>]*>(.*?)</script>", page.path.read_text("utf-8"), re.DOTALL)
    assert sum(map(len, scripts)) > 4 * array.nbytes / 3
    assert sorted(map(len, scripts))[-2] <= 500_000 < len(renderer()) == max(map(len, scripts))
    np.testing.assert_array_equal(np.frombuffer(array_in(Page(page.path))[1], "<f4"), array.ravel())


def test_the_script_cannot_end_its_element():
    assert "</script" not in renderer().lower()
    assert "<!--" not in renderer()


def test_the_script_can_be_written_for_nbconvert(tmp_path):
    path = tmp_path / "widgets.js"
    subprocess.run([sys.executable, "-m", "rnngrad_widgets.html", path], check=True)
    assert path.read_text("utf-8") == renderer()


# -- the file --------------------------------------------------------------------------------------


def test_it_tells_the_size(explorer, tmp_path):
    path = tmp_path / "page.html"
    saved = explorer.save_html(str(path))
    assert (saved.path, saved.size) == (path, path.stat().st_size)
    assert repr(saved) == f"{path} ({saved.size / 1e6:.1f} MB)"
    assert Path(saved).read_bytes() == path.read_bytes()


def test_a_second_page_replaces_the_first(explorer, tmp_path):
    path = tmp_path / "page.html"
    explorer.save_html(path)
    explorer.sample = 2
    explorer.save_html(path)
    assert Page(path).selection["sample"] == 2
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(explorer, tmp_path):
    link, path = tmp_path / "link.html", tmp_path / "page.html"
    link.symlink_to(path)
    assert explorer.save_html(link).path == path
    assert link.is_symlink()
    assert path.exists()


def test_a_page_that_cannot_be_finished_leaves_the_old_one(explorer, tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    path.write_text("old")
    original = Path.write_bytes

    def write_half(self: Path, data: bytes) -> int:
        original(self, data[: len(data) // 2])
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_half)
    with pytest.raises(OSError, match="No space left"):
        explorer.save_html(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


# -- what is refused -------------------------------------------------------------------------------


def test_a_folder_is_refused(explorer, tmp_path):
    with pytest.raises(IsADirectoryError, match=r"must name a file; .*For instance: .*\.html"):
        explorer.save_html(tmp_path)


def test_a_missing_folder_is_refused(explorer, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"folder of the file must exist; .*Make .*nowhere"):
        explorer.save_html(tmp_path / "nowhere" / "page.html")


def test_too_large_a_page_is_refused_with_the_way_out(tmp_path, monkeypatch):
    explorer = GradientExplorer.from_array(np.ones((300, 1000, 4), np.float32))  # 4.8 MB
    path = tmp_path / "page.html"
    with pytest.raises(ValueError, match=r"larger than max_size, 6\.0 MB; it would take 8\.") as at:
        explorer.save_html(path, max_size=6_000_000)
    way_out = re.search(
        r"Explore fewer samples, save with precision='bfloat16', .*max_size=(\d+)", str(at.value)
    )
    assert way_out is not None
    assert not path.exists()
    explorer.save_html(path, max_size=int(way_out[1]))
    explorer.save_html(path, max_size=6_000_000, precision="bfloat16")
    with pytest.raises(ValueError, match="Explore fewer samples, or pass max_size"):
        explorer.save_html(path, max_size=4_000_000, precision="bfloat16")
    # an array that is far too large is not turned into text first
    monkeypatch.setattr(base64, "b64encode", None)
    with pytest.raises(ValueError, match="larger than max_size"):
        explorer.save_html(path, max_size=6_000_000)


def test_an_unknown_precision_is_refused(explorer, tmp_path):
    with pytest.raises(ValueError, match="'float32' or 'bfloat16'; received 'float16'"):
        explorer.save_html(tmp_path / "page.html", precision="float16")


def test_a_closed_explorer_is_refused(explorer, tmp_path):
    explorer.close()
    with pytest.raises(ValueError, match=r"must be open; it was closed\. Make it anew"):
        explorer.save_html(tmp_path / "page.html")


def test_what_has_no_view_is_refused(explorer, tmp_path):
    with pytest.raises(TypeError, match="must be one that is shown; received Selection"):
        save_html(explorer.selection, tmp_path / "page.html")


def test_a_part_that_is_not_installed_is_named(explorer, tmp_path, monkeypatch):
    monkeypatch.setattr("rnngrad_widgets.export.bundle.metadata.files", lambda _: [])
    with pytest.raises(FileNotFoundError, match="pip install --force-reinstall bqplot"):
        explorer.save_html(tmp_path / "page.html")


def test_a_checkout_without_its_browser_half_is_told_of_make_js(explorer, tmp_path, monkeypatch):
    files = metadata.files
    monkeypatch.setattr("rnngrad_widgets.export.bundle.CHECKOUT", tmp_path)
    monkeypatch.setattr(
        "rnngrad_widgets.export.bundle.metadata.files",
        lambda name: [] if name == "rnngrad-widgets" else files(name),
    )
    with pytest.raises(FileNotFoundError, match="or run make js in a checkout"):
        explorer.save_html(tmp_path / "page.html")


def test_outside_of_a_checkout_the_browser_half_is_where_pip_installs_it(tmp_path, monkeypatch):
    built = renderer()
    monkeypatch.setattr("rnngrad_widgets.export.bundle.CHECKOUT", tmp_path)
    assert renderer() == built


def test_only_a_plain_file_is_replaced(tmp_path: Path) -> None:
    explorer = GradientExplorer.from_array(np.ones((2, 3, 4), "float32"))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match=r"must be a plain file; '.*pipe' is a pipe, a device or"):
        explorer.save_html(pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    private = tmp_path / "private.html"
    private.touch(0o600)
    explorer.save_html(private)
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    longest = tmp_path / ("x" * 250 + ".html")
    explorer.save_html(longest)
    names = {"pipe", "private.html", longest.name}
    assert {each.name for each in tmp_path.iterdir()} == names
    with pytest.raises(TypeError, match="title must be text or None; received int"):
        explorer.save_html(private, title=5)  # type: ignore[arg-type]
    explorer.close()
