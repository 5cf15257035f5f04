"""Texts of a stranger run nothing, wherever they are shown: JupyterLab, a saved page, nbconvert."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from nbconvert import HTMLExporter

from rnngrad_widgets.export.bundle import renderer
from tests.browser.engines import Chromium
from tests.browser.explorer_page import ExplorerPage, eventually
from tests.browser.html_page import PageView

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.browser.lab import Lab, NotebookPage

EVIL = "<img src=x onerror=alert(1)>"

# Tensors that slip through all checks: their words are what a stranger wrote.
CELL = f"""
import numpy as np
from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.data import tensor as module
from rnngrad_widgets.data.tensor import GradientTensor

EVIL = {EVIL!r}
module.check_words = lambda what, words: tuple(words)

def tensor(step, quantity):
    values = np.random.default_rng(step).normal(size=(3, 5, 8))
    dims, pair = ("sample", "timestep", EVIL), (EVIL, EVIL + "2")
    return GradientTensor(values, dims, EVIL, quantity, pair, pair, step=step, loss=1.0)

from rnngrad_widgets.explorer.source import Source

class FakeSource(Source):
    notes = (EVIL,)
    def layers(self):
        return {{EVIL: EVIL}}
    def resolve(self, layer):
        return EVIL
    def quantities(self, layer):
        return ("output_gradient", "hidden_gradient")
    def compute(self, layer, quantity):
        return {{EVIL: tensor(0, quantity), "other": tensor(1, quantity)}}

e = GradientExplorer.from_source(FakeSource(), None, "output_gradient")
e.title = EVIL
e
"""
TIMELINE = """
e.add_snapshot({EVIL: tensor(1, "output_gradient")}, 1, EVIL)
e.add_snapshot({EVIL: tensor(2, "output_gradient")}, 2, EVIL)
"""
IMAGES = "document.querySelectorAll('img[src=x]').length"


def expect_text_only(notebook: NotebookPage) -> None:
    assert notebook.page.evaluate("document.body.textContent").count(EVIL) > 3
    assert notebook.page.evaluate(IMAGES) == 0


def open_one(lab: Lab) -> ExplorerPage:
    notebook = lab.open([CELL])
    e = ExplorerPage(notebook)
    eventually(lambda: EVIL in e.text("summary"), wanted=True, what="the summary shows the text")
    return e


def test_in_jupyterlab(lab: Lab) -> None:
    e = open_one(lab)
    asked: list[str] = []
    e.notebook.page.on("dialog", lambda dialog: asked.append(dialog.message))
    for view in e.notebook.execute("print(*e.view_stack.views, sep='|')").strip().split("|"):
        e.notebook.execute(f"e.view = {view!r}")
        e.notebook.settle()
        expect_text_only(e.notebook)
    e.notebook.execute(TIMELINE)
    e.notebook.settle()
    expect_text_only(e.notebook)
    e.notebook.execute("e.quantity = 'hidden_gradient'")
    e.expect_trait("quantity", "hidden_gradient")
    e.notebook.settle()
    expect_text_only(e.notebook)
    assert asked == []


def test_in_a_saved_page(lab: Lab, browser: Browser) -> None:
    e = open_one(lab)
    e.notebook.execute(TIMELINE)
    e.notebook.execute("e.save_html('strange.html', title=EVIL)")
    expect_quiet(browser, lab.server.notebooks / "strange.html")


@pytest.mark.long
def test_in_a_page_of_nbconvert(lab: Lab, browser: Browser) -> None:
    e = open_one(lab)
    notebook = e.notebook
    notebook.save_with_widgets()
    path = lab.server.notebooks / notebook.name
    path.with_name("widgets.js").write_text(renderer(), "utf-8")
    page = path.with_suffix(".html")
    exporter = HTMLExporter(widget_renderer_url="widgets.js")
    page.write_text(exporter.from_filename(str(path))[0], "utf-8")
    expect_quiet(browser, page)


def expect_quiet(browser: Browser, path: Path) -> None:
    engine = Chromium(browser)
    try:
        view = PageView(engine, path)
        assert view.read("document.querySelector('.rnngrad-explorer').textContent").count(EVIL) > 3
        assert view.read(IMAGES) == 0
    finally:
        engine.close()
