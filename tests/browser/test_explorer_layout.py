"""Narrow and wide outputs: nothing lies over another thing or is cut off, one x axis for all."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.explorer_page import ExplorerPage, eventually

if TYPE_CHECKING:
    from tests.browser.lab import Lab

LAYERS = """
import numpy as np
from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.data.tensor import SEQUENCE, GradientTensor

from rnngrad_widgets.explorer.source import Source

class FakeSource(Source):
    def layers(self):
        return {"bidirectional_encoder": "bidirectional_encoder  LSTM 2 × 32"}
    def resolve(self, layer):
        return "bidirectional_encoder"
    def quantities(self, layer):
        return ("output_gradient", "hidden_gradient")
    def compute(self, layer, quantity):
        values = np.random.default_rng(1).normal(size=(16, 100, 64)) * 1e-3
        both = ("forward", "backward")
        return {"": GradientTensor(values, SEQUENCE, layer, quantity, both)}

e = GradientExplorer.from_source(
    FakeSource(), None, "output_gradient", norm=(-0.012, 0.0125)
)
e
"""
SEQUENCES = """
import numpy as np
from rnngrad_widgets import GradientExplorer
array = np.random.default_rng(1).normal(size=(16, 100, 256))
e = GradientExplorer.from_array(array, sample=11, reflect_half=True)
e
"""
NO_TIME = """
import numpy as np
from rnngrad_widgets import GradientExplorer
e = GradientExplorer.from_array(np.random.default_rng(1).normal(size=(32, 20)), channel=13)
e
"""
# Boxes on the screen of what must not lie over one another, by name.
BOXES = """
(root) => {
  const parts = ['select', '.rnngrad-icon', '.widget-slider', '.rnngrad-order', '.rnngrad-buttons',
    '.rnngrad-summary', '.rnngrad-readout', '.rnngrad-colourbar', '.rnngrad-hit'];
  return [...root.querySelectorAll(parts.join())].map((el) => {
    const { left, right, top, bottom } = el.getBoundingClientRect();
    return { name: el.getAttribute('class'), left, right, top, bottom };
  }).filter(({ left, right, top, bottom }) => right > left && bottom > top);
}
"""
# Text that ends outside the explorer, or that its own box cuts off; captions end in an ellipsis.
CUT = """
(root) => {
  const { left, right } = root.getBoundingClientRect();
  // what is a pixel wide is for screen readers
  const shown = (el) => el.getBoundingClientRect().width > 1 && el.textContent.trim() !== '';
  const outside = [...root.querySelectorAll('text, button, select, span, label')]
    .filter(shown).filter((el) => {
      const box = el.getBoundingClientRect();
      return box.left < left - 0.5 || box.right > right + 0.5;
    });
  const parts = '.rnngrad-readout, button, label, .rnngrad-summary';
  const cut = [...root.querySelectorAll(parts)]
    .filter((el) => shown(el) && !el.className.includes('-caption'))
    .filter((el) => el.scrollWidth > el.clientWidth + 1);
  return [...outside, ...cut].map((el) => `${el.getAttribute('class')}: ${el.textContent}`);
}
"""
SCROLLS = """
(root) => {
  const found = [];
  for (let el = root; !el.classList.contains('jp-Notebook'); el = el.parentElement) {
    if (el.scrollWidth > el.clientWidth + 1) found.push(el.className);
  }
  return found;
}
"""
# The left and right ends of every plot area: its frame, and the canvas that is painted.
PLOTS = """
(root) => [...root.querySelectorAll('.bqplot.figure')].filter((el) => el.clientWidth > 0)
  .flatMap((el) => [...el.querySelectorAll('.rnngrad-hit, canvas')].map((part) => {
    const { left, right } = part.getBoundingClientRect();
    const frame = part.matches('canvas') ? 0 : 0.5;
    return [left + frame, right - frame];
  }))
"""


def overlap(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether two boxes share more than an edge."""
    across = min(a["right"], b["right"]) - max(a["left"], b["left"])
    down = min(a["bottom"], b["bottom"]) - max(a["top"], b["top"])
    return bool(across > 1 and down > 1)


@pytest.mark.one_case_in(4)
@pytest.mark.parametrize("source", [LAYERS, SEQUENCES, NO_TIME], ids=["layers", "array", "no time"])
def test_widths(lab: Lab, source: str) -> None:
    notebook = lab.open([source], viewport=(1280, 1700))
    e = ExplorerPage(notebook)
    output = notebook.page.locator(".jp-OutputArea-output").first

    def width_of_output() -> float:
        width: float = output.evaluate("(el) => el.getBoundingClientRect().width")
        return width

    around = 1280 - width_of_output()
    problems = []
    for width, ranged in (
        (400, False),
        (400, True),
        (520, True),
        (700, False),
        (700, True),
        (880, False),
        (900, True),
        (1200, False),
        (1600, True),
    ):
        notebook.page.set_viewport_size({"width": int(width + around), "height": 1700})
        eventually(width_of_output, float(width), "the width of the output")
        notebook.execute(f"e.range_mode = {ranged}")
        notebook.settle()
        boxes = e.root.evaluate(BOXES)
        found = [
            f"{a['name']} over {b['name']}" for a, b in combinations(boxes, 2) if overlap(a, b)
        ]
        found += [f"cut off: {text}" for text in e.root.evaluate(CUT)]
        found += [f"scrolls sideways: {name}" for name in e.root.evaluate(SCROLLS)]
        plots = e.root.evaluate(PLOTS)
        assert len(plots) >= 4
        for side in range(2):
            ends = [plot[side] for plot in plots]
            if max(ends) - min(ends) > 0.5:
                found.append(f"plots end at different places: {ends}")
        problems += [f"{width} px{' with two handles' * ranged}: {problem}" for problem in found]
    assert not problems, "\n".join(problems)


def test_what_is_painted_while_the_margins_change_lies_right_afterwards(lab: Lab) -> None:
    notebook = lab.open(
        [
            f"{SEQUENCES.strip()[:-2]}\n"
            "import time\n"
            "e.layout.width = '600px'\n"
            "display(e)\n"
            "for i in range(60):\n"
            "    e.sample = i % 16\n"
            "    time.sleep(0.02)\n"
        ]
    )
    e = ExplorerPage(notebook)
    layers = ".rnngrad-figure-curve canvas, .rnngrad-figure-flow canvas"
    pictures = "(all) => all.map((canvas) => canvas.toDataURL())"
    notebook.settle()
    painted = e.root.locator(layers).evaluate_all(pictures)
    assert len(painted) >= 2
    notebook.execute("e.reflect_half = False; e.channel = 7")  # paint it all anew
    notebook.settle()
    notebook.execute("e.reflect_half = True; e.channel = 0")
    notebook.settle()
    assert e.root.locator(layers).evaluate_all(pictures) == painted


def test_the_painted_layer_has_the_size_of_the_plot_area_at_every_height(lab: Lab) -> None:
    e = ExplorerPage(lab.open([SEQUENCES]))
    e.notebook.settle()
    layer = e.root.locator(".rnngrad-figure-heat canvas")

    def away() -> bool:
        """Whether the layer ends elsewhere than the frame."""
        area, box = e.area(), layer.bounding_box() or {"width": 0, "height": 0}
        return any(abs(area[side] - box[side]) > 1 for side in ("width", "height"))

    # bqplot gives the layer whole pixels, which the plot area's width need not be
    for width, height in ((903.5, 200), (903, 300), (903.7, 320), (902.4, 240)):
        e.notebook.execute(f"e.height, e.layout.width = {height}, '{width}px'")
        e.notebook.settle()
        eventually(away, False, f"the layer beside its frame at {width} x {height}")
