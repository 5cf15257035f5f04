"""The picture that is saved with a notebook: hidden beside a live widget, seen without a kernel."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tests.browser.explorer_page import ExplorerPage, eventually, show
from tests.browser.lab import DARK, LIGHT

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from tests.browser.lab import Lab, NotebookPage, Theme

ARRAY = np.stack([np.full((30, 8), -1.0), np.full((30, 8), 1.0)])
"""Its first sample is all blue, its second one all red."""

ON = "import rnngrad_widgets\nrnngrad_widgets.static_pictures(True)\n"
MIME = "application/vnd.rnngrad-widgets.picture+json"
TRUSTED = "() => jupyterapp.shell.currentWidget.content.model.cells.get(0).trusted"
BLUE, RED = (8, 56, 111), (122, 10, 34)


def saved_picture(outputs: list[dict[str, Any]]) -> Image.Image:
    """Decode the only picture among the outputs of a cell."""
    [data] = [output["data"] for output in outputs if MIME in output.get("data", {})]
    return Image.open(BytesIO(base64.b64decode(data["image/png"]))).convert("RGB")


def colour_of(picture: Image.Image) -> tuple[int, ...]:
    """The colour of the heat map, in the middle of the upper part."""
    found = picture.getpixel((picture.width // 2, picture.height // 4))
    assert isinstance(found, tuple)
    return found


def pictures(notebook: NotebookPage) -> Locator:
    return notebook.output(0).locator("img[src^='data:image/png']")


def open_file(lab: Lab, name: str) -> NotebookPage:
    """Open a notebook anew, in a kernel that has no widgets."""
    notebook = lab._new_page(f"lab/workspaces/again-{name[:-6]}/tree/{name}", name)
    lab.opened.append(notebook)
    notebook.wait_for_kernel()
    return notebook


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_it_is_renewed_while_the_widget_is_seen_and_seen_when_it_is_gone(
    lab: Lab, theme: Theme
) -> None:
    notebook = lab.open([ON + show(ARRAY, "sample=0, norm=(-1, 1)")], own_page=True)
    notebook.set_theme(theme)
    e = ExplorerPage(notebook)
    eventually(lambda: len(notebook.outputs[0]), 2, "the outputs of the cell")
    assert colour_of(saved_picture(notebook.outputs[0])) == pytest.approx(BLUE, abs=6)
    pictures(notebook).wait_for(state="attached")
    assert not pictures(notebook).is_visible()
    assert e.root.is_visible()
    height = notebook.output(0).bounding_box()
    frame = e.root.bounding_box()
    assert height is not None
    assert frame is not None
    assert height["height"] < frame["height"] + 40, "nothing is under the widget"
    # the person chooses: the picture follows when the kernel has had nothing to do for a while
    e.root.locator(".noUi-handle").first.press("ArrowRight")
    shown = e.root.element_handle()
    eventually(
        lambda: colour_of(saved_picture(notebook.outputs[0]))[0] > 100, True, "the other sample"
    )
    assert colour_of(saved_picture(notebook.outputs[0])) == pytest.approx(RED, abs=6)
    assert shown is not None
    assert shown.is_visible(), "the widget itself is not rendered anew"
    notebook.save()
    name = notebook.name
    notebook.close()
    lab.opened.remove(notebook)

    again = open_file(lab, name)
    again.set_theme(theme)
    pictures(again).wait_for()
    again.settle()
    text = again.output(0).inner_text()
    assert text.strip() == "A picture, saved with the notebook. Run the cell for the widget itself."
    assert "GradientExplorer" in (pictures(again).get_attribute("alt") or "")
    seen = again.pixels(pictures(again))
    assert seen[len(seen) // 4, seen.shape[1] // 2] == pytest.approx(RED, abs=6)
    again.screenshot(f"static-picture-{'dark' if theme == DARK else 'light'}")
    # and the widget comes back where the cell runs
    again.run_all()
    e = ExplorerPage(again)
    assert e.root.is_visible()
    eventually(lambda: pictures(again).is_visible(), False, "the picture beside the widget")
    # ipywidgets says in the console too that there was no widget
    again.complaints[:] = [each for each in again.complaints if "model not found" not in each]


@pytest.mark.long
def test_a_page_that_is_loaded_again_shows_the_widget(lab: Lab) -> None:
    notebook = lab.open([ON + show(ARRAY, "sample=0, norm=(-1, 1)")], own_page=True)
    eventually(lambda: len(notebook.outputs[0]), 2, "the outputs of the cell")
    notebook.save()
    notebook.reload()
    e = ExplorerPage(notebook)
    e.root.wait_for()
    eventually(lambda: pictures(notebook).is_visible(), False, "the picture beside the widget")
    box = e.root.locator("canvas").first.bounding_box()
    assert box is not None
    assert box["width"] > 400
    assert box["height"] > 100


def test_it_is_seen_in_a_notebook_that_is_not_trusted(lab: Lab) -> None:
    notebook = lab.open([ON + show(ARRAY, "sample=1, norm=(-1, 1)")], own_page=True)
    eventually(lambda: len(notebook.outputs[0]), 2, "the outputs of the cell")
    notebook.save()
    name = notebook.name
    notebook.close()
    lab.opened.remove(notebook)
    path = lab.server.notebooks / name
    content = json.loads(path.read_text())
    content["metadata"]["edited"] = "elsewhere"
    content["cells"][0]["outputs"].append(
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {"text/html": "<b onclick=''>x</b><script>globalThis.bad = 1</script>"},
        }
    )
    path.write_text(json.dumps(content))

    again = open_file(lab, name)
    assert not again.page.evaluate(TRUSTED)
    pictures(again).wait_for()
    again.settle()
    seen = again.pixels(pictures(again))
    assert seen[len(seen) // 4, seen.shape[1] // 2] == pytest.approx(RED, abs=6)
    assert again.page.evaluate("() => globalThis.bad") is None
    again.complaints[:] = [each for each in again.complaints if "model not found" not in each]


def test_where_the_front_end_does_not_know_of_such_pictures(lab: Lab) -> None:
    notebook = lab.open([ON + show(ARRAY, "sample=0, norm=(-1, 1)"), "e.close()"], run=False)
    notebook.run_cell(0)
    eventually(lambda: len(notebook.outputs[0]), 2, "the outputs of the cell")
    data = notebook.outputs[0][1]["data"]
    url = json.dumps(f"data:image/png;base64,{data['image/png']}")
    add = f"""(alt) => {{
      const image = document.body.appendChild(new Image());
      image.className = 'stranger';
      image.alt = alt ?? '';
      image.src = alt === null ? {url} : '/favicon.ico';
    }}"""
    notebook.page.evaluate(add, None)  # an image of the output, as most front ends make it
    notebook.page.evaluate(add, data["text/plain"])  # as VS Code makes it
    notebook.page.evaluate(add, "another")
    visible = "() => [...document.querySelectorAll('.stranger')].map((e) => e.checkVisibility())"
    try:
        assert notebook.page.evaluate(visible) == [False, False, True]
        notebook.run_cell(1)
        eventually(lambda: notebook.page.evaluate(visible), [True] * 3, "what is visible")
    finally:
        remove = "() => document.querySelectorAll('.stranger').forEach((e) => e.remove())"
        notebook.page.evaluate(remove)
