"""One explorer in two cells, wide and narrow: each view is as if it were the only one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.browser.explorer_page import ExplorerPage, eventually, picture
from tests.browser.test_export import Drawing, download

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.lab import Lab

ARRAY = np.random.default_rng(1).uniform(-1, 1, size=(3, 40, 8))
NORM = (-1.0, 1.0)
NARROW = 400

WIDE = f"""
import numpy as np
from rnngrad_widgets import GradientExplorer
array = np.random.default_rng(1).uniform(-1, 1, size={ARRAY.shape})
e = GradientExplorer.from_array(array, norm={NORM}, reflect_half=True)
e
"""
BOX = f"""
from ipywidgets import Box, Layout
box = Box([e], layout=Layout(width="{NARROW}px"))
box
"""

# What depends on the width: ends of what is painted from the left end of the view, ticks and words.
SEEN = """
(root) => {
  const { left, width } = root.getBoundingClientRect();
  const ends = (selector) => [...root.querySelectorAll(selector)]
    .filter((el) => el.getClientRects().length > 0)
    .map((el) => el.getBoundingClientRect())
    .map((box) => [Math.round(box.left - left), Math.round(box.right - left)]);
  const words = (selector) => [...root.querySelectorAll(selector)]
    .filter((el) => el.getClientRects().length > 0)
    .map((el) => el.textContent).filter((text) => text !== '');
  return {
    width: Math.round(width),
    canvases: ends('.bqplot.figure canvas'),
    captions: ends('.rnngrad-caption'),
    bars: ends('.rnngrad-colourbar-colours'),
    ticks: words('.rnngrad-figure-curve .axis[text-anchor=middle] .tick text'),
    words: words('.bqplot text.rnngrad-label'),
  };
}
"""


def as_it_must_be(seen: dict[str, Any]) -> None:
    """Check what a view shows by its own width alone."""
    wide = seen["width"] >= 900
    plot = [44, seen["width"] - (108 if wide else 80)]
    assert seen["canvases"] == [plot] * 3
    assert seen["captions"] == [plot] * 3
    assert seen["bars"] == [[plot[1] + 12, plot[1] + 22]]
    assert ("median, quartiles" in seen["words"], "median" in seen["words"]) == (wide, not wide)
    assert ("processing step" in seen["words"], "processing" in seen["words"]) == (wide, not wide)
    # the last one, under the cursor, is a chip
    step = 5 if wide else 10 if seen["width"] > 800 else 20
    assert [int(tick) for tick in seen["ticks"]] == [*range(0, 39, step)]


@pytest.mark.long
def test_two_views_of_different_widths(lab: Lab, tmp_path: Path) -> None:
    notebook = lab.open([WIDE, BOX], viewport=(1600, 1900))
    wide, narrow = ExplorerPage(notebook), ExplorerPage(notebook, 1)
    for change in ("", "e.timestep = None", "e.sample = 2", "e.height = 400"):
        notebook.execute(change)
        notebook.settle()
        as_it_must_be(wide.root.evaluate(SEEN))
        as_it_must_be(narrow.root.evaluate(SEEN))
    values = picture(ARRAY, 2, reflect=True)
    wide.expect_picture(values, NORM)
    narrow.expect_picture(values, NORM)

    # each menu saves its own view; Python the one that was made last, of those in sight
    svg = ["ArrowDown", "ArrowDown", "Enter"]
    sizes = [Drawing.of(download(e, svg, tmp_path)).size[0] for e in (wide, narrow)]
    assert sizes[0] > 900
    assert NARROW - 20 < sizes[1] <= NARROW + 20

    def saved() -> int:
        notebook.execute(f"e.save({str(tmp_path / 'python.svg')!r})")
        return Drawing.of(tmp_path / "python.svg").size[0]

    notebook.screenshot("two_views")
    assert saved() == sizes[1]
    # a view that becomes narrow, and one that goes, leave the other as it is
    notebook.page.set_viewport_size({"width": 1280, "height": 1900})
    eventually(lambda: wide.root.evaluate(SEEN)["width"] < 900, True, "the first one's narrowness")
    notebook.settle()
    as_it_must_be(wide.root.evaluate(SEEN))
    as_it_must_be(narrow.root.evaluate(SEEN))
    notebook.execute("box.close()")
    notebook.settle()
    as_it_must_be(wide.root.evaluate(SEEN))
    assert 800 < saved() < 900

    # on paper the window is cut off at the page's right edge; all timesteps are within
    notebook.page.evaluate(
        """() => addEventListener('beforeprint', () => {
          const boxes = [...document.querySelectorAll('.rnngrad-figure-heat canvas')];
          const ends = boxes.map((el) => el.getBoundingClientRect());
          globalThis.printed = ends.map(({ left, right }) => [left, right]);
        })"""
    )
    on_screen = wide.root.evaluate(SEEN)
    notebook.page.pdf(format="A4")
    ((left, right),) = notebook.page.evaluate("() => globalThis.printed")
    assert right - left > 100
    assert right <= 680
    notebook.settle()
    assert wide.root.evaluate(SEEN) == on_screen
