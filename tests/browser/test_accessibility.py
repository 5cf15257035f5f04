"""Every widget in both themes: what axe-core finds, Tab reaches, and a screen reader is told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pytest
from ipywidgets import VBox

from rnngrad_widgets.export.html import save_html
from tests.browser.explorer_page import ExplorerPage, eventually
from tests.browser.lab import DARK, LIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, FloatRect, Locator, Page

    from tests.browser.lab import Lab

ROOT = Path(__file__).parents[2]
AXE = ROOT / "js/node_modules/axe-core/axe.min.js"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SEVERE = ("serious", "critical")
SHOWN = "document.documentElement.classList.contains('rnngrad-shown')"

# The same widgets in a kernel and in a page; none needs TensorFlow, which takes seconds to import.
WIDGETS = """
import tempfile
from importlib.util import find_spec
import numpy as np
from rnngrad_widgets import (
    GradientExplorer, GradientSnapshot, GradientTensor, compare, show_features_0D, show_features_1D,
    show_features_2D, show_features_hist,
)
from rnngrad_widgets.data.tensor import REACH, SEQUENCE
from rnngrad_widgets.explorer.run_status import RunStatus
from rnngrad_widgets.explorer.source import Source

rng = np.random.default_rng(1)
WEIGHTS = {"kernel": (3, 8), "recurrent_kernel": (2, 8), "bias": (8,)}

class FakeSource(Source):
    def layers(self):
        return {"bi": "bi  LSTM 2 × 2", "lstm": "lstm  LSTM 2"}
    def resolve(self, layer):
        return layer or "bi"
    def quantities(self, layer):
        return ("hidden_gradient", "output_gradient", "weight", "weight_gradient")
    def compute(self, layer, quantity):
        if not quantity.startswith("weight"):
            return {"": gradient(1.0, 30)}
        return {
            name: GradientTensor(
                rng.normal(size=shape), ("feature", "channel")[-len(shape):], f"{layer}/{name}",
                quantity, gates=("i", "f", "c", "o"))
            for name, shape in WEIGHTS.items()
        }

def gradient(factor, step):
    values = rng.normal(size=(4, 12, 4)) * factor * 0.6 ** np.arange(12)[::-1, None]
    values[0, 3, 1] = np.nan
    return GradientTensor(
        values, SEQUENCE, "bi", "hidden_gradient", ("forward", "backward"), step=step, loss=1.0)

e = GradientExplorer.from_source(FakeSource(), None, "hidden_gradient")
for step in (0, 10, 20):
    e.add_snapshot({"": gradient(1 + step, step)}, step, RunStatus(f"step {step}", step))
plain = rng.normal(size=(4, 12, 6))
parts = GradientTensor(
    abs(rng.normal(size=(2, 6, 4))), REACH, "lstm", "reach", loss_timesteps=(1, 3, 5))
runs = {
    name: [gradient(1, 0).values * 0.9 ** (i * np.arange(12)[:, None]) for _ in range(3)]
    for i, name in enumerate(["first", "second <b>", "third", "fourth", "fifth"])
}
comparison = compare(runs)
others = [
    GradientExplorer.from_array(parts), GradientExplorer.from_array(plain[:, -1]), comparison,
    comparison.maps(), show_features_1D(plain[:1]), show_features_2D(plain, n_rows=2),
    show_features_0D(plain[:, -1]), show_features_hist(plain),
]
if find_spec("zarr"):  # which needs Python 3.11
    from rnngrad_widgets.recording import RecordingWriter
    folder = tempfile.mkdtemp()
    for name in ("a", "b"):
        writer = RecordingWriter(f"{folder}/{name}")
        for step in (0, 10):
            tensors = {("bi", "hidden_gradient"): gradient(1 + step, step)}
            writer.append(GradientSnapshot(tensors, loss=1.0, step=step))
    others.append(compare(f"{folder}/*"))
"""
VIEWS = ["Heat map", "All samples", "Curves", "Flow", "Histogram", "Diagnosis", "Weights"]

pytestmark = pytest.mark.skipif(not AXE.exists(), reason="npm ci in js/ brings axe-core")


class Saved(NamedTuple):
    """Addresses of pages."""

    explorer: str
    others: str


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    made: dict[str, Any] = {}
    exec(WIDGETS, made)
    folder = tmp_path_factory.mktemp("page")
    made["e"].save_html(folder / "explorer.html")
    save_html(VBox(made["others"]), folder / "others.html", title="The others")
    return Saved(*((folder / f"{name}.html").as_uri() for name in Saved._fields))


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1280, "height": 1000}, offline=True)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext, saved: Saved) -> Page:
    return opened(context, saved.explorer)


@pytest.fixture
def others(context: BrowserContext, saved: Saved) -> Page:
    return opened(context, saved.others)


def opened(context: BrowserContext, address: str) -> Page:
    page = context.new_page()
    page.goto(address)
    page.wait_for_function(SHOWN)
    named(page.locator(".rnngrad-explorer").first)
    return page


def named(frame: Locator) -> None:
    """Wait until names are written, which they are a moment after a change."""
    handle = frame.locator(".noUi-handle").first
    eventually(lambda: handle.get_attribute("aria-labelledby") is not None, True, "a name")


def found_by_axe(page: Page, selector: str | None = None, rule: str | None = None) -> list[str]:
    """What is seriously wrong in the document, or in what fits a selector; by all rules or one."""
    if not page.evaluate("'axe' in globalThis"):
        page.evaluate(AXE.read_text())
    report = page.evaluate(
        "([part, options]) => axe.run(part ?? document, options)",
        [
            None if selector is None else {"include": [[selector]]},
            {"resultTypes": ["violations"], **({} if rule is None else {"runOnly": [rule]})},
        ],
    )
    return [
        f"{violation['id']}: {node['html'][:200]} {node['failureSummary']}"
        for violation in report["violations"]
        if violation["impact"] in SEVERE
        for node in violation["nodes"]
    ]


def show_view(frame: Locator, view: str) -> None:
    button = frame.get_by_role("button", name=view, exact=True)
    button.click()
    eventually(lambda: button.get_attribute("aria-pressed"), "true", f"{view} is pressed")


def set_scheme(page: Page, scheme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=scheme)
    is_light = str(scheme == "light").lower()
    theme = "document.body.dataset.jpThemeLight"
    eventually(lambda: page.evaluate(theme), is_light, theme)


def test_axe_finds_nothing_serious_in_a_saved_page(page: Page) -> None:
    for view in VIEWS:
        show_view(page.locator(".rnngrad-explorer"), view)
        for scheme in SCHEMES:
            set_scheme(page, scheme)
            assert found_by_axe(page) == [], (view, scheme)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_other_widgets(others: Page, scheme: Any) -> None:
    set_scheme(others, scheme)
    assert found_by_axe(others) == []


def test_axe_finds_nothing_serious_in_jupyterlab(lab: Lab) -> None:
    notebook = lab.open([WIDGETS, "from ipywidgets import VBox\nVBox([e, *others])"])
    e = ExplorerPage(notebook)
    named(e.root)
    e.root.evaluate("(el) => { el.id = 'first'; }")
    for theme in (LIGHT, DARK):
        notebook.set_theme(theme)
        rule = "color-contrast" if theme == DARK else None  # all else is the same
        assert found_by_axe(notebook.page, ".rnngrad-explorer", rule) == [], theme
        for view in VIEWS[1:]:
            show_view(e.root, view)
            assert found_by_axe(notebook.page, "#first", rule) == [], (view, theme)
        show_view(e.root, VIEWS[0])


FOCUSED = """() => {
  const { activeElement } = document;
  const inside = activeElement.closest('.rnngrad-explorer');
  const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(activeElement);
  return {
    isInFirst: inside !== null && inside === document.querySelector('.rnngrad-explorer'),
    outline: `${outlineStyle} ${outlineWidth}`,
    colour: outlineColor,
  };
}"""
# in the order in which they stand on the page
CHOICES = [*VIEWS, "save the picture", "keys and mouse (?)"]
CONTROLS = [
    *("Sample", "Channel", "Colour range", "auto", "log", "range"),
    *("time order", "processing order"),
    *("Backward half, gradient g by channel, sample 0", "Forward half"),
    "Gradient flow: ‖g‖ over channels, log scale",
    "Gradient g of channel 0, forward",
    *("play", "training step", "follow latest", "each step", "whole run", "pin as A"),
    "Loss of the batch shown",
]


def tabbed(page: Page) -> list[str]:
    """The names of what Tab reaches in the first explorer; each must show that it has the focus."""
    session = page.context.new_cdp_session(page)
    names = []
    while (focused := page.evaluate(FOCUSED))["isInFirst"]:
        assert focused["outline"] == "solid 2px", (focused, names)
        element = session.send("Runtime.evaluate", {"expression": "document.activeElement"})
        tree = session.send(
            "Accessibility.getPartialAXTree",
            {"objectId": element["result"]["objectId"], "fetchRelatives": False},
        )
        names.append(tree["nodes"][0]["name"]["value"])
        page.keyboard.press("Tab")
    session.detach()
    return names


def luminance(colour: str) -> float:
    channels = [int(v) / 255 for v in re.findall(r"\d+", colour)[:3]]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in channels]
    return sum(share * v for share, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize(("scheme", "ground"), [("light", "255 255 255"), ("dark", "17 17 17")])
def test_tab_goes_through_a_saved_page_in_order(page: Page, scheme: Any, ground: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.keyboard.press("Tab")
    colour = page.evaluate(FOCUSED)["colour"]
    lighter, darker = sorted((luminance(colour), luminance(ground)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) > 3
    names = tabbed(page)
    assert names[:-1] == [*CHOICES, *CONTROLS]
    assert names[-1].startswith("Gradient over training: median")


def test_tab_goes_through_an_explorer_of_a_notebook_in_order(lab: Lab) -> None:
    notebook = lab.open([WIDGETS, "e"])
    e = ExplorerPage(notebook)
    named(e.root)
    e.dropdown("layer").focus()
    notebook.page.keyboard.press("Shift+Tab")  # the focus comes by a key
    notebook.page.keyboard.press("Tab")
    names = tabbed(notebook.page)
    dropdowns = ["Layer", "Quantity"]
    icons = ["recompute with the current weights", *CHOICES[-2:]]
    controls = ["follow" if name == "follow latest" else name for name in CONTROLS]  # it is narrow
    assert names[:-1] == [*dropdowns, *VIEWS, *icons, *controls]


def test_the_focus_can_be_seen_on_a_plot(page: Page) -> None:
    plot = page.locator(".rnngrad-hit").first
    box = plot.bounding_box()
    assert box is not None
    edge: FloatRect = {"x": box["x"] - 3, "y": box["y"] + 20, "width": 6, "height": 40}
    before = page.screenshot(clip=edge)
    page.keyboard.press("Tab")
    plot.focus()
    assert page.screenshot(clip=edge) != before


def announced(frame: Locator) -> str:
    return str(frame.locator(".rnngrad-announcement").text_content())


def test_what_changes_is_announced_in_the_words_of_the_page(page: Page) -> None:
    first = page.locator(".rnngrad-explorer").first
    region = first.locator(".rnngrad-announcement")
    assert region.get_attribute("role") == "status"
    assert region.get_attribute("aria-live") == "polite"
    page.wait_for_timeout(1500)  # longer than it waits
    assert announced(first) == "", "what stands there is read with the page"

    plot = first.locator(".rnngrad-hit").first
    plot.focus()
    page.keyboard.press("PageDown")
    wanted = str(first.locator(".rnngrad-finding").text_content())
    assert wanted.startswith("Sample 1: ")
    eventually(lambda: announced(first).startswith("Sample 1: "), True, "it is told")
    assert wanted.replace(" · ", ", ") in announced(first)

    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    eventually(lambda: announced(first).split(", g ")[0], "timestep 10, forward 1", "the value")
    assert "Sample" not in announced(first), "what has not changed is not told again"


def test_a_slider_says_the_value_that_stands_beside_it(page: Page) -> None:
    norm = page.locator(".rnngrad-group-norm").first
    handle = norm.locator(".noUi-handle").first
    before = str(norm.locator(".rnngrad-readout").text_content())
    assert handle.get_attribute("aria-valuetext") == before
    handle.press("ArrowLeft")
    eventually(lambda: norm.locator(".rnngrad-readout").text_content() != before, True, "it moves")
    after = str(norm.locator(".rnngrad-readout").text_content())
    eventually(lambda: handle.get_attribute("aria-valuetext"), after, "what is told")
    norm.get_by_role("button", name="range").click()
    for name in ("Colour range from", "Colour range to"):
        norm.get_by_role("slider", name=name).wait_for()


PICTURES = """() => [...document.querySelectorAll('.rnngrad-explorer canvas')]
    .filter((canvas) => canvas.ariaHidden !== 'true' && canvas.checkVisibility())
    .map((canvas) => [
      canvas.getAttribute('role'),
      canvas.ariaLabel ??
        document.getElementById(canvas.getAttribute('aria-labelledby')).textContent,
    ])"""


def expect_named_pictures(page: Page, what: str) -> None:
    eventually(
        lambda: [each for each in page.evaluate(PICTURES) if each[0] != "img" or not each[1]],
        [],
        f"pictures without a name in {what}",
    )
    bars = page.locator(".rnngrad-colourbar-colours").locator("visible=true")
    for label in bars.evaluate_all("(bars) => bars.map((bar) => bar.ariaLabel)"):
        assert re.fullmatch(r"colours from \S+ to .+", label)


def test_every_picture_is_called_as_its_caption(page: Page) -> None:
    frame = page.locator(".rnngrad-explorer")
    for view in VIEWS:
        show_view(frame, view)
        expect_named_pictures(page, view)
    names = {name for _, name in page.evaluate(PICTURES)}
    assert "Loss of the batch shown" in names


def test_the_pictures_of_other_widgets_are_called_as_their_captions(others: Page) -> None:
    expect_named_pictures(others, "the other widgets")
    names = [name for _, name in others.evaluate(PICTURES)]
    assert "Ratio to first, relative to lag 0" in names


def test_nothing_moves_where_no_motion_is_wanted(page: Page) -> None:
    first = page.locator(".rnngrad-explorer").first
    first.evaluate("(el) => el.classList.add('rnngrad-busy')")
    moving = "(el) => el.getAnimations({ subtree: true }).length"
    assert first.evaluate(moving) > 0
    page.emulate_media(reduced_motion="reduce")
    assert first.evaluate(moving) == 0
    slider = first.locator(".noUi-connect, .noUi-origin").first
    slider.evaluate("(el) => el.parentNode.parentNode.classList.add('noUi-state-tap')")
    assert slider.evaluate("(el) => getComputedStyle(el).transitionDuration") == "0s"


# What lies over one another, or out of the explorer.
MISPLACED = """(root) => {
  const parts = [...root.querySelectorAll('button, select, input, .noUi-handle, .rnngrad-readout')]
      .filter((el) => el.checkVisibility({ visibilityProperty: true }))
      .map((el) => ({ el, box: el.getBoundingClientRect() }));
  const frame = root.getBoundingClientRect();
  const name = ({ el }) => `${el.className} ${el.textContent}`.trim();
  const out = parts.filter(({ box }) => box.left < frame.left - 1 || box.right > frame.right + 1);
  const over = parts.flatMap((a, i) => parts.slice(i + 1).filter((b) =>
      Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left) > 1 &&
      Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top) > 1
  ).map((b) => `${name(a)} over ${name(b)}`));
  return [...out.map(name), ...over];
}"""


def test_at_200_percent_nothing_is_cut_or_overlaps(browser: Browser, saved: Saved) -> None:
    context = browser.new_context(
        viewport={"width": 640, "height": 500}, device_scale_factor=2, offline=True
    )
    width = "document.documentElement.scrollWidth"
    page = opened(context, saved.explorer)
    frame = page.locator(".rnngrad-explorer")
    for view in VIEWS:
        show_view(frame, view)
        assert page.evaluate(width) <= 640, view
        assert frame.evaluate(MISPLACED) == [], view
    others = opened(context, saved.others)
    assert others.evaluate(width) <= 640
    frames = others.locator(".rnngrad-explorer")
    for number in range(frames.count()):
        assert frames.nth(number).evaluate(MISPLACED) == [], number
    context.close()


def test_lines_of_experiments_differ_without_colours(others: Page) -> None:
    styles = others.locator(".rnngrad-comparison .rnngrad-swatch line").evaluate_all(
        "(lines) => lines.map((line) => line.getAttribute('stroke-dasharray'))"
    )
    assert len(set(styles[:12])) == 4  # each experiment has three repeats
    names = (
        others.locator(".rnngrad-figure-flow-high").nth(0).locator(".rnngrad-label.rnngrad-strong")
    )
    told = names.evaluate_all("(names) => names.map((name) => name.firstChild.textContent)")
    assert set(told) >= {"first", "second <b>", "third", "fourth", "fifth"}
