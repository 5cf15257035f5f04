"""Train live and use the page at random, for long: ``python -m tests.browser.soak``.

Each round runs the cell of the explorer again, trains, and meanwhile scrubs, switches views, loads
the page again and opens a second one, as its seed says, up to `LOADS` pages. Afterwards the page
must have every snapshot that Python has and show the latest, its scripts may have complained of
nothing, and what page and kernel hold must not have grown with the rounds.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.browser import chromium, server
from tests.browser.conftest import FLAGS
from tests.browser.lab import Lab
from tests.browser.test_memory import memory
from tests.browser.test_reload import SLIDER, kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.browser.lab import NotebookPage

MODEL = """
import keras
import numpy as np
from keras import layers
from rnngrad_widgets import GradientExplorer
rng = np.random.default_rng(0)
x, y = rng.normal(size=(32, 50, 4)), rng.normal(size=(32, 1))
model = keras.Sequential(
    [keras.Input((50, 4)), layers.LSTM(64, return_sequences=True), layers.LSTM(8), layers.Dense(1)]
)
model.compile("sgd", "mse")
"""
EXPLORER = "e = GradientExplorer(model, x, y)\ne"
TRAIN = """
live = e.live(every=1, max_overhead=None)
history = model.fit(x, y, epochs=40, verbose=0, callbacks=[live])
"""
COUNT = """
from pathlib import Path
from ipywidgets.widgets import widget
pages = int(Path("/proc/self/statm").read_text().split()[1])
print(len(e.snapshots), e.snapshots[-1].step, len(widget._instances), pages * 4096)
"""

SETTLED = 3
"""Rounds after which memory counts: libraries are loaded and functions traced by then."""

GROWTH = {"page": 20e6, "kernel": 20e6}
"""Bytes that may be added between the first and the last third of the rounds."""

TRACED = 2e6
"""Bytes that each round may add to the kernel besides, whose explorer traces the model anew.

TensorFlow keeps them: measured in a kernel after `gc` and `malloc_trim`, 25 runs of a cell that
traces the gradients of this model by a `tf.function` of its own add 0.9 MB each, those of a
`GradientEngine`, which has more operations, 1.4 MB, those of an explorer 1.5 MB; as many of an
explorer of an array add 0.4 MB in all, and the number of Python's objects stays. Each page that is
loaded leaves two subshells of JupyterLab's behind, of 0.1 MB.
"""

LOADS = 100
"""Pages that may be loaded: JupyterLab (4.6) leaves two subshells in the kernel for each, and with
some 250 of them ipykernel (7.4) makes no more ("Too many open files"): no page then restores a
widget.
"""


@dataclass(frozen=True)
class Held:
    """What is held after a round: widgets and bytes."""

    page_models: int
    page: float
    kernel_models: int
    kernel: float


class Soak:
    """A notebook that is used, round after round."""

    def __init__(self, notebook: NotebookPage, seed: int) -> None:
        self._notebook = notebook
        self._draw = random.Random(seed)
        self.actions: dict[str, int] = {}
        notebook.run_cell(0)

    def round(self) -> Held:
        """Run one; raise AssertionError if anything is not as it must be."""
        notebook, draw = self._notebook, self._draw
        notebook.run_cell(1)
        notebook.save()
        notebook.run_cell(2, wait=False)
        jobs: list[Callable[[Page], None]]
        jobs = [self._scrub, self._scrub, self._switch, self._resize]
        loads: list[Callable[[Page], None]] = [self._reload, self._second]
        if sum(self.actions.get(job.__name__, 0) for job in loads) < LOADS:
            jobs += loads
        for job in draw.choices(jobs, k=draw.randint(2, 6)):
            self.actions[job.__name__] = self.actions.get(job.__name__, 0) + 1
            time.sleep(draw.uniform(0, 1))
            job(notebook.page)
        return self._check()

    def recover(self, picture: str) -> None:
        """Keep a picture of the page, and load it anew, whatever state it is in."""
        self._notebook.screenshot(picture)
        self._notebook.reload()
        self._notebook.complaints.clear()

    def _check(self) -> Held:
        notebook = self._notebook
        snapshots, last, models, kernel = map(int, notebook.execute(COUNT).split())
        end = time.monotonic() + 30
        while kept(notebook.page) != snapshots and time.monotonic() < end:
            time.sleep(0.1)
        seen = kept(notebook.page)
        assert seen == snapshots, f"the page must have {snapshots} snapshots; it has {seen}"
        # loaded again in a narrow window, JupyterLab may let its file browser cover the notebook
        notebook.page.set_viewport_size({"width": 1280, "height": 1400})
        notebook.page.locator(".rnngrad-scrub input[type=checkbox]").check()
        said = notebook.page.locator(SLIDER).get_attribute("aria-valuetext")
        assert said == f"training step {last}", f"step {last} must be shown; it is {said!r}"
        complaints = "\n".join(notebook.complaints)
        assert not complaints, f"the page complained:\n{complaints}"
        return Held(notebook.widget_model_count(), memory(notebook), models, kernel)

    def _scrub(self, page: Page) -> None:
        if kept(page) > 1:
            keys = ("Home", "End", "ArrowLeft", "ArrowRight", "PageUp")
            page.locator(SLIDER).press(self._draw.choice(keys))

    def _switch(self, page: Page) -> None:
        buttons = page.locator(".rnngrad-views button")
        if buttons.count() > 0:
            buttons.nth(self._draw.randrange(buttons.count())).click()

    def _resize(self, page: Page) -> None:
        page.set_viewport_size({"width": self._draw.choice((700, 1000, 1280)), "height": 1400})

    def _reload(self, page: Page) -> None:
        page.goto(self._notebook.url)
        page.wait_for_function(
            "(name) => globalThis.harness?.opened(name)", arg=self._notebook.name, timeout=60_000
        )

    def _second(self, page: Page) -> None:
        second = page.context.new_page()
        second.goto(self._notebook.url.replace("/workspaces/", "/workspaces/second-"))
        time.sleep(self._draw.uniform(0, 4))
        second.close()


def main() -> int:
    """Run, report, and return the exit code."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked = parser.parse_args()
    path = chromium.find()
    if path is None:
        sys.exit(chromium.HOW_TO_GET_ONE)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        running = server.start(Path(folder) / "jupyter")
        try:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            lab = Lab(running, browser.new_context())
            notebook = lab.open([MODEL, EXPLORER, TRAIN], run=False, own_page=True)
            return _run(Soak(notebook, asked.seed), asked)
        finally:
            running.stop()


def _run(soak: Soak, asked: argparse.Namespace) -> int:
    print(f"from seed {asked.seed}, at most {asked.minutes:g} minutes", flush=True)
    print("round   models on page, MB; in kernel, MB", flush=True)
    held: list[Held] = []
    failed = 0
    began = time.monotonic()
    for number in range(asked.rounds):
        if time.monotonic() - began > 60 * asked.minutes:
            break
        try:
            held.append(soak.round())
        except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
            failed += 1
            print(f"round {number} failed:\n{traceback.format_exc()}", flush=True)
            soak.recover(f"soak-{number}")
            continue
        now = held[-1]
        print(
            f"{number:5}   {now.page_models:6} {now.page / 1e6:8.1f}   "
            f"{now.kernel_models:6} {now.kernel / 1e6:8.1f}",
            flush=True,
        )
    print(f"{len(held) + failed} rounds, {failed} failed; done meanwhile: {soak.actions}")
    return int(bool(failed) or not _is_flat(held[SETTLED:]))


def _is_flat(held: list[Held]) -> bool:
    """Report the growth from the first to the last third of the rounds; tell whether it may be."""
    third = max(len(held) // 3, 1)
    first, last = (
        Held(*(median(values) for values in zip(*map(astuple, part), strict=True)))
        for part in (held[:third], held[-third:])
    )
    flat = True
    apart = len(held) - third
    for where, limit in GROWTH.items():
        growth = getattr(last, where) - getattr(first, where)
        models = getattr(last, f"{where}_models") - getattr(first, f"{where}_models")
        print(f"growth of the {where}: {growth / 1e6:+.1f} MB, {models:+} models")
        flat &= growth < limit + (TRACED * apart if where == "kernel" else 0)
    return flat


if __name__ == "__main__":
    sys.exit(main())
