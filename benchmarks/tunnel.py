"""The explorer in its tunnel, in marimo and in JupyterLab: `python benchmarks/tunnel.py`.

The front ends of the tests (`make .venv-front-ends/.installed`) in headless Chromium. How soon the
first picture of (16, 100, 256) is there after its cell began, moves and drags of the sample slider
of (32, 1000, 512), and how soon snapshots of 3.3 MB are seen while the kernel trains.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from page import BENCH, TRAINING, Lab, jupyterlab

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.front_ends.front_end import serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

PREPARE = """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import json
import time
import numpy as np
from rnngrad_widgets import GradientExplorer, display_as
display_as("anywidget")
"""
ARRAY = """
array = np.random.default_rng(0).standard_normal({shape}, dtype="float32")
started = time.time()
explorer = GradientExplorer.from_array(array, title=f"started {{started:.3f}}")
"""
# Behind the cell of page.py. A front end without cells that can be run again trains on a key.
TRAINED_ON_A_KEY = """
def train(change):
    live = explorer.live(every=1, max_overhead=None, precision={precision!r})
    for epoch in (1, 2):  # in the first one all is traced and shown once
        first = explorer.last_step
        produced.clear()
        model.fit(x, y, batch_size=16, verbose=0, callbacks=[live])
    with open("{noted}", "w") as file:
        json.dump({{step: made for step, made in produced.items() if step > first}}, file)
    explorer.title = "trained"
explorer.observe(train, "channel")
"""
MARIMO = """
import marimo
app = marimo.App()
@app.cell
def show():
    {source}
    explorer
if __name__ == "__main__":
    app.run()
"""

NOTE_STEPS = BENCH + "globalThis.noted = bench.noteSteps();"


def main() -> None:
    """Print the measurements of each front end."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--front-ends", nargs="+", default=["marimo", "JupyterLab"])
    parser.add_argument("--moves", type=int, default=120)
    parser.add_argument("--steps", type=int, default=40, help="of the training")
    parser.add_argument("--precision", choices=["float32", "bfloat16"], help="of its snapshots")
    arguments = parser.parse_args()
    moves, steps, precision = arguments.moves, arguments.steps, arguments.precision
    with jupyterlab() as lab:
        for front_end in arguments.front_ends:
            for line in measure(lab, front_end, moves, steps, precision):
                print(f"{front_end}: {line}", flush=True)


def measure(
    lab: Lab, front_end: str, moves: int, steps: int, precision: str | None
) -> Iterator[str]:
    """All measurements of a front end, a line each."""
    small = ARRAY.format(shape=(16, 100, 256))
    with shown(lab, front_end, small, NOTE_STEPS) as page:
        title = page.locator(".rnngrad-title").first.inner_text()
        seconds = page.evaluate("noted.first") - float(title.split()[1])
        yield f"(16, 100, 256), first picture {seconds:.2f} s after its cell began"
    shape = (32, 1000, 512)
    with shown(lab, front_end, ARRAY.format(shape=shape), BENCH) as page:
        page.wait_for_timeout(3000)
        page.evaluate("bench.moves('explorer', 20)")
        taken = page.evaluate(f"bench.moves('explorer', {moves})")
        pace = page.evaluate(f"bench.drag('explorer', 6, {shape[0]})")
        yield f"{shape}, sample slider to drawn: {told(taken)}"
        yield "in a drag: {pictures:.1f} pictures/s of {frames:.1f} frames/s".format(**pace)
    with tempfile.TemporaryDirectory() as folder:
        noted = Path(folder) / "produced.json"
        trained = TRAINED_ON_A_KEY.format(noted=noted.as_posix(), precision=precision)
        source = TRAINING.format(steps=steps) + trained
        with shown(lab, front_end, source, NOTE_STEPS) as page:
            page.locator(".rnngrad-group-channel .noUi-handle").press("End")
            page.locator(".rnngrad-title:text-is('trained')").first.wait_for(timeout=600_000)
            drawn = page.evaluate("noted.drawn")
        produced: dict[str, float] = json.loads(noted.read_text(encoding="utf-8"))
        waited = [1000 * (drawn[step] - made) for step, made in produced.items() if drawn.get(step)]
        yield f"{len(waited)} of {len(produced)} snapshots, from the kernel to seen: {told(waited)}"


def told(milliseconds: Any) -> str:
    """Median and 95 %."""
    return f"median {np.median(milliseconds):.1f} ms, 95 % {np.percentile(milliseconds, 95):.1f}"


@contextmanager
def shown(lab: Lab, front_end: str, source: str, script: str) -> Iterator[Page]:
    """Open a page that shows an explorer in its tunnel, with `script` in it."""
    if front_end == "JupyterLab":
        notebook = lab.open([PREPARE, source + "explorer"], own_page=True)
        notebook.page.evaluate(script)
        notebook.page.locator(".rnngrad-explorer [data-drawn]").first.wait_for(state="attached")
        yield notebook.page
        notebook.close()
        return
    assert lab.context.browser is not None
    page = lab.context.browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(120_000)
    page.add_init_script(script)
    app = MARIMO.format(source=(PREPARE + source).strip().replace("\n", "\n    "))
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        serve("marimo run", Path(folder), None, {"marimo_app.py": app}) as address,
    ):
        page.goto(address, wait_until="commit")
        page.locator(".rnngrad-explorer [data-drawn]").first.wait_for(state="attached")
        yield page
        page.close()


if __name__ == "__main__":
    main()
