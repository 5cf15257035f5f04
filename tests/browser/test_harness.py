"""The harness itself, on widgets that are not ours: what fails here is no fault of the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser.lab import DARK

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect

    from tests.browser.lab import Lab

FIGURE = """
import bqplot, ipywidgets
scales = {"x": bqplot.LinearScale(min=0, max=1), "y": bqplot.LinearScale(min=0, max=1)}
line = bqplot.Lines(x=[0, 1], y=[0.5, 0.5], scales=scales, colors=["#ff0000"], stroke_width=9)
figure = bqplot.Figure(marks=[line], layout={"width": "400px", "height": "300px"})
slider = ipywidgets.IntSlider(value=3, max=9)
ipywidgets.VBox([slider, figure])
"""


def test_a_figure_is_drawn_and_a_key_reaches_the_kernel(lab: Lab) -> None:
    page = lab.open([FIGURE])
    red = (page.pixels(page.page.locator(".bqplot.figure")) == [255, 0, 0]).all(axis=2)
    rows = np.flatnonzero(red.any(axis=1))
    assert 8 <= len(rows) <= 10
    assert abs(rows.mean() - 150) < 15
    handle = page.page.locator(".noUi-handle")
    handle.focus()
    handle.press("ArrowRight")
    assert page.execute("print(slider.value)") == "4\n"


def test_models_are_counted(lab: Lab) -> None:
    page = lab.open([FIGURE])
    counted = "from ipywidgets.widgets import widget; print(len(widget._instances))"
    assert page.widget_model_count() == int(page.execute(counted))
    page.execute("ipywidgets.Widget.close_all()")
    assert page.widget_model_count() == 0


@pytest.mark.long
def test_a_saved_notebook_shows_its_figure_after_a_reload(lab: Lab) -> None:
    page = lab.open([FIGURE])
    before = page.pixels(page.widget)
    page.save()
    page.reload()
    np.testing.assert_array_equal(page.pixels(page.widget), before)


@pytest.mark.long
def test_cells_run_one_by_one_and_errors_are_told(lab: Lab) -> None:
    page = lab.open(["x = 1", "x += 1; x", "import time; time.sleep(0.5); x"])
    page.run_cell(1)
    page.run_cell(2)
    assert [cell[0]["data"]["text/plain"] for cell in page.outputs[1:]] == ["3", "3"]
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        page.execute("1 / 0")
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        lab.open(["1 / 0"])


def test_what_a_script_throws_is_noted(lab: Lab) -> None:
    page = lab.open(["1"], own_page=True)
    page.page.evaluate("() => { setTimeout(() => { throw new Error('on purpose'); }); }")
    page.settle()
    assert "on purpose" in page.complaints.pop()


@pytest.mark.long
def test_dark_theme_darkens_the_page_and_is_undone(lab: Lab) -> None:
    page = lab.open(["1"])
    corner: FloatRect = {"x": 600, "y": 600, "width": 5, "height": 5}
    assert page.pixels(corner).mean() > 200
    page.set_theme(DARK)
    assert page.pixels(corner).mean() < 60
    lab.close_all()
    assert lab.open(["1"]).pixels(corner).mean() > 200


def test_notebook_7_runs_it_too(lab: Lab) -> None:
    page = lab.open([FIGURE], app="notebook")
    assert (page.pixels(page.widget) == [255, 0, 0]).all(axis=2).sum() > 1000
