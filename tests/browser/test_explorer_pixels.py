"""What a heat map shows: every colour is compared with what numpy predicts for its cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.browser.explorer_page import (
    MAGENTA,
    TOLERANCE,
    ExplorerPage,
    close,
    colours,
    eventually,
    picture,
    rgb,
    show,
)
from tests.browser.lab import DARK, LIGHT

if TYPE_CHECKING:
    from tests.browser.lab import Lab

# Forty values of forty colours, in no order that a flip or a transposition would leave alone.
ARRAY = np.random.default_rng(5).permutation(np.linspace(-1, 1, 41)[:40]).reshape(2, 5, 4)
SHAPE = (4, 5)
NORM = (-1.0, 1.0)


def test_every_cell_has_the_colour_of_its_value(lab: Lab) -> None:
    apart = colours(ARRAY.ravel(), NORM)
    apart = np.abs(apart[:, None] - apart).max(axis=-1) + 255 * np.eye(40)
    assert apart.min() > 2 * TOLERANCE, "else a cell in another's place would not be noticed"

    e = ExplorerPage(lab.open([show(ARRAY)]))
    e.expect_picture(picture(ARRAY, 0), NORM)
    e.notebook.execute("e.sample = 1")
    e.expect_picture(picture(ARRAY, 1), NORM)
    e.notebook.execute("e.sample = 0")
    e.expect_picture(picture(ARRAY, 0), NORM)

    # Once more without the helpers: what is left, low, blue, red and white.
    shot = e.look()
    width, height = shot.area["width"], shot.area["height"]
    for timestep, channel in np.ndindex(5, 4):
        x = (timestep + 0.25) * width / 5
        red, green, blue = shot.at(x, height - (channel + 0.25) * height / 4)
        value = ARRAY[0, timestep, channel]
        assert (blue > red + 10) == (value < 0), (timestep, channel, value)
        assert (red > blue + 10) == (value > 0), (timestep, channel, value)
        assert (red == green == blue == 255) == (value == 0), (timestep, channel, value)
    assert 0 in ARRAY[0]


def test_nan_and_infinities_are_magenta_and_counted(lab: Lab) -> None:
    array = np.linspace(-1, 1, 60).reshape(2, 6, 5)
    array[0, 1, 2] = array[1, 0, 0] = np.nan
    array[0, 3, 4] = np.inf
    array[0, 5, 0] = array[0, 0, 1] = -np.inf
    e = ExplorerPage(lab.open([show(array)]))
    e.expect_picture(picture(array, 0), NORM)
    assert "2 NaN, 3 Inf" in e.text("summary")
    assert "no NaN/Inf" not in e.text("summary")
    magenta = (np.abs(e.look().pixels - rgb(MAGENTA)) <= 1).all(axis=-1).mean()
    assert 0.8 * 4 / 30 < magenta < 1.02 * 4 / 30, "four of thirty cells, less the cursor's lines"
    note = e.root.locator(".rnngrad-figure-curve .rnngrad-alarm")
    assert note.text_content() == ""


def test_a_curve_without_a_finite_value_is_said(lab: Lab) -> None:
    array = np.linspace(-1, 1, 60).reshape(2, 6, 5)
    array[1, :, 3] = np.nan
    e = ExplorerPage(lab.open([show(array, "sample=1, channel=3")]))
    note = e.root.locator(".rnngrad-figure-curve .rnngrad-alarm")
    eventually(note.text_content, "no finite value in sample 1, channel 3", "the note")
    e.notebook.execute("e.sample = 0")
    eventually(note.text_content, "", "the note")


def test_a_lone_value_stays_visible_among_more_cells_than_pixels(lab: Lab) -> None:
    source = """
import numpy as np
from rnngrad_widgets import GradientExplorer
array = np.zeros((2, 4000, 512))
array[0, 1001, 301] = -1
array[1, 3002, 17] = 1
e = GradientExplorer.from_array(array, channel=511)
e
"""
    e = ExplorerPage(lab.open([source]))
    for sample, timestep, channel, value in ((0, 1001, 301, -1.0), (1, 3002, 17, 1.0)):
        e.notebook.execute(f"e.sample = {sample}")
        e.expect_text("sample", str(sample))
        shot = e.look()
        wanted = colours(value, NORM)
        found = np.argwhere((np.abs(shot.pixels - wanted) <= TOLERANCE).all(axis=-1))
        assert len(found) == 1, "the one value must take one pixel"
        down, right = found[0] + 0.5
        assert abs(right - (timestep + 0.5) / 4000 * shot.area["width"]) <= 2
        assert abs(down - (1 - (channel + 0.5) / 512) * shot.area["height"]) <= 2


def test_the_dark_theme_has_its_own_colours_and_light_comes_back(lab: Lab) -> None:
    notebook = lab.open([show(ARRAY)])
    e = ExplorerPage(notebook)
    values = picture(ARRAY, 0)
    e.expect_picture(values, NORM)
    e.expect_trait("dark", False)
    notebook.set_theme(DARK)
    e.expect_picture(values, NORM, theme=DARK)
    e.expect_trait("dark", True)  # for pages that are saved
    zero = np.argwhere(values == 0)[0]
    assert close(e.look().cell(*zero, SHAPE), rgb("#1b1b1b"), 1)
    bar = notebook.pixels(e.root.locator(".rnngrad-colourbar-colours"))[:, 5].astype(int)
    wanted = colours(1 - 2 * (np.arange(len(bar)) + 0.5) / len(bar), NORM, DARK)
    assert close(bar[2:-2], wanted[2:-2], 10), "the colour bar must follow, vmax on top"
    notebook.set_theme(LIGHT)
    e.expect_picture(values, NORM)
