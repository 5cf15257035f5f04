"""How soon a slider move is seen: `python benchmarks/browser.py`.

A real JupyterLab and headless Chromium, all ways in one run. The clock runs inside the page, from
the key press on the sample slider to the moment that the page has been told of the new picture:
the counter that the heat map writes after painting its canvas, the new address of an image. By then
the explorer's curve, cursor and readouts are drawn too. Sliders are moved with a person's pauses; a
drag moves one sample a frame. The tensors are white noise, which is the most work for a curve.

    explorer                 GradientExplorer.from_array(array)
    explorer, kernel stopped the same while the kernel's process is stopped: it answers nothing
    bqplot.HeatMap           an IntSlider observed in Python, which sets the heat map's color
    interact + matplotlib    interact, imshow, an inline picture: what people do today
    plotly FigureWidget      an IntSlider observed in Python, which sets the heatmap's z
    ipympl                   an IntSlider observed in Python, which sets the data of imshow

What is not installed beside JupyterLab is left out and said.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from page import BENCH, Lab, NotebookPage, jupyterlab

if TYPE_CHECKING:
    from collections.abc import Iterator

SHAPES = ((16, 100, 512), (32, 1000, 512))
DRAG_SECONDS = 4
WARM_UP = 5

ARRAY = """
import numpy as np
array = np.random.default_rng(0).standard_normal({shape}, dtype=np.float32)
"""
CELLS = {
    "explorer": """
from rnngrad_widgets import GradientExplorer
GradientExplorer.from_array(array)
""",
    "heatmap": """
import bqplot
from ipywidgets import IntSlider, VBox
samples, timesteps, channels = array.shape
scales = {"x": bqplot.LinearScale(), "y": bqplot.LinearScale()}
colours = bqplot.ColorScale(scheme="RdBu", min=-3, mid=0, max=3)
heat = bqplot.HeatMap(x=np.arange(timesteps), y=np.arange(channels), color=array[0].T,
                      scales={**scales, "color": colours})
slider = IntSlider(max=samples - 1)
slider.observe(lambda change: setattr(heat, "color", array[change.new].T), "value")
VBox([slider, bqplot.Figure(marks=[heat], layout={"width": "1000px", "height": "400px"})])
""",
    "image": """
import matplotlib.pyplot as plt
from ipywidgets import interact
@interact(sample=(0, len(array) - 1))
def show(sample=0):
    plt.figure(figsize=(10, 4))
    plt.imshow(array[sample].T, aspect="auto", origin="lower", cmap="RdBu_r", vmin=-3, vmax=3)
    plt.show()
""",
    "plotly": """
import plotly.graph_objects as go
from ipywidgets import IntSlider, VBox
heat = go.Heatmap(z=array[0].T, zmin=-3, zmax=3, colorscale="RdBu")
figure = go.FigureWidget(heat, layout={"width": 1000, "height": 400})
slider = IntSlider(max=len(array) - 1)
slider.observe(lambda change: setattr(figure.data[0], "z", array[change.new].T), "value")
VBox([slider, figure])
""",
    "ipympl": """
%matplotlib ipympl
import matplotlib.pyplot as plt
from ipywidgets import IntSlider, VBox
plt.ioff()
figure, axes = plt.subplots(figsize=(10, 4))
image = axes.imshow(array[0].T, aspect="auto", origin="lower", cmap="RdBu_r", vmin=-3, vmax=3)
def show(change):
    image.set_data(array[change.new].T)
    figure.canvas.draw_idle()
slider = IntSlider(max=len(array) - 1)
slider.observe(show, "value")
VBox([slider, figure.canvas])
""",
}
NAMES = {
    "explorer": "explorer",
    "stopped": "explorer, kernel stopped",
    "heatmap": "bqplot.HeatMap through the kernel",
    "image": "`interact` + matplotlib `imshow`",
    "plotly": "plotly FigureWidget",
    "ipympl": "ipympl",
}
PACKAGES = ("plotly", "ipympl")
"""Ways that need a package of the same name; all that the others need is here anyway."""


@dataclass
class Row:
    """What was measured of one way and one tensor."""

    way: str
    shape: tuple[int, int, int]
    milliseconds: list[float]
    drag: dict[str, float] | None = None
    """New pictures, and frames, a second while dragging: the browser's frames are the most."""

    def __str__(self) -> str:
        p95 = np.percentile(self.milliseconds, 95)
        drag = "{pictures:.1f} of {frames:.1f}".format(**self.drag) if self.drag else ""
        return (
            f"| {NAMES[self.way]} | {' × '.join(map(str, self.shape))} | {len(self.milliseconds)} "
            f"| {median(self.milliseconds):.1f} | {p95:.1f} | {drag} |"
        )


def prepare(lab: Lab, way: str, shape: tuple[int, int, int]) -> NotebookPage:
    """Open a notebook that shows one way, and warm it up."""
    notebook = lab.open([ARRAY.format(shape=shape) + CELLS[way]])
    notebook.page.evaluate(BENCH)
    notebook.page.wait_for_function("way => bench.ready(way)", arg=way, timeout=120_000)
    notebook.settle()
    moves(notebook, way, WARM_UP)
    return notebook


def moves(notebook: NotebookPage, way: str, count: int) -> list[float]:
    """Milliseconds of each move."""
    taken: list[float] = notebook.page.evaluate(
        "([way, count]) => bench.moves(way, count)", [way, count]
    )
    return taken


def drag(notebook: NotebookPage, way: str, samples: int) -> dict[str, float]:
    """Count new pictures, and frames, a second while the handle is dragged."""
    rates: dict[str, float] = notebook.page.evaluate(
        "([way, seconds, samples]) => bench.drag(way, seconds, samples)",
        [way, DRAG_SECONDS, samples],
    )
    return rates


@contextmanager
def stopped(notebook: NotebookPage) -> Iterator[None]:
    """Stop the kernel's process: a busy one would still answer widgets from another thread."""
    process = int(notebook.execute("import os; print(os.getpid())"))
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def measure(lab: Lab, way: str, shape: tuple[int, int, int], count: int) -> Iterator[Row]:
    """Measure one way; the explorer a second time while the kernel is stopped."""
    notebook = prepare(lab, way, shape)
    taken = moves(notebook, way, count)
    yield Row(way, shape, taken, drag(notebook, way, shape[0]))
    if way == "explorer":
        with stopped(notebook):
            yield Row("stopped", shape, moves(notebook, way, count))
    lab.close_all()


def measure_all(lab: Lab, fast: int, slow: int) -> Iterator[Row]:
    """Every way for every tensor, in one JupyterLab."""
    for shape in SHAPES:
        for way in CELLS:
            if way not in PACKAGES or find_spec(way):
                yield from measure(lab, way, shape, fast if way == "explorer" else slow)


def import_seconds(code: str, repeats: int = 7) -> float:
    """Median time that ``code`` takes in a fresh Python."""
    script = f"from time import perf_counter as now; t = now(); {code}; print(now() - t)"
    command = [sys.executable, "-c", script]
    runs = [subprocess.run(command, check=True, capture_output=True) for _ in range(repeats)]
    return median(float(run.stdout) for run in runs)


def report_ratios(rows: list[Row]) -> None:
    """Tell how many times faster the explorer is."""
    medians = {(row.way, row.shape): median(row.milliseconds) for row in rows}
    for shape in SHAPES:
        ours = medians["explorer", shape]
        ratios = ", ".join(
            f"{NAMES[way]} {medians[way, shape] / ours:.0f}"
            for way in CELLS
            if way != "explorer" and (way, shape) in medians
        )
        print(f"Median as a multiple of the explorer's, {' × '.join(map(str, shape))}: {ratios}  ")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moves", type=int, default=120, help="of the explorer's slider")
    parser.add_argument("--slow-moves", type=int, default=12, help="of the other sliders")
    options = parser.parse_args()
    print("| | tensor | moves | median ms to drawn | 95 % ms | pictures/s of frames/s in a drag |")
    print("|---|---|---|---|---|---|", flush=True)
    rows = []
    with jupyterlab() as lab:
        for row in measure_all(lab, options.moves, options.slow_moves):
            rows.append(row)
            print(row, flush=True)
        browser = lab.context.browser
        engine = browser.version if browser else "?"
    print()
    for package in PACKAGES:
        if not find_spec(package):
            print(f"Left out: {package} is not installed (pip install {package})  ")
    report_ratios(rows)
    print(
        "Kernel messages awaited by the explorer: 0 (every move was drawn while it was stopped)  "
    )
    package, widgets = (
        import_seconds(f"import rnngrad_widgets{rest}")
        for rest in ("", "; rnngrad_widgets.GradientExplorer")
    )
    print(f"`import rnngrad_widgets` {package:.3f} s; with `GradientExplorer` {widgets:.2f} s  ")
    names = ("jupyterlab", "bqplot", *filter(find_spec, PACKAGES))
    packages = ", ".join(f"{name} {version(name)}" for name in names)
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} CPUs, load {load:.1f}; Chromium {engine} headless, {packages}")


if __name__ == "__main__":
    main()
