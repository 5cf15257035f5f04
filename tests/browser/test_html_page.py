"""A saved page, opened from disk with the network off, in three browsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.data.tensor import REACH, SEQUENCE, GradientTensor
from rnngrad_widgets.data.wire import as_bfloat16
from rnngrad_widgets.explorer.source import Source
from rnngrad_widgets.export.html import save_html
from tests.browser import other_engines
from tests.browser.engines import Chromium, Firefox, WebKit
from tests.browser.explorer_page import (
    TOLERANCE,
    close,
    colours,
    number,
    picture,
    rgb,
)
from tests.browser.html_page import PageView
from tests.browser.lab import DARK, LIGHT
from tests.fixtures.golden import log_colour
from tests.unit.explorer.fake_source import explore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.browser.engines import Engine
    from tests.browser.lab import Theme

# Forty-eight values of as many colours, in no order that a flip or a transposition leaves alone.
ARRAY = np.random.default_rng(5).permutation(np.linspace(-1, 1, 48)).reshape(2, 6, 4)
SHAPE = (4, 6)
NORM = (-1.0, 1.0)
EVIL = "</script><img src=x onerror=\"document.title='run'\"><!-- &amp;"


class OneLayer(Source):
    """One layer of an ugly name, and another one that the page does not have."""

    def layers(self) -> dict[str, str]:
        return {EVIL: f"{EVIL}  LSTM 4", "other": "other  LSTM 4"}

    def resolve(self, _layer: object) -> str:
        return EVIL

    def quantities(self, _layer: str) -> tuple[str, ...]:
        return ("output_gradient", "hidden_gradient")

    def compute(self, layer: str, quantity: str) -> dict[str, GradientTensor]:
        return {"": GradientTensor(ARRAY, SEQUENCE, layer, quantity)}


@pytest.fixture(params=["chromium", "firefox", "webkit"])
def engine(request: pytest.FixtureRequest, browser: Browser, tmp_path: Path) -> Iterator[Engine]:
    name: str = request.param
    if name != "chromium" and other_engines.find(name) is None:
        pytest.skip(other_engines.how_to_get(name))
    running: Engine
    if name == "chromium":
        running = Chromium(browser)
    else:
        profile = tmp_path / "profile"
        profile.mkdir()
        running = (Firefox if name == "firefox" else WebKit)(profile)
    yield running
    running.close()


@pytest.mark.one_case_in(2)
def test_a_page_is_alive_in_every_browser(engine: Engine, tmp_path: Path) -> None:
    explorer = explore(OneLayer(), norm=NORM)
    page = PageView(engine, explorer.save_html(tmp_path / "page.html", title=EVIL).path)

    # where it is, and every colour of it
    page.expect_picture(picture(ARRAY, 0))
    shot, window = page.look(), engine.pixels()
    area = shot.area
    assert area["width"] > 800
    corners = colours(picture(ARRAY, 0), NORM)[[0, 0, -1, -1], [0, -1, 0, -1]]
    for (y, x), wanted in zip(((-1, 0), (-1, -1), (0, 0), (0, -1)), corners, strict=True):
        inside = shot.pixels[4 if y == 0 else y - 4, 4 if x == 0 else x - 4]
        assert close(inside, wanted), "the picture fills the plot area"
    left, top = int(area["x"]), int(area["y"])
    assert (window[top + 100, left - 8] == 255).all(), "and nothing outside of it"

    # sliders, with the mouse and with keys
    page.drag("sample", 1.0)
    page.expect_picture(picture(ARRAY, 1))
    page.expect_text("sample", "1")
    page.press("sample", "ArrowLeft")
    page.expect_picture(picture(ARRAY, 0))
    page.press("channel", "End")
    page.expect_text("curve-caption", "Gradient g of channel 3")
    page.press("norm", "ArrowLeft")
    page.expect_text("readout.rnngrad-norm", "±8.0e-1")
    page.expect_picture(picture(ARRAY, 0), (-0.8, 0.8))

    # pointing
    area = page.look().area
    engine.move((area["x"] + 2.4 / 6 * area["width"], area["y"] + 0.4 / 4 * area["height"]))
    value = number(ARRAY[0, 2, 3], plus=True)
    norm = number(float(np.linalg.norm(ARRAY[0, 2])))
    page.expect_text("hover", f"timestep 2 · channel 3 · g {value} · ‖g‖ {norm}")

    # every view, and the first one again
    views = page.read("document.querySelectorAll('.rnngrad-views button').length")
    assert views > 3
    for view in (*range(1, views), 0):
        page.switch_to(view)
    page.expect_picture(picture(ARRAY, 0), (-0.8, 0.8))

    # what only a kernel can do rests
    chosen = "[...document.querySelectorAll('select')].slice(0, 2).map((el) => el.disabled)"
    assert page.read(chosen) == [True, True]
    assert page.box("button.rnngrad-kernel") is None

    # names are text
    assert page.read("document.title") == EVIL
    assert page.read("document.querySelector('h1').textContent") == EVIL
    option = "document.querySelector('select').selectedOptions[0].text"
    assert page.read(f"{option}.replaceAll('\u00a0', ' ')") == f"{EVIL}  LSTM 4"
    summary = page.read("document.querySelector('.rnngrad-summary').textContent")
    assert summary.strip().startswith(f"{EVIL} · ")
    assert page.read("document.images.length") == 0

    # there is no kernel that could be gone
    explorer = "document.querySelector('.rnngrad-explorer')"
    assert page.read(f"getComputedStyle({explorer}, '::after').content") == "none"

    # nothing was asked of the network, and nothing went wrong
    assert page.read("performance.getEntriesByType('resource').length") == 0
    alarms = "[role=alert], .jupyter-widgets-error-widget"
    assert page.read(f"document.querySelectorAll({alarms!r}).length") == 0
    if isinstance(engine, Chromium):
        assert engine.complaints == []


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("saved_from", ["no notebook", "a notebook"])
def test_a_page_has_the_theme_of_its_notebook_else_of_the_system(
    browser: Browser, tmp_path: Path, theme: Theme, saved_from: str
) -> None:
    dark = theme == DARK
    noted = saved_from == "a notebook"
    engine = Chromium(browser, dark=dark != noted)  # the other one, if it is not to be followed
    explorer = GradientExplorer.from_array(ARRAY, norm=NORM)
    explorer.dark = dark if noted else None
    try:
        page = PageView(engine, save_html(explorer, tmp_path / "page.html").path)
        page.expect_picture(picture(ARRAY, 0), theme=theme)
        page.click(".rnngrad-order button + button")
        page.expect_picture(picture(ARRAY, 0, reflect=True), theme=theme)
        ground = rgb("#111111" if theme == DARK else "#ffffff")
        assert (engine.pixels()[-1, -1] == ground).all()
        assert (engine.pixels()[0, 0] == ground).all()
    finally:
        engine.close()


def test_a_picture_can_be_saved_from_a_page(browser: Browser, tmp_path: Path) -> None:
    engine = Chromium(browser)
    explorer = GradientExplorer.from_array(ARRAY, norm=NORM)
    try:
        page = PageView(engine, save_html(explorer, tmp_path / "page.html").path)
        page.expect_picture(picture(ARRAY, 0))
        with engine.page.expect_download() as download:
            engine.page.get_by_title("save the picture").click()
            engine.page.get_by_role("menuitem", name="PNG").click()
        download.value.save_as(tmp_path / "picture.png")
        saved = Image.open(tmp_path / "picture.png").convert("RGB")
        seen = np.array([colour for _, colour in saved.getcolors(saved.width * saved.height) or ()])
        for colour in colours(picture(ARRAY, 0), NORM).reshape(-1, 3):
            assert (np.abs(seen - colour) <= TOLERANCE).all(axis=-1).any(), colour
        assert engine.complaints == []
    finally:
        engine.close()


def test_a_page_of_half_the_size_shows_the_rounded_values(browser: Browser, tmp_path: Path) -> None:
    engine = Chromium(browser)
    array = ARRAY.astype(np.float32)
    array[0, 5, 3] = 1.0503
    rounded = (as_bfloat16(array).astype(np.uint32) << 16).view(np.float32)
    told = [number(float(values[0, 5, 3])) for values in (array, rounded)]
    assert told[0] != told[1], "else it would not be seen"
    explorer = GradientExplorer.from_array(array, channel=3, norm=NORM)
    try:
        saved = explorer.save_html(tmp_path / "page.html", precision="bfloat16")
        page = PageView(engine, saved.path)
        page.expect_picture(picture(rounded, 0))
        norm = number(float(np.linalg.norm(rounded[0, 5])))
        page.expect_text("hover", f"timestep 5 · channel 3 · v +{told[1]} · ‖v‖ {norm}")
        assert "rounded to bfloat16" in page.read("document.querySelector('footer').textContent")
    finally:
        engine.close()


class OneReach(Source):
    """A reach that falls tenfold with each step back, of three timesteps of the loss."""

    def layers(self) -> dict[str, str]:
        return {"lstm": "lstm  LSTM 4"}

    def resolve(self, _layer: object) -> str:
        return "lstm"

    def quantities(self, _layer: str) -> tuple[str, ...]:
        return ("reach",)

    def compute(self, layer: str, quantity: str) -> dict[str, GradientTensor]:
        lag = np.array([1, 3, 5]) - np.arange(6)[:, None]
        values = np.where(lag < 0, 0.0, 10.0 ** -np.maximum(lag, 0))
        with_rest = np.concatenate([values, np.full((6, 1), 1e-3)], axis=1)
        tensor = GradientTensor(with_rest[None], REACH, layer, quantity, loss_timesteps=(1, 3, 5))
        return {"": tensor}


def test_a_reach_names_the_timesteps_of_its_loss(browser: Browser, tmp_path: Path) -> None:
    explorer = explore(OneReach(), None, "reach", norm=NORM)
    values = picture(explorer.tensor.values, 0)
    page = PageView(Chromium(browser), explorer.save_html(tmp_path / "page.html").path)
    shot = page.look()
    for row, timestep in np.ndindex(*values.shape):
        wanted = log_colour(values[row, timestep], NORM[1])
        assert close(shot.cell(row, timestep, values.shape), wanted), (row, timestep)

    ticks = "[...document.querySelectorAll('.rnngrad-figure-{} .tick text')]"
    texts = page.read(f"{ticks.format('heat')}.map((el) => el.textContent)")
    assert set(texts) <= {"1", "3", "5", "rest"}
    assert "rest" in texts
    page.engine.move((shot.area["x"] + 3.5 / 6 * shot.area["width"], shot.area["y"] + 5))
    page.expect_text("hover", f"timestep 3 · rest · R {number(1e-3, plus=True)}")
    y = shot.area["y"] + 1.5 / 4 * shot.area["height"]
    page.engine.move((shot.area["x"] + 3.5 / 6 * shot.area["width"], y))
    page.expect_text("hover", f"timestep 3 · loss timestep 5 · R {number(1e-2, plus=True)}")

    # under it the lag profile: a straight line on the axis of decades
    middle = "(({ y, height }) => y + height / 2)(el.getBoundingClientRect())"
    places = page.read(f"{ticks.format('flow')}.map((el) => [el.textContent, {middle}])")
    decades = np.array([float(text) for text, _ in places])
    slope, start = np.polyfit(np.log10(decades), [at for _, at in places], 1)
    area, pixels = page.box(".rnngrad-figure-flow .plotarea_background"), page.engine.pixels()
    for lag in (1, 2, 4):
        x = int(area["x"] + (lag + 0.5) / 6 * area["width"])
        column = pixels[int(area["y"]) : int(area["y"] + area["height"]), x].mean(axis=-1)
        darkest = np.flatnonzero(column < 60).mean() + int(area["y"])
        assert abs(darkest - (start - lag * slope)) < 2.5, lag
