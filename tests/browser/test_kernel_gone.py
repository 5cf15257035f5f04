"""A kernel that is interrupted or dies: one truth on the page, and what needs no kernel goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.explorer_page import eventually
from tests.browser.test_timeline import SOURCE, TimelinePage

if TYPE_CHECKING:
    from tests.browser.lab import Lab

DIES = "import os, time; time.sleep(3); os._exit(1)"
GONE = "The kernel is gone. What is on the page still works; run the cell again for the rest."


NO_SUBSHELLS = """() => {
  jupyterapp.shell.currentWidget.sessionContext.session.kernel.commsOverSubshells = 'disabled';
}"""
SLOW = """
import time
quick = e.source.compute
e.source.compute = lambda *wanted: time.sleep(60) or quick(*wanted)
"""


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


def test_a_kernel_that_dies_while_it_is_asked(lab: Lab) -> None:
    cells = [f"{SOURCE}\ne = make(10)\ntake(0, 10, 20)\ne", DIES]
    notebook = lab.open(cells, run=False, own_page=True)
    notebook.run_cell(0)
    e = TimelinePage(notebook)
    quantity = e.root.locator("select").nth(1)
    displayed = quantity.evaluate("select => select.selectedIndex")
    notebook.run_cell(1, wait=False)
    quantity.select_option(index=1 - displayed)
    eventually(lambda: e.text("progress")[:22], "Waiting for the kernel", "the progress line")
    dialog = notebook.page.locator(".jp-Dialog button")
    dialog.first.wait_for(timeout=30_000)
    dialog.first.click()
    eventually(lambda: e.text("progress"), "", "the progress line")
    said = e.root.evaluate("root => getComputedStyle(root, '::after').content")
    assert said.strip('"') == GONE
    # the picture is that of the quantity before, and so is what the dropdown says
    assert quantity.evaluate("select => select.selectedIndex") == displayed
    assert quantity.is_disabled()
    assert e.root.locator("button.rnngrad-icon.rnngrad-kernel").is_disabled()
    # what needs no kernel
    e.range.press("Home")
    eventually(lambda: e.range.get_attribute("aria-valuetext"), "training step 0", "the scrubber")
    with notebook.page.expect_download() as download:
        e.root.locator(".rnngrad-download button").first.click()
        e.root.locator(".rnngrad-download [role=menuitem]").first.click()
    assert download.value.suggested_filename.endswith(".png")

    notebook.wait_for_kernel()
    notebook.run_cell(0)
    eventually(lambda: e.range.get_attribute("aria-valuetext"), "training step 20", "the scrubber")
    assert quantity.is_enabled()
