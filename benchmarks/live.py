"""How soon snapshots are seen, and what a long run takes: `python benchmarks/live.py`.

A real JupyterLab and headless Chromium. First an LSTM(512) trains with `explorer.live(every=1,
max_overhead=None)`, 3.3 MB a snapshot; kernel and browser share the CPUs. The clock runs from the
moment that the kernel has the gradient until the page shows its step, drawn. Then many such
snapshots go through one timeline, and the memory of both processes is looked at on the way.
"""

from __future__ import annotations

import argparse
import json
import time
from statistics import median
from typing import TYPE_CHECKING

import psutil
from page import APPEARS, BENCH, TRAINING, Lab, NotebookPage, jupyterlab

if TYPE_CHECKING:
    from collections.abc import Iterator

FIT = """
live = explorer.live(every=1, max_overhead=None)
model.fit(x, y, batch_size=16, verbose=0, callbacks=[live]);
"""

SHOWN = """
() => {
  const range = document.querySelector('.rnngrad-scrub-row input[type=range]');
  const step = range?.getAttribute('aria-valuetext')?.split(' ').at(-1);
  return [Number(step ?? 0), Number(range?.max ?? 0) + 1];
}
"""

MEMORY = """
import os, threading, time
import numpy as np
import psutil
from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.data.tensor import GradientTensor
base = np.random.default_rng(0).standard_normal((16, 100, 512), dtype=np.float32)
e = GradientExplorer.from_array(base)
seen = []
def run(count, pause):
    for step in range(count):
        dims = ("sample", "timestep", "channel")
        tensor = GradientTensor(base * (1 + step % 7), dims, step=step, loss=1 / (1 + step))
        e.add_snapshot({"": tensor}, step, f"step {step}")
        seen.append((step, psutil.Process().memory_info().rss))
        time.sleep(pause)
e
"""


def main() -> None:
    """Print both parts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=60, help="of the training")
    parser.add_argument("--snapshots", type=int, default=2000, help="of the long run")
    arguments = parser.parse_args()
    with jupyterlab() as lab:
        if arguments.steps:
            print(latency(lab, arguments.steps), flush=True)
        for line in memory(lab, arguments.snapshots) if arguments.snapshots else ():
            print(line, flush=True)


def latency(lab: Lab, steps: int) -> str:
    """From the gradient in the kernel to its picture, while the kernel trains on."""
    notebook = lab.open([TRAINING.format(steps=steps) + "explorer", FIT])
    notebook.page.wait_for_function(APPEARS)
    notebook.page.evaluate(BENCH)
    notebook.page.evaluate("() => { globalThis.noted = bench.noteSteps(); }")
    # the cell of the training is run a second time: now everything is traced and shown
    notebook.execute("produced.clear()")
    first = int(notebook.execute("print(explorer.last_step)"))
    notebook.run_cell(1)
    produced = json.loads(notebook.execute("import json; print(json.dumps(produced))"))
    drawn = notebook.page.evaluate("noted.drawn")
    notebook.close()
    waited = sorted(
        1000 * (drawn[step] - made)
        for step, made in produced.items()
        if drawn.get(step) and int(step) > first
    )
    made = sorted(produced.values())
    rate = (len(made) - 1) / (made[-1] - made[0])
    return (
        f"produced to drawn, ms: median {median(waited):.0f}, "
        f"95 % {waited[int(0.95 * len(waited))]:.0f}, largest {waited[-1]:.0f}; "
        f"{len(waited)} of {len(produced)} snapshots were seen on the page, {rate:.1f} a second"
    )


def memory(lab: Lab, count: int) -> Iterator[str]:
    """Resident memory of the kernel and of the page's process, along one run."""
    notebook = lab.open([MEMORY])
    notebook.page.wait_for_function(APPEARS)
    notebook.settle()
    started = time.perf_counter()
    notebook.execute(f"threading.Thread(target=run, args=({count}, 0.05)).start()")
    # the kernel is asked at the end only: its answers would have to wait behind the snapshots
    looks: list[tuple[int, int, float, float]] = []
    while not looks or looks[-1][0] < count - 1:
        time.sleep(0.5)
        step, kept = notebook.page.evaluate(SHOWN)
        if not looks or step >= looks[-1][0] + count // 16 or step == count - 1:
            looks.append((step, kept, *of_the_page(notebook)))
    took = time.perf_counter() - started
    resident = dict(json.loads(notebook.execute("import json; print(json.dumps(seen))")))
    yield "   step  kept  kernel MB  page MB  its heap MB"
    for step, kept, page, heap in looks:
        yield f"{step:7} {kept:5} {resident[step] / 1e6:10.0f} {page:8.0f} {heap:12.0f}"
    yield f"{count / took:.1f} snapshots a second"
    notebook.close()


def of_the_page(notebook: NotebookPage) -> tuple[float, float]:
    """Megabytes of the largest renderer, and of the JavaScript heap with its arrays, collected."""
    session = notebook.page.context.new_cdp_session(notebook.page)
    session.send("HeapProfiler.collectGarbage")
    usage = session.send("Runtime.getHeapUsage")
    session.detach()
    renderers = [
        process.memory_info().rss
        for process in psutil.process_iter(["cmdline"])
        if "--type=renderer" in (process.info["cmdline"] or [])
    ]
    heap = usage["usedSize"] + usage.get("backingStorageSize", 0)
    return max(renderers, default=0) / 1e6, heap / 1e6


if __name__ == "__main__":
    main()
