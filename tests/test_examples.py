"""The example notebooks run from top to bottom, as they are committed: without outputs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.ipynb"))
CLAIMS = Path(__file__).parent / "claims"
"""Where a notebook tells what its pictures show: a script that asserts it of its variables."""


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_notebook_runs(path):
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "commit it without outputs"
    claims = CLAIMS / f"{path.stem}.py"
    if claims.exists():
        notebook.cells.append(nbformat.v4.new_code_cell(claims.read_text()))
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    shown = [
        output.data
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type in {"display_data", "execute_result"}
    ]
    assert any("application/vnd.jupyter.widget-view+json" in data for data in shown)
