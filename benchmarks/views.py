"""How soon a view, a grid and a training step are seen: `python benchmarks/views.py`.

A real JupyterLab and headless Chromium. The clock runs inside the page: from the click on a view's
button, or the move of the scrubber, until every figure of the view has painted its canvas. A grid
is timed from the start of its cell to its last canvas; the kernel's part is told apart.
"""

from __future__ import annotations

import argparse
from statistics import median
from typing import TYPE_CHECKING

from page import APPEARS, SCRIPT, Lab, jupyterlab
from plain_page import plain_page

if TYPE_CHECKING:
    from collections.abc import Iterator

SETUP = """
import time
import numpy as np
from rnngrad_widgets import GradientExplorer, show_features_1D, show_features_2D
from rnngrad_widgets.data.tensor import GradientTensor
def noise(*shape):
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
"""

# Resolves when each canvas of the widget that shows has been painted after the action.
PAINTED = """
async ([selector, index, value]) => {
  const root = [...document.querySelectorAll('.rnngrad-explorer')].at(-1);
  const marks = () => [...root.querySelectorAll('[data-drawn]')];
  const before = new Map(marks().map((mark) => [mark, mark.dataset.drawn]));
  const started = performance.now();
  const element = root.querySelectorAll(selector)[index];
  if (value === null) {
    element.click();
  } else {
    element.value = value;
    element.dispatchEvent(new Event('input'));
  }
  const figures = () => root.querySelectorAll('.rnngrad-plots .bqplot.figure').length;
  const fresh = () => marks().filter((m) => before.get(m) !== m.dataset.drawn).length;
  for (;;) {
    if (figures() > 0 && fresh() >= figures()) {
      return performance.now() - started;
    }
    await new Promise(requestAnimationFrame);
    if (performance.now() - started > 20000) {
      throw new Error(`not painted: ${fresh()} of ${figures()}`);
    }
  }
}
"""

# Until a widget that was not there has painted.
CLOCK = """
() => {
  const old = new Set(document.querySelectorAll('.rnngrad-explorer'));
  const all = () => [...document.querySelectorAll('.rnngrad-explorer')];
  const fresh = () => all().find((el) => !old.has(el));
  const started = performance.now();
  globalThis.shown = (async () => {
    while (!fresh()?.querySelector('[data-drawn]')) {
      await new Promise(requestAnimationFrame);
    }
    return performance.now() - started;
  })();
}
"""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    with jupyterlab() as lab:
        for line in measure(lab, repeats):
            print(line, flush=True)


def measure(lab: Lab, repeats: int) -> Iterator[str]:
    """All measurements, a line each."""
    yield "to a view, ms from the click (median, largest)"
    for shape in ((16, 100, 512), (32, 1000, 512)):
        yield from switching(lab, shape, repeats)
    yield "a grid, ms from the start of its cell (kernel's part)"
    for call, shape in (
        ("show_features_2D", (16, 100, 256)),
        ("show_features_1D", (16, 100, 256)),
        ("GradientExplorer.from_array", (64, 1000, 512)),
    ):
        yield appearing(lab, call, shape)
    yield scrubbing(lab, 200)


def switching(lab: Lab, shape: tuple[int, int, int], repeats: int) -> Iterator[str]:
    """From the heat map to each view, and back."""
    notebook = lab.open([SETUP, f"GradientExplorer.from_array(noise{shape})"])
    notebook.page.wait_for_function(APPEARS)
    notebook.settle()
    buttons = ".rnngrad-views button"
    names = notebook.page.locator(buttons).all_text_contents()
    for index, name in enumerate(names[1:], 1):
        if name == "Diagnosis":  # a table: nothing is painted
            continue
        times = []
        for _ in range(repeats):
            times.append(notebook.page.evaluate(PAINTED, [buttons, index, None]))
            notebook.settle()
            notebook.page.evaluate(PAINTED, [buttons, 0, None])
            notebook.settle()
        yield f"  {shape!s:18} {name:12} {median(times):6.0f} {max(times):6.0f}"
    notebook.close()


def appearing(lab: Lab, call: str, shape: tuple[int, int, int]) -> str:
    """Time a cell that shows one widget of an array that is there."""
    cell = f"started = time.perf_counter(); w = {call}(x); took = time.perf_counter() - started; w"
    name = lab.write([f"{SETUP}\nx = noise{shape}", cell])
    with plain_page(lab.server.url(f"lab/workspaces/{name[:-6]}/tree/{name}")) as page:
        page.wait_for("globalThis.jupyterapp")
        page.evaluate(SCRIPT)
        page.wait_for(f"harness.ready({name!r})")
        for index in range(2):
            page.evaluate(f"harness.settle().then(() => harness.activate({index}))")
            page.evaluate(f"({CLOCK})()")
            page.evaluate("void harness.run('notebook:run-cell')")
            page.wait_for(f"harness.startedCell({index}) && harness.idle()", 120)
        shown = page.evaluate("globalThis.shown")
        kernel = float(page.evaluate("harness.execute('print(took)')")["printed"])
    lab.server.close_kernel(name)
    return f"  {f'{call}, {shape}':52} {shown:6.0f} ({1000 * kernel:.0f})"


def scrubbing(lab: Lab, count: int) -> str:
    """Over the snapshots of a run, 3.3 MB each, in the heat map view."""
    snapshots = f"""
e = GradientExplorer.from_array(noise(16, 100, 512))
for step in range({count}):
    values = noise(16, 100, 512) * (1 + step)
    dims = ("sample", "timestep", "channel")
    tensor = GradientTensor(values, dims, step=step, loss=1 / (1 + step))
    e.add_snapshot({{"": tensor}}, step, "")
e
"""
    notebook = lab.open([SETUP, snapshots])
    notebook.page.wait_for_function(APPEARS)
    notebook.settle()
    scrub = ".rnngrad-scrub-row input[type=range]"
    most = int(notebook.page.locator(scrub).get_attribute("max") or 0)
    times = []
    for place in range(0, most, max(most // 40, 1)):
        times.append(notebook.page.evaluate(PAINTED, [scrub, 0, place]))
        notebook.page.wait_for_timeout(60)
    notebook.close()
    times.sort()
    low, high = median(times), times[int(0.95 * len(times))]
    return f"scrubbing {most + 1} snapshots of 3.3 MB, ms: median {low:.1f}, 95 % {high:.1f}"


if __name__ == "__main__":
    main()
