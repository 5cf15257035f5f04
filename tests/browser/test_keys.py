"""Keys: what plots and controls use is theirs, all else is JupyterLab's; any keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.browser.explorer_page import ExplorerPage, eventually, show

if TYPE_CHECKING:
    from tests.browser.lab import Lab

ARRAY = np.random.default_rng(3).normal(size=(6, 40, 5)).round(3)
LISTEN = """() => {
  globalThis.ran = [];
  jupyterapp.commands.commandExecuted.connect((_, { id }) => globalThis.ran.push(id));
}"""
SHORTCUTS = {
    "Control+s": "docmanager:save",
    "Control+b": "application:toggle-left-area",
    "Control+Shift+c": "apputils:activate-command-palette",
    "Control+f": "documentsearch:start",
}
INSIDE = "document.querySelector('.rnngrad-explorer').contains(document.activeElement)"


def press_made(e: ExplorerPage, key: str, modifiers: str) -> None:
    """A key as a keyboard makes it on which the character needs a modifier."""
    e.plot().evaluate(
        f"(el, key) => el.dispatchEvent(new KeyboardEvent('keydown', "
        f"{{ key, bubbles: true, cancelable: true, {modifiers} }}))",
        key,
    )


def test_only_the_keys_that_are_used_are_taken(lab: Lab) -> None:
    notebook = lab.open([show(ARRAY), "1"])
    e, page = ExplorerPage(notebook), notebook.page
    page.evaluate(LISTEN)
    for focus in (e.plot(), e.handle("sample")):
        for shortcut, command in SHORTCUTS.items():
            page.evaluate("ran.length = 0")
            focus.focus()
            page.keyboard.press(shortcut)
            eventually(lambda: command in page.evaluate("ran"), True, f"{shortcut}: {command}")  # noqa: B023
            page.keyboard.press("Escape")
        if page.evaluate("document.querySelector('#jp-left-stack').offsetWidth === 0"):
            page.evaluate("harness.run('application:toggle-left-area')")
    page.evaluate("ran.length = 0")
    e.plot().focus()
    for key in ("ArrowRight", "ArrowUp", "Shift+ArrowUp", "]", "+", "0", "PageDown"):
        page.keyboard.press(key)
    e.handle("sample").focus()
    for key in ("ArrowUp", "ArrowDown", "End"):
        page.keyboard.press(key)
    e.expect_trait("sample", 5)
    assert page.evaluate("ran") == []

    e.plot().focus()
    page.keyboard.press("Shift+Enter")
    eventually(lambda: "notebook:run-cell-and-select-next" in page.evaluate("ran"), True, "it runs")
    notebook.wait_until_idle()


def test_escape_leaves(lab: Lab) -> None:
    notebook = lab.open([show(ARRAY)])
    e, page = ExplorerPage(notebook), notebook.page
    for focus in (e.plot(), e.handle("channel"), e.button("Curves")):
        focus.focus()
        assert page.evaluate(INSIDE)
        page.keyboard.press("Escape")
        assert not page.evaluate(INSIDE)
    assert page.evaluate("document.activeElement.closest('.jp-Notebook') !== null")
    # the menu comes first
    e.root.get_by_title("save the picture").click()
    page.keyboard.press("Escape")
    assert page.evaluate(INSIDE)


def test_characters_however_a_keyboard_makes_them(lab: Lab) -> None:
    e = ExplorerPage(lab.open([show(ARRAY)]))
    made = "ctrlKey: true, altKey: true"  # AltGr on Windows
    option = "altKey: true"
    wanted = 0
    for key, modifiers, step in (
        *(("]", made, 1), ("]", option, 1), ("]", "", 1), ("[", made, -1), ("[", option, -1)),
        *(("PageDown", "", 1), ("PageUp", "", -1), ("PageDown", "", 1)),
        *(("]", "ctrlKey: true", 0), ("]", "metaKey: true", 0), ("PageDown", option, 0)),
    ):
        press_made(e, key, modifiers)
        wanted += step
        e.expect_text("sample", str(wanted))
    e.notebook.execute("e.view = 'histogram'")
    e.expect_trait("view", "histogram")
    e.plot("histogram").wait_for()
    for key, modifiers, step in (("[", made, -1), ("PageUp", "", -1), ("]", option, 1)):
        e.plot("histogram").evaluate(
            f"(el, key) => el.dispatchEvent(new KeyboardEvent('keydown', "
            f"{{ key, bubbles: true, cancelable: true, {modifiers} }}))",
            key,
        )
        wanted += step
        e.expect_text("sample", str(wanted))


def test_the_menu_can_be_used_while_it_computes(lab: Lab) -> None:
    e = ExplorerPage(lab.open([show(ARRAY)], viewport=(1900, 900)))
    e.notebook.execute("e.busy = 'Computing'")
    eventually(lambda: "rnngrad-busy" in (e.root.get_attribute("class") or ""), True, "it is busy")
    e.root.get_by_title("save the picture").click()
    for kind in ("SVG", "PNG"):
        item = e.root.get_by_role("menuitem", name=kind)
        if not item.is_visible():
            e.root.get_by_title("save the picture").click()
        assert item.evaluate(
            """(el) => {
              const { x, y, width, height } = el.getBoundingClientRect();
              return document.elementFromPoint(x + width / 2, y + height / 2) === el;
            }"""
        )
        with e.notebook.page.expect_download(timeout=10_000) as saved:
            item.click()
        assert saved.value.suggested_filename.endswith(kind.lower())
    assert e.kernel("range_mode") is False
