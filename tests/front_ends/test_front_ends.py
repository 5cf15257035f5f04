"""The live explorer in front ends that have no extension of ours."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from tests.browser import chromium
from tests.browser.conftest import FLAGS
from tests.front_ends.front_end import HOW_TO_GET_THEM, PYTHON, ROOT, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from playwright.sync_api import Browser, ConsoleMessage, FrameLocator, Page, Route

NBEXTENSIONS = Path(sys.prefix) / "share/jupyter/nbextensions"
ARTIFACTS = Path(__file__).parents[1] / "artifacts"
SECONDS = 60_000

OF_OTHERS = (
    "Failed to load resource",  # fonts and styles of other hosts
    "Access to ",  # what a sandbox keeps away
    "Error: Shared module jupyter-vue doesn't exist",  # of Solara's extension, in Voila
)
"""How complaints begin that are not ours."""

CELL_GRADIENT = "gradient w.r.t. cell state (total, BPTT)"

FRONT_ENDS = [
    pytest.param("marimo run", None, marks=pytest.mark.long),
    ("marimo edit", None),
    ("panel", None),
    ("shiny", "anywidget"),
    ("solara", "anywidget"),
    pytest.param("voila", "anywidget", marks=pytest.mark.long),
    ("voila", None),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium.find()
    if path is None:
        pytest.fail(chromium.HOW_TO_GET_ONE, pytrace=False)
    if not PYTHON.exists():
        pytest.fail(HOW_TO_GET_THEM, pytrace=False)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


@pytest.mark.parametrize(("name", "display"), FRONT_ENDS)
def test_the_live_explorer_works(
    browser: Browser, tmp_path: Path, name: str, display: str | None
) -> None:
    with serve(name, tmp_path, display) as address:
        page = browser.new_page(viewport={"width": 1200, "height": 1100})
        _answer_for_elsewhere(page)
        complaints = _complaints_in(page)
        try:
            page.goto(address, wait_until="commit")
            if name == "marimo edit":
                page.locator(".cm-content").first.click()
                page.keyboard.press("Control+Enter")
            _use(page, page)
            assert complaints == []
        finally:
            ARTIFACTS.mkdir(exist_ok=True)
            page.screenshot(path=ARTIFACTS / f"front-end-{name.replace(' ', '-')}-{display}.png")
            page.close()


def test_the_explorer_is_dark_where_marimo_is(browser: Browser, tmp_path: Path) -> None:
    """Its colours are ``color(srgb ...)``, also in computed styles."""
    sources = {".marimo.toml": '[display]\ntheme = "dark"\n'}
    with serve("marimo run", tmp_path, None, sources) as address:
        page = browser.new_page()
        page.goto(address, wait_until="commit")
        canvas = page.locator(".rnngrad-explorer canvas").first
        canvas.wait_for(timeout=SECONDS)
        expect(page.locator(".rnngrad-title")).to_have_css("color", "rgb(242, 242, 242)")
        page.wait_for_timeout(1000)
        assert np.median(_pixels(canvas.screenshot())) < 50
        page.close()


def test_the_live_explorer_works_in_a_sandboxed_frame_of_another_origin(
    browser: Browser, tmp_path: Path
) -> None:
    """As Colab shows outputs: html-manager in a frame that may run scripts, and nothing else."""
    with serve("shiny", tmp_path, "anywidget") as address:
        page = browser.new_page(viewport={"width": 1200, "height": 1100})
        complaints = _complaints_in(page)
        page.set_content(
            f'<iframe src="{address}" sandbox="allow-scripts" width="1150" height="1050"></iframe>'
        )
        _use(page, page.frame_locator("iframe"))
        assert complaints == []
        page.close()


def _complaints_in(page: Page) -> list[str]:
    """Return a list that grows with what scripts complain of."""
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(OF_OTHERS):
            complaints.append(f"{message.text} ({message.location.get('url')})")

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(f"{error} ({error.stack})"))
    return complaints


def _use(page: Page, place: Page | FrameLocator) -> None:
    """Use the explorer as a person does, and see that all of it arrives."""
    explorer = place.locator(".rnngrad-explorer")
    canvas = explorer.locator("canvas").first
    canvas.wait_for(timeout=SECONDS)
    page.wait_for_timeout(1000)
    before = _pixels(canvas.screenshot())
    assert np.ptp(before) > 50, "a heat map has colours"

    sample, channel = (explorer.locator(".noUi-handle").nth(each) for each in (0, 1))
    sample.press("ArrowRight")
    explorer.get_by_text("sample 1", exact=True).first.wait_for(timeout=SECONDS)  # Python's title
    page.wait_for_timeout(300)
    assert (_pixels(canvas.screenshot()) != before).any(), "the slider moves pixels"

    quantity = explorer.locator("select").nth(1)
    labels = quantity.locator("option").all_inner_texts()
    quantity.select_option(index=[each.split() for each in labels].index(CELL_GRADIENT.split()))
    explorer.get_by_text("cell-state gradient (BPTT)").first.wait_for(timeout=SECONDS)

    channel.press("End")
    explorer.locator(".rnngrad-timeline, .rnngrad-scrub").first.wait_for(timeout=SECONDS)
    explorer.get_by_text("step 3").first.wait_for(timeout=SECONDS)


def _pixels(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def _answer_for_elsewhere(page: Page) -> None:
    """Answer for servers of packages, which are not reached from here, with what is installed."""
    anywidget = NBEXTENSIONS / "anywidget/index.js"
    _answer(page, "https://unpkg.com/anywidget@*/**", anywidget)
    _answer(page, "https://cdn.jsdelivr.net/npm/anywidget@*/**", anywidget)
    require = ROOT / "js/node_modules/requirejs/require.js"
    _answer(page, "https://cdnjs.cloudflare.com/**/require.min.js", require)


def _answer(page: Page, address: str, script: Path) -> None:
    def answer(route: Route) -> None:
        route.fulfill(path=script, content_type="text/javascript")

    page.route(address, answer)
