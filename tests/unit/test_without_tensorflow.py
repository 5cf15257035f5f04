"""Where TensorFlow is not installed: arrays and recordings are shown, models say what to install.

Each script runs in a Python that refuses to import TensorFlow and Keras, as one without them does.
"""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from rnngrad_widgets import GradientSnapshot, GradientTensor

REFUSING = """
import sys
from importlib.abc import MetaPathFinder

wanted = []

class Refusing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras", "tf_keras"):
            wanted.append(name)
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refusing())
import numpy as np
VALUES = np.random.default_rng(0).normal(size=(4, 12, 6)).astype(np.float32)
"""


def run(script: str) -> str:
    """What a script prints there."""
    answer = subprocess.run(
        [sys.executable, "-c", f"{REFUSING}\n{script}"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


WHAT_TO_INSTALL = (
    "ModuleNotFoundError: gradients of Keras models need tensorflow, which is not installed: pip "
    "install tensorflow, tensorflow-cpu or 'tensorflow[and-cuda]'; arrays need none: "
    "GradientExplorer.from_array(array)"
)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("GradientExplorer", "GradientExplorer(object(), VALUES, VALUES)"),
        ("GradientEngine", "GradientEngine(object())"),
        ("get_rnn_gradients", "get_rnn_gradients(object(), VALUES, VALUES)"),
        ("show_weights", "show_weights(object())"),
    ],
)
def test_what_computes_says_what_to_install(name, call):
    said = run(
        f"""
try:
    from rnngrad_widgets import {name}
    {call}
except Exception as error:
    print(f"{{type(error).__name__}}: {{error}}")
"""
    )
    assert said == f"{WHAT_TO_INSTALL}\n"


def test_arrays_are_explored_diagnosed_and_compared(tmp_path: Path):
    page = tmp_path / "page.html"
    run(
        f"""
from rnngrad_widgets import (
    GradientExplorer, GradientTensor, compare, diagnose,
    show_features_0D, show_features_1D, show_features_2D, show_features_hist,
)
explorer = GradientExplorer.from_array(VALUES)
np.testing.assert_array_equal(explorer.tensor.values, VALUES)
explorer.save_html({str(page)!r})
for show in show_features_1D, show_features_2D, show_features_hist:
    show(VALUES)
show_features_0D(VALUES[:, -1])
[gradient] = diagnose(explorer).gradients
assert gradient.timesteps == 12
comparison = compare({{"one": VALUES, "two": GradientExplorer.from_array(2 * VALUES)}})
assert [row["name"] for row in comparison.table] == ["one", "two"]
comparison.maps()
assert not wanted  # what is not imported takes no time, and no memory of a GPU
"""
    )
    assert page.stat().st_size > 1_000_000


def test_recordings_are_explored_and_compared(tmp_path: Path):
    pytest.importorskip("zarr")  # there is none for Python 3.10
    from rnngrad_widgets.recording.writer import RecordingWriter  # noqa: PLC0415

    values = np.random.default_rng(0).normal(size=(4, 12, 6)).astype(np.float32)
    axes = ("sample", "timestep", "channel")
    key = ("lstm", "hidden_gradient")
    writer = RecordingWriter(str(tmp_path / "run"))
    for step in (0, 10):
        tensor = GradientTensor(values * (step + 1), axes, *key, step=step)
        writer.append(GradientSnapshot({key: tensor}, step=step))
    writer.close()
    run(
        f"""
from rnngrad_widgets import GradientExplorer, Recording, compare, diagnose
path = {str(tmp_path / "run")!r}
explorer = GradientExplorer.from_recording(path)
np.testing.assert_array_equal(explorer.tensor.values, VALUES * np.float32(11))
explorer.step = 0
np.testing.assert_array_equal(explorer.tensor.values, VALUES)
diagnose(Recording.open(path).snapshot(-1))
comparison = compare({{"run": path, "array": VALUES}})
assert [row["name"] for row in comparison.table] == ["run", "array"]
assert not wanted
"""
    )


def test_a_browser_is_not_asked_to_install_tensorflow():
    requirements = pytest.importorskip("packaging.requirements")
    asked = {
        where: {
            parsed.name.lower()
            for text in metadata.requires("rnngrad-widgets") or ()
            if (parsed := requirements.Requirement(text)).marker is None
            or parsed.marker.evaluate({"sys_platform": where, "extra": ""})
        }
        for where in ("linux", "emscripten")
    }
    assert asked["linux"] - asked["emscripten"] == {"keras", "tensorflow"}
    assert {"bqplot", "ipywidgets", "numpy"} <= asked["emscripten"]
