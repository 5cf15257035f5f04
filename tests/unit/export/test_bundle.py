"""The code that pages and tunnels are sent."""

from __future__ import annotations

import gzip
import importlib
import inspect
from pathlib import Path

import pytest
from ipywidgets import Widget

from rnngrad_widgets.export import bundle
from rnngrad_widgets.widgets import bqplot

BUILT = Path(__file__).parents[3] / "rnngrad_widgets/nbextension/page.js"
bqscales = importlib.import_module(bqplot.LinearScale.__module__.partition(".")[0])
SCALES = [
    kind
    for _, kind in inspect.getmembers(bqscales, inspect.isclass)
    if issubclass(kind, Widget) and "_model_name" in kind.class_traits()
]

pytestmark = pytest.mark.skipif(not BUILT.exists(), reason="not built in this checkout")


def test_the_code_is_as_small_as_promised() -> None:
    """docs/explanation/performance.md has its size."""
    code = bundle.module().encode()
    assert len(code) <= 1_600_000
    assert len(gzip.compress(code)) <= 500_000


@pytest.mark.parametrize("kind", SCALES, ids=lambda kind: kind.__name__)
def test_every_scale_is_in_the_code_though_the_file_of_bqscales_is_not(kind: type[Widget]) -> None:
    code = bundle.module()
    for trait in ("_model_name", "_view_name"):
        name = kind.class_traits()[trait].default_value
        assert name is None or f"{name}:()=>" in code
