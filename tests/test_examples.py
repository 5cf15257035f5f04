"""The example notebooks run from top to bottom, as they are committed: without outputs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.ipynb"))

# What a notebook says in words and numbers, asked of its own variables when it has run; or a script
# in tests/claims.
CLAIMS = {
    "live": """
def at_marker(name, step):
    explorer = explorers[names.index(name)]
    explorer.step = step
    norm = np.median(np.linalg.norm(explorer.tensor.values, axis=2), axis=0)
    return norm[FIRST] / norm[-1]

def loss(name, step):
    return curves[names.index(name)][step // 100 - 1] / BASELINE

seen = {name: [(at_marker(name, 0), 0)] for name in names}
for name in names:
    seen[name] += [(at_marker(name, step), loss(name, step)) for step in range(100, 901, 100)]
print(seen)

assert abs(BASELINE - 0.1667) < 1e-4 and abs(Y.var() / BASELINE - 1) < 0.05
assert at_marker("GRU", 0) < 1e-6
assert at_marker("GRU", 200) > 1e-2 and loss("GRU", 200) > 0.8
assert loss("GRU", 500) < 0.1
assert 1e-5 < at_marker("LSTM", 0) < 1e-3
assert max(at_marker("LSTM", step) for step in (100, 200, 300)) < 1e-2
assert at_marker("LSTM", 900) > 1e-2 and loss("LSTM", 900) < 0.1
assert at_marker("SimpleRNN", 100) < 1e-5
assert at_marker("SimpleRNN", 900) > at_marker("SimpleRNN", 100)
assert 0.9 < loss("SimpleRNN", 900) < 1.1
for callback in callbacks:
    assert callback.status.error is None and callback.status.share < 0.15, callback.status
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


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_notebook_runs(path):
    if path.stem == "record_and_replay":
        pytest.importorskip("zarr")  # there is none for Python 3.10
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
