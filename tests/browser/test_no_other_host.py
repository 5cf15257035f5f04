"""Widgets ask the notebook server, and no other host; a saved page asks nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np
from playwright.sync_api import expect

from rnngrad_widgets import GradientExplorer, compare
from tests.browser.explorer_page import ExplorerPage, show

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Request, WebSocket

    from tests.browser.lab import Lab

ARRAY = np.random.default_rng(3).normal(size=(3, 12, 4)).round(3)
ON_THE_PAGE = ("data", "blob")


def use(frame: Locator) -> None:
    """Show every view, the keys, and the menu of files."""
    buttons = frame.locator(".rnngrad-views button")
    for number in range(buttons.count()):
        button = buttons.nth(number)
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
    for title in ("the keys, and what the mouse does (?)", "save the picture"):
        frame.get_by_title(title).click()


def test_a_notebook_asks_its_server_only(lab: Lab) -> None:
    asked: list[str] = []

    def note(asking: Request | WebSocket) -> None:
        if urlsplit(asking.url).scheme not in ON_THE_PAGE:
            asked.append(asking.url)

    lab.context.on("request", note)
    # JupyterLab too is loaded anew while it is listened to
    notebook = lab.open([show(ARRAY)], own_page=True)
    notebook.page.on("websocket", note)
    use(ExplorerPage(notebook).root)
    notebook.execute("e.norm = (-1.0, 1.0)")
    with notebook.page.expect_download(timeout=10_000):
        notebook.page.get_by_role("menuitem", name="PNG").click()
    lab.context.remove_listener("request", note)
    assert any("rnngrad-widgets" in url for url in asked), "the extension itself was seen"
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(lab.server.url("")).netloc}


def test_a_saved_page_asks_nobody(browser: Browser, tmp_path: Path) -> None:
    explorer = GradientExplorer.from_array(ARRAY)
    comparison = compare({"one": ARRAY, "other": ARRAY * 2})
    paths = [
        each.save_html(tmp_path / f"{i}.html").path for i, each in enumerate((explorer, comparison))
    ]
    context = browser.new_context()  # with the network on
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    for path in paths:
        page = context.new_page()
        page.goto(path.as_uri())
        page.wait_for_function("document.documentElement.classList.contains('rnngrad-shown')")
        if page.locator(".rnngrad-views").count() > 0:
            use(page.locator(".rnngrad-explorer"))
    context.close()
    outside = [url for url in asked if urlsplit(url).scheme not in ON_THE_PAGE]
    assert outside == [path.as_uri() for path in paths]
