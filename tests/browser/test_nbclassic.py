"""The classic notebook, which nbclassic still serves: its own page, and the AMD bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser.explorer_page import ExplorerPage, picture, show
from tests.browser.lab import NotebookPage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.lab import Lab

ARRAY = np.random.default_rng(5).permutation(np.linspace(-1, 1, 48)).reshape(2, 6, 4)


@pytest.fixture
def classic(lab: Lab) -> Iterator[ExplorerPage]:
    """An explorer in a classic notebook whose cell has run."""
    name = lab.write([show(ARRAY, "sample=1, norm=(-1, 1)")])
    page = lab.context.new_page()
    page.set_viewport_size({"width": 1280, "height": 1100})
    view = NotebookPage(lab.server, page, name, lab.server.url(f"nbclassic/notebooks/{name}"), True)
    lab.opened.append(view)
    page.goto(view.url)
    # its extension for widgets must have looked for those of before: it renders outputs anew then
    page.wait_for_function(
        """() => {
            const { kernel } = globalThis.Jupyter?.notebook ?? {};
            const idle = document.querySelector('.kernel_idle_icon') !== null;
            return kernel?.widget_manager && kernel.info_reply?.status === 'ok' && idle;
        }"""
    )
    page.wait_for_load_state("networkidle")
    page.evaluate("() => Jupyter.notebook.execute_all_cells()")
    page.wait_for_selector(".rnngrad-colourbar text", timeout=60_000)
    yield ExplorerPage(view)
    # now and then its renderer of outputs is early, for any widget, and comes again
    view.complaints[:] = [text for text in view.complaints if "Host is not attached" not in text]


def test_it_shows_and_its_slider_moves(classic: ExplorerPage) -> None:
    classic.expect_picture(picture(ARRAY, 1), (-1, 1))
    classic.root.locator(".noUi-handle").first.press("ArrowLeft")
    classic.expect_picture(picture(ARRAY, 0), (-1, 1))


def test_every_view_draws(classic: ExplorerPage) -> None:
    views = [
        each.strip() for each in classic.root.locator(".rnngrad-views button").all_inner_texts()
    ]
    assert views == ["Heat map", "All samples", "Curves", "Flow", "Histogram", "Diagnosis"]
    for view in reversed(views):
        classic.root.get_by_role("button", name=view, exact=True).click()
        drawn = ".rnngrad-diagnosis-table td" if view == "Diagnosis" else "canvas"
        classic.root.locator(f"{drawn} >> visible=true").first.wait_for()
    classic.expect_picture(picture(ARRAY, 1), (-1, 1))


def test_every_label_of_the_colour_bar_is_seen(classic: ExplorerPage) -> None:
    # styles of nbclassic for every svg in an output cut off what was below half of its height
    classic.expect_picture(picture(ARRAY, 1), (-1, 1))
    labels = classic.root.locator(".rnngrad-colourbar text")
    assert labels.all_text_contents() == ["+1.0e0", "−1.0e0", "0", "+5.0e-1", "−5.0e-1"]
    for label in labels.all():
        box = label.bounding_box()
        assert box is not None
        assert classic.notebook.pixels(box).min() < 128
