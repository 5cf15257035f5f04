"""The code that pages and tunnels are sent."""

from __future__ import annotations

import gzip
import importlib
import inspect

import pytest
from ipywidgets import Widget

from rnngrad_widgets.export import bundle
from rnngrad_widgets.widgets import bqplot

# after bqplot, imported above without the warnings of bqscales
bqscales = importlib.import_module(bqplot.LinearScale.__module__.partition(".")[0])
SCALES = [
    kind
    for _, kind in inspect.getmembers(bqscales, inspect.isclass)
    if issubclass(kind, Widget) and "_model_name" in kind.class_traits()
]


@pytest.fixture(scope="module")
def code() -> str:
    return bundle.module()


def test_the_code_is_as_small_as_promised(code: str) -> None:
    """The page on performance has its size: 1.57 MB, 0.42 MB gzipped."""
    assert len(code.encode()) <= 1_600_000
    assert len(gzip.compress(code.encode())) <= 500_000


@pytest.mark.parametrize("kind", SCALES, ids=lambda kind: kind.__name__)
def test_every_scale_is_in_the_code_though_the_file_of_bqscales_is_not(
    code: str, kind: type[Widget]
) -> None:
    for trait in ("_model_name", "_view_name"):
        name = kind.class_traits()[trait].default_value
        assert name is None or f"{name}:()=>" in code
