"""Notebooks that were saved with the state of their widgets, as pages: jupyter nbconvert."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter, SlidesExporter

from rnngrad_widgets.export.bundle import renderer
from tests.browser.engines import Chromium
from tests.browser.explorer_page import picture, show
from tests.browser.html_page import PageView

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from playwright.sync_api import Browser

    from tests.browser.lab import Lab

ARRAY = np.random.default_rng(5).permutation(np.linspace(-1, 1, 48)).reshape(2, 6, 4)
EVIL = "</script><img src=x onerror=alert(1)><!--"
CELL = show(ARRAY, "sample=1, norm=(-1, 1)").replace("\ne\n", f"\ne.title = {EVIL!r}\ne\n")
LINKED = "f = GradientExplorer.from_array(-array)\ne.link(f)\nf"
REQUIRE = Path(__file__).parents[2] / "js/node_modules/requirejs/require.js"
# What the templates themselves say of what they would fetch: scripts of CDNs, slides among them.
OFFLINE = (
    "Failed to load resource: net::ERR_INTERNET_DISCONNECTED",
    "Script error for: https://unpkg.com/reveal.js",
    "require is not defined",
    "$ is not defined",
)


def expect_alive(
    browser: Browser,
    notebook: Path,
    exporter: HTMLExporter | None = None,
    *,
    loader: bool = False,
    linked: bool = True,
) -> None:
    """Convert a notebook as docs/how-to/saved-notebook.md says, and see that its explorer works.

    ``loader``: with the AMD loader that a template of nbconvert fetches where there is a network.
    ``linked``: with a second explorer that follows it.
    """
    page = notebook.with_suffix(".html")
    notebook.with_name("widgets.js").write_text(renderer(), "utf-8")
    exporter = exporter or HTMLExporter()
    exporter.widget_renderer_url = "widgets.js"
    if loader:
        shutil.copy(REQUIRE, notebook.with_name("require.js"))
        exporter.require_js_url = "require.js"
    page.write_text(exporter.from_filename(str(notebook))[0], "utf-8")
    engine = Chromium(browser)
    try:
        view = PageView(engine, page)
        assert view.read("typeof globalThis.define === 'function'") == loader
        view.expect_picture(picture(ARRAY, 1))
        assert EVIL in view.read("document.querySelector('.rnngrad-explorer').textContent")
        # no name is markup, and beside a live widget its static picture is hidden
        visible = "[...document.images].filter((each) => each.checkVisibility()).length"
        assert view.read(visible) == 0
        font = "getComputedStyle(document.querySelector('.rnngrad-summary')).fontFamily"
        assert "sans-serif" in view.read(font)
        view.press("sample", "ArrowLeft")
        view.expect_picture(picture(ARRAY, 0))
        samples = "[...document.querySelectorAll('.rnngrad-sample')].map((el) => el.textContent)"
        assert not linked or view.read(samples) == ["0", "0"]
        complaints = [text for text in engine.complaints if not text.startswith(OFFLINE)]
        assert complaints == []
    finally:
        engine.close()


def test_a_notebook_saved_in_jupyterlab(lab: Lab, browser: Browser) -> None:
    notebook = lab.open([CELL, LINKED])
    notebook.save_with_widgets()
    expect_alive(browser, lab.server.notebooks / notebook.name)


# Twelve snapshots of 3.3 MB, and an array of 37 MB: more than is saved in one notebook.
RUN = """
from rnngrad_widgets.data.tensor import SEQUENCE, GradientTensor
run = GradientExplorer.from_array(np.ones((16, 100, 512)))
for step in range(12):
    values = np.full((16, 100, 512), step, "float32")
    run.add_snapshot({"": GradientTensor(values, SEQUENCE, "array", "output", step=step)}, step)
run
"""
LARGE = "large = GradientExplorer.from_array(np.ones((18, 1000, 512)))\nlarge"
WHY = "Left out when the notebook was saved, because it would be larger than 50 MB: "


@pytest.mark.long
def test_large_arrays_are_left_out_of_a_notebook(lab: Lab, browser: Browser) -> None:
    notebook = lab.open([CELL, RUN, LARGE])
    notebook.save_with_widgets()
    path = lab.server.notebooks / notebook.name
    # what fits is there: the small array, and the last snapshot, which is shown
    assert 4e6 < path.stat().st_size < 10e6
    notebook.execute("run.sample = 3")  # the page that saved it has all
    assert notebook.page.locator(".rnngrad-left-out:not(:empty)").count() == 0
    # page.js and the picture of the first one are as they were
    expect_alive(browser, path, linked=False)
    engine = Chromium(browser)
    try:
        view = PageView(engine, path.with_suffix(".html"))
        lines = "[...document.querySelectorAll('.rnngrad-left-out')].map((el) => el.textContent)"
        assert [line for line in view.read(lines) if line] == [
            f"{WHY}12 snapshots (39 MB). Run the cell again to see more.",
            f"{WHY}arrays (37 MB). Run the cell again to see more.",
        ]
        heights = "(kind) => [...document.querySelectorAll(kind)].map((el) => el.clientHeight > 0)"
        assert view.read(f"({heights})('.rnngrad-figure-losses')") == [False]
        for part in (".rnngrad-plots", ".rnngrad-choices", ".rnngrad-sliders"):
            assert view.read(f"({heights})('{part}')") == [True, True, False]
    finally:
        engine.close()


@pytest.fixture(scope="module")
def executed() -> NotebookNode:
    """A notebook that was run without a browser, with the state of its widgets."""
    slide = {"slideshow": {"slide_type": "slide"}}
    cells = [nbformat.v4.new_code_cell(code, metadata=slide) for code in (CELL, LINKED)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook).execute()
    return notebook


@pytest.mark.one_case_in(8)
@pytest.mark.parametrize("loader", [False, True], ids=["offline", "with a loader"])
@pytest.mark.parametrize("template", ["lab", "classic", "slides"])
def test_a_notebook_that_was_run_without_a_browser(
    executed: NotebookNode, browser: Browser, tmp_path: Path, template: str, *, loader: bool
) -> None:
    path = tmp_path / "run.ipynb"
    nbformat.write(executed, path)
    exporter = SlidesExporter() if template == "slides" else HTMLExporter(template_name=template)
    expect_alive(browser, path, exporter, loader=loader)
