"""Pages that are loaded again, opened twice or connected anew while a cell trains."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.browser.explorer_page import eventually
from tests.browser.test_timeline import SOURCE, TimelinePage, snapshots_of

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.lab import Lab

KERNEL = "jupyterapp.shell.currentWidget.sessionContext.session.kernel"
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
    shown = page.locator(SLIDER).get_attribute("aria-valuetext")
    assert shown == f"training step {snapshots - 1}"


def expect_to_follow(page: Page) -> None:
    """Wait until snapshots that come are shown, and let an older one be shown."""
    end = time.monotonic() + RESTORED
    while kept(page) < 3 and time.monotonic() < end:
        time.sleep(0.05)
    before = kept(page)
    assert before >= 3, f"widgets must be restored while the cell runs; there are {before}"
    eventually(lambda: kept(page) > before, True, "a snapshot that comes")


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


def test_a_second_page_has_all_snapshots_too(lab: Lab, tmp_path: Path) -> None:
    e = Training(lab, tmp_path)
    second = e.page.context.new_page()
    second.set_viewport_size({"width": 1280, "height": 1400})  # else the explorer is not rendered
    second.goto(e.notebook.url.replace("/workspaces/", "/workspaces/second-"))
    expect_to_follow(second)
    snapshots = e.end()
    expect_all(e.page, snapshots)
    expect_all(second, snapshots)
    second.close()


def test_a_page_whose_connection_was_lost_has_all_snapshots(lab: Lab, tmp_path: Path) -> None:
    e = Training(lab, tmp_path)
    e.page.evaluate(f"async () => {{ await {KERNEL}.reconnect(); }}")
    expect_to_follow(e.page)
    expect_all(e.page, e.end())


def test_a_page_loaded_again_before_the_first_snapshot(lab: Lab, tmp_path: Path) -> None:
    e = Training(lab, tmp_path, pause=7)
    e.page.goto(e.notebook.url)
    expect_to_follow(e.page)
    expect_all(e.page, e.end())


def test_a_slow_page_loaded_again_shows_its_widgets(lab: Lab) -> None:
    notebook = lab.open([f"{SOURCE}\ne = make(1000)\ne"], own_page=True)
    notebook.save()
    notebook.page.add_init_script(SLOW)
    notebook.page.goto(notebook.url)
    explorer = notebook.page.locator(".rnngrad-explorer")
    failed = notebook.page.get_by_text("model not found")
    explorer.or_(failed).first.wait_for()
    assert failed.count() == 0
