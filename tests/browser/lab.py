"""Drive a real JupyterLab, or Notebook 7, as a person would: open, run, look, press keys."""

from __future__ import annotations

import io
import itertools
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import nbformat
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from playwright.sync_api import BrowserContext, FloatRect, Locator, Page

    from tests.browser.server import Server

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
SCRIPT = (Path(__file__).parent / "lab.js").read_text()
Theme = Literal["JupyterLab Light", "JupyterLab Dark"]
LIGHT: Theme = "JupyterLab Light"
DARK: Theme = "JupyterLab Dark"
SWITCH_WIDGET_STATE = "() => harness.run('@jupyter-widgets/jupyterlab-manager:saveWidgetState')"

# Scripts of the application itself: what they complain about is no concern of ours,
# unless a script of an extension (bqplot, ipywidgets, this project) is in the story.
APPLICATION = ("/static/lab/", "/static/notebook/")
EXTENSION = "/lab/extensions/"


@dataclass
class Lab:
    """The server and the browser of a test session; makes notebooks and opens them."""

    server: Server
    context: BrowserContext
    opened: list[NotebookPage] = field(default_factory=list)
    """What the running test has opened."""
    _shared: Page | None = None
    _workspace: str = ""
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def open(
        self,
        cells: list[str],
        *,
        app: Literal["lab", "notebook"] = "lab",
        own_page: bool = False,
        run: bool = True,
        viewport: tuple[int, int] = (1280, 900),
    ) -> NotebookPage:
        """Open a new notebook of code cells, with a kernel of its own, and run them all.

        Parameters
        ----------
        cells
            The source of each code cell.
        app
            ``"lab"`` for JupyterLab, ``"notebook"`` for Notebook 7.
        own_page
            Load the application anew in a new workspace; by default the JupyterLab of the test
            before goes on, which saves some three seconds.
        run
            Whether to run all cells and wait for them.
        viewport
            Width and height of the page in CSS pixels.
        """
        name = self.write(cells)
        if app == "notebook":
            opened = self._new_page(f"notebooks/{name}", name)
        elif own_page:
            opened = self._new_page(f"lab/workspaces/{name[:-6]}/tree/{name}", name)
        else:
            opened = self._in_shared_page(name)
        self.opened.append(opened)
        # Away from where the test before left it: bqplot shows its toolbar under the mouse.
        opened.page.mouse.move(0, 0)
        opened.page.set_viewport_size({"width": viewport[0], "height": viewport[1]})
        opened.wait_for_kernel()
        if run:
            opened.run_all()
        return opened

    def close_all(self, *, failed: bool = False) -> None:
        """Close what was opened since the last time, kernels too.

        Parameters
        ----------
        failed
            True to give up the shared page: it may be in any state.
        """
        while self.opened:
            self.opened.pop().close()
        if failed and self._shared is not None:
            self._shared.close()

    def write(self, cells: list[str]) -> str:
        """Write a notebook of code cells beside the server; return its name."""
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source) for source in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        name = f"test{next(self._numbers)}.ipynb"
        nbformat.write(notebook, self.server.notebooks / name)
        return name

    def _new_page(self, path: str, name: str) -> NotebookPage:
        page = self.context.new_page()
        opened = NotebookPage(self.server, page, name, self.server.url(path), owns_page=True)
        page.goto(opened.url)
        return opened

    def _in_shared_page(self, name: str) -> NotebookPage:
        if self._shared is None or self._shared.is_closed():
            self._shared = self.context.new_page()
            self._shared.add_init_script(SCRIPT)
            self._workspace = f"lab/workspaces/{name[:-6]}"
            self._shared.goto(self.server.url(self._workspace))
            self._shared.wait_for_function("globalThis.jupyterapp")
            self._shared.evaluate("() => harness.restored()")
        url = self.server.url(f"{self._workspace}/tree/{name}")
        opened = NotebookPage(self.server, self._shared, name, url, owns_page=False)
        self._shared.evaluate("(path) => { harness.run('docmanager:open', { path }); }", name)
        return opened


@dataclass
class NotebookPage:
    """One notebook in a browser page."""

    server: Server
    page: Page
    name: str
    url: str
    owns_page: bool
    complaints: list[str] = field(default_factory=list)
    """What the page's scripts complained about: a test that ends with one here fails."""
    _theme_changed: bool = False

    def __post_init__(self) -> None:
        if self.owns_page:
            self.page.add_init_script(SCRIPT)
        for event, listener in self._listeners.items():
            self.page.on(event, listener)

    # -- running ---------------------------------------------------------------------------------

    def wait_for_kernel(self) -> None:
        """Wait until the notebook is there and its kernel can take work."""
        self.page.wait_for_function(
            "(name) => globalThis.harness?.ready(name)", arg=self.name, timeout=60_000
        )

    def run_all(self, *, allow_errors: bool = False) -> None:
        """Run all cells with the command of the Run menu, and wait for their outputs."""
        self.page.evaluate("() => harness.runAll()")
        self.wait_until_idle()
        if not allow_errors:
            self._raise_errors()

    def run_cell(self, index: int, *, wait: bool = True) -> None:
        """Put the cursor into one cell and press Control+Enter (Shift+Enter would add a cell)."""
        self.page.evaluate("(index) => harness.activate(index)", index)
        self.page.keyboard.press("Control+Enter")
        self.page.wait_for_function("(index) => harness.startedCell(index)", arg=index)
        if wait:
            self.wait_until_idle()

    def wait_until_idle(self, seconds: float = 120) -> None:
        """Wait until no cell is running or waiting, and the kernel says that it is idle."""
        self.page.wait_for_function("harness.idle()", timeout=seconds * 1000)
        self.settle()

    def restart(self) -> None:
        """Restart the kernel, as the button does once it has asked."""
        self.page.evaluate("() => harness.restart()")
        self.wait_for_kernel()

    def execute(self, code: str, *, wait: bool = True) -> str:
        """Run code in the notebook's kernel without a cell; what it printed.

        Parameters
        ----------
        code
            Python.
        wait
            False to leave it running: the kernel is then busy, and nothing is returned.
        """
        if not wait:
            self.page.evaluate("(code) => { harness.execute(code); }", code)
            return ""
        answer = self.page.evaluate("(code) => harness.execute(code)", code)
        if answer["error"]:
            raise AssertionError(f"in the kernel:\n{answer['error']}")
        return str(answer["printed"])

    # -- looking ---------------------------------------------------------------------------------

    @property
    def outputs(self) -> list[list[dict[str, Any]]]:
        """The outputs of every cell, as the notebook file would hold them."""
        outputs: list[list[dict[str, Any]]] = self.page.evaluate("() => harness.outputs()")
        return outputs

    def output(self, index: int) -> Locator:
        """Give the output area of cell ``index``."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(index).locator(".jp-OutputArea")

    @property
    def widget(self) -> Locator:
        """The first widget of the notebook."""
        return self.page.locator(".jp-OutputArea-output .jupyter-widgets").first

    def widget_model_count(self) -> int:
        """How many widget models the browser holds for this notebook."""
        count: int = self.page.evaluate("() => harness.modelCount()")
        return count

    def settle(self) -> None:
        """Wait until the notebook has stood still for longer than bqplot waits with its layout."""
        self.page.evaluate("() => harness.settle()")

    def pixels(
        self, place: Locator | FloatRect, *, stable: bool = True, seconds: float = 5
    ) -> NDArray[np.uint8]:
        """Colours on the screen, (rows, columns, RGB), a pixel a CSS pixel.

        Parameters
        ----------
        place
            A locator, which is scrolled into view, or a box in CSS pixels of the page.
        stable
            Whether to look until two looks in a row see the same.
        seconds
            How long to look; the last look is returned then.
        """
        seen = self._look(place)
        end = time.monotonic() + seconds
        while stable and time.monotonic() < end:
            before, seen = seen, self._look(place)
            if np.array_equal(before, seen):
                break
        return seen

    def screenshot(self, name: str, place: Locator | None = None) -> Path:
        """Write tests/artifacts/``name``.png, of the page or of one part."""
        ARTIFACTS.mkdir(exist_ok=True)
        path = ARTIFACTS / f"{name}.png"
        (self.page if place is None else place).screenshot(path=path)
        return path

    # -- the application -------------------------------------------------------------------------

    def save(self) -> None:
        """Save the notebook, widget state included where that is switched on."""
        self.page.evaluate("async () => { await harness.run('docmanager:save'); }")

    def save_with_widgets(self) -> None:
        """Save the notebook with the state of its widgets, which is switched on meanwhile."""
        self.page.evaluate(SWITCH_WIDGET_STATE)
        try:
            self.save()
        finally:
            self.page.evaluate(SWITCH_WIDGET_STATE)

    def rename(self, name: str) -> None:
        """Rename the notebook."""
        rename = "(name) => jupyterapp.shell.currentWidget.context.rename(name)"
        self.page.evaluate(rename, name)
        self.name, self.url = name, self.url.replace(self.name, name)

    def reload(self) -> None:
        """Load the page anew; the kernel goes on."""
        # JupyterLab may open the notebook a second time when all else is there, from the address
        # and from its workspace: too unsure a page for the next test.
        self.owns_page = True
        self.page.goto(self.url)
        self.wait_for_kernel()
        self.settle()

    def set_theme(self, theme: Theme) -> None:
        """Change the colours of the application; they are changed back when the page is closed."""
        self.page.evaluate("(theme) => harness.setTheme(theme)", theme)
        self._theme_changed = theme != LIGHT
        self.settle()

    def close(self) -> None:
        """Close the notebook, and the page if it is its own; stop its kernel."""
        if self._theme_changed:
            self.set_theme(LIGHT)
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)
        if self.owns_page:
            self.page.close()
        else:
            self.page.evaluate("() => harness.closeNotebook()")
        self.server.close_kernel(self.name)

    # -- private ---------------------------------------------------------------------------------

    @cached_property
    def _listeners(self) -> dict[Any, Callable[[Any], None]]:
        return {
            "console": self._note_console,
            "pageerror": self._note_error,
            # An unsaved notebook asks before it is left.
            "dialog": lambda dialog: dialog.accept(),
        }

    def _look(self, place: Locator | FloatRect) -> NDArray[np.uint8]:
        if isinstance(place, dict):
            shot = self.page.screenshot(clip=place, scale="css")
        else:
            shot = place.screenshot(scale="css")
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))

    def _raise_errors(self) -> None:
        for outputs in self.outputs:
            for output in outputs:
                if output["output_type"] == "error":
                    raise AssertionError("in a cell:\n" + "\n".join(output["traceback"]))

    def _note_console(self, message: Any) -> None:
        if message.type == "error":
            self._note(message.text, str(message.location.get("url")))

    def _note_error(self, error: Any) -> None:
        self._note(str(error), error.stack or "")

    def _note(self, complaint: str, source: str) -> None:
        told = f"{complaint}\n({source})"
        if EXTENSION in told or not any(part in source for part in APPLICATION):
            self.complaints.append(told)
