"""Pages that are loaded again, open in two browsers or connected anew while a cell trains."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.browser.explorer_page import eventually
from tests.browser.test_timeline import SOURCE, TimelinePage, snapshots_of

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page, WebSocketRoute

    from tests.browser.lab import Lab

SLIDER = ".rnngrad-scrub input[type=range]"
SLOW = """
const { send } = WebSocket.prototype;
WebSocket.prototype.send = function (data) {
  send.call(this, data);
  const text = typeof data === 'string' ? data : new TextDecoder().decode(data);
  const end = performance.now() + (text.includes('"comm_close"') ? 2500 : 0);
  while (performance.now() < end);
};
"""
"""Keeps a page busy when it has got the states of its widgets, for longer than outputs wait."""
RESTORED = 30
"""Seconds; about four on an idle machine: JupyterLab waits three for a kernel that is busy."""


class Training(TimelinePage):
    """An explorer whose second cell adds a snapshot every so often, until it is ended."""

    def __init__(self, lab: Lab, folder: Path, pause: float = 0) -> None:
        self.ended = folder / "ended"
        cell = f"""
import pathlib, time
step = 0
time.sleep({pause})
while not pathlib.Path({str(self.ended)!r}).exists():
    e.add_snapshot({{"": tensor(step)}}, step, f"step {{step}}")
    step += 1
    time.sleep(0.1)
"""
        notebook = lab.open([f"{SOURCE}\ne = make(1000)\ne", cell], run=False, own_page=True)
        notebook.run_cell(0)
        notebook.save()
        notebook.run_cell(1, wait=False)
        super().__init__(notebook)
        if not pause:
            eventually(lambda: kept(self.page) >= 5, True, "some snapshots")

    @property
    def page(self) -> Page:
        return self.notebook.page

    def end(self) -> int:
        """Let the cell end; how many snapshots it has made."""
        self.ended.touch()
        return int(self.notebook.execute("print(step)"))


def kept(page: Page) -> int:
    """How many snapshots the scrubber has."""
    slider = page.locator(SLIDER)
    if slider.count() != 1 or not slider.is_enabled():
        return 0
    return snapshots_of(slider)


def expect_all(page: Page, snapshots: int) -> None:
    """Wait until a page has all snapshots, the latest shown."""
    eventually(lambda: kept(page), snapshots, "the number of snapshots")
    shown = f"training step {snapshots - 1}"
    slider = page.locator(SLIDER)
    eventually(lambda: slider.get_attribute("aria-valuetext"), shown, "the step that is shown")


def expect_to_follow(page: Page) -> None:
    """Wait until snapshots that come are shown, and let an older one be shown."""
    end = time.monotonic() + RESTORED
    while kept(page) < 3 and time.monotonic() < end:
        time.sleep(0.05)
    before = kept(page)
    assert before >= 3, f"widgets must be restored while the cell runs; there are {before}"
    eventually(lambda: kept(page) > before, True, "a snapshot that comes")


class Connections:
    """The connections of a page to kernels, which can be cut; made before the page is loaded."""

    def __init__(self, page: Page) -> None:
        self.cut = False
        self._open: list[WebSocketRoute] = []
        page.route_web_socket("**/api/kernels/**", self._opened)

    def _opened(self, socket: WebSocketRoute) -> None:
        if self.cut:
            socket.close(code=4000)
        else:
            socket.connect_to_server()
            self._open.append(socket)

    def lose(self) -> None:
        """Lose every connection; none is made anew while ``cut`` is true."""
        self.cut = True
        while self._open:
            self._open.pop().close(code=4000)


def chosen_sample(page: Page) -> str:
    """Tell which sample a page shows."""
    return (page.locator(".rnngrad-sample").first.text_content() or "").strip()


def missed(page: Page) -> int:
    """How many snapshots a page lacks up to the latest, which it shows."""
    text, title = page.locator(SLIDER).evaluate("(el) => [el.ariaValueText, el.title]")
    return int(text.split()[-1].replace(",", "")) + 1 - int(title.split()[0].replace(",", ""))


def test_a_page_loaded_again_while_a_cell_trains_has_all_snapshots(
    lab: Lab, tmp_path: Path
) -> None:
    e = Training(lab, tmp_path)
    e.page.goto(e.notebook.url)
    expect_to_follow(e.page)
    # The page acts without the kernel: an older step is shown while others come.
    slider = e.page.locator(SLIDER)
    slider.press("Home")
    assert slider.get_attribute("aria-valuetext") == "training step 0"
    before = kept(e.page)
    eventually(lambda: kept(e.page) > before, True, "a snapshot that comes")
    assert slider.get_attribute("aria-valuetext") == "training step 0"
    slider.press("End")
    e.page.locator(".rnngrad-scrub input[type=checkbox]").check()
    expect_all(e.page, e.end())
    assert int(e.notebook.execute("print(len(e.snapshots))")) == kept(e.page)
    # The arrays of those before the page was loaded have come too.
    slider.press("Home")
    e.expect_step(0)
    slider.press("ArrowRight")
    e.expect_step(1)


@pytest.mark.long
def test_two_browsers_and_a_connection_that_was_lost(
    lab: Lab, browser: Browser, tmp_path: Path
) -> None:
    e = Training(lab, tmp_path)
    connections = Connections(e.page)
    e.page.goto(e.notebook.url)
    expect_to_follow(e.page)
    # A second browser. While it listens, the server keeps nothing for a page that is gone.
    other = browser.new_context(viewport={"width": 1280, "height": 1400})  # lower: not rendered
    second = other.new_page()
    second.goto(e.notebook.url.replace("/workspaces/", "/workspaces/second-"))
    expect_to_follow(second)
    connections.lose()
    before = kept(second)
    eventually(lambda: kept(second) > before + 10, True, "snapshots that only one page gets")
    assert kept(e.page) < before + 10
    connections.cut = False
    eventually(lambda: kept(e.page) > before + 10, True, "a snapshot after the connection is back")
    eventually(lambda: missed(e.page), 0, "the snapshots that are missing while the cell runs")

    # What is chosen in one page gets to the other when the cell has ended, and stays in the first.
    second.locator(".rnngrad-group-sample .noUi-handle").first.press("ArrowRight")
    assert [chosen_sample(page) for page in (e.page, second)] == ["0", "1"]
    snapshots = e.end()
    expect_all(e.page, snapshots)
    expect_all(second, snapshots)
    eventually(lambda: chosen_sample(e.page), "1", "the sample in the other page")
    assert chosen_sample(second) == "1"
    e.expect_trait("sample", 1)
    second.locator(".rnngrad-group-sample .noUi-handle").first.press("ArrowLeft")
    eventually(lambda: chosen_sample(e.page), "0", "the sample in the other page")
    # Both show one step, in one range: what waited for the cell's end is no choice of a person.
    slider = e.page.locator(SLIDER)
    second.locator(SLIDER).press("Home")
    eventually(lambda: slider.get_attribute("aria-valuetext"), "training step 0", "the other one")
    e.expect_step(0)
    slider.press("ArrowRight")
    e.expect_step(1)
    assert e.notebook.execute("print(e.norm)") == "auto\n"
    other.close()


@pytest.mark.long
def test_a_page_loaded_again_before_the_first_snapshot(lab: Lab, tmp_path: Path) -> None:
    e = Training(lab, tmp_path, pause=7)
    e.page.goto(e.notebook.url)
    expect_to_follow(e.page)
    expect_all(e.page, e.end())


@pytest.mark.long
def test_a_slow_page_loaded_again_shows_its_widgets(lab: Lab) -> None:
    notebook = lab.open([f"{SOURCE}\ne = make(1000)\ne"], own_page=True)
    notebook.save()
    notebook.page.add_init_script(SLOW)
    notebook.page.goto(notebook.url)
    explorer = notebook.page.locator(".rnngrad-explorer")
    failed = notebook.page.get_by_text("model not found")
    explorer.or_(failed).first.wait_for()
    assert failed.count() == 0
