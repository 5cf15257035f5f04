"""Grids of panels: every map's colours, every curve's place and colour, pages, pointer and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.browser.explorer_page import (
    ExplorerPage,
    Shot,
    eventually,
    number,
    patiently,
    picture,
    show,
)
from tests.browser.lab import DARK, LIGHT
from tests.browser.views_page import (
    expect_maps,
    grid_point,
    hue_near,
    is_hue,
    look_at_grid,
    names,
    panels,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.browser.lab import Lab

ARRAY = np.random.default_rng(5).permutation(np.linspace(-1, 1, 121)[:120]).reshape(6, 5, 4)
ARRAY[4, 2, 1] = np.nan
NORM = (-1.0, 1.0)
# Four samples, far apart and nearly level; channels a decade apart.
LEVELS = np.array([0.9, -0.4, -0.9, 0.4])
CURVES = (LEVELS[:, None, None] + 0.05 * np.arange(9)[:, None] / 9) * 10.0 ** -np.arange(3)
MANY = np.random.default_rng(6).integers(-8, 9, (130, 3, 30)) / 8.0


def maps(array: NDArray[Any], *, reflect: bool = False) -> dict[int, NDArray[np.float64]]:
    """What each sample's panel shows."""
    return {sample: picture(array, sample, reflect=reflect) for sample in range(len(array))}


def cell(e: ExplorerPage, sample: int, timestep: int, channel: int) -> tuple[float, float]:
    """Page coordinates of a cell in the panel of a sample."""
    return grid_point(e, sample, (timestep + 0.5) / 5, (channel + 0.5) / 4)


def test_maps_have_the_colours_of_all_samples_and_a_click_chooses_one(lab: Lab) -> None:
    e = ExplorerPage(lab.open([show(ARRAY, "norm=(-1, 1)")]))
    mouse = e.notebook.page.mouse
    e.button("All samples").click()
    expect_maps(e, maps(ARRAY), NORM)
    assert names(e) == ["sample 0", "1", "2", "3", "4", "5"]
    line = e.root.locator("path.rnngrad-cross").first  # of all panels
    assert not line.get_attribute("d"), "nobody has pointed yet"
    e.notebook.set_theme(DARK)
    expect_maps(e, maps(ARRAY), NORM, DARK)
    e.notebook.set_theme(LIGHT)
    e.button("processing order").click()
    expect_maps(e, maps(ARRAY, reflect=True), NORM)
    e.button("time order").click()
    e.notebook.execute("e.norm = (-0.25, 0.5)")
    expect_maps(e, maps(ARRAY), (-0.25, 0.5))

    mouse.move(*cell(e, 3, 1, 2))
    norm = number(np.linalg.norm(ARRAY[3, 1]))
    value = number(ARRAY[3, 1, 2], plus=True)
    e.expect_text("hover", f"sample 3 · timestep 1 · channel 2 · v {value} · ‖v‖ {norm}")
    e.expect_text("sample", "0")
    assert str(line.get_attribute("d")).count("M") == 6
    mouse.click(*cell(e, 3, 1, 2))
    e.expect_text("sample", "3")
    e.expect_trait("sample", 3)
    e.expect_trait("channel", 2)
    assert [panel.name for panel in panels(e) if panel.strong] == ["sample 3"]
    mouse.move(5, 5)
    value = number(ARRAY[3, 1, 2], plus=True)
    e.expect_text("hover", f"timestep 1 · channel 2 · v {value} · ‖v‖ {norm}")

    grid = e.plot("single")
    assert "arrows move the timestep" in str(grid.get_attribute("aria-description"))
    for key in ("]", "ArrowUp", "ArrowRight"):
        grid.press(key)
    value = number(ARRAY[4, 2, 3], plus=True)
    e.expect_text("hover", f"timestep 2 · channel 3 · v {value} · ‖v‖ NaN")
    e.expect_text("sample", "4")

    e.button("one channel").click()
    e.expect_text("channel-caption", "Value v of channel 3, by sample")
    e.expect_picture(ARRAY[:, :, 3], (-0.25, 0.5), kind="single")
    area = e.area("single")
    mouse.click(area["x"] + area["width"] / 2, area["y"] + 4.5 / 6 * area["height"])
    e.expect_text("sample", "1")
    value, norm = number(ARRAY[1, 2, 3], plus=True), number(np.linalg.norm(ARRAY[1, 2]))
    e.expect_text("hover", f"sample 1 · timestep 2 · channel 3 · v {value} · ‖v‖ {norm}")


def test_pages_of_many_samples_and_channels(lab: Lab) -> None:
    e = ExplorerPage(lab.open([show(MANY, "norm=(-1, 1)")]))
    e.notebook.execute("e.view = 'all samples'")
    page = e.root.locator(".rnngrad-pager .noUi-handle").locator("visible=true").first

    def expect_names(first: int, last: int) -> None:
        eventually(
            lambda: [name.split(" ")[-1] for name in names(e)],
            [str(i) for i in range(first, last + 1)],
            "the panels of the page",
        )

    pager = e.root.locator(".rnngrad-pager").locator("visible=true").first
    expect_names(0, 63)
    page.press("ArrowRight")
    expect_names(64, 127)
    assert " ".join((pager.inner_text()).split()) == "Page 2 of 3"
    page.press("ArrowRight")
    expect_names(128, 129)
    expect_maps(e, {0: MANY[128].T, 1: MANY[129].T}, NORM)
    e.notebook.execute("e.sample = 70")  # the page of what is chosen
    expect_names(64, 127)

    e.button("Curves").click()
    e.button("all channels").click()
    eventually(lambda: len(names(e)), 24, "panels of channels")
    e.press("channel", "End")
    expect_names(24, 29)
    assert names(e)[-1] == "channel 29"
    e.notebook.execute("e.channel = 0")
    expect_names(0, 23)


def expect_in(
    shot: Shot, box: tuple[float, float, float, float], channel: int, limit: float, chosen: int
) -> None:
    """In a plot area (left, top, width, height), each curve must have its place and colour."""
    left, top, width, height = box
    for sample, timestep in np.ndindex(4, 8):
        value = CURVES[sample, timestep : timestep + 2, channel].mean()  # between two timesteps
        x = left + (timestep + 1) / 9 * width
        y = top + (1 - value / (1.15 * limit)) / 2 * height
        seen = hue_near(shot, x, y)
        if sample == chosen:
            assert seen is None, (sample, timestep, seen)
            assert min(int(shot.at(x, y + dy).max()) for dy in (-1, 0, 1)) < 110
        else:
            assert is_hue(seen, sample), (sample, timestep, seen)
        assert hue_near(shot, x, y + 9) is None, (sample, timestep)


def test_curves_lie_where_numpy_says_in_the_colours_of_their_samples(lab: Lab) -> None:
    e = ExplorerPage(lab.open([show(CURVES)]))
    mouse = e.notebook.page.mouse
    e.button("Curves").click()

    @patiently
    def expect_single(channel: int, chosen: int) -> None:
        shot = e.look("curve-high")
        box = (0, 0, shot.area["width"], shot.area["height"])
        expect_in(shot, box, channel, CURVES[:, :, channel].max(), chosen)

    @patiently
    def expect_grid(chosen: int, *, own: bool) -> None:
        shot = look_at_grid(e)
        for channel, panel in enumerate(panels(e)):
            if own or channel == 0:
                limit = CURVES[:, :, channel].max()
                box = (panel.left, panel.top, panel.width, panel.height)
                expect_in(shot, box, channel, limit, chosen)
            else:  # a tenth of the height, and less, about the middle
                x, y = panel.inside(0.4, 0.5)
                assert hue_near(shot, x, y, int(0.06 * panel.height)) is not None
                assert hue_near(shot, x, y - 0.3 * panel.height, 8) is None

    expect_single(0, 0)
    e.press("sample", "ArrowRight")
    e.press("channel", "ArrowRight")
    expect_single(1, 1)
    e.button("all channels").click()
    expect_grid(1, own=False)
    e.button("own y axes").click()
    expect_grid(1, own=True)
    assert names(e) == ["0", "channel 1", "2"]
    mouse.click(*grid_point(e, 2))
    e.expect_trait("channel", 2)
    assert names(e) == ["0", "1", "channel 2"]
    e.button("same y axis").click()
    expect_grid(1, own=False)
    e.notebook.execute("e.ylim = (-2, 1)")
    labels = e.root.locator(".rnngrad-grid-words text")
    eventually(
        lambda: {"−2", "0", "1"} <= {str(t) for t in labels.all_text_contents()},
        True,
        "the ends of the chosen y axis",
    )
    assert e.plot("single").get_attribute("tabindex") == "0"
