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
REQUIRE = Path(__file__).parents[2] / "js/node_modules/requirejs/require.js"
# What the templates themselves say of what they would fetch: scripts of CDNs, slides among them.
OFFLINE = (
    "Failed to load resource: net::ERR_INTERNET_DISCONNECTED",
    "Script error for: https://unpkg.com/reveal.js",
    "require is not defined",
    "$ is not defined",
)
SAVE_STATE = "() => harness.run('@jupyter-widgets/jupyterlab-manager:saveWidgetState')"


def expect_alive(
    browser: Browser, notebook: Path, exporter: HTMLExporter | None = None, *, loader: bool = False
) -> None:
    """Convert a notebook as the README says, and see that its explorer works without a network.

    ``loader``: with the AMD loader that a template of nbconvert fetches where there is a network.
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
        assert view.read("document.images.length") == 0
        view.press("sample", "ArrowLeft")
        view.expect_picture(picture(ARRAY, 0))
        complaints = [text for text in engine.complaints if not text.startswith(OFFLINE)]
        assert complaints == []
    finally:
        engine.close()


def test_a_notebook_saved_in_jupyterlab(lab: Lab, browser: Browser) -> None:
    notebook = lab.open([CELL])
    notebook.page.evaluate(SAVE_STATE)
    try:
        notebook.save()
    finally:
        notebook.page.evaluate(SAVE_STATE)
    expect_alive(browser, lab.server.notebooks / notebook.name)


@pytest.fixture(scope="module")
def executed() -> NotebookNode:
    """A notebook that was run without a browser, with the state of its widgets."""
    slide = {"slideshow": {"slide_type": "slide"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL, metadata=slide)])
    NotebookClient(notebook).execute()
    return notebook


@pytest.mark.parametrize("loader", [False, True], ids=["offline", "with a loader"])
@pytest.mark.parametrize("template", ["lab", "classic", "slides"])
def test_a_notebook_that_was_run_without_a_browser(
    executed: NotebookNode, browser: Browser, tmp_path: Path, template: str, *, loader: bool
) -> None:
    path = tmp_path / "run.ipynb"
    nbformat.write(executed, path)
    exporter = SlidesExporter() if template == "slides" else HTMLExporter(template_name=template)
    expect_alive(browser, path, exporter, loader=loader)
