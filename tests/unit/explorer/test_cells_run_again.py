"""What a cell made is closed when it has run again, unless something still refers to it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.explorer.frame import PlotFrame
from rnngrad_widgets.widgets import executions, lifetime, unreferenced
from tests.unit.explorer.fake_source import FakeSource, explore
from tests.unit.recording.runs import record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MADE = "GradientExplorer.from_array(A)"
PREAMBLE = "import numpy as np, ipywidgets\nfrom rnngrad_widgets import GradientExplorer\n"


class Shell(InteractiveShell):
    """A notebook's shell: it knows which message asked for the code that runs."""

    message: Any = {}  # noqa: RUF012 - one shell at a time

    def get_parent(self) -> dict[str, Any]:
        return self.message  # type: ignore[no-any-return]


class Notebook:
    """Cells that run in one kernel, perhaps of several notebooks."""

    def __init__(self, shell: Shell, open_widgets: dict[str, object]) -> None:
        self.shell = shell
        self.open_widgets = open_widgets
        self.count = 0
        self.run("0", f"{PREAMBLE}A = np.ones((4, 5, 3))")

    def run(self, cell: str, code: str, session: str = "here") -> None:
        self._from_browser({"metadata": {"cellId": cell}}, session)
        self.shell.run_cell(code, store_history=True).raise_error()

    def call_back(self, widget: Any, code: str) -> None:
        """Run code in answer to a message to a widget."""
        self._from_browser({"content": {"comm_id": widget.model_id}}, "here")
        self.shell.events.trigger("pre_execute")
        exec(code, self.shell.user_ns)
        self.shell.events.trigger("post_execute")

    def _from_browser(self, message: dict[str, Any], session: str) -> None:
        self.count += 1
        header = {"session": session, "msg_id": str(self.count)}
        self.shell.message = {"header": header, **message}

    def __getitem__(self, name: str) -> Any:
        return self.shell.user_ns[name]

    @property
    def frames(self) -> int:
        return sum(isinstance(widget, PlotFrame) for widget in self.open_widgets.values())


@pytest.fixture
def notebook(
    open_widgets: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Notebook]:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)  # IPython warns where another one is active
    shell = Shell()
    for module in (executions, lifetime, unreferenced):
        monkeypatch.setattr(module, "get_ipython", lambda: shell)
    yield Notebook(shell, open_widgets)
    shell.reset()


def expect_as_many_each_time(notebook: Notebook, code: str, frames: int) -> None:
    """Run a cell again and again: what it made before is closed."""
    notebook.run("a", code)
    count = len(notebook.open_widgets)
    for _ in range(4):
        notebook.run("a", code)
        assert notebook.frames == frames
        assert len(notebook.open_widgets) == count


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize(
    "code", [f"e = {MADE}\ne", MADE, f"ipywidgets.VBox([{MADE}])", f"e = {MADE}\nx = [e]"]
)
def test_what_nothing_refers_to_goes(notebook: Notebook, code: str) -> None:
    expect_as_many_each_time(notebook, code, frames=1)


@pytest.mark.parametrize("last", ["e.anywidget()", "e.anywidget(); e"])
def test_what_a_tunnel_showed_goes(notebook: Notebook, last: str) -> None:
    code = f"e = {MADE}\n{last}"
    expect_as_many_each_time(notebook, code, frames=1)
    notebook.run("b", "kept = e")
    notebook.run("a", code)
    assert notebook.frames == 2
    notebook["kept"].anywidget()._hand_over(
        {
            "kind": "message",
            "comm": notebook["kept"].selection.model_id,
            "data": {"method": "update", "state": {"sample": 3}, "buffer_paths": []},
        },
        [],
    )
    assert notebook["kept"].sample == 3  # what is kept still hears its page


def test_many_of_one_cell_go_together(notebook: Notebook) -> None:
    made = "[show_features_2D(A, 1), show_features_1D(A[:, :, 2]), show_features_2D(A[:1])]"
    notebook.run("a", f"from rnngrad_widgets import *\nshown = 3 * {made}")
    code = f"shown = [*{made}, *{made}, *{made}]"
    expect_as_many_each_time(notebook, code, frames=9)


def test_variables_lists_and_containers_keep_it(notebook: Notebook) -> None:
    notebook.run("0", "runs = []")
    for number in range(3):
        notebook.run("a", f"runs.append({MADE})")
        assert notebook.frames == number + 1
    notebook.run("b", "ipywidgets.VBox(runs)")
    notebook.run("a", "runs = []")
    assert notebook.frames == 3  # in the output of the other cell
    notebook.run("b", "1")
    assert notebook.frames == 0


def test_what_is_kept_still_works(notebook: Notebook) -> None:
    notebook.run("a", f"first = e = {MADE}")
    notebook.run("a", f"e = {MADE}")
    first = notebook["first"]
    first.selection.comm.handle_msg(
        {"content": {"data": {"method": "update", "state": {"sample": 2}}}, "buffers": []}
    )
    assert first.sample == 2
    assert set(first.own_widgets()) <= set(notebook.open_widgets.values())


def test_an_output_of_another_cell_keeps_it(notebook: Notebook) -> None:
    notebook.run("a", f"e = {MADE}")
    notebook.run("b", "e")
    notebook.run("a", f"e = {MADE}")
    assert notebook.frames == 2
    notebook.run("b", "e")
    assert notebook.frames == 1


def test_a_copy_of_the_notebook_has_cells_of_its_own(notebook: Notebook) -> None:
    notebook.run("a", f"e = {MADE}\ne")
    notebook.run("a", f"e = {MADE}\ne", session="there")
    assert notebook.frames == 2
    notebook.run("a", f"e = {MADE}\ne", session="there")
    assert notebook.frames == 2


def tell_page(notebook: Notebook, path: str, session: str) -> None:
    """Let a view of the explorer say which notebook's page it is on."""
    page = {"notebook": path, "session": session}
    notebook["e"]._handle_custom_msg({"page": page}, [])


def test_a_page_that_is_loaded_again_has_the_same_cells(notebook: Notebook) -> None:
    for session in ("first", "second", "third"):
        notebook.run("a", f"e = {MADE}\ne", session="first")
        tell_page(notebook, "folder/a.ipynb", "first")
        tell_page(notebook, "folder/a.ipynb", session)
        notebook.run("a", f"e = {MADE}\ne", session=session)
        assert notebook.frames == 1


def test_a_notebook_that_is_renamed_has_the_same_cells(notebook: Notebook) -> None:
    notebook.run("a", f"e = {MADE}\ne", session="first")
    tell_page(notebook, "before.ipynb", "first")
    for name, session in (("a.ipynb", "second"), ("b.ipynb", "third")):
        tell_page(notebook, "before.ipynb" if session == "second" else "a.ipynb", session)
        tell_page(notebook, name, session)
        notebook.run("a", f"e = {MADE}\ne", session=session)
        assert notebook.frames == 1
    # another notebook, with the same cells, that has the name of before
    tell_page(notebook, "before.ipynb", "other")
    notebook.run("a", f"e = {MADE}\ne", session="other")
    assert notebook.frames == 2


def test_a_page_of_a_copy_has_cells_of_its_own(notebook: Notebook) -> None:
    notebook.run("a", f"e = {MADE}\ne", session="first")
    tell_page(notebook, "a.ipynb", "first")
    tell_page(notebook, "a-Copy1.ipynb", "copy")
    notebook.run("a", f"e = {MADE}\ne", session="copy")
    assert notebook.frames == 2


def test_other_cells_and_runs_that_fail_change_nothing(notebook: Notebook) -> None:
    notebook.run("a", f"{MADE}\n{MADE}")
    notebook.run("b", MADE)
    assert notebook.frames == 3
    notebook.run("a", f"e = {MADE}")
    assert notebook.frames == 2
    with pytest.raises(ValueError, match="sample must be"):
        notebook.run("a", "e = GradientExplorer.from_array(A, sample=9)")
    assert notebook.frames == 2  # the variable is still the one before


def test_a_thread_keeps_what_it_uses(notebook: Notebook) -> None:
    notebook.shell.user_ns["done"] = threading.Event()
    notebook.run(
        "a",
        "import threading\n"
        "made = threading.Event()\n"
        f"def run():\n    e = {MADE}\n    made.set()\n    done.wait()\n    e.sample = 1\n"
        "thread = threading.Thread(target=run)\nthread.start()\nmade.wait()",
    )
    notebook.run("a", "1")
    assert notebook.frames == 1
    notebook["done"].set()
    notebook["thread"].join()
    notebook.run("a", "2")
    assert notebook.frames == 0


def test_callbacks_close_what_they_made_before(notebook: Notebook) -> None:
    notebook.run("a", "button = ipywidgets.Button()\nout = ipywidgets.Output()")
    for _ in range(3):
        notebook.call_back(notebook["button"], MADE)
        assert notebook.frames == 1
    shown = next(w for w in notebook.open_widgets.values() if isinstance(w, PlotFrame))
    data = {lifetime.VIEW: {"model_id": shown.model_id}}
    notebook["out"].outputs = ({"output_type": "display_data", "data": data},)
    del shown
    notebook.call_back(notebook["button"], MADE)
    assert notebook.frames == 2  # one is in the output
    notebook["out"].outputs = ()
    notebook.call_back(notebook["button"], MADE)
    assert notebook.frames == 1


def test_links_between_explorers_do_not_keep_them(notebook: Notebook) -> None:
    ends = "(a.selection, 'sample'), (b.selection, 'sample')"
    code = f"a, b = {MADE}, {MADE}\nipywidgets.jslink({ends})"
    for _ in range(3):
        notebook.run("a", code)
        assert notebook.frames == 2


def test_a_link_made_elsewhere_keeps_no_explorer(notebook: Notebook) -> None:
    for name in "ab":
        notebook.run(name, f"{name} = {MADE}")
    notebook.run("link", "link = a.link(b)")
    notebook.run("a", f"a = {MADE}")
    assert notebook.frames == 2
    assert notebook["b"].links == []
    assert notebook["link"].comm is None


def test_one_that_follows_a_recording_goes_too(notebook: Notebook, tmp_path: Path) -> None:
    record(tmp_path / "run")
    notebook.shell.user_ns["path"] = tmp_path / "run"
    for _ in range(3):
        notebook.run("a", "GradientExplorer.from_recording(path, follow=True)")
        for _ in range(10):
            if notebook.frames > 1:  # the thread that reads has one for a moment, on a busy machine
                notebook.run("a", "GradientExplorer.from_recording(path, follow=True)")
        assert notebook.frames == 1
        names = [each.name for each in threading.enumerate()]
        assert names.count("rnngrad follower") == 1


def test_one_of_a_source(notebook: Notebook) -> None:
    notebook.shell.user_ns["made"] = lambda: explore(FakeSource())
    for _ in range(2):
        notebook.run("a", "e = made()\ne")
    assert notebook.frames == 1
    assert isinstance(notebook["e"], GradientExplorer)
    np.testing.assert_equal(notebook["e"].sample, 0)
