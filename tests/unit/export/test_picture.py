"""Saving where no browser is asked: every refusal comes before any wait."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.export import picture


@pytest.fixture
def explorer() -> GradientExplorer:
    return GradientExplorer.from_array(np.zeros((1, 2, 3)))


def in_a_kernel(message: str = "execute_request") -> SimpleNamespace:
    parent = {"header": {"msg_type": message}}
    return SimpleNamespace(kernel=object(), get_parent=lambda: parent)


@pytest.mark.parametrize("name", ["x.jpg", "x", "x.png.txt", ".png"])
def test_the_name_tells_the_format(explorer: GradientExplorer, name: str, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"is saved as \.png or \.svg; received .*: name it '.+png'"
    ):
        picture.save(explorer, tmp_path / name)


def test_the_folder_must_be_there(explorer: GradientExplorer, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"the folder '.*missing' of 'x\.svg' must exist"):
        picture.save(explorer, tmp_path / "missing" / "x.svg")


def test_without_a_kernel_there_is_no_browser(explorer: GradientExplorer, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="the browser draws the picture: save in a Jupyter"):
        picture.save(explorer, tmp_path / "x.png")


def test_an_older_ipykernel_is_named(
    explorer: GradientExplorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = SimpleNamespace(version_info=(6, 29, 5), __version__="6.29.5")
    monkeypatch.setattr(picture, "get_ipython", in_a_kernel)
    monkeypatch.setitem(picture.sys.modules, "ipykernel", old)
    with pytest.raises(RuntimeError, match=r"only ipykernel 7 or newer .* this is 6\.29\.5"):
        picture.save(explorer, tmp_path / "x.png")


def test_a_closed_widget_is_told(
    explorer: GradientExplorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture, "get_ipython", in_a_kernel)
    explorer.close()
    with pytest.raises(RuntimeError, match="the widget is closed: make it again"):
        picture.save(explorer, tmp_path / "x.png")


def test_a_browser_that_says_nothing_is_not_waited_for(
    explorer: GradientExplorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture, "get_ipython", in_a_kernel)
    monkeypatch.setattr(picture, "SIGN_SECONDS", 0.01)
    monkeypatch.setattr(picture, "ASK_SECONDS", 0.01)
    target = tmp_path / "x.png"
    target.write_bytes(b"before")
    with pytest.raises(RuntimeError, match="no browser shows this widget: display it first"):
        picture.save(explorer, target)
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]
    assert target.read_bytes() == b"before"
