"""A comparison in a page from disk: its lines are where numpy predicts, in the colours of names."""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rnngrad_widgets import compare
from tests.browser.engines import Chromium
from tests.browser.html_page import PageView
from tests.unit.comparison.runs import decaying

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

LAGS = 8
TICKS = """(figure) => [...figure.querySelectorAll('.tick text')]
    .filter((el) => el.textContent.startsWith('1e'))
    .map((el) => [el.textContent, (({ y, height }) => y + height / 2)(el.getBoundingClientRect())])
"""


def colour(group: int) -> np.ndarray:
    """Return the colour of a condition in light themes, as RGB."""
    hue = round((210 + group * 137.508) % 360) / 360
    return np.round(255 * np.array(colorsys.hls_to_rgb(hue, 0.42, 0.65)))


def line_at(page: PageView, figure: int, lag: int, rgb: np.ndarray) -> float:
    """Return the decade at which a line of a colour is drawn."""
    found = f"document.querySelectorAll('.rnngrad-figure-flow-high')[{figure}]"
    ticks: list[tuple[str, float]] = page.read(f"({TICKS})({found})")
    slope, start = np.polyfit([y for _, y in ticks], [float(text[2:]) for text, _ in ticks], 1)
    area: dict[str, Any] = page.read(
        f"(({{ x, y, width, height }}) => ({{ x, y, width, height }}))"
        f"({found}.querySelector('.plotarea_background').getBoundingClientRect())"
    )
    x = int(area["x"] + (lag + 0.5) / LAGS * area["width"])
    top = int(area["y"])
    column = page.engine.pixels()[top : top + int(area["height"]), x].astype(float)
    rows = np.flatnonzero(np.abs(column - rgb).max(axis=-1) < 24)
    assert rows.size, f"no pixel of colour {rgb} at lag {lag}"
    return float(slope * (top + rows.mean() + 0.5) + start)


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> PageView:
    slow, fast = [0.8, 0.8, 0.8], [0.5, 0.5, 0.5]
    one, other = decaying(fast, LAGS, scale=100.0), decaying(slow, LAGS, scale=7.0)
    found = compare({"fast": one, "slow <b>": other})
    return PageView(Chromium(browser), found.save_html(tmp_path / "page.html").path)


def test_lines_and_ratios_are_where_they_belong(page: PageView) -> None:
    for lag in (2, 5):
        assert abs(line_at(page, 0, lag, colour(0)) - lag * np.log10(0.5)) < 0.05
        assert abs(line_at(page, 0, lag, colour(1)) - lag * np.log10(0.8)) < 0.05
        assert abs(line_at(page, 1, lag, colour(1)) - lag * np.log10(1.6)) < 0.05
    labels = "[...document.querySelectorAll('.rnngrad-label.rnngrad-strong')].map((el) => {})"
    texts = page.read(labels.format("el.firstChild.textContent"))
    assert texts == ["fast", "slow <b>", "slow <b>"]
    fills = page.read(labels.format("el.style.fill"))
    assert fills[0] == f"rgb({', '.join(str(int(v)) for v in colour(0))})"


def test_the_value_under_the_pointer_and_norms_as_they_are(page: PageView) -> None:
    area = page.box(".rnngrad-figure-flow-high .plotarea_background")
    x = area["x"] + 3.5 / LAGS * area["width"]
    page.engine.move((x, area["y"] + 5))
    page.expect_text("run-hover", "lag 3 · fast 1.3e-1 · slow <b> 5.1e-1")
    page.click(".rnngrad-switch button:nth-of-type(2)")
    page.expect_text("run-hover", "lag 3 · fast 1.3e1 · slow <b> 3.6e0")
    assert abs(line_at(page, 0, 3, colour(1)) - np.log10(7 * 0.8**3)) < 0.05
    # the ratio stays that of norms relative to lag 0
    assert abs(line_at(page, 1, 3, colour(1)) - 3 * np.log10(1.6)) < 0.05
