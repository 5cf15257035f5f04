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

__all__ = ["APPEARS", "SCRIPT", "Lab", "NotebookPage", "jupyterlab"]

APPEARS = "() => [...document.querySelectorAll('.rnngrad-explorer [data-drawn]')].length > 0"
"""Whether something of ours is painted."""


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
