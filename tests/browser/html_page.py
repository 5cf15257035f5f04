"""What a saved page shows, in any browser, and what its sliders do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.browser.explorer_page import SECONDS, TOLERANCE, Shot, close, colours, eventually
from tests.browser.lab import LIGHT

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from playwright.sync_api import FloatRect

    from tests.browser.engines import Engine
    from tests.browser.lab import Theme


class PageView:
    """A page from disk that shows one explorer."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self.engine = engine
        engine.open(path.as_uri())
        self.expect("document.documentElement.classList.contains('rnngrad-shown')", True)

    def read(self, expression: str) -> Any:
        return self.engine.evaluate(expression)

    def expect(self, expression: str, wanted: Any) -> None:
        eventually(lambda: self.read(expression), wanted, expression)

    def expect_text(self, kind: str, wanted: str) -> None:
        self.expect(f"document.querySelector('.rnngrad-{kind}')?.textContent.trim() ?? ''", wanted)

    def box(self, selector: str) -> FloatRect:
        """The first visible element that fits, in CSS pixels of the window."""
        box: FloatRect = self.read(
            f"[...document.querySelectorAll({selector!r})].map((el) => el.getBoundingClientRect())"
            ".filter(({ width, height }) => width > 0 && height > 0)"
            ".map(({ x, y, width, height }) => ({ x, y, width, height }))[0]"
        )
        return box

    def look(self) -> Shot:
        """The plot area of the heat map: bqplot's own, which the browser has laid out."""
        area = self.box(".rnngrad-figure-heat .plotarea_background")
        x, y = int(area["x"]), int(area["y"])
        height, width = int(area["height"] + area["y"] % 1), int(area["width"] + area["x"] % 1)
        return Shot(area, self.engine.pixels()[y : y + height, x : x + width])

    def expect_picture(
        self,
        values: NDArray[Any],
        norm: tuple[float, float] = (-1.0, 1.0),
        theme: Theme = LIGHT,
    ) -> None:
        """Wait until every cell of the heat map has the colour that numpy predicts."""
        wanted = colours(values, norm, theme)
        end = time.monotonic() + SECONDS
        seen = self._cells(values.shape)
        while not close(seen, wanted) and time.monotonic() < end:
            seen = self._cells(values.shape)
        np.testing.assert_allclose(seen, wanted, atol=TOLERANCE)

    def drag(self, group: str, fraction: float) -> None:
        """Drag the handle of a slider to a fraction of its track."""
        track = self.box(f".rnngrad-group-{group} .noUi-base")
        end = (track["x"] + fraction * track["width"], track["y"] + track["height"] / 2)
        self.engine.move(self._middle(f".rnngrad-group-{group} .noUi-handle"), end, button=True)

    def switch_to(self, view: int) -> None:
        """Press the button of a view, and wait until there is another picture."""
        before = self.engine.pixels()
        self.click(f".rnngrad-views button:nth-of-type({view + 1})")
        end = time.monotonic() + SECONDS
        while (self.engine.pixels() != before).any(axis=-1).mean() < 0.02:
            assert time.monotonic() < end, f"view {view} shows nothing else"

    def click(self, selector: str) -> None:
        self.engine.move(self._middle(selector), button=True)

    def press(self, group: str, key: str) -> None:
        """Press a key on the handle of a slider."""
        handle = f".rnngrad-group-{group} .noUi-handle"
        self.read(f"(document.querySelector({handle!r}).focus(), null)")
        self.engine.press(key)

    def _middle(self, selector: str) -> tuple[float, float]:
        box = self.box(selector)
        return (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def _cells(self, shape: tuple[int, ...]) -> NDArray[np.int64]:
        shot = self.look()
        return np.array(
            [[shot.cell(c, t, shape) for t in range(shape[1])] for c in range(shape[0])]
        )
