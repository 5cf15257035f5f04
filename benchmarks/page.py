"""A real JupyterLab in headless Chromium, for the benchmarks: the tests' harness as a library."""

from __future__ import annotations

import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.browser import chromium, server
from tests.browser.conftest import FLAGS
from tests.browser.lab import SCRIPT, Lab, NotebookPage

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["APPEARS", "BENCH", "SCRIPT", "TRAINING", "Lab", "NotebookPage", "jupyterlab"]

BENCH = Path(__file__).with_name("browser.js").read_text(encoding="utf-8")
"""What measures inside a page, where a clock sees no round trip to the browser."""

APPEARS = "() => [...document.querySelectorAll('.rnngrad-explorer [data-drawn]')].length > 0"
"""Whether something of ours is painted."""

TRAINING = """
import os, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.explorer.live_display import LiveDisplay
keras.utils.set_random_seed(0)
layers = [keras.layers.LSTM(512, return_sequences=True), keras.layers.Dense(1)]
model = keras.Sequential([keras.Input((100, 8)), *layers])
model.compile("adam", "mse")
x = np.random.default_rng(0).standard_normal((16 * {steps}, 100, 8), dtype=np.float32)
y = x.sum(axis=-1, keepdims=True)
explorer = GradientExplorer(model, x[:16], y[:16])
produced = {{}}
show = LiveDisplay.show
def noted(display, snapshot, status):
    if snapshot is not None:
        produced[status.step] = time.time()
    show(display, snapshot, status)
LiveDisplay.show = noted
"""
"""A cell that makes a model and an explorer; `produced` notes when the kernel has each step."""


@contextmanager
def jupyterlab() -> Iterator[Lab]:
    """Start both, and stop them."""
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chromium.ensure(), args=FLAGS)
        running = server.start(Path(folder) / "jupyter")
        try:
            yield Lab(running, browser.new_context())
        finally:
            running.stop()
            browser.close()
