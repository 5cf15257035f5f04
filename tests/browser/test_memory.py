"""Memory of the page: what a cell made before goes when it has run again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.browser.lab import Lab, NotebookPage

SHAPE = (32, 200, 512)
BYTES = 4 * 32 * 200 * 512

ARRAY = (
    f"import numpy as np; array = np.random.default_rng(0).normal(size={SHAPE}).astype('float32')"
)
EXPLORER = "from rnngrad_widgets import GradientExplorer\ne = GradientExplorer.from_array(array)\ne"
FEATURES = "from rnngrad_widgets import show_features_2D\nshow_features_2D(array, norm=(-3, 3))"


def memory(notebook: NotebookPage) -> float:
    """Bytes that the page's scripts hold, arrays too, after the garbage is collected."""
    session = notebook.page.context.new_cdp_session(notebook.page)
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
        time.sleep(0.2)
    usage = session.send("Runtime.getHeapUsage")
    session.detach()
    return float(usage["usedSize"] + usage["backingStorageSize"])


@pytest.mark.long
def test_a_cell_that_runs_again_and_again(lab: Lab) -> None:
    notebook = lab.open([ARRAY, EXPLORER, FEATURES], own_page=True, viewport=(1280, 1500))
    for cell in (1, 2):
        notebook.run_cell(cell)
        before = memory(notebook)
        for _ in range(5):
            notebook.run_cell(cell)
        # Measured: 50 runs add 10 MB with the explorer, 3 MB with the other, of which no byte is in
        # arrays; JupyterLab keeps the comms (js/src/widgets/closed-models.ts).
        assert memory(notebook) - before < BYTES / 2

    # what a kernel made that was restarted goes when its cells run again
    grown = []
    for _ in range(3):
        notebook.restart()
        notebook.run_all()
        grown.append(memory(notebook))
    assert grown[-1] - grown[0] < BYTES
