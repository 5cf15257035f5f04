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


def in_a_kernel(
    user: str = "", subshells: list[str] | None = None, metadata: dict[str, str] | None = None
) -> SimpleNamespace:
    """A notebook's shell; what runs a cell without a browser names a user, and no cell."""
    header = {"msg_type": "execute_request", "username": user}
    parent = {"header": header, "metadata": metadata or {}}
    kernel = SimpleNamespace()
    if subshells is not None:
        manager = SimpleNamespace(list_subshell=lambda: subshells)
        kernel.shell_channel_thread = SimpleNamespace(manager=manager)
    return SimpleNamespace(kernel=kernel, get_parent=lambda: parent)


@pytest.mark.parametrize("name", ["x.jpg", "x", "x.png.txt", ".png"])
def test_the_name_tells_the_format(explorer: GradientExplorer, name: str, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"is saved as \.png, \.svg or \.pdf; received .*: name it '.+png'"
    ):
        explorer.save(tmp_path / name)


def test_the_folder_must_be_there(explorer: GradientExplorer, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"the folder '.*missing' of 'x\.svg' must exist"):
        explorer.save(tmp_path / "missing" / "x.svg")


@pytest.mark.parametrize(("name", "way_out"), [("", "picture.png"), (".pdf", "picture.png")])
def test_a_path_without_a_name(explorer: GradientExplorer, name: str, way_out: str) -> None:
    with pytest.raises(ValueError, match=f"name it '{way_out}', for instance"):
        explorer.save(name)


def test_a_folder_is_no_picture(explorer: GradientExplorer, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").mkdir()
    with pytest.raises(IsADirectoryError, match=r"a picture is a file; .*a.pdf' is a folder"):
        explorer.save(tmp_path / "a.pdf")


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


def test_where_no_browser_runs_the_cell_that_is_said_at_once(
    explorer: GradientExplorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The messages of nbclient, which papermill and nbconvert use."""
    monkeypatch.setattr(picture, "SIGN_SECONDS", 3600)
    monkeypatch.setattr(picture, "get_ipython", lambda: in_a_kernel(user="root"))
    with pytest.raises(RuntimeError, match=r"no browser .* papermill, nbconvert .* save_html\(pat"):
        picture.save(explorer, tmp_path / "x.png")


def test_where_the_browser_is_not_heard_that_is_said_at_once(
    explorer: GradientExplorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = "answers do not come while a cell runs: .* 'Kernel Comms over subshells'"
    with monkeypatch.context() as patch:
        patch.setattr(picture, "SIGN_SECONDS", 0.01)
        patch.setattr(picture, "get_ipython", lambda: in_a_kernel(subshells=[]))
        with pytest.raises(RuntimeError, match=f"no browser shows this widget: .* {rule}"):
            picture.save(explorer, tmp_path / "x.png")
    explorer.dark = False  # as the browser does that shows it
    with monkeypatch.context() as patch:
        patch.setattr(picture, "SIGN_SECONDS", 3600)
        patch.setattr(picture, "get_ipython", lambda: in_a_kernel(subshells=[]))
        with pytest.raises(RuntimeError, match=rule):
            picture.save(explorer, tmp_path / "x.png")
    # a browser that names a user, as VS Code's, names the cell too; here is a subshell, but silence
    monkeypatch.setattr(picture, "SIGN_SECONDS", 0.01)
    shell = in_a_kernel(user="id", subshells=["one"], metadata={"cellId": "c"})
    monkeypatch.setattr(picture, "get_ipython", lambda: shell)
    with pytest.raises(RuntimeError, match=rule):
        picture.save(explorer, tmp_path / "x.png")
