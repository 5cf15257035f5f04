"""Which way widgets are shown, and what is said of it."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rnngrad_widgets import GradientExplorer, display_as
from rnngrad_widgets.tunnel import front_end
from rnngrad_widgets.tunnel.front_end import current_display

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    yield
    display_as(None)


def without_anywidget(name: str) -> object:
    return None if name == "anywidget" else SimpleNamespace()


def test_jupyter_shows_the_extension() -> None:
    assert current_display() == "extension"


@pytest.mark.parametrize("variable", ["KAGGLE_KERNEL_RUN_TYPE", "DATABRICKS_RUNTIME_VERSION"])
def test_front_ends_without_extensions_show_an_anywidget(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "1")
    assert current_display() == "anywidget"


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("google.colab", SimpleNamespace()),
        ("marimo", SimpleNamespace(running_in_notebook=lambda: True)),
        ("panel.io.ipywidget", SimpleNamespace()),
    ],
)
def test_so_do_those_that_are_known_by_a_module(
    monkeypatch: pytest.MonkeyPatch, name: str, module: object
) -> None:
    monkeypatch.delitem(sys.modules, "ipykernel.zmqshell", raising=False)
    monkeypatch.setitem(sys.modules, name, module)
    assert current_display() == "anywidget"


def test_a_script_that_imports_marimo_is_no_notebook_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "marimo", SimpleNamespace(running_in_notebook=lambda: False))
    assert current_display() == "extension"


def test_where_neither_works_a_page_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace())
    monkeypatch.setattr(front_end, "find_spec", without_anywidget)
    assert current_display() == "page"
    explorer = GradientExplorer.from_array(np.ones((2, 3, 4), "float32"))
    shown = explorer._repr_mimebundle_()
    assert shown["text/html"].startswith("<iframe srcdoc=")
    explorer.close()


def test_what_is_said_comes_before_the_variable_and_that_before_what_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace())
    monkeypatch.setenv("RNNGRAD_DISPLAY", "page")
    assert current_display() == "page"
    display_as("extension")
    assert current_display() == "extension"
    display_as(None)
    assert current_display() == "page"


def test_an_unknown_way_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"display_as takes one of 'extension'.*received 'widget'"):
        display_as("widget")  # type: ignore[arg-type]
    monkeypatch.setenv("RNNGRAD_DISPLAY", "colab")
    with pytest.raises(ValueError, match=r"RNNGRAD_DISPLAY takes one of .*received 'colab'"):
        current_display()


def test_without_anywidget_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = GradientExplorer.from_array(np.ones((2, 3, 4), "float32"))
    monkeypatch.setattr(front_end, "find_spec", without_anywidget)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'rnngrad-widgets\[anywhere\]'"):
        explorer.anywidget()
    with pytest.raises(ModuleNotFoundError, match="an anywidget needs the package anywidget"):
        display_as("anywidget")
    assert current_display() == "extension"
    explorer.close()


def test_a_closed_explorer_is_refused() -> None:
    explorer = GradientExplorer.from_array(np.ones((2, 3, 4), "float32"))
    explorer.close()
    with pytest.raises(RuntimeError, match="the widget must be open; it was closed"):
        explorer.anywidget()
    with pytest.raises(ValueError, match="the widget must be open; it was closed"):
        explorer.show_page()
