"""Eight runs of (32, 1000, 512) that are compared: `python benchmarks/comparison.py`.

A real JupyterLab and headless Chromium. From the start of the cell to the lines, the kernel's part
told apart; the same for the small heat maps, whose arrays, half a gigabyte, must cross; then from a
key press on the sample slider until all maps have been painted again, and the pace of a drag.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np
from page import BENCH, SCRIPT, Lab, jupyterlab
from plain_page import PlainPage, plain_page
from views import CLOCK

if TYPE_CHECKING:
    from collections.abc import Iterator

SETUP = """
import time
import numpy as np
from rnngrad_widgets import compare
decay = np.exp(-np.arange(SHAPE[1])[::-1] / 50).astype("float32")[None, :, None]
rng = np.random.default_rng(0)
arrays = {f"run {i}": rng.standard_normal(SHAPE, dtype="float32") * decay for i in range(RUNS)}
"""


def main() -> None:
    """Print the measurements."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--shape", type=int, nargs=3, default=(32, 1000, 512))
    parser.add_argument("--count", type=int, default=120)
    arguments = parser.parse_args()
    with jupyterlab() as lab:
        shape = tuple(arguments.shape)
        for line in measure(lab, arguments.runs, shape, arguments.count):
            print(line, flush=True)


def measure(lab: Lab, runs: int, shape: tuple[int, ...], count: int) -> Iterator[str]:
    """All measurements, a line each."""
    setup = SETUP.replace("RUNS", str(runs)).replace("SHAPE", str(shape))
    name = lab.write([setup, timed("c = compare(arrays)", "c"), timed("m = c.maps()", "m")])
    with plain_page(lab.server.url(f"lab/workspaces/{name[:-6]}/tree/{name}")) as page:
        page.wait_for("globalThis.jupyterapp")
        page.evaluate(SCRIPT)
        page.wait_for(f"harness.ready({name!r})")
        run_cell(page, 0)
        for index, what in ((1, "lines"), (2, "maps")):
            page.evaluate(f"({CLOCK})()")
            run_cell(page, index)
            shown = page.evaluate("globalThis.shown")
            kernel = float(page.evaluate("harness.execute('print(took)')")["printed"])
            yield f"{what}, ms from the start of its cell: {shown:.0f} ({1000 * kernel:.0f} in it)"
        page.evaluate(BENCH)
        taken = page.evaluate(f"bench.moves('maps', {count})")
        yield (
            f"sample to {runs} maps, ms: median {np.median(taken):.1f}, 95 % "
            f"{np.percentile(taken, 95):.1f}"
        )
        pace = page.evaluate(f"bench.drag('maps', 6, {shape[0]})")
        yield f"in a drag: {pace['pictures']:.1f} pictures/s of {pace['frames']:.1f} frames/s"
    lab.server.close_kernel(name)


def timed(call: str, shown: str) -> str:
    """Return the source of a cell that measures a call, and shows what it made."""
    return f"start = time.perf_counter(); {call}; took = time.perf_counter() - start; {shown}"


def run_cell(page: PlainPage, index: int) -> None:
    """Run a cell to its end."""
    page.evaluate(f"harness.settle().then(() => harness.activate({index}))")
    page.evaluate("void harness.run('notebook:run-cell')")
    page.wait_for(f"harness.startedCell({index}) && harness.idle()", 300)


if __name__ == "__main__":
    main()
