"""Gradients of any decade have the same picture: only the numbers on the axes differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser.explorer_page import ExplorerPage, show
from tests.browser.test_explorer_controls import ARRAY, expect_curve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.browser.explorer_page import Plot
    from tests.browser.lab import Lab

# Powers of two: every value has the same digits at every scale.
SCALES = (2.0**60, 2.0**100, 2.0**-100)
VIEWS: dict[str, tuple[Plot, ...]] = {
    "heat map": ("heat", "curve"),
    "curves": ("curve-high", "flow-low"),
    "all channels": ("single",),
    "flow": ("flow-high",),
}


@pytest.mark.parametrize("scale", [1e15, 1e18, 1e30, 1e-30])
def test_a_curve_has_its_amplitude(lab: Lab, scale: float) -> None:
    e = ExplorerPage(lab.open([show(ARRAY * scale)]))
    expect_curve(e, ARRAY[0, :, 0] * scale, np.abs(ARRAY[:, :, 0]).max() * scale)


def pictures(lab: Lab, scale: float) -> dict[str, NDArray[np.int64]]:
    """Every plot area of every view, with a time axis and without."""
    found = {}
    limit = f"norm=({-scale}, {scale})"
    e = ExplorerPage(lab.open([show(np.float32(ARRAY) * scale, limit)]))
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
    lab.close_all()
    flat = ExplorerPage(lab.open([show(np.float32(ARRAY[:, 0]) * scale, limit)]))
    for plot in ("scatter", "bars"):
        flat.area(plot)
        flat.notebook.settle()
        found[plot] = flat.notebook.pixels(flat.plot(plot)).astype(int)
    lab.close_all()
    return found


def test_every_view_is_the_same_at_every_scale(lab: Lab) -> None:
    wanted = pictures(lab, 1.0)
    for scale in SCALES:
        for plot, seen in pictures(lab, scale).items():
            inked = (np.abs(wanted[plot] - wanted[plot][4, 4]).max(axis=-1) > 40).sum()
            assert seen.shape == wanted[plot].shape
            differ = (np.abs(seen - wanted[plot]).max(axis=-1) > 40).sum()
            assert inked > 100
            assert differ < 0.03 * inked, f"{plot} at {scale}: {differ} pixels of {inked}"
