"""The time axis that all panels share, the flow, and colour maps, of one array."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from rnngrad_widgets import diagnose
from rnngrad_widgets.data.colours import BWR, SEQUENTIAL
from tests.browser.explorer_page import (
    ExplorerPage,
    close,
    eventually,
    flow_axis,
    number,
    patiently,
    picture,
    rgb,
    show,
)
from tests.browser.lab import DARK, LIGHT
from tests.browser.views_page import expect_flow, expect_maps, hue_near, is_hue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tests.browser.lab import Lab

RNG = np.random.default_rng(8)
T = 30
# Norms from 1 down to 1e-6 and up again, decades apart from sample to sample.
DECADES = np.array([0.0, -2.0, -4.0])[:, None] - 2.0 * np.abs(np.arange(T) - 12) / T
ARRAY = (
    RNG.choice([-1, 1], (3, T, 4)) * RNG.integers(1, 9, (3, T, 4)) / 8 * 10 ** DECADES[..., None]
)
NORM = (-0.5, 0.5)
DARK_SEQUENTIAL = ("#1d2b29", "#1b3f3b", "#1c544e", "#216b62", "#2d8478", "#459d8e", "#6ab8a6")
AXIS = ".rnngrad-figure-{} .axis text"


def norms(array: NDArray[np.float64] = ARRAY) -> NDArray[np.float64]:
    """Norms over channels, (samples, timesteps)."""
    return np.linalg.norm(array, axis=-1)


def ticks(e: ExplorerPage, kind: str) -> list[str]:
    """The timesteps that are written under a plot, without the chip's."""
    place = e.root.locator(f".rnngrad-figure-{kind} .axis").last
    return [str(text) for text in place.locator("text").all_text_contents() if text]


@patiently
def expect_curve(e: ExplorerPage, sample: int, channel: int, span: tuple[int, int]) -> None:
    """The dark curve of the chosen channel under the heat map must be where numpy says."""
    first, last = span
    shot = e.look("curve")
    limit = 1.15 * np.abs(ARRAY[:, :, channel]).max()
    for timestep in range(first, last + 1):
        x = (timestep + 0.5 - first) / (last - first + 1) * shot.area["width"]
        y = (1 - ARRAY[sample, timestep, channel] / limit) / 2 * shot.area["height"]
        assert min(int(shot.at(x, y + dy).max()) for dy in (-1, 0, 1)) < 110, timestep


def expect_span(e: ExplorerPage, first: int, last: int) -> None:
    """Heat map, flow and curve must show these timesteps, and say so."""
    whole = (first, last) == (0, T - 1)
    eventually(lambda: ticks(e, "curve")[-1:], [str(last)], "the last tick")
    said = "" if whole else f" — timesteps {first}–{last} (double-click: all)"
    e.expect_text("heat-caption", f"Value v by channel, sample 0{said}")
    e.expect_picture(picture(ARRAY, 0)[:, first : last + 1], NORM)
    expect_flow(e, norms(), 0, kind="flow", span=(first, last))
    expect_curve(e, 0, int(e.text("channel")), (first, last))


def x_of(e: ExplorerPage, timestep: float, first: int = 0, last: int = T - 1) -> float:
    """Page coordinate of a timestep in the heat map."""
    area = e.area()
    return area["x"] + (timestep + 0.5 - first) / (last - first + 1) * area["width"]


def brush_a_map(e: ExplorerPage, first: int, last: int) -> None:
    """Drag in a map of all samples, beyond its end: all maps show the range."""
    mouse = e.notebook.page.mouse
    panel = e.root.locator(".rnngrad-panel-frame:visible").nth(1).bounding_box()
    assert panel is not None
    inside = int(0.3 * (last - first + 1))
    y = panel["y"] + panel["height"] / 2
    mouse.move(panel["x"] + (inside + 0.4) / (last - first + 1) * panel["width"], y)
    mouse.down()
    mouse.move(panel["x"] + 1.2 * panel["width"], y, steps=4)
    mouse.up()
    e.expect_trait("selection.time_range", (first + inside, last))
    assert e.kernel("sample") == 0, "a brush is no click"
    mouse.move(5, 5)
    expect_maps(e, {s: picture(ARRAY, s)[:, first + inside : last + 1] for s in range(3)}, NORM)


def test_a_range_of_time_is_brushed_zoomed_and_panned_in_all_panels_at_once(lab: Lab) -> None:
    e = ExplorerPage(lab.open([show(ARRAY, f"norm={NORM}")]))
    mouse = e.notebook.page.mouse
    # the chosen timestep's line and dot would hide what is looked at
    e.notebook.execute("e.selection.timestep = 0")
    expect_span(e, 0, T - 1)
    y = e.area()["y"] + 0.4 * e.area()["height"]
    mouse.move(x_of(e, 21.2), y)
    mouse.down()
    mouse.move(x_of(e, 15), y, steps=3)
    brush = e.root.locator(".rnngrad-figure-heat .rnngrad-brush")
    eventually(brush.is_visible, True, "the brush")
    mouse.move(x_of(e, 10.1), y, steps=3)
    mouse.up()
    assert not brush.is_visible()
    mouse.move(5, 5)
    expect_span(e, 10, 21)
    e.expect_trait("selection.time_range", (10, 21))
    assert e.kernel("channel") == 0, "a brush is no click"

    mouse.click(x_of(e, 13, 10, 21), e.area()["y"] + 0.5 / 4 * e.area()["height"])
    e.expect_trait("channel", 3)
    e.expect_trait("selection.timestep", 13)
    e.expect_trait("selection.time_range", (10, 21))

    plot = e.plot()
    for _ in range(9):
        plot.press("ArrowRight")
    e.expect_trait("selection.time_range", (11, 22))
    plot.press("Shift+ArrowLeft")
    plot.press("Shift+ArrowLeft")
    e.expect_trait("selection.time_range", (2, 13))
    plot.press("+")  # round timestep 2, the first one
    e.expect_trait("selection.time_range", (2, 7))
    expect_span(e, 2, 7)
    plot.press("-")
    e.expect_trait("selection.time_range", (2, 13))
    plot.press("0")
    e.expect_trait("selection.time_range", None)
    expect_span(e, 0, T - 1)

    # one range in every view, and a double click shows all
    plot.press("+")
    eventually(lambda: e.kernel("selection.time_range") is not None, True, "a range")
    first, last = e.kernel("selection.time_range")
    e.button("All samples").click()
    expect_maps(e, {s: picture(ARRAY, s)[:, first : last + 1] for s in range(3)}, NORM)
    brush_a_map(e, first, last)
    e.notebook.execute(f"e.selection.time_range = ({first}, {last})")
    e.button("Flow").click()
    expect_flow(e, norms(), 0, span=(first, last))
    area = e.area("flow-high")
    mouse.dblclick(area["x"] + 300, area["y"] + 20)
    e.expect_trait("selection.time_range", None)
    expect_flow(e, norms(), 0)


def test_the_flow_of_every_sample_is_at_its_norms_in_its_colour(lab: Lab) -> None:
    e = ExplorerPage(lab.open([show(ARRAY)]))
    e.notebook.execute("e.selection.timestep = 0")
    e.button("Flow").click()
    e.expect_text("flow-view-caption", "Flow: ‖v‖ over channels, log scale")
    expect_flow(e, norms(), 0)
    e.press("sample", "ArrowRight")
    expect_flow(e, norms(), 1)
    top, decades = flow_axis(norms())

    @patiently
    def expect_hues() -> None:
        shot = e.look("flow-high")
        for sample in (0, 2):
            for timestep in range(1, T - 1):
                middle = np.log10(norms()[sample, timestep : timestep + 2]).mean()
                x = (timestep + 1) / T * shot.area["width"]
                y = (top - middle) / decades * shot.area["height"]
                assert is_hue(hue_near(shot, x, y), sample), (sample, timestep)

    expect_hues()
    check_pointing_at_a_line(e, top, decades)
    assert e.root.locator(".rnngrad-figure-flow-high").count() == 1, "an array has no second flow"
    assert "arrows move" in str(e.plot("flow-high").get_attribute("aria-description"))
    e.button("Diagnosis").click()
    cells = e.root.locator(".rnngrad-diagnosis-table td")
    for threshold in (1e-8, 0.1):
        if threshold != e.kernel("threshold"):
            field = e.root.get_by_label("Threshold")
            field.fill(str(threshold))
            field.press("Enter")
        found = diagnose(ARRAY.astype("float32"), threshold=threshold)
        eventually(cells.all_text_contents, [*found.table.rows[0]], "the table")
        lines = e.root.locator(".rnngrad-diagnosis-table p")
        assert lines.all_text_contents() == [*found.findings]
    (numbers,) = diagnose(ARRAY[1:2].astype("float32"), threshold=0.1).gradients
    assert f"{100 * numbers.not_reached:.0f} % of timesteps" in e.text("finding")
    e.button("Flow").click()
    label = e.root.locator(".rnngrad-figure-flow-high .rnngrad-label", has_text="× max")
    said = "the label of the threshold"
    eventually(lambda: [text.split(" ×")[0] for text in label.all_text_contents()], ["1e-1"], said)


def check_pointing_at_a_line(e: ExplorerPage, top: float, decades: float) -> None:
    """Lines have names in their colours; pointing at one highlights it, a click chooses it."""
    names = e.root.locator(".rnngrad-figure-flow-high .rnngrad-label", has_text="sample")
    bold = e.root.locator(".rnngrad-figure-flow-high .rnngrad-strong", has_text="sample")
    assert sorted(names.all_text_contents()) == ["sample 0", "sample 1", "sample 2"]
    assert bold.all_text_contents() == ["sample 1"]
    area = e.area("flow-high")
    x = area["x"] + (20 + 0.5) / T * area["width"]
    y = area["y"] + (top - np.log10(norms()[2, 20])) / decades * area["height"]
    e.notebook.page.mouse.move(x, y + 3)
    eventually(lambda: sorted(bold.all_text_contents()), ["sample 1", "sample 2"], "bold names")
    e.expect_text("flow-hover", f"sample 2 · timestep 20 · ‖v‖ {number(norms()[2, 20])}")
    e.notebook.page.mouse.click(x, y + 3)
    e.expect_trait("sample", 2)
    e.notebook.page.mouse.move(x, area["y"] + 1)  # where no line is
    eventually(bold.all_text_contents, ["sample 2"], "the bold name")
    e.notebook.page.mouse.move(0, 0)
    e.button("Curves").click()
    area = e.area("curve-high")
    curve = ARRAY[:, 11, 0]
    limit = 1.15 * np.abs(ARRAY[:, :, 0]).max()
    x = area["x"] + (11 + 0.5) / T * area["width"]
    y = area["y"] + (1 - curve[0] / limit) / 2 * area["height"]
    e.notebook.page.mouse.click(x, y)
    e.expect_trait("sample", 0)
    e.notebook.page.mouse.move(0, 0)
    e.button("Flow").click()


def between(
    stops: Sequence[str], values: NDArray[np.float64], low: float, high: float
) -> NDArray[np.float64]:
    """Colours of values between stops."""
    places = np.linspace(low, high, len(stops))
    colours = np.array([rgb(stop) for stop in stops])
    return np.stack([np.interp(values, places, colour) for colour in colours.T], axis=-1)


def check_list_of_keys(e: ExplorerPage) -> None:
    """The key that lists all others, and the one that puts the list away."""
    keys = e.root.locator(".rnngrad-keys")
    assert not keys.is_visible()
    e.plot().press("?")
    assert "Page Up, Page Down" in (keys.text_content() or "")
    assert keys.is_visible()
    e.notebook.page.keyboard.press("Escape")
    assert not keys.is_visible()


@pytest.mark.long
def test_colour_maps_by_name_in_light_and_dark(lab: Lab) -> None:
    # (channels, timesteps); none on the border of the eighth decade
    values = 1.05 * np.outer([1, -1, 0.3, 1e-3], 10.0 ** -np.arange(10))
    values[2, 4] = 0
    e = ExplorerPage(lab.open([show(values.T[None], "norm=(-1, 1)")]))

    @patiently
    def expect_cells(wanted: NDArray[np.float64]) -> None:
        shot = e.look()
        for channel, timestep in np.ndindex(values.shape):
            seen = shot.cell(channel, timestep, values.shape)
            assert close(seen, wanted[channel, timestep]), (channel, timestep, seen)

    def logarithmic(stops: Sequence[str], below: str) -> NDArray[np.float64]:
        with np.errstate(divide="ignore"):
            decades = np.log10(np.abs(values))
        found = between(stops, decades, -8, 0)
        found[decades < -8] = rgb(below)
        return found

    bar = e.root.locator(".rnngrad-colourbar-labels text")
    e.notebook.execute("e.cmap = 'bwr'")
    expect_cells(between(BWR, values, -1, 1))
    e.notebook.set_theme(DARK)
    expect_cells(between(BWR, values, -1, 1))
    # its own colours in the dark, also when it is chosen there
    e.notebook.execute("e.cmap = 'sequential'")
    expect_cells(logarithmic(DARK_SEQUENTIAL, "#1c1c1c"))
    eventually(bar.all_text_contents, ["1.0e0", "1.0e-4", "1.0e-8"], "the labels of decades")
    e.notebook.execute("e.cmap = 'diverging'")
    e.expect_picture(values, (-1, 1), theme=DARK)
    e.notebook.execute("e.cmap = 'sequential'")
    expect_cells(logarithmic(DARK_SEQUENTIAL, "#1c1c1c"))
    e.notebook.set_theme(LIGHT)
    expect_cells(logarithmic(SEQUENTIAL, "#f1f1ef"))
    e.notebook.execute("e.cmap = 'RdBu'")

    @patiently
    def expect_ends_of_rdbu() -> None:
        shot = e.look()
        for (channel, timestep), wanted in {
            (0, 0): "#053061",
            (1, 0): "#67001f",
            (2, 4): "#f7f7f7",
        }.items():
            seen = shot.cell(channel, timestep, values.shape)
            assert close(seen, rgb(wanted), 8), (channel, timestep, seen)

    expect_ends_of_rdbu()
    for busy in (
        "",
        "import time; time.sleep(4)",
    ):  # what the kernel hears of, and what it does not
        e.notebook.execute(busy, wait=False)
        e.button("log").click()
        expect_cells(logarithmic(SEQUENTIAL, "#f1f1ef"))
        e.button("log").click()
        expect_ends_of_rdbu()
    e.expect_trait("cmap", "RdBu")
    e.notebook.execute("e.cmap = 'diverging'")
    e.expect_picture(values, (-1, 1))

    check_list_of_keys(e)
    check_sizes(e)
    e.expect_picture(values, (-1, 1))


def check_sizes(e: ExplorerPage) -> None:
    """A title, and plots of half the height in every view."""
    plots = e.root.locator(".rnngrad-plots")
    assert not e.root.locator(".rnngrad-title").is_visible()
    e.notebook.execute("e.title, e.height = 'after <b>20</b> iterations', 252")
    e.expect_text("title", "after <b>20</b> iterations")
    eventually(lambda: (plots.bounding_box() or {})["height"], 252.0 + 72, "the plots' height")
    e.notebook.settle()
    for view in ("All samples", "Heat map"):
        e.button(view).click()
        eventually(lambda: (plots.bounding_box() or {})["height"], 252.0 + 72, "the plots' height")
