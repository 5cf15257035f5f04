"""Memory of the page: what a cell made before goes when it has run again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.browser.lab import Lab, NotebookPage

SHAPE = (32, 200, 512)
BYTES = 4 * 32 * 200 * 512

ARRAY = (
    f"import numpy as np; array = np.random.default_rng(0).normal(size={SHAPE}).astype('float32')"
)
EXPLORER = "from rnngrad_widgets import GradientExplorer\ne = GradientExplorer.from_array(array)\ne"


def memory(notebook: NotebookPage) -> float:
    """Bytes that the page's scripts hold, arrays too, after the garbage is collected."""
    session = notebook.page.context.new_cdp_session(notebook.page)
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
        time.sleep(0.2)
    usage = session.send("Runtime.getHeapUsage")
    session.detach()
    return float(usage["usedSize"] + usage["backingStorageSize"])


def test_a_cell_that_runs_again_and_again(lab: Lab) -> None:
    notebook = lab.open([ARRAY, EXPLORER], own_page=True, viewport=(1280, 1500))
    notebook.run_cell(1)
    before = memory(notebook)
    seen = []
    for _ in range(8):
        notebook.run_cell(1)
        seen.append(memory(notebook) - before)
    # JupyterLab keeps closed models, not their arrays.
    assert seen[-1] < 2 * BYTES
