"""An explorer that one anywidget shows, in a JupyterLab without bqplot's extension and ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.browser import server
from tests.browser.conftest import FAILED
from tests.browser.lab import DARK, LIGHT, Lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.browser.lab import NotebookPage

SOURCE = """
import numpy as np
from rnngrad_widgets import GradientExplorer, display_as

display_as("anywidget")
values = np.random.default_rng(0).standard_normal((8, 50, 16)).astype("float32")
explorer = GradientExplorer.from_array(values)
explorer"""
SECONDS = 30_000
LARGE = """
noise = np.random.default_rng(0).standard_normal((64, 800, 512), dtype="float32")
large = GradientExplorer.from_array(noise)
large"""
STYLES = """() => [...document.head.querySelectorAll("style")]
    .filter((each) => /bqplot|rnngrad|jupyter-widgets/.test(each.textContent)).length"""


@pytest.fixture(scope="module")
def bare_lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    without = ["rnngrad-widgets", "bqplot", "bqscales"]
    running = server.start(tmp_path_factory.mktemp("without"), without)
    try:
        yield Lab(running, browser.new_context())
    finally:
        running.stop()


@pytest.fixture
def page(bare_lab: Lab, request: pytest.FixtureRequest) -> Iterator[NotebookPage]:
    """A notebook that shows the explorer, and what further cells show."""
    opened = bare_lab.open([SOURCE, *getattr(request, "param", [])])
    opened.page.locator(".rnngrad-explorer canvas").first.wait_for(timeout=SECONDS)
    opened.settle()
    yield opened
    failed = request.node.stash.get(FAILED, False)
    complaints = list(opened.complaints)
    if failed:
        opened.screenshot(f"failed-{request.node.name}")
    bare_lab.close_all(failed=failed or bool(complaints))
    assert failed or not complaints


def test_sliders_move_pixels_and_python_is_told(page: NotebookPage) -> None:
    canvas = page.page.locator(".rnngrad-explorer canvas").first
    before = page.pixels(canvas)
    page.page.locator(".rnngrad-explorer .noUi-handle").first.press("ArrowRight")
    page.settle()
    assert (page.pixels(canvas) != before).any()
    assert page.execute("print(explorer.sample)") == "1\n"
    page.execute("explorer.sample = 0")
    page.settle()
    assert (page.pixels(canvas) == before).all()


def test_what_a_page_has_missed_it_asks_for(page: NotebookPage) -> None:
    lost = "tunnel.comm.send = lambda *sent, **more: None; explorer.title = 'missed'; "
    page.execute(
        "tunnel = explorer._tunnel; send = tunnel.comm.send\n"
        f"{lost}explorer.sample = 5; tunnel.comm.send = send; explorer.channel = 2"
    )
    shown = page.page.locator(".rnngrad-explorer")
    shown.get_by_text("missed", exact=True).wait_for(timeout=SECONDS)
    shown.locator(".noUi-handle").first.press("ArrowRight")
    page.settle()
    assert page.execute("print(explorer.sample, explorer.channel)") == "6 2\n"


def test_keys_that_would_change_cells_stay_in_the_plot(page: NotebookPage) -> None:
    handle = page.page.locator(".rnngrad-explorer .noUi-handle").first
    handle.focus()
    for key in ("d", "d", "a", "b"):
        page.page.keyboard.press(key)
    assert len(page.outputs) == 1
    assert page.page.locator(".rnngrad-explorer").count() == 1


@pytest.mark.long
def test_a_page_that_is_loaded_again_shows_what_is_there_now(page: NotebookPage) -> None:
    page.execute("explorer.sample = 3; explorer.view = 'flow'; explorer.title = 'now'")
    page.save()
    page.reload()
    page.page.locator(".rnngrad-explorer").get_by_text("now", exact=True).wait_for(timeout=SECONDS)
    page.page.locator(".rnngrad-explorer .noUi-handle").first.press("ArrowRight")
    page.settle()
    assert page.execute("print(explorer.sample, explorer.view)") == "4 flow\n"


def test_python_saves_the_picture_of_the_page(page: NotebookPage, tmp_path: Path) -> None:
    picture = tmp_path / "shown.png"
    page.execute(f"explorer.save({str(picture)!r})")
    assert np.ptp(np.asarray(Image.open(picture).convert("RGB"))) > 100


def test_it_follows_the_theme_of_jupyterlab(page: NotebookPage) -> None:
    place = page.page.locator(".rnngrad-explorer")
    try:
        page.set_theme(DARK)
        page.settle()
        assert page.pixels(place).mean() < 100
        assert page.execute("print(explorer.dark)") == "True\n"
    finally:
        page.set_theme(LIGHT)
    page.settle()
    assert page.pixels(place).mean() > 200


@pytest.mark.parametrize("page", [["GradientExplorer.from_array(values)"]], indirect=True)
def test_the_code_and_the_styles_are_in_the_page_once(page: NotebookPage) -> None:
    explorers = page.page.locator(".rnngrad-explorer")
    explorers.nth(1).locator("canvas").first.wait_for(timeout=SECONDS)
    before = page.page.evaluate(STYLES)
    page.run_cell(1)  # another one in its place
    page.settle()
    explorers.nth(1).locator("canvas").first.wait_for(timeout=SECONDS)
    assert page.page.evaluate(STYLES) == before
    assert page.page.evaluate("() => globalThis[Symbol.for('rnngrad_widgets.libraries')].size") == 1


@pytest.mark.parametrize("page", [["explorer.anywidget()", "explorer"]], indirect=True)
def test_views_of_one_explorer_follow_each_other(page: NotebookPage) -> None:
    explorers = page.page.locator(".rnngrad-explorer")
    explorers.nth(2).locator("canvas").first.wait_for(timeout=SECONDS)
    explorers.nth(1).locator(".noUi-handle").first.press("ArrowRight")
    page.settle()
    assert page.execute("print(explorer.sample)") == "1\n"
    for number in range(3):
        handle = explorers.nth(number).locator(".noUi-handle").first
        assert float(handle.get_attribute("aria-valuenow") or -1) == 1
        assert explorers.nth(number).get_by_text("sample 1").first.is_visible()


@pytest.mark.long
@pytest.mark.parametrize("page", [[LARGE]], indirect=True)
def test_a_hundred_megabytes_go_through(page: NotebookPage) -> None:
    large = page.page.locator(".rnngrad-explorer").nth(1)
    canvas = large.locator("canvas").first
    canvas.wait_for(timeout=2 * SECONDS)
    page.settle()
    before = page.pixels(canvas)
    large.locator(".noUi-handle").first.press("End")
    page.settle()
    assert (page.pixels(canvas) != before).any()
    assert page.execute("print(large.sample)") == "63\n"
    # said by anywidget where the page was busy for two seconds; it goes on all the same
    page.complaints[:] = [each for each in page.complaints if "initialize model" not in each]


def test_closing_removes_it(page: NotebookPage) -> None:
    page.execute("explorer.close()")
    page.page.locator(".rnngrad-explorer").wait_for(state="detached", timeout=SECONDS)
