"""Notebooks that were saved with the state of their widgets, as pages: jupyter nbconvert."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat
import numpy as np
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from rnngrad_widgets.bundle import renderer
from tests.browser.engines import Chromium
from tests.browser.explorer_page import picture, show
from tests.browser.html_page import PageView

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.browser.lab import Lab

ARRAY = np.random.default_rng(5).permutation(np.linspace(-1, 1, 48)).reshape(2, 6, 4)
EVIL = "</script><img src=x onerror=alert(1)><!--"
CELL = show(ARRAY, "sample=1, norm=(-1, 1)").replace("\ne\n", f"\ne.title = {EVIL!r}\ne\n")
SAVE_STATE = "() => harness.run('@jupyter-widgets/jupyterlab-manager:saveWidgetState')"


def expect_alive(browser: Browser, notebook: Path) -> None:
    """Convert a notebook as the README says, and see that its explorer works without a network."""
    page = notebook.with_suffix(".html")
    notebook.with_name("widgets.js").write_text(renderer(), "utf-8")
    exporter = HTMLExporter(widget_renderer_url="widgets.js")
    page.write_text(exporter.from_filename(str(notebook))[0], "utf-8")
    engine = Chromium(browser)
    try:
        view = PageView(engine, page)
        view.expect_picture(picture(ARRAY, 1))
        assert EVIL in view.read("document.querySelector('.rnngrad-explorer').textContent")
        assert view.read("document.images.length") == 0
        view.press("sample", "ArrowLeft")
        view.expect_picture(picture(ARRAY, 0))
        assert [text for text in engine.complaints if "ERR_INTERNET_DISCONNECTED" not in text] == []
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


def test_a_notebook_that_was_run_without_a_browser(browser: Browser, tmp_path: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    NotebookClient(notebook).execute()
    path = tmp_path / "run.ipynb"
    nbformat.write(notebook, path)
    expect_alive(browser, path)
