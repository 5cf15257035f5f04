"""A page in a frame of an output, as every front end shows it that shows HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rnngrad_widgets import GradientExplorer

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_it_is_alive_in_its_sandbox(browser: Browser) -> None:
    values = np.random.default_rng(0).standard_normal((5, 20, 4)).astype("float32")
    explorer = GradientExplorer.from_array(values)
    page = browser.new_page(viewport={"width": 1100, "height": 950})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.route("**/*", lambda route: errors.append(route.request.url))  # nothing is loaded
    page.set_content(f"<body>{explorer.show_page()._repr_html_()}</body>")
    frame = page.frame_locator("iframe")
    canvas = frame.locator(".rnngrad-explorer canvas").first
    canvas.wait_for(timeout=30_000)
    page.wait_for_timeout(500)
    before = canvas.screenshot()
    frame.locator(".noUi-handle").first.press("ArrowRight")
    page.wait_for_timeout(500)
    assert canvas.screenshot() != before
    assert errors == []
    page.close()
    explorer.close()
