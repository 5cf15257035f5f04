"""Pages that scale, turn, zoom, print, forbid; fingers; screens of other pixels; scripts off."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rnngrad_widgets import GradientExplorer
from tests.browser.engines import Chromium
from tests.browser.explorer_page import eventually, picture, rgb
from tests.browser.html_page import PageView

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

ARRAY = np.random.default_rng(5).permutation(np.linspace(-1, 1, 2 * 40 * 4)).reshape(2, 40, 4)
PNG = ".rnngrad-menu button:nth-of-type(1)"
SVG = ".rnngrad-menu button:nth-of-type(2)"
LINE = "document.querySelector('.rnngrad-figure-heat .rnngrad-cross')"
HIT = "document.querySelector('.rnngrad-figure-heat .rnngrad-hit')"


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    explorer = GradientExplorer.from_array(ARRAY, norm=(-1, 1))
    path = explorer.save_html(tmp_path / "page.html").path
    explorer.close()
    return path


@pytest.fixture
def engine(browser: Browser) -> Iterator[Chromium]:
    running = Chromium(browser)
    yield running
    running.close()


@pytest.fixture
def page(engine: Chromium, saved: Path) -> PageView:
    view = PageView(engine, saved)
    view.expect_picture(picture(ARRAY, 0))
    return view


def style(page: PageView, text: str) -> None:
    """Let the page's own style surround the explorer, and wait until it has settled."""
    page.read(f"(document.querySelector('main').style.cssText = {text!r}, null)")
    page.engine.page.wait_for_timeout(700)  # bqplot lays out 300 ms after a change


def pointed(page: PageView) -> str:
    words: str = page.read("document.querySelector('.rnngrad-hover').textContent")
    return words.split(" · ", maxsplit=1)[0].strip()


SCALED = {
    "transform": "transform: scale(1.4); transform-origin: 0 0; width: 800px",
    "small": "transform: scale(0.6); transform-origin: 0 0",
    "zoom": "zoom: 1.4",
    "both": "zoom: 1.2; transform: scale(1.2); transform-origin: 0 0; width: 700px",
}


def test_pointing_and_brushing_where_the_page_is_scaled(page: PageView) -> None:
    for how in SCALED.values():
        style(page, how)
        expect_to_point_and_brush(page)


def expect_to_point_and_brush(page: PageView) -> None:
    """Point at places of the heat map, and zoom; then show all again."""
    engine = page.engine
    area = page.box(".rnngrad-figure-heat .rnngrad-hit")
    figure, frame = page.box(".rnngrad-figure-heat"), page.box(".rnngrad-explorer")
    assert figure["width"] <= frame["width"] + 1, "a figure is no wider than its place"
    assert area["x"] + area["width"] <= frame["x"] + frame["width"], "nor is its plot"

    def at(timestep: float) -> tuple[float, float]:
        x = area["x"] + (timestep + 0.5) / 40 * area["width"]
        return x, area["y"] + area["height"] / 8

    for timestep in (3, 20, 37):
        engine.move(at(timestep))
        eventually(lambda: pointed(page), f"timestep {timestep}", "the readout")
        line = page.read(f"{LINE}.getBoundingClientRect().x")
        assert abs(line - at(timestep)[0]) < 2
    engine.move(at(10), at(15), at(30), button=True)
    engine.move(at(0))
    eventually(lambda: pointed(page), "timestep 10", "the first timestep of the range")
    engine.move(at(39))
    eventually(lambda: pointed(page), "timestep 30", "the last timestep of the range")
    engine.page.mouse.dblclick(*at(20))


def test_a_finger_drags_and_scrolls(page: PageView) -> None:
    browser_page = page.engine.page
    touch = browser_page.context.new_cdp_session(browser_page)
    touch.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    area = page.box(".rnngrad-figure-heat .rnngrad-hit")
    page.read(
        f"({HIT}.addEventListener('pointercancel', () => {{ globalThis.cancelled = true; }}), null)"
    )

    def finger(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": x, "y": y} for x, y in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    y = area["y"] + area["height"] / 2
    xs = [area["x"] + (t + 0.5) / 40 * area["width"] for t in np.linspace(9.5, 29.5, 12)]
    finger("touchStart", (xs[0], y))
    for x in xs[1:]:
        finger("touchMove", (x, y))
    finger("touchEnd")
    assert page.read("globalThis.cancelled ?? false") is False
    browser_page.mouse.move(area["x"] + area["width"] - 2, y)
    eventually(lambda: pointed(page), "timestep 30", "the last timestep of the range")

    # in a map of a grid too, where the page is scaled
    browser_page.get_by_role("button", name="All samples", exact=True).click()
    style(page, SCALED["both"])
    maps = page.box(".rnngrad-figure-single .rnngrad-hit")
    middle = maps["y"] + maps["height"] / 4  # of the first of two, which lie over each other
    shares = np.linspace(0.25, 0.75, 12)
    finger("touchStart", (maps["x"] + shares[0] * maps["width"], middle))
    for share in shares:
        finger("touchMove", (maps["x"] + share * maps["width"], middle))
    finger("touchEnd")
    caption = browser_page.locator(".rnngrad-caption").locator("visible=true").first

    def ends() -> tuple[int, ...]:
        return tuple(
            map(int, re.findall(r"\d+", caption.inner_text().partition("timesteps")[2])[:2])
        )

    # of 10 to 30; beside a map there is a little room
    eventually(lambda: ends() != (10, 30), True, "another range in the caption")
    np.testing.assert_allclose(ends(), (15, 25), atol=1)

    browser_page.get_by_role("button", name="Heat map", exact=True).click()
    style(page, "")
    page.read("(document.body.style.height = '3000px', null)")
    finger("touchStart", (xs[3], y))
    for distance in range(20, 260, 20):
        finger("touchMove", (xs[3], y - distance))
        browser_page.wait_for_timeout(20)
    finger("touchEnd")
    eventually(lambda: page.read("scrollY > 100"), True, "the page scrolls")


def test_a_screen_of_other_pixels(page: PageView) -> None:
    browser_page = page.engine.page
    ratio = (
        "[...document.querySelectorAll('.rnngrad-explorer .bqplot canvas')]"
        ".filter((c) => c.clientWidth > 0)"
        ".map((c) => Math.round(c.width / c.clientWidth * 10) / 10).join()"
    )
    assert set(page.read(ratio).split(",")) == {"1"}
    screen = browser_page.context.new_cdp_session(browser_page)
    size = {"width": 1200, "height": 900, "mobile": False}
    for pixels in (2, 1.5, 1):
        screen.send("Emulation.setDeviceMetricsOverride", {**size, "deviceScaleFactor": pixels})
        # the emulation tells nobody; a real screen does
        page.read("(dispatchEvent(new Event('resize')), null)")
        eventually(lambda: set(page.read(ratio).split(",")), {str(pixels)}, "the canvases' pixels")


@pytest.mark.parametrize("dark", [False, True])
def test_a_page_on_paper(tmp_path: Path, browser: Browser, *, dark: bool) -> None:
    explorer = GradientExplorer.from_array(ARRAY, norm=(-1, 1))
    explorer.dark = dark
    path = explorer.save_html(tmp_path / "page.html").path
    explorer.close()
    engine = Chromium(browser)
    try:
        view = PageView(engine, path)
        paper = engine.page
        before = view.box(".rnngrad-figure-heat")
        ends: list[Any] = view.read(
            """(globalThis.seen = [], addEventListener('beforeprint', () => {
              const parts = '.rnngrad-figure-heat canvas, .rnngrad-hit';
              const boxes = [...document.querySelectorAll(parts)];
              globalThis.seen = boxes.map((el) => el.getBoundingClientRect().right);
              const bar = document.querySelector('.rnngrad-colourbar-colours');
              globalThis.bar = [bar.height, bar.clientHeight];
            }), [])"""
        )
        assert ends == []
        file = paper.pdf(format="A4", print_background=True)
        assert file.startswith(b"%PDF")
        widest = max(view.read("globalThis.seen"))
        assert 500 < widest <= 718, "all timesteps are on the page"
        drawn, high = view.read("globalThis.bar")
        assert drawn == high > 100, "the labels of the colour bar are beside their colours"
        assert view.box(".rnngrad-figure-heat") == before, "the screen is as it was"

        paper.emulate_media(media="print")
        paper.set_viewport_size({"width": 718, "height": 1050})
        view.read("(dispatchEvent(new Event('beforeprint')), null)")
        view.expect_picture(picture(ARRAY, 0))  # in the colours of light
        corner = engine.pixels()[2, 2].astype(int)
        assert np.abs(corner - rgb("#ffffff")).max() <= 1
        ink = view.read("getComputedStyle(document.querySelector('.rnngrad-summary')).color")
        assert max(int(part) for part in ink[4:-1].split(",")[:3]) < 120
    finally:
        engine.close()


def test_a_page_that_allows_no_image_says_so(saved: Path, engine: Chromium) -> None:
    text = saved.read_text("utf-8")
    saved.write_text(text.replace("img-src data: blob:", "img-src 'self'"), "utf-8")
    view = PageView(engine, saved)
    view.click(".rnngrad-download > button")
    view.click(PNG)
    trouble = "document.querySelector('.rnngrad-trouble')?.textContent ?? ''"
    eventually(lambda: "SVG needs none" in view.read(trouble), True, "the reason")
    view.click(".rnngrad-download > button")
    with engine.page.expect_download() as download:
        view.click(SVG)
    assert download.value.suggested_filename.endswith(".svg")
    assert view.read(trouble) == ""


def test_a_page_without_scripts_says_what_to_do(saved: Path, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(saved.as_uri())
        assert "press Trust HTML above" in page.locator("main").inner_text()
        assert "takes a moment" not in page.locator("main").inner_text()
    finally:
        context.close()


# What is behind an explorer is transparent here; these say what theme the page around it has.
THEMES = {
    "document.body.className = 'vscode-high-contrast'": True,
    "document.body.className = 'vscode-high-contrast vscode-high-contrast-light'": False,
    "document.body.className = 'vscode-dark'": True,
    "document.body.className = 'vscode-light'": False,
    # of the frames in which Colab shows outputs
    "document.documentElement.setAttribute('theme', 'dark')": True,
    "document.documentElement.setAttribute('theme', 'light')": False,
    # of a page of which nothing else is known
    "document.body.style.color = '#e3e3e3', document.body.className = 'of some theme'": True,
    "document.body.style.color = '', document.body.className = 'of another'": False,
}


def test_themes_of_pages_that_lie_behind(page: PageView) -> None:
    page.read("(document.documentElement.classList.remove('rnngrad-page'), null)")
    page.read("(document.body.removeAttribute('data-jp-theme-light'), null)")
    is_dark = "document.querySelector('.rnngrad-explorer').classList.contains('rnngrad-dark')"
    for change, dark in THEMES.items():
        page.read(f"({change}, null)")
        eventually(lambda: page.read(is_dark), dark, f"whether it is dark after {change}")
