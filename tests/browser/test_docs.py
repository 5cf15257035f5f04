"""The documentation site: built with warnings as errors, and loaded from disk without a network.

What its pages say of their figures is asserted in cells that readers do not see; the build runs
them.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from PIL import Image

from tests.browser.engines import Chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Frame, Page

DOCS = Path(__file__).parents[2] / "docs"

pytest.importorskip("myst_nb", reason="docs need the extra docs, and Python 3.11 or newer")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site; its cells are run, unless `make docs` has run them with the same code."""
    folder = tmp_path_factory.mktemp("site")
    command = ["-W", "--keep-going", "--quiet", "--jobs", "4", "--builder", "html"]
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", *command, DOCS, folder],
        env={**os.environ, "PATH": ""},  # where neither node nor a browser is found
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.fixture
def offline(browser: Browser) -> Iterator[Chromium]:
    """A window without a network, in which nothing but files is asked for."""
    window = Chromium(browser)
    window.complaints.clear()
    yield window
    window.close()


def documents(site: Path) -> list[Path]:
    return [path for path in sorted(site.rglob("*.html")) if path.parent.name != "_figures"]


def test_every_page_loads_from_disk_and_every_figure_draws(site: Path, offline: Chromium) -> None:
    asked: list[str] = []
    page = offline.page
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: offline.complaints.append(f"failed: {request.url}"))
    figures = 0
    for path in documents(site):
        offline.open(path.as_uri())
        for number in range(page.locator("iframe").count()):
            frame = shown(page, number)
            assert drawn(frame), f"figure {number + 1} of {path.relative_to(site)} is empty"
            figures += 1
        assert offline.complaints == [], path.relative_to(site)
    elsewhere = {url for url in asked if not url.startswith(("file:", "data:", "blob:"))}
    assert elsewhere == set()
    assert figures >= 10


def shown(page: Page, number: int) -> Frame:
    """The page in a frame, once the reader has come to it and its widget is there."""
    element = page.locator("iframe").nth(number)
    element.scroll_into_view_if_needed()
    frame = element.element_handle().content_frame()
    assert frame is not None
    frame.wait_for_url(re.compile("_figures"))
    frame.wait_for_selector("html.rnngrad-shown", timeout=30_000)
    return frame


def drawn(frame: Frame) -> bool:
    """Whether a canvas or a line of a page has something on it, soon."""
    found = frame.wait_for_function(
        """() => [...document.querySelectorAll('canvas')].some((canvas) => {
          const { width, height } = canvas;
          return width > 0 && height > 0 && canvas
            .getContext('2d')
            .getImageData(0, 0, width, height)
            .data.some((value) => value > 0);
        })""",
        timeout=30_000,
    )
    return bool(found.json_value())


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("name", ["index.html", "tutorial.html"])
@pytest.mark.parametrize("dark", [False, True])
def test_figures_have_the_theme_and_the_height_of_their_page(
    site: Path, browser: Browser, name: str, dark: bool
) -> None:
    window = Chromium(browser, dark=dark)
    try:
        window.open((site / name).as_uri())
        frame = shown(window.page, 0)
        assert drawn(frame)
        element = window.page.locator("iframe").first
        expect_theme(window.page, dark)
        # what the reader's switch says comes before what the system says
        window.page.evaluate(f"document.body.dataset.theme = '{'light' if dark else 'dark'}'")
        expect_theme(window.page, not dark)
        # nothing of a figure is cut off, and nothing in it scrolls
        window.page.wait_for_function(
            "(height) => document.querySelector('iframe').clientHeight >= height",
            arg=frame.evaluate("document.body.getBoundingClientRect().height"),
        )
        wide = element.bounding_box()
        window.page.set_viewport_size({"width": 600, "height": 900})
        window.page.wait_for_timeout(500)
        window.page.wait_for_function(
            "(height) => document.querySelector('iframe').clientHeight >= height",
            arg=frame.evaluate("document.body.getBoundingClientRect().height"),
        )
        narrow = element.bounding_box()
        assert wide is not None
        assert narrow is not None
        assert narrow["height"] > wide["height"] > 500
        across = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert window.page.evaluate(across) == 0
        assert frame.evaluate(across) == 0
    finally:
        window.close()


def expect_theme(page: Page, dark: bool) -> None:
    """Wait until the first figure is bright or dark at its edge and colourful inside."""
    ground, colours = np.zeros(3), 0
    for _ in range(30):
        pixels = pixels_of(page)
        ground = pixels[2, 2]
        colours = len(np.unique(pixels[::2, ::2].reshape(-1, 3).astype(int) @ (65536, 256, 1)))
        if (ground.max() < 64 if dark else ground.min() > 240) and colours > 200:
            return
        page.wait_for_timeout(100)
    pytest.fail(f"a figure on {ground} with {colours} colours, in a page that is dark: {dark}")


def pixels_of(page: Page) -> np.ndarray:
    picture = page.locator("iframe").first.screenshot()
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))[4:-4, 4:-4]


class Links(HTMLParser):
    """What a document refers to, and what can be referred to in it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.links: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, _tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.targets |= {found[key] for key in ("id", "name") if found.get(key)}
        self.links |= {found[key] for key in ("href", "src") if found.get(key)}


def test_every_link_within_the_site_leads_somewhere(site: Path) -> None:
    pages = {path: Links(path) for path in documents(site)}
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = pages[target].targets if target in pages else ()
            if not target.exists() or (parts.fragment and unquote(parts.fragment) not in known):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []
    assert len(pages) > 20


def test_no_document_holds_a_figure_or_asks_another_site_for_something(site: Path) -> None:
    for path in documents(site):
        text = path.read_text("utf-8")
        assert "srcdoc" not in text, path
        assert path.stat().st_size < 500_000, path
        loads = r'<(?:script|img|iframe|link)\b[^>]*(?:src|href)="(https?:[^"]*)"'
        assert re.findall(loads, text) == [], path
