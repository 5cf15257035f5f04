"""An explorer among others: busy kernels, second explorers, second runs, reloads, Notebook 7."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from rnngrad_widgets import __version__
from rnngrad_widgets.data.statistics import auto_limit
from tests.browser.explorer_page import (
    TOLERANCE,
    ExplorerPage,
    colours,
    eventually,
    number,
    picture,
    show,
)
from tests.browser.lab import Lab, NotebookPage

if TYPE_CHECKING:
    from pathlib import Path

RANDOM = np.random.default_rng(17)
FIRST = RANDOM.permutation(np.linspace(-1, 1, 6 * 8 * 4)).reshape(6, 8, 4)
SECOND = RANDOM.permutation(np.linspace(-1, 1, 4 * 5 * 6)).reshape(4, 5, 6)
AUTO = (-1.0, 1.0)
# Not the status of the kernel, which messages of widgets change: ipykernel 7 takes them in between.
STATE = "() => jupyterapp.shell.currentWidget.content.widgets[1].model.executionState"


# Jupyter Server does so where there are too many: those that close the widgets of ten explorers.
DROP = """
from ipykernel.comm.comm import BaseComm
publish = BaseComm.publish_msg
def publish_others(comm, kind, *args, **kwargs):
    if kind != "comm_close":
        publish(comm, kind, *args, **kwargs)
BaseComm.publish_msg = publish_others
"""
OTHER_VERSION = "import rnngrad_widgets._version as own; own.__version__ = '0.0.7'"


def models_in_the_kernel(notebook: NotebookPage) -> int:
    """How many widgets ipywidgets keeps alive in the kernel."""
    code = "from ipywidgets.widgets import widget; print(len(widget._instances))"
    return int(notebook.execute(code))


def test_sliders_redraw_while_the_kernel_runs_a_cell(lab: Lab) -> None:
    notebook = lab.open(
        [show(FIRST), "import time\nfor _ in range(150): time.sleep(0.1)"], run=False
    )
    notebook.run_cell(0)
    e = ExplorerPage(notebook)
    e.expect_picture(picture(FIRST, 0), AUTO)
    notebook.run_cell(1, wait=False)
    e.drag("sample", 0.6)
    e.expect_picture(picture(FIRST, 3), AUTO)
    e.press("sample", "ArrowRight")
    e.expect_picture(picture(FIRST, 4), AUTO)
    e.press("channel", "ArrowRight")
    e.expect_text("curve-caption", "Value v of channel 1")
    e.press("norm", "ArrowLeft")
    e.expect_picture(picture(FIRST, 4), (-0.8, 0.8))
    e.button("processing order").click()
    e.expect_picture(picture(FIRST, 4, reflect=True), (-0.8, 0.8))
    assert notebook.page.evaluate(STATE) == "running", "else this has shown nothing"

    notebook.page.evaluate("() => { harness.run('notebook:interrupt-kernel'); }")
    notebook.wait_until_idle()
    assert notebook.outputs[1][0]["ename"] == "KeyboardInterrupt"
    for trait, wanted in (
        ("sample", 4),
        ("channel", 1),
        ("norm", (-0.8, 0.8)),
        ("reflect_half", True),
    ):
        e.expect_trait(trait, wanted)


def test_two_explorers_are_apart_and_a_second_run_replaces_its_own(lab: Lab) -> None:
    cells = [show(FIRST, name="a"), show(SECOND, name="b")]
    notebook = lab.open(cells, viewport=(1280, 1900))
    a, b = ExplorerPage(notebook, 0, "a"), ExplorerPage(notebook, 1, "b")
    a.expect_picture(picture(FIRST, 0), AUTO)
    b.expect_picture(picture(SECOND, 0), AUTO)
    assert a.text("versions") == ""
    a.drag("sample", 1.0)
    a.press("norm", "ArrowLeft")
    a.button("processing order").click()
    a.expect_picture(picture(FIRST, 5, reflect=True), (-0.8, 0.8))
    b.expect_picture(picture(SECOND, 0), AUTO)
    b.press("sample", "ArrowRight")
    b.press("channel", "End")
    b.expect_picture(picture(SECOND, 1), AUTO)
    b.expect_text("channel", "5")
    a.expect_picture(picture(FIRST, 5, reflect=True), (-0.8, 0.8))
    a.expect_text("channel", "0")
    a.expect_trait("sample", 5)
    b.expect_trait("sample", 1)
    b.expect_trait("norm", "auto")

    count = models_in_the_kernel(notebook)
    assert notebook.widget_model_count() == count
    for _ in range(3):
        notebook.run_cell(0)
        a.expect_picture(picture(FIRST, 0), AUTO)
        assert models_in_the_kernel(notebook) == count
        eventually(notebook.widget_model_count, count, "the browser's count of models")
    notebook.execute(DROP)
    notebook.run_cell(0)
    eventually(notebook.widget_model_count, count, "the count where the page hears of no closing")
    notebook.execute("BaseComm.publish_msg = publish")
    a.expect_picture(picture(FIRST, 0), AUTO)
    b.expect_picture(picture(SECOND, 1), AUTO)
    a.press("sample", "ArrowRight")
    a.expect_picture(picture(FIRST, 1), AUTO)
    a.expect_trait("sample", 1)

    notebook.execute("a.close()")
    eventually(lambda: models_in_the_kernel(notebook), count // 2, "the kernel's count of models")
    eventually(notebook.widget_model_count, count // 2, "the browser's count of models")
    b = ExplorerPage(notebook, 0, "b")
    b.press("sample", "ArrowRight")
    b.expect_picture(picture(SECOND, 2), AUTO)
    notebook.execute("b.close()")
    assert models_in_the_kernel(notebook) == 0
    eventually(notebook.widget_model_count, 0, "the browser's count of models")


@pytest.mark.long
def test_explorers_are_linked_in_the_browser(lab: Lab) -> None:
    large = 3 * SECOND
    cells = [
        f"{OTHER_VERSION}\n{show(FIRST, name='a')}",
        show(large, name="b"),
        """
import ipywidgets
l = a.link(b, "sample", "norm")
w = ipywidgets.IntText()
j = ipywidgets.jslink((b, "sample"), (w, "value"))
w
""",
        "import time\nfor _ in range(80): time.sleep(0.1)",
    ]
    notebook = lab.open(cells, run=False, viewport=(1280, 1900))
    for cell in range(3):
        notebook.run_cell(cell)
    a, b = ExplorerPage(notebook, 0, "a"), ExplorerPage(notebook, 1, "b")
    limit = auto_limit(large)
    assert limit > auto_limit(FIRST)
    a.expect_picture(picture(FIRST, 0), (-limit, limit))  # one range, which fits both

    notebook.run_cell(3, wait=False)
    a.drag("sample", 1)
    a.expect_picture(picture(FIRST, 5), (-limit, limit))
    b.expect_picture(picture(large, 3), (-limit, limit))  # its last one
    b.press("norm", "Home")
    smallest = b.text("norm")
    a.expect_text("norm", smallest)
    b.button("auto").click()
    assert a.text("sample") == "5"
    b.press("sample", "ArrowLeft")
    a.expect_picture(picture(FIRST, 2), (-limit, limit))
    b.expect_picture(picture(large, 2), (-limit, limit))
    typed = notebook.page.locator(".widget-text input[type=number]")
    assert typed.input_value() == "2"
    assert notebook.page.evaluate(STATE.replace("widgets[1]", "widgets[3]")) == "running"
    for page in (a, b):
        page.expect_trait("sample", 2)
    assert (a.kernel("norm"), b.kernel("norm")) == ("auto", "auto")
    # Python has another version than the page
    told = (
        f"Python has version 0.0.7 of rnngrad_widgets, this page {__version__}: what is shown may"
    )
    assert a.text("versions").startswith(told)

    notebook.execute("a.sample = 5")
    a.expect_picture(picture(FIRST, 5), (-limit, limit))
    b.expect_trait("sample", 3)
    notebook.save()
    notebook.reload()
    a.expect_picture(picture(FIRST, 5), (-limit, limit))
    b.expect_picture(picture(large, 3), (-limit, limit))
    a.press("sample", "Home")
    b.expect_picture(picture(large, 0), (-limit, limit))
    b.expect_trait("sample", 0)
    notebook.execute("l.unlink()")
    a.expect_picture(picture(FIRST, 0), (-auto_limit(FIRST), auto_limit(FIRST)))


@pytest.mark.long
def test_what_other_cells_show_or_hold_stays(lab: Lab) -> None:
    cells = [
        f"runs = []\n{show(FIRST, name='e')}",
        "e",
        "import ipywidgets as W\nruns.append(GradientExplorer.from_array(-array))\nW.VBox(runs)",
    ]
    notebook = lab.open(cells, viewport=(1280, 2600))
    for _ in range(2):
        notebook.run_cell(2)  # a container of what earlier runs made
    notebook.run_cell(0)
    shown = notebook.output(1).locator(".rnngrad-explorer")
    eventually(shown.count, 1, "the explorer in the other cell's output")
    other = ExplorerPage(notebook, 1)
    other.press("sample", "ArrowRight")
    other.expect_picture(picture(FIRST, 1), AUTO)
    count = models_in_the_kernel(notebook)
    for _ in range(2):
        notebook.run_cell(1)  # now it shows the explorer of the last run
        notebook.run_cell(0)
        eventually(lambda: models_in_the_kernel(notebook), count, "the kernel's count of models")
        eventually(notebook.widget_model_count, count, "the browser's count of models")


def test_a_reload_restores_the_view(lab: Lab) -> None:
    notebook = lab.open([show(FIRST)])
    e = ExplorerPage(notebook)
    e.drag("sample", 0.6)
    e.press("channel", "End")
    e.press("norm", "ArrowLeft")
    e.button("processing order").click()
    e.button("range").click()
    e.press("norm", "ArrowRight", which=0)
    values, norm = picture(FIRST, 3, reflect=True), (-0.795, 0.8)
    e.expect_picture(values, norm)
    # the timestep that was pointed at last stays
    notebook.page.mouse.move(*e.point(2, 1, (4, 8)))
    notebook.page.mouse.move(5, 5)
    value = number(values[3, 2], plus=True)
    told = f"processing step 2 · channel 3 · v {value}"
    eventually(lambda: told in e.text("hover"), True, f"that the readout tells {told}")
    e.expect_trait("selection.timestep", 2)
    e.expect_trait("norm", norm)
    notebook.rename("renamed.ipynb")
    notebook.save()
    notebook.reload()
    e.expect_picture(values, norm)
    e.expect_text("sample", "3")
    e.expect_text("channel", "3")
    e.expect_text("norm", "−8.0e-1 … +8.0e-1")
    assert told in e.text("hover")
    assert e.handle("norm", 1).is_visible(), "there must be two handles still"
    assert e.kernel("sample") == 3
    assert e.kernel("norm") == norm
    # and it goes on
    e.press("sample", "ArrowLeft")
    e.expect_picture(picture(FIRST, 2, reflect=True), norm)
    e.expect_trait("sample", 2)
    # the cell is the same one, although the page has another session
    count = models_in_the_kernel(notebook)
    notebook.run_cell(0)
    assert models_in_the_kernel(notebook) == count
    # JupyterLab looks for the name before once more
    notebook.complaints[:] = [t for t in notebook.complaints if "/api/contents/test" not in t]


@pytest.mark.long
def test_notebook_7_shows_and_saves_it_too(lab: Lab, tmp_path: Path) -> None:
    e = ExplorerPage(lab.open([show(FIRST)], app="notebook"))
    e.expect_picture(picture(FIRST, 0), AUTO)
    e.drag("sample", 0.4)
    e.expect_picture(picture(FIRST, 2), AUTO)
    e.press("norm", "ArrowLeft")
    e.expect_picture(picture(FIRST, 2), (-0.8, 0.8))
    e.button("processing order").click()
    e.expect_picture(picture(FIRST, 2, reflect=True), (-0.8, 0.8))
    e.expect_trait("sample", 2)
    e.expect_trait("reflect_half", True)
    e.notebook.execute(f"e.save({str(tmp_path / 'seen.png')!r})")
    seen = np.asarray(Image.open(tmp_path / "seen.png").convert("RGB")).reshape(-1, 3)
    for colour in colours(picture(FIRST, 2).ravel(), (-0.8, 0.8)):
        assert (np.abs(seen - colour).max(axis=1) <= TOLERANCE).sum() > 1000, colour


MANY = """
import os, signal
server = os.getppid()
os.kill(server, signal.SIGSTOP)  # as one that is slow, however fast the machine is
try:
    explorers = [GradientExplorer.from_array(array + i, norm=(-12, 12)) for i in range(12)]
finally:
    os.kill(server, signal.SIGCONT)
explorers[0]
"""


@pytest.mark.long
def test_many_explorers_of_one_cell_all_come(lab: Lab) -> None:
    """Twelve are 5,000 messages; measured by hand with 30, also beside four busy processes."""
    notebook = lab.open([show(FIRST), MANY, "explorers[11]"], viewport=(1280, 2800))
    count = models_in_the_kernel(notebook)
    eventually(notebook.widget_model_count, count, "the browser's count of models")
    last = ExplorerPage(notebook, 2, "explorers[11]")
    last.expect_picture(picture(FIRST, 0) + 11, (-12.0, 12.0))
    last.press("sample", "ArrowRight")
    last.expect_picture(picture(FIRST, 1) + 11, (-12.0, 12.0))
    last.expect_trait("sample", 1)


def test_a_front_end_without_the_extension(lab: Lab) -> None:
    settings = lab.server.notebooks.parent / "config" / "labconfig" / "page_config.json"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text('{"disabledExtensions": {"rnngrad-widgets": true}}')
    try:
        notebook = lab.open([show(FIRST)], app="notebook")
    finally:
        settings.unlink()
    # docs/how-to/front-ends.md names both
    notebook.page.get_by_text("Click to show javascript error").click()
    told = "No version of module rnngrad-widgets is registered"
    notebook.page.get_by_text(told).first.wait_for()
    assert all(told in complaint for complaint in notebook.complaints)
    notebook.complaints.clear()
    # and what front ends without widgets show
    (output,) = notebook.outputs[0]
    assert "save_html(path) writes a page" in output["data"]["text/plain"]
