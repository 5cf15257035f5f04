"""Every widget that an explorer makes is closed with it."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from ipywidgets import IntSlider, Widget

from rnngrad_widgets import GradientExplorer
from tests.unit.explorer.fake_source import FakeSource, explore

VALUES = np.ones((2, 3, 4))


@pytest.mark.parametrize("shape", [(2, 3, 4), (1, 1, 1), (2, 4)])
def test_close_leaves_no_widgets(open_widgets: dict[str, object], shape: tuple[int, ...]) -> None:
    explorer = GradientExplorer.from_array(np.ones(shape))
    assert len(open_widgets) > 50
    explorer.close()
    assert open_widgets == {}
    explorer.close()


def test_close_closes_the_views_that_are_not_shown_too(open_widgets: dict[str, object]) -> None:
    explorer = explore(FakeSource())
    for layer in ("bi", "last", "lstm"):
        explorer.layer = layer
    explorer.close()
    assert open_widgets == {}


def test_switching_does_not_make_more_and_more_widgets(open_widgets: dict[str, object]) -> None:
    explorer = explore(FakeSource())
    for layer in ("bi", "last", "lstm"):
        explorer.layer = layer
    count = len(open_widgets)
    for layer in ("bi", "last", "gru", "few", "lstm"):
        explorer.layer = layer
        explorer.refresh()
    assert len(open_widgets) == count


def test_close_leaves_other_widgets_alone(open_widgets: dict[str, object]) -> None:
    slider = IntSlider()
    mine = set(open_widgets)
    other = GradientExplorer.from_array(VALUES)
    before = set(open_widgets)
    GradientExplorer.from_array(VALUES).close()
    assert set(open_widgets) == before
    other.close()
    assert set(open_widgets) == mine
    assert slider.comm is not None


def test_a_closed_one_makes_no_widgets(open_widgets: dict[str, object]) -> None:
    explorer = explore(FakeSource())
    explorer.close()
    with pytest.raises(RuntimeError, match="must be open; it was closed"):
        explorer.view = "weights"
    assert explorer.view == "heat map"
    assert open_widgets == {}


def test_close_all_of_ipywidgets_closes_it(open_widgets: dict[str, object]) -> None:
    GradientExplorer.from_array(VALUES)
    Widget.close_all()
    assert open_widgets == {}


@pytest.mark.usefixtures("open_widgets")
def test_the_array_is_freed() -> None:
    explorer = GradientExplorer.from_array(VALUES)
    array = weakref.ref(explorer.selection.tensor.array)
    explorer.close()
    del explorer
    gc.collect()
    assert array() is None
