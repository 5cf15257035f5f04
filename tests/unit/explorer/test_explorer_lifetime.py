"""Every widget that an explorer makes is closed with it, and with the next run of its cell."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ipywidgets import IntSlider, Widget

from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.widgets import lifetime
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


# -- running a cell again --------------------------------------------------------------------------


class Shell:
    """A notebook's IPython shell, as far as it is asked which cell is running."""

    def __init__(self) -> None:
        self.execution_count = 0
        self.cell: str | None = None

    def run(self, cell: str) -> None:
        self.cell = cell
        self.execution_count += 1

    def get_parent(self) -> dict[str, Any]:
        # a message of the browser, a button's click for instance, is of no cell
        return {"metadata": {} if self.cell is None else {"cellId": self.cell}}


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Shell:
    shell = Shell()
    monkeypatch.setattr(lifetime, "get_ipython", lambda: shell)
    return shell


def is_open(explorer: GradientExplorer) -> bool:
    return explorer.comm is not None


def test_running_a_cell_again_closes_what_it_made(
    open_widgets: dict[str, object], shell: Shell
) -> None:
    shell.run("a")
    GradientExplorer.from_array(VALUES)
    count = len(open_widgets)
    for _ in range(3):
        shell.run("a")
        last = GradientExplorer.from_array(VALUES)
        assert len(open_widgets) == count
    assert is_open(last)


@pytest.mark.usefixtures("open_widgets")
def test_other_cells_and_the_same_run_are_left_alone(shell: Shell) -> None:
    shell.run("a")
    first, second = (GradientExplorer.from_array(VALUES) for _ in range(2))
    shell.run("b")
    third = GradientExplorer.from_array(VALUES)
    assert all(map(is_open, (first, second, third)))
    shell.run("a")
    GradientExplorer.from_array(VALUES)
    assert [is_open(e) for e in (first, second, third)] == [False, False, True]


@pytest.mark.usefixtures("open_widgets")
def test_a_run_that_fails_keeps_the_explorer_before_it(shell: Shell) -> None:
    shell.run("a")
    explorer = GradientExplorer.from_array(VALUES)
    shell.run("a")
    with pytest.raises(ValueError, match=r"^sample must be in 0 \.\. \d+; received 9$"):
        GradientExplorer.from_array(VALUES, sample=9)
    assert is_open(explorer)


@pytest.mark.usefixtures("open_widgets")
def test_what_no_cell_made_stays(shell: Shell) -> None:
    explorer = GradientExplorer.from_array(VALUES)
    shell.run("a")
    GradientExplorer.from_array(VALUES)
    shell.cell = None
    GradientExplorer.from_array(VALUES)
    assert is_open(explorer)


@pytest.mark.usefixtures("open_widgets")
def test_a_shell_without_messages_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifetime, "get_ipython", lambda: SimpleNamespace(execution_count=1))
    explorer = GradientExplorer.from_array(VALUES)
    GradientExplorer.from_array(VALUES)
    assert is_open(explorer)
