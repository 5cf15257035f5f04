"""The example notebooks run from top to bottom, as they are committed: without outputs."""

from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.ipynb"))

# What a notebook says in words and numbers, asked of its own variables when it has run; or a script
# in tests/claims.
CLAIMS = {
    "live": """
def rows_at(step):
    comparison.step = step
    return {row["name"]: row for row in comparison.table}

rows = {step: rows_at(step) for step in range(0, 901, 100)}
lag, loss = {}, {}
for step, own in rows.items():
    lag[step] = {name: row["reach"][-1]["lag"] for name, row in own.items()}
    loss[step] = {name: row["loss"] for name, row in own.items()}
print(lag, loss)

BASELINE = 1 / 6
assert 0.8 < y.var() / BASELINE < 1.2 and 0.95 < Y.var() / BASELINE < 1.05
assert 10 <= lag[0]["GRU"] <= 18 and 44 <= lag[100]["GRU"] and loss[100]["GRU"] > 0.9 * BASELINE
assert loss[300]["GRU"] < 0.1 * BASELINE
assert lag[300]["LSTM"] < 44 and lag[500]["LSTM"] == 49 and loss[500]["LSTM"] > 0.8 * BASELINE
assert loss[700]["LSTM"] < 0.1 * BASELINE
assert lag[100]["SimpleRNN"] < lag[0]["SimpleRNN"] and lag[800]["SimpleRNN"] == 49
assert 0.85 < loss[900]["SimpleRNN"] / BASELINE < 1.1
for callback in callbacks.values():
    assert callback.status.error is None and callback.status.share < 0.15, callback.status
""",
    "other_frameworks": """
import sys

assert not {"tensorflow", "keras"} & set(sys.modules)
alone, hidden = (row for row in diagnosis.to_dict()["gradients"])
assert alone["decay"] is None and 0.6 < hidden["decay"]["factor"] < 0.75
""",
    "record_and_replay": """
import time

end = time.monotonic() + 30
while explorer.step != recording.steps[-1] and time.monotonic() < end:
    time.sleep(0.1)
assert explorer.step == recording.steps[-1] and len(recording) > 10
assert not {"tensorflow", "keras"} & set(sys.modules)
assert script.returncode == 0

def at_first_pixel(place):
    norm = recording.snapshot(place)["lstm", "hidden_gradient"].values
    norm = np.median(np.linalg.norm(norm, axis=2), axis=0)
    return norm[0] / norm[-1]

print(at_first_pixel(0), at_first_pixel(-1))
assert at_first_pixel(0) < 1e-4 and at_first_pixel(-1) > 0.1
assert dataset["lstm.hidden_gradient"].dims == ("step", "sample", "timestep", "channel")
print(folder.name)
""",
}


LONG = {"compare", "live", "record_and_replay", "science"}
"""Notebooks that only `make test-all` runs."""


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=[pytest.mark.long] if path.stem in LONG else [])
        for path in EXAMPLES
    ],
)
def test_notebook_runs(path):
    if path.stem == "record_and_replay":
        pytest.importorskip("zarr")  # there is none for Python 3.10
    if path.stem == "other_frameworks" and not (find_spec("torch") and find_spec("jax")):
        pytest.skip("torch and jax are not installed: 1.3 GB, and 5 where pip finds torch for CUDA")
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "commit it without outputs"
    longer = Path(__file__).parent / "claims" / f"{path.stem}.py"
    claims = longer.read_text() if longer.exists() else CLAIMS.get(path.stem, "")
    notebook.cells.append(nbformat.v4.new_code_cell(claims))
    place = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=900, kernel_name="python3", resources=place).execute()
    shown = [
        output.data
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type in {"display_data", "execute_result"}
    ]
    assert any("application/vnd.jupyter.widget-view+json" in data for data in shown)
    if path.stem == "record_and_replay":
        folder = notebook.cells[-1].outputs[-1].text.split()[-1]
        assert not Path(folder).exists()
