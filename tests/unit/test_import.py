"""Importing the package costs next to nothing; its names are loaded when they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import rnngrad_widgets

HEAVY = ("tensorflow", "keras", "ipywidgets", "bqplot", "zarr")


def loaded_after(code: str) -> set[str]:
    """Which of the heavy libraries a new Python has loaded after ``code``."""
    script = f"import sys\n{code}\nprint(*(name for name in {HEAVY} if name in sys.modules))"
    answer = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    return set(answer.stdout.split())


def test_import_loads_nothing_heavy() -> None:
    assert loaded_after("import rnngrad_widgets; rnngrad_widgets.__version__") == set()


def test_widgets_come_without_a_warning() -> None:
    script = """
import warnings
from rnngrad_widgets import GradientExplorer, compare, show_features_2D
assert not [each for each in warnings.filters if "metadata" in str(each)]
"""
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], check=False, capture_output=True, text=True
    )
    assert (answer.returncode, answer.stderr) == (0, "")


def test_tensors_need_numpy_alone() -> None:
    assert loaded_after("from rnngrad_widgets import GradientTensor") == set()


def test_callbacks_need_no_keras_before_they_compute() -> None:
    names = "GradientRecorder, GradientTensorBoard, LiveGradients"
    assert loaded_after(f"from rnngrad_widgets import {names}") == set()


@pytest.mark.parametrize("name", rnngrad_widgets.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(rnngrad_widgets, name) is not None
    assert name in dir(rnngrad_widgets)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'GradientExplorr'"):
        rnngrad_widgets.__getattr__("GradientExplorr")
