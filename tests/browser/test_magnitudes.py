"""Gradients of any decade have the same picture: only the numbers on the axes differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser.explorer_page import ExplorerPage
from tests.browser.test_explorer_controls import ARRAY, expect_curve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.browser.explorer_page import Plot
    from tests.browser.lab import Lab, NotebookPage

# Powers of two: every value has the same digits at every scale.
SCALES = (2.0**60, 2.0**100, 2.0**-100)
VIEWS: dict[str, tuple[Plot, ...]] = {
    "heat map": ("heat", "curve"),
    "curves": ("curve-high", "flow-low"),
    "all channels": ("single",),
    "flow": ("flow-high",),
}


CELL = """
import numpy as np
from rnngrad_widgets import GradientExplorer
array = np.array({array})
e = GradientExplorer.from_array(array * scale, norm=(-scale, scale))
e
"""


def scaled(notebook: NotebookPage, cell: int, scale: float) -> None:
    """Run a cell again, with an array of another scale."""
    notebook.execute(f"scale = {scale!r}")
    notebook.run_cell(cell)


def test_a_curve_has_its_amplitude(lab: Lab) -> None:
    notebook = lab.open([CELL.format(array=ARRAY.tolist())], run=False)
    for scale in (1e15, 1e18, 1e30, 1e-30):
        scaled(notebook, 0, scale)
        most = np.abs(ARRAY[:, :, 0]).max() * scale
        expect_curve(ExplorerPage(notebook), ARRAY[0, :, 0] * scale, most)


def pictures(notebook: NotebookPage, scale: float) -> dict[str, NDArray[np.int64]]:
    """Every plot area of every view, with a time axis and without."""
    found = {}
    scaled(notebook, 0, scale)
    e = ExplorerPage(notebook)
    for view, plots in VIEWS.items():
        if view == "all channels":
            e.button(view).click()
        else:
            e.notebook.execute(f"e.view = {view!r}")
        for plot in plots:
            e.area(plot)
            e.notebook.settle()
            shown = e.root.locator(f".rnngrad-figure-{plot} .rnngrad-hit").locator("visible=true")
            found[f"{view}, {plot}"] = e.notebook.pixels(shown.first).astype(int)
    notebook.execute("e.close()")
    scaled(notebook, 1, scale)
    flat = ExplorerPage(notebook)
    for plot in ("scatter", "bars"):
        flat.area(plot)
        flat.notebook.settle()
        found[plot] = flat.notebook.pixels(flat.plot(plot)).astype(int)
    notebook.execute("e.close()")
    return found


@pytest.mark.long
def test_every_view_is_the_same_at_every_scale(lab: Lab) -> None:
    arrays = (np.float32(ARRAY), np.float32(ARRAY[:, 0]))
    cells = [CELL.format(array=f"{array.tolist()}, np.float32") for array in arrays]
    notebook = lab.open(cells, run=False)
    wanted = pictures(notebook, 1.0)
    for scale in SCALES:
        for plot, seen in pictures(notebook, scale).items():
            inked = (np.abs(wanted[plot] - wanted[plot][4, 4]).max(axis=-1) > 40).sum()
            assert seen.shape == wanted[plot].shape
            differ = (np.abs(seen - wanted[plot]).max(axis=-1) > 40).sum()
            assert inked > 100
            assert differ < 0.03 * inked, f"{plot} at {scale}: {differ} pixels of {inked}"
