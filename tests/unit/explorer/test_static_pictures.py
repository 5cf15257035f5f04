"""The pictures that notebooks keep of widgets, as a kernel without a browser leaves them."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import Any

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter, LatexExporter
from PIL import Image

from rnngrad_widgets import GradientExplorer, show_features_1D, static_pictures
from rnngrad_widgets.explorer.static_pictures import MIME, MOST_BYTES, STATIC_PICTURES, _draw
from rnngrad_widgets.figures.small_png import RESOLUTIONS, small_png

MAKE = """
import numpy as np
from rnngrad_widgets import GradientExplorer, show_features_1D, static_pictures
array = np.stack([np.full((30, 8), -1.0), np.full((30, 8), 1.0)])
e = GradientExplorer.from_array(array, norm=(-1, 1))
e
"""
BLUE, RED = (8, 56, 111), (122, 10, 34)


def run(*cells: str) -> nbformat.NotebookNode:
    """Run cells as papermill and nbclient do."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
    NotebookClient(notebook, timeout=120).execute()
    return notebook


def pictures(cell: Any) -> list[Image.Image]:
    found = [each["data"] for each in cell.outputs if MIME in each.get("data", {})]
    return [Image.open(BytesIO(base64.b64decode(each["image/png"]))) for each in found]


def colour_of(picture: Image.Image) -> tuple[int, ...]:
    """The colour of the heat map, in the middle of the upper part."""
    found = picture.convert("RGB").getpixel((picture.width // 2, picture.height // 4))
    assert isinstance(found, tuple)
    return found


@pytest.fixture(scope="module")
def notebook() -> nbformat.NotebookNode:
    return run(
        MAKE,
        "e.sample = 1",
        "second = show_features_1D(array); display(e, second); print('after')",
        "%%capture\ne",
        "static_pictures(False); e",
        "static_pictures(None); raised = GradientExplorer.from_array(array)\n"
        "def fails(): raise RuntimeError('of this test')\n"
        "raised.static_sheet = fails; raised",
        "closed = GradientExplorer.from_array(array); display(closed); closed.close()",
    )


def test_the_output_has_the_picture_after_the_widget(notebook: nbformat.NotebookNode) -> None:
    widget, picture = notebook.cells[0].outputs
    assert "application/vnd.jupyter.widget-view+json" in widget["data"]
    model_id = picture["data"][MIME]["model_id"]
    assert model_id == widget["data"]["application/vnd.jupyter.widget-view+json"]["model_id"]
    assert picture["data"]["text/plain"].endswith(f"static picture {model_id}")
    assert picture["metadata"]["image/png"]["alt"] == "<GradientExplorer: 2 x 30 x 8>"
    # what hides it in a front end that makes a data URL of it
    assert base64.b64encode(model_id[:30].encode()).decode() in picture["data"]["image/png"]
    assert pictures(notebook.cells[0])[0].info["rnngrad_widgets"] == model_id


def test_a_later_cell_renews_it(notebook: nbformat.NotebookNode) -> None:
    assert colour_of(pictures(notebook.cells[0])[0]) == pytest.approx(RED, abs=6)
    assert notebook.cells[1].outputs == []
    [before] = pictures(run(MAKE).cells[0])
    assert colour_of(before) == pytest.approx(BLUE, abs=6)


def test_each_widget_that_a_cell_displays_has_one(notebook: nbformat.NotebookNode) -> None:
    assert len(pictures(notebook.cells[2])) == 2
    assert [each["output_type"] for each in notebook.cells[2].outputs][2:] == [
        "stream",
        "display_data",
        "display_data",
    ]


def test_one_that_is_closed_later_keeps_it() -> None:
    shown, *after = run(MAKE, "e.sample = 1; e.close()", "e.sample = 0", "print(e.sample)").cells
    assert [colour_of(each) for each in pictures(shown)] == [pytest.approx(BLUE, abs=6)]
    # and no cell fails at it
    assert [[each.get("text") for each in cell.outputs] for cell in after] == [[], [], ["0\n"]]


@pytest.mark.parametrize(("cell", "why"), [(3, "captured"), (4, "switched off"), (6, "closed")])
def test_where_there_is_none(notebook: nbformat.NotebookNode, cell: int, why: str) -> None:
    assert pictures(notebook.cells[cell]) == [], why


def test_one_that_fails_is_said_in_a_line(notebook: nbformat.NotebookNode) -> None:
    widget, said = notebook.cells[5].outputs
    assert "application/vnd.jupyter.widget-view+json" in widget["data"]
    assert "there is no static picture of <GradientExplorer" in said["text"]
    assert (
        said["text"]
        .strip()
        .endswith("RuntimeError: of this test. static_pictures(False) leaves them out")
    )


def test_pages_and_documents_show_it(notebook: nbformat.NotebookNode) -> None:
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert page.count('src="data:image/png;base64,') == 3
    text, files = LatexExporter().from_notebook_node(notebook)
    assert text.count(r"\adjustimage") == 3
    assert sum(name.endswith(".png") for name in files["outputs"]) == 3


def test_no_array_makes_one_too_large() -> None:
    noise = np.random.default_rng(0).normal(size=(2, 1000, 512)).astype(np.float32)
    explorer = GradientExplorer.from_array(noise)
    try:
        content = small_png(explorer.static_sheet(), MOST_BYTES, explorer.model_id)
        assert 20_000 < len(content) <= MOST_BYTES
        assert len(base64.b64encode(content)) <= 150_000
        largest = small_png(explorer.static_sheet(), 10**9, explorer.model_id)
        assert Image.open(BytesIO(largest)).width == int(6.8 * RESOLUTIONS[0])
        assert len(largest) > MOST_BYTES, "resolution is given up for it"
    finally:
        explorer.close()


def test_nothing_is_cut_at_its_edges() -> None:
    grid = show_features_1D(np.random.default_rng(0).normal(size=(2, 50, 24)), n_rows=3)
    try:
        content = small_png(grid.static_sheet(), MOST_BYTES, grid.model_id)
        pixels = np.asarray(Image.open(BytesIO(content)).convert("L"))
        edges = (pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:])
        assert all((edge == 255).all() for edge in edges)
    finally:
        grid.close()


def test_of_a_table_the_first_view_is_drawn() -> None:
    explorer = GradientExplorer.from_array(np.ones((2, 9, 3)), view="diagnosis")
    try:
        drawing = explorer.static_sheet().drawing
        explorer.view = "heat map"
        assert drawing == explorer.static_sheet().drawing
    finally:
        explorer.close()


def test_outside_a_notebook_nothing_is_drawn() -> None:
    shown = show_features_1D(np.ones((2, 9, 3)))
    try:
        shown._repr_mimebundle_()
        assert STATIC_PICTURES._shown == []
    finally:
        shown.close()


def test_an_interrupt_while_it_is_drawn_leaves_it_out() -> None:
    shown = show_features_1D(np.ones((2, 9, 3)))

    def interrupted() -> None:
        raise KeyboardInterrupt

    shown.static_sheet = interrupted
    assert _draw(shown) is None
    shown.close()


def test_what_it_takes() -> None:
    with pytest.raises(TypeError, match=r"takes True, False or None; received str\. For instance"):
        static_pictures("no")  # type: ignore[arg-type]
