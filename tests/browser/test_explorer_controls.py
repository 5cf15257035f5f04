"""Every control, by mouse and by keys: it must change the picture to what numpy predicts."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import numpy as np

from tests.browser.explorer_page import (
    ExplorerPage,
    colours,
    eventually,
    number,
    patiently,
    picture,
    show,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.browser.lab import Lab

RANDOM = np.random.default_rng(11)
ARRAY = RANDOM.permutation(np.linspace(-1, 1, 6 * 8 * 4)).reshape(6, 8, 4).round(3)
SHAPE = (4, 8)
AUTO = (-1.0, 1.0)
# Ten stops in each of the eight decades below the maximum, and the maximum.
LIMITS = [
    float(f"{step}e{decade}")
    for decade in range(-8, 0)
    for step in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
] + [1.0]


@patiently
def expect_curve(e: ExplorerPage, values: NDArray[np.float64], limit: float) -> None:
    """The ink of the curve must be where numpy says, at every timestep."""
    shot = e.look("curve")
    width, height = shot.area["width"], shot.area["height"]
    count = len(values)
    for timestep, value in enumerate(values):
        # the dot of the cursor sits on the curve: ink too
        column = int(shot.area["x"] % 1 + (timestep + 0.5) / count * width)
        inked = np.flatnonzero(shot.pixels[:, column].mean(axis=1) < 100)
        wanted = height * (1 - (value / (1.15 * limit) + 1) / 2)
        assert len(inked) > 0, f"no curve at timestep {timestep}"
        # at a peak the line's ends spread to one side only
        assert abs(inked.mean() + 0.5 - wanted) < 2.5, (timestep, value, inked, wanted)


@patiently
def expect_hairlines(e: ExplorerPage, sample: int, channel: int) -> None:
    """There must be a line at either edge of the channel's row, and no other."""
    shot = e.look()
    height = shot.area["height"]
    column = shot.pixels[:, int(1.25 / 8 * shot.area["width"])].astype(int)
    grounds = colours(ARRAY[sample, 1], AUTO)
    plain = (np.abs(column[:, None] - grounds).max(axis=-1) <= 5).any(axis=1)
    # the plot's frame is in its first and its last rows of pixels
    lines = [row for row in np.flatnonzero(~plain) if 2 < row < height - 2]
    edges = [place for place in (3 - channel, 4 - channel) if 0 < place < 4]
    wanted = shot.area["y"] % 1 + np.array(edges) * height / 4
    assert len(lines) == len(wanted), (channel, lines)
    assert np.abs(np.add(lines, 0.5) - wanted).max() < 1.6, (channel, lines)


def place_of(limit: float) -> float:
    """Where the logarithmic slider has a limit, 0 .. 1."""
    return LIMITS.index(limit) / 80


def test_sample_by_mouse_and_keys(lab: Lab) -> None:
    e = ExplorerPage(lab.open([show(ARRAY)]))
    e.expect_picture(picture(ARRAY, 0), AUTO)
    e.drag("sample", 0.6)
    e.expect_picture(picture(ARRAY, 3), AUTO)
    e.expect_text("sample", "3")
    e.expect_trait("sample", 3)
    expect_curve(e, ARRAY[3, :, 0], np.abs(ARRAY[:, :, 0]).max())
    for key, sample in (("ArrowRight", 4), ("ArrowLeft", 3), ("End", 5), ("Home", 0)):
        e.press("sample", key)
        e.expect_picture(picture(ARRAY, sample), AUTO)
        e.expect_text("sample", str(sample))
        e.expect_text("heat-caption", f"Value v by channel, sample {sample}")
    e.expect_trait("sample", 0)


def test_channel_by_mouse_and_keys(lab: Lab) -> None:
    e = ExplorerPage(lab.open([show(ARRAY, "sample=1")]))
    maxima = np.abs(ARRAY).max(axis=(0, 1))

    def expect(channel: int) -> None:
        e.expect_text("channel", str(channel))
        e.expect_text("curve-caption", f"Value v of channel {channel}")
        value = number(ARRAY[1, 7, channel], plus=True)
        norm = number(float(np.linalg.norm(ARRAY[1, 7])))
        e.expect_text("hover", f"timestep 7 · channel {channel} · v {value} · ‖v‖ {norm}")
        e.expect_picture(picture(ARRAY, 1), AUTO)
        expect_hairlines(e, 1, channel)
        expect_curve(e, ARRAY[1, :, channel], maxima[channel])

    expect(0)
    e.drag("channel", 1.0)
    expect(3)
    e.expect_trait("channel", 3)
    e.press("channel", "ArrowLeft")
    expect(2)
    e.press("channel", "Home")
    e.press("channel", "ArrowUp")
    expect(1)
    e.expect_trait("channel", 1)


def test_norm_by_mouse_keys_and_auto(lab: Lab) -> None:
    e = ExplorerPage(lab.open([show(ARRAY)]))
    values = picture(ARRAY, 0)

    def expect(limit: float, trait: object) -> None:
        e.expect_picture(values, (-limit, limit))
        e.expect_text("norm", f"±{number(limit)}")
        e.expect_trait("norm", trait)

    expect(1.0, "auto")
    e.drag("norm", place_of(0.5))
    expect(0.5, (-0.5, 0.5))
    e.press("norm", "ArrowLeft")
    expect(0.4, (-0.4, 0.4))
    e.press("norm", "ArrowRight")
    e.press("norm", "ArrowRight")
    expect(0.6, (-0.6, 0.6))
    e.press("norm", "Home")
    expect(1e-8, (-1e-8, 1e-8))
    e.button("auto").click()
    expect(1.0, "auto")
    e.drag("norm", place_of(0.15))
    expect(0.15, (-0.15, 0.15))
    e.button("auto").press("Enter")
    expect(1.0, "auto")


def test_range_has_two_handles_and_zero_stays_neutral(lab: Lab) -> None:
    e = ExplorerPage(lab.open([show(ARRAY)]))
    values = picture(ARRAY, 0)
    values_of_zero = colours(0.0, (-0.5, 0.25))
    assert values_of_zero.tolist() == [255, 255, 255]
    e.button("range").click()
    e.handle("norm", 1).wait_for()
    e.expect_picture(values, AUTO)
    e.drag("norm", 0.745, which=1)
    for _ in range(4):  # a pixel is more than a place
        if e.text("norm") != "−1.0e0 … +5.0e-1":
            e.handle("norm", 1).press("ArrowRight")
    e.expect_picture(values, (-1.0, 0.5))
    e.expect_text("norm", "−1.0e0 … +5.0e-1")
    e.expect_trait("norm", (-1.0, 0.5))
    e.drag("norm", 0.4, which=0)
    e.expect_picture(values, (-0.2, 0.5))
    e.press("norm", "ArrowLeft", which=1)
    e.press("norm", "ArrowRight", which=0)
    e.expect_picture(values, (-0.195, 0.495))
    e.expect_trait("norm", (-0.195, 0.495))
    # one handle shows a symmetric range, so that is what two of them leave behind
    e.button("range").click()
    e.expect_picture(values, (-0.495, 0.495))
    e.expect_trait("norm", (-0.495, 0.495))
    e.button("range").click()
    e.handle("norm", 1).wait_for()
    # both handles on one side of zero: zero is outside, and takes the colour of the nearer end
    e.drag("norm", 0.6, which=0)
    e.expect_picture(values, (0.2, 0.495))
    e.button("auto").click()
    e.expect_picture(values, AUTO)
    e.expect_trait("norm", "auto")


def test_reflect_flips_the_second_half_along_time_only(lab: Lab) -> None:
    e = ExplorerPage(lab.open([show(ARRAY, "sample=1, channel=3")]))
    time_order, processing = picture(ARRAY, 1), picture(ARRAY, 1, reflect=True)
    assert (time_order[:2] == processing[:2]).all()
    assert (time_order[2:] == processing[2:, ::-1]).all()
    e.expect_picture(time_order, AUTO)
    limit = np.abs(ARRAY[:, :, 3]).max()
    e.button("processing order").click()
    e.expect_picture(processing, AUTO)
    e.expect_trait("reflect_half", True)
    expect_curve(e, ARRAY[1, ::-1, 3], limit)
    value = number(ARRAY[1, 0, 3], plus=True)
    assert f"processing step 7 · channel 3 · v {value}" in e.text("hover")
    e.press("sample", "ArrowRight")
    e.expect_picture(picture(ARRAY, 2, reflect=True), AUTO)
    e.button("time order").press("Enter")
    e.expect_picture(picture(ARRAY, 2), AUTO)
    e.expect_trait("reflect_half", False)
    expect_curve(e, ARRAY[2, :, 3], limit)


def test_the_plot_takes_mouse_and_keys(lab: Lab) -> None:
    notebook = lab.open([show(ARRAY), "1"])
    e = ExplorerPage(notebook)
    mouse = notebook.page.mouse

    def hovered(sample: int, timestep: int, channel: int) -> str:
        value = number(ARRAY[sample, timestep, channel], plus=True)
        norm = number(float(np.linalg.norm(ARRAY[sample, timestep])))
        return f"timestep {timestep} · channel {channel} · v {value} · ‖v‖ {norm}"

    for timestep, channel in ((2, 3), (5, 1), (0, 0)):
        mouse.move(*e.point(timestep, channel, SHAPE))
        e.expect_text("hover", hovered(0, timestep, channel))
    e.expect_text("channel", "0")
    mouse.click(*e.point(6, 2, SHAPE))
    e.expect_text("channel", "2")
    expect_hairlines(e, 0, 2)
    e.expect_trait("channel", 2)
    mouse.move(5, 5)
    e.expect_text("hover", hovered(0, 6, 2))
    e.expect_trait("selection.timestep", 6)

    # the click has put the keyboard's focus on the plot
    for key, sample, timestep, channel in (
        ("ArrowLeft", 0, 5, 2),
        ("ArrowUp", 0, 5, 3),
        ("]", 1, 5, 3),
        ("Shift+ArrowLeft", 1, 0, 3),
        ("ArrowRight", 1, 1, 3),
        ("Shift+ArrowDown", 1, 1, 0),
        ("]", 2, 1, 0),
        ("[", 1, 1, 0),
        ("[", 0, 1, 0),
        ("[", 0, 1, 0),
    ):
        notebook.page.keyboard.press(key)
        e.expect_text("hover", hovered(sample, timestep, channel))
        e.expect_picture(picture(ARRAY, sample), AUTO)
    e.expect_trait("sample", 0)
    e.expect_trait("channel", 0)
    # with the focus elsewhere these are commands of the notebook: add a cell, go to the next one
    for place in (e.plot(), e.handle("channel"), e.button("range")):
        for key in ("b", "ArrowDown"):
            place.press(key)
    assert len(notebook.outputs) == 2
    active = "() => jupyterapp.shell.currentWidget.content.activeCellIndex"
    assert notebook.page.evaluate(active) == 0
    expect_hairlines(e, 0, 0)
    # and on the curve as well
    area = e.area("curve")
    mouse.click(area["x"] + 3.5 / 8 * area["width"], area["y"] + 10)
    e.expect_text("hover", hovered(0, 3, 0))


def told_of(e: ExplorerPage) -> object:
    """What the observers of the kernel heard."""
    return ast.literal_eval(e.notebook.execute("print(heard)"))


def test_python_moves_the_picture_and_hears_of_the_mouse(lab: Lab) -> None:
    e = ExplorerPage(lab.open([show(ARRAY)]))
    run = e.notebook.execute
    run(
        "heard = []\n"
        "e.observe(lambda c: heard.append((c['name'], c['new'])),"
        " ['sample', 'channel', 'norm', 'reflect_half'])"
    )
    run("e.sample = 4")
    e.expect_picture(picture(ARRAY, 4), AUTO)
    run("e.channel = 3")
    e.expect_text("curve-caption", "Value v of channel 3")
    expect_curve(e, ARRAY[4, :, 3], np.abs(ARRAY[:, :, 3]).max())
    run("e.norm = (-0.3, 0.7)")
    e.expect_picture(picture(ARRAY, 4), (-0.3, 0.7))
    e.expect_text("norm", "−3.0e-1 … +7.0e-1")
    run("e.reflect_half = True")
    e.expect_picture(picture(ARRAY, 4, reflect=True), (-0.3, 0.7))
    run("e.reflect_half = False; e.norm = 'auto'")
    e.expect_picture(picture(ARRAY, 4), AUTO)
    # nothing comes back from the browser that was not asked for
    told = [
        *(("sample", 4), ("channel", 3), ("norm", (-0.3, 0.7))),
        *(("reflect_half", True), ("reflect_half", False), ("norm", "auto")),
    ]
    assert told_of(e) == told
    run("heard.clear()")
    e.press("sample", "ArrowLeft")
    e.press("channel", "ArrowLeft")
    e.press("norm", "ArrowLeft")
    e.button("processing order").click()
    told = [("sample", 3), ("channel", 2), ("norm", (-0.8, 0.8)), ("reflect_half", True)]
    eventually(lambda: told_of(e), told, "what observers heard")
