"""A kernel that is interrupted, restarted or dies, with its server or without.

There is one truth on the page, and what needs no kernel goes on.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.browser import server
from tests.browser.explorer_page import eventually
from tests.browser.lab import Lab
from tests.browser.test_reload import kept
from tests.browser.test_timeline import SOURCE, TimelinePage

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

GONE = "The kernel is gone. What is on the page still works; run the cell again for the rest."


NO_SUBSHELLS = """() => {
  jupyterapp.shell.currentWidget.sessionContext.session.kernel.commsOverSubshells = 'disabled';
}"""
SLOW = """
import time
quick = e.source.compute
e.source.compute = lambda *wanted: time.sleep(60) or quick(*wanted)
"""


MODEL = """
import os, pathlib, signal
import keras
import numpy as np
from rnngrad_widgets import GradientExplorer

x, y = np.ones((4, 8, 2)), np.ones((4, 1))
model = keras.Sequential([keras.Input((8, 2)), keras.layers.LSTM(4), keras.layers.Dense(1)])
model.compile("sgd", "mse")
e = GradientExplorer(model, x, y)
e
"""
FIT = """
folder = pathlib.Path({folder!r})

class Ends(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if (folder / "dies").exists():
            (folder / "dies").unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        self.model.stop_training = (folder / "ended").exists()

live = e.live(every=1, max_overhead=None)
history = model.fit(x, y, epochs=10**6, verbose=0, callbacks=[live, Ends()])
"""
IMPATIENT = """() => {
  const later = window.setTimeout;
  window.setTimeout = (act, ms, ...more) => later(act, Math.min(ms ?? 0, 500), ...more);
}"""
"""JupyterLab looks for a server that is gone once in up to 30 seconds."""


def said_of_the_kernel(e: TimelinePage) -> str:
    """Give what is said on the page while there is no kernel."""
    said: str = e.root.evaluate("root => getComputedStyle(root, '::after').content")
    return said.strip('"')


def expect_gone(e: TimelinePage, displayed: int) -> None:
    """Wait until the page says that there is no kernel; use what needs none.

    Parameters
    ----------
    e
        An explorer with a timeline.
    displayed
        Which of the quantities is displayed.
    """
    eventually(lambda: said_of_the_kernel(e), GONE, "what is said of the kernel")
    eventually(lambda: e.text("progress"), "", "the progress line")
    # the picture is that of the quantity before, and so is what the dropdown says
    quantity = e.dropdown("quantity")
    assert quantity.evaluate("select => select.selectedIndex") == displayed
    assert quantity.is_disabled()
    assert e.root.locator("button.rnngrad-icon.rnngrad-kernel").is_disabled()
    # what needs no kernel
    e.range.press("Home")
    eventually(lambda: e.range.get_attribute("aria-valuetext"), "training step 0", "the scrubber")
    with e.notebook.page.expect_download() as download:
        e.root.locator(".rnngrad-download button").first.click()
        e.root.locator(".rnngrad-download [role=menuitem]").first.click()
    assert download.value.suggested_filename.endswith(".png")


def test_what_is_asked_for_and_interrupted_is_taken_back(lab: Lab) -> None:
    notebook = lab.open([f"{SOURCE}\ne = make(10)\ntake(0, 10, 20)\ne"], run=False)
    # A subshell is no main thread, which is what an interrupt is for.
    notebook.page.evaluate(NO_SUBSHELLS)
    notebook.run_cell(0)
    e = TimelinePage(notebook)
    quantity = e.root.locator("select").nth(1)
    displayed = quantity.evaluate("select => select.selectedIndex")
    picture = notebook.pixels(e.plot())
    notebook.execute(SLOW)
    for ask in (
        lambda: quantity.select_option(index=1 - displayed),
        lambda: e.root.locator("button.rnngrad-icon.rnngrad-kernel").click(),
    ):
        ask()
        eventually(lambda: e.text("progress")[:9], "Computing", "the progress line")
        notebook.page.evaluate("() => { harness.run('notebook:interrupt-kernel'); }")
        e.expect_text("message", "KeyboardInterrupt what was asked for was not computed")
        e.expect_text("progress", "")
        eventually(
            lambda: quantity.evaluate("select => select.selectedIndex"), displayed, "the dropdown"
        )
        assert (notebook.pixels(e.plot()) == picture).all()
        e.expect_trait("quantity", "output_gradient")
    # and all is as ever
    notebook.execute("e.source.compute = quick")
    quantity.select_option(index=1 - displayed)
    e.expect_trait("quantity", "hidden_gradient")
    e.expect_text("message", "")
    assert quantity.evaluate("select => select.selectedIndex") == 1 - displayed


def test_a_kernel_that_is_restarted_in_a_fit_and_one_that_dies(lab: Lab, tmp_path: Path) -> None:
    notebook = lab.open([MODEL, FIT.format(folder=str(tmp_path))], run=False, viewport=(1280, 1400))
    e = TimelinePage(notebook)

    def train() -> None:
        notebook.page.evaluate("() => harness.runAll()")
        end = time.monotonic() + 60  # for TensorFlow
        while kept(notebook.page) < 3 and time.monotonic() < end:
            time.sleep(0.05)
        assert kept(notebook.page) >= 3
        assert said_of_the_kernel(e) == "none"

    train()
    displayed = e.dropdown("quantity").evaluate("select => select.selectedIndex")
    notebook.page.evaluate("() => { harness.restart(); }")
    expect_gone(e, displayed)
    notebook.wait_for_kernel()
    train()
    e.dropdown("quantity").select_option(index=1 - displayed)
    eventually(lambda: e.text("progress")[:22], "Waiting for the kernel", "the progress line")
    (tmp_path / "dies").touch()
    dialog = notebook.page.locator(".jp-Dialog button")
    dialog.first.wait_for(timeout=30_000)
    dialog.first.click()
    expect_gone(e, displayed)
    notebook.execute("")  # the server may not have heard the new kernel say that it is idle
    train()
    (tmp_path / "ended").touch()
    notebook.wait_until_idle()
    snapshots, last = map(int, notebook.execute("print(len(e.snapshots), e.step)").split())
    eventually(lambda: kept(notebook.page), snapshots, "the number of snapshots")
    shown = f"training step {last}"
    eventually(lambda: e.range.get_attribute("aria-valuetext"), shown, "the step that is shown")


@pytest.mark.long
def test_a_server_that_is_started_anew(browser: Browser, tmp_path: Path) -> None:
    running = server.start(tmp_path)
    context = browser.new_context()
    try:
        cells = [f"{SOURCE}\ne = make(10)\ntake(0, 10, 20)\ne", "import time; time.sleep(100)"]
        notebook = Lab(running, context).open(cells, run=False, own_page=True)
        notebook.run_cell(0)
        e = TimelinePage(notebook)
        displayed = e.dropdown("quantity").evaluate("select => select.selectedIndex")
        notebook.run_cell(1, wait=False)
        notebook.page.evaluate(IMPATIENT)
        dialog = notebook.page.locator(".jp-Dialog")  # there is no server, if it has noticed that
        notebook.page.add_locator_handler(dialog, lambda it: it.get_by_text("Close").click())
        running.process.kill()  # the kernel ends when it finds itself alone
        running.process.wait()
        e.dropdown("quantity").select_option(index=1 - displayed)
        eventually(lambda: e.text("progress")[:22], "Waiting for the kernel", "the progress line")
        running = running.started_anew()
        expect_gone(e, displayed)
        notebook.run_cell(0)
        eventually(lambda: said_of_the_kernel(e), "none", "what is said of the kernel")
        shown = "training step 20"
        eventually(lambda: e.range.get_attribute("aria-valuetext"), shown, "the scrubber")
        assert e.dropdown("quantity").is_enabled()
        # The browser itself complains of what it cannot load meanwhile.
        ours = [text for text in notebook.complaints if not text.startswith("Failed to load")]
        assert ours == []
    finally:
        context.close()
        running.stop()
