"""Values without a time axis: dots and bars are where numpy says, in the colour of their sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.browser.explorer_page import INK, ExplorerPage, Shot, blend, number, patiently, show
from tests.browser.lab import LIGHT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.browser.lab import Lab

ARRAY = np.random.default_rng(2).permutation(np.linspace(-1, 1, 31)[:30]).reshape(6, 5)
SAMPLES, CHANNELS = ARRAY.shape
SIGNS = {-1: "#1f63a8", 1: "#b2182b"}


def shade(value: float, channel: int, *, faded: bool) -> NDArray[np.float64]:
    """Colour of a value over white: hue by sign, the deeper the later the channel."""
    alpha = 0.45 + 0.55 * (channel + 1) / CHANNELS
    return blend(SIGNS[-1 if value < 0 else 1], alpha * (0.45 if faded else 1), [255, 255, 255])


def height_of(value: float, shot: Shot) -> float:
    """Where a value is in a plot, from its upper edge; the axis holds all values and some room."""
    return shot.area["height"] * (1 - (value / (1.15 * np.abs(ARRAY).max()) + 1) / 2)


def dot(sample: int, channel: int, shot: Shot) -> tuple[float, float]:
    """Where the dot of a value is in the scatter."""
    within = 0.88 * ((channel + 0.5) / CHANNELS - 0.5)
    x = (sample + 0.5 + within) / SAMPLES * shot.area["width"]
    return x, height_of(ARRAY[sample, channel], shot)


def near(shot: Shot, x: float, y: float, wanted: NDArray[np.float64]) -> bool:
    """Whether a pixel at a place, or a neighbour of it, has a colour."""
    around = [shot.at(x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
    return bool((np.abs(np.array(around) - wanted).max(axis=1) <= 10).any())


@patiently
def expect_dots(e: ExplorerPage, chosen: int) -> None:
    """Every dot must be in its place, and the band behind the chosen sample only."""
    shot = e.look("scatter")
    for sample, channel in np.ndindex(ARRAY.shape):
        x, y = dot(sample, channel, shot)
        colour = shade(ARRAY[sample, channel], channel, faded=sample != chosen)
        if sample == chosen:
            colour = blend(INK[LIGHT], 0.07, colour)
        assert near(shot, x, y, colour), (sample, channel, shot.at(x, y), colour)
    for sample in range(SAMPLES):
        left = shot.at((sample + 0.02) / SAMPLES * shot.area["width"], 4)
        right = shot.at((sample + 0.98) / SAMPLES * shot.area["width"], 4)
        for seen in (left, right):
            assert (seen.max() < 250) == (sample == chosen), (sample, seen)


@patiently
def expect_bars(e: ExplorerPage, chosen: int, channel: int) -> None:
    """The chosen sample's bars must reach from zero to their values and no further."""
    shot = e.look("bars")
    for c in range(CHANNELS):
        value = ARRAY[chosen, c]
        x = (c + 0.5) / CHANNELS * shot.area["width"] - 20
        colour = shade(value, c, faded=c != channel)
        zero, end = height_of(0, shot), height_of(value, shot)
        if abs(end - zero) > 8:
            beyond = end + 4 * np.sign(end - zero)
            assert near(shot, x, (zero + end) / 2, colour), (c, value, colour)
            assert not near(shot, x, beyond, colour), (c, value, colour)


def test_dots_and_bars_follow_sample_and_channel(lab: Lab) -> None:
    e = ExplorerPage(lab.open([show(ARRAY)]))
    e.expect_text("bars-caption", "Value v of sample 0, by channel")
    expect_dots(e, 0)
    expect_bars(e, 0, 0)
    e.drag("sample", 0.6)
    e.expect_text("bars-caption", "Value v of sample 3, by channel")
    expect_dots(e, 3)
    expect_bars(e, 3, 0)
    e.press("channel", "End")
    told = f"sample 3 · channel 4 · v {number(ARRAY[3, 4], plus=True)}"
    e.expect_text("bars-hover", told)
    expect_bars(e, 3, 4)
    e.expect_trait("sample", 3)
    e.expect_trait("channel", 4)
    e.notebook.execute("e.sample = 1")
    e.expect_text("sample", "1")
    expect_dots(e, 1)


def test_a_click_chooses_the_sample_and_the_nearest_channel(lab: Lab) -> None:
    e = ExplorerPage(lab.open([show(ARRAY)]))
    mouse = e.notebook.page.mouse
    for sample, channel in ((4, 2), (1, 3), (5, 0)):
        shot = e.look("scatter")
        x, y = dot(sample, channel, shot)
        mouse.click(shot.area["x"] + x + 1, shot.area["y"] + y - 2)
        told = (
            f"sample {sample} · channel {channel} · v {number(ARRAY[sample, channel], plus=True)}"
        )
        e.expect_text("bars-hover", told)
        mouse.move(5, 5)
        expect_dots(e, sample)
        e.expect_trait("sample", sample)
        e.expect_trait("channel", channel)
    e.notebook.page.keyboard.press("[")
    e.expect_text("sample", "4")
    expect_dots(e, 4)
