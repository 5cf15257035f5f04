"""One explorer on a page: its plots and controls, and the colours that numpy predicts."""

from __future__ import annotations

import ast
import contextlib
import functools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, ParamSpec

import numpy as np

from rnngrad_widgets.data.colours import DIVERGING
from tests.browser.lab import DARK, LIGHT, Theme

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray
    from playwright.sync_api import FloatRect, Locator

    from tests.browser.lab import NotebookPage

DARK_STOPS = (
    *("#a8d8ff", "#62b4f2", "#2f8bd6", "#22609a", "#1d3a57"),
    "#1b1b1b",
    *("#54291f", "#963a26", "#dc5a38", "#f98d6a", "#ffbfa6"),
)
STOPS = {LIGHT: DIVERGING, DARK: DARK_STOPS}
INK = {LIGHT: "#1a1a1a", DARK: "#f2f2f2"}
MAGENTA = "#d500f9"
TOLERANCE = 4
"""Of 255: the browser colours through a table, and values are rounded on the way."""

SECONDS = 10
"""Longest wait for something that comes in a frame or with one answer of the kernel."""

P = ParamSpec("P")
Plot = (
    Literal["heat", "half", "flow", "curve", "scatter", "bars", "histogram"]
    | Literal["single", "curve-high", "flow-low", "flow-high", "weights"]
)
Group = Literal["sample", "channel", "norm"]


# -- what numpy predicts ---------------------------------------------------------------------------


def rgb(colour: str) -> NDArray[np.float64]:
    """Red, green and blue, 0 .. 255, of a colour like #1a2b3c."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], dtype=float)


def colours(
    values: ArrayLike, norm: tuple[float, float], theme: Theme = LIGHT
) -> NDArray[np.float64]:
    """Colours of values, one axis more than they have: linear between the stops, zero neutral."""
    values = np.asarray(values, dtype=float)
    limit = max(abs(norm[0]), abs(norm[1]))
    stops = np.array([rgb(stop) for stop in STOPS[theme]])
    places = np.linspace(-limit, limit, len(stops))
    clipped = np.clip(values, *norm)
    found = np.stack([np.interp(clipped, places, stop) for stop in stops.T], axis=-1)
    found[~np.isfinite(values)] = rgb(MAGENTA)
    return found


def picture(array: ArrayLike, sample: int, *, reflect: bool = False) -> NDArray[np.float64]:
    """Values of one sample, (channels, timesteps); reflected, the second half runs backwards."""
    values = np.array(array, dtype=float)[sample].T
    if reflect:
        half = len(values) // 2
        values[half:] = values[half:, ::-1]
    return values


def number(value: float, *, plus: bool = False) -> str:
    """A number as the readouts show it: 3.1e-2, with a true minus sign."""
    mantissa, exponent = f"{abs(value):.1e}".split("e")
    sign = "−" if value < 0 else "+" if plus else ""
    return f"{sign}{mantissa}e{int(exponent)}"


def flow_axis(*norms: NDArray[np.float64], threshold: float = 1e-8) -> tuple[float, float]:
    """The upper end of a flow's axis and its length, in decades, for all norms that share it.

    It holds the norms that are not 0, and the threshold where these come within a decade of it.
    """
    some = np.concatenate([each[each > 0].ravel() for each in norms])
    top, low = np.log10(some.max()) + 0.4, np.log10(some.min())
    line = np.log10(threshold * some.max())
    bottom = min(low, line - 0.8) if low < line + 1 else low - 0.4
    bottom = max(bottom, line - 2.4)
    return float(top), float(max(top - bottom, 2))


def blend(colour: str, alpha: float, ground: ArrayLike) -> NDArray[np.float64]:
    """A colour of some opacity over another one."""
    return alpha * rgb(colour) + (1 - alpha) * np.asarray(ground, dtype=float)


def show(array: ArrayLike, options: str = "", name: str = "e") -> str:
    """Source of a cell that shows an explorer of an array."""
    return f"""
import numpy as np
from numpy import inf, nan
from rnngrad_widgets import GradientExplorer
array = np.array({np.asarray(array).tolist()})
{name} = GradientExplorer.from_array(array, {options})
{name}
"""


# -- what the page shows ---------------------------------------------------------------------------


def eventually(read: Callable[[], Any], wanted: Any, what: str) -> None:
    """Read until the wanted value is there."""
    end = time.monotonic() + SECONDS
    seen = read()
    while seen != wanted and time.monotonic() < end:
        time.sleep(0.02)
        seen = read()
    assert seen == wanted, f"{what} must become {wanted!r}; it is {seen!r}"


def patiently(check: Callable[P, None]) -> Callable[P, None]:
    """Let a check of what is on the screen be made again until it holds."""

    @functools.wraps(check)
    def checked(*args: P.args, **kwargs: P.kwargs) -> None:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(AssertionError):
                return check(*args, **kwargs)
        return check(*args, **kwargs)

    return checked


@dataclass(frozen=True)
class Shot:
    """The colours of a plot area on the screen."""

    area: FloatRect
    pixels: NDArray[np.uint8]
    """From the whole pixel at the area's upper left corner."""

    def at(self, x: float, y: float) -> NDArray[np.int64]:
        """Colour of the pixel at (x, y), in CSS pixels from the area's upper left corner."""
        row = int(self.area["y"] % 1 + y)
        column = int(self.area["x"] % 1 + x)
        return self.pixels[row, column].astype(np.int64)

    def cell(self, channel: int, timestep: int, shape: Sequence[int]) -> NDArray[np.int64]:
        """Colour of a cell of a heat map of (channels, timesteps) ``shape``.

        A quarter off the cell's middle, where the line and the hairlines of the cursor are not.
        """
        channels, timesteps = shape
        x = (timestep + 0.25) / timesteps * self.area["width"]
        y = (1 - (channel + 0.25) / channels) * self.area["height"]
        return self.at(x, y)


@dataclass(frozen=True)
class ExplorerPage:
    """An explorer, the ``number``-th on the page, that the kernel knows as ``name``."""

    notebook: NotebookPage
    number: int = 0
    name: str = "e"

    @property
    def root(self) -> Locator:
        """The whole explorer."""
        return self.notebook.page.locator(".rnngrad-explorer").nth(self.number)

    def text(self, kind: str) -> str:
        """The text of ``.rnngrad-kind``: a readout, a caption, the summary, the message."""
        return (self.root.locator(f".rnngrad-{kind}").text_content() or "").strip()

    def kernel(self, expression: str = "") -> Any:
        """Value of ``name.expression`` in the kernel."""
        return ast.literal_eval(self.notebook.execute(f"print(repr({self.name}.{expression}))"))

    def expect_trait(self, trait: str, wanted: Any) -> None:
        """Wait until the kernel's explorer has this value."""
        eventually(lambda: self.kernel(trait), wanted, f"{self.name}.{trait} in the kernel")

    def expect_text(self, kind: str, wanted: str) -> None:
        """Wait until the text is there."""
        eventually(lambda: self.text(kind), wanted, f"the text of .rnngrad-{kind}")

    # -- plots -----------------------------------------------------------------------------------

    def plot(self, kind: Plot = "heat", index: int = 0) -> Locator:
        """The rectangle over a plot area that takes the mouse and the keys."""
        return self.root.locator(f".rnngrad-figure-{kind} .rnngrad-hit").nth(index)

    def area(self, kind: Plot = "heat", index: int = 0) -> FloatRect:
        """The plot area in CSS pixels of the page, scrolled into view."""
        plot = self.plot(kind, index)
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        assert box is not None
        # the frame, half a pixel outside, counts in the box
        return {
            "x": box["x"] + 0.5,
            "y": box["y"] + 0.5,
            "width": box["width"] - 1,
            "height": box["height"] - 1,
        }

    def look(self, kind: Plot = "heat", index: int = 0) -> Shot:
        """Take a picture of a plot area."""
        area = self.area(kind, index)
        clip: FloatRect = {
            "x": int(area["x"]),
            "y": int(area["y"]),
            "width": int(area["x"] % 1 + area["width"]),
            "height": int(area["y"] % 1 + area["height"]),
        }
        return Shot(area, self.notebook.pixels(clip, stable=False))

    def expect_picture(
        self,
        values: NDArray[Any],
        norm: tuple[float, float],
        *,
        theme: Theme = LIGHT,
        kind: Plot = "heat",
        index: int = 0,
    ) -> None:
        """Wait until every cell of a heat map has the colour that numpy predicts.

        Parameters
        ----------
        values
            (channels, timesteps), the lowest channel first.
        norm
            (vmin, vmax).
        """
        wanted = colours(values, norm, theme)
        end = time.monotonic() + SECONDS
        seen = self._cells(values.shape, kind, index)
        while not close(seen, wanted) and time.monotonic() < end:
            seen = self._cells(values.shape, kind, index)
        away = np.abs(seen - wanted).max(axis=-1)
        channel, timestep = np.unravel_index(np.argmax(away), away.shape)
        assert close(seen, wanted), (
            f"{(away > TOLERANCE).sum()} of {away.size} cells have another colour than predicted; "
            f"channel {channel} at timestep {timestep}, value {values[channel, timestep]:g}: "
            f"{wanted[channel, timestep].round()} predicted, {seen[channel, timestep]} seen"
        )

    def point(self, timestep: int, channel: int, shape: Sequence[int]) -> tuple[float, float]:
        """Page coordinates inside a cell of a heat map of (channels, timesteps) ``shape``."""
        area = self.area()
        channels, timesteps = shape
        return (
            area["x"] + (timestep + 0.5) / timesteps * area["width"],
            area["y"] + (1 - (channel + 0.5) / channels) * area["height"],
        )

    def _cells(self, shape: Sequence[int], kind: Plot, index: int) -> NDArray[np.int64]:
        shot = self.look(kind, index)
        return np.array(
            [[shot.cell(c, t, shape) for t in range(shape[1])] for c in range(shape[0])]
        )

    # -- controls --------------------------------------------------------------------------------

    def handle(self, group: Group, which: int = 0) -> Locator:
        """A slider's handle; of two, the one for vmin or the one for vmax."""
        handles = self.root.locator(f".rnngrad-group-{group} .noUi-handle")
        return handles.locator("visible=true").nth(which)

    def drag(self, group: Group, fraction: float, which: int = 0) -> None:
        """Drag a slider's handle with the mouse, by way of other places."""
        mouse = self.notebook.page.mouse
        handle = self.handle(group, which)
        handle.scroll_into_view_if_needed()
        track = self.root.locator(f".rnngrad-group-{group} .noUi-base").locator("visible=true")
        box, base = handle.bounding_box(), track.first.bounding_box()
        assert box is not None
        assert base is not None
        mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        mouse.down()
        mouse.move(base["x"] + fraction * base["width"], base["y"] + 2, steps=6)
        mouse.up()

    def press(self, group: Group, key: str, which: int = 0) -> None:
        """Press a key on a slider's handle."""
        self.handle(group, which).press(key)

    def button(self, text: str) -> Locator:
        """A button by what is written on it."""
        return self.root.get_by_role("button", name=text, exact=True)

    def dropdown(self, which: Literal["layer", "quantity", "part"]) -> Locator:
        """A dropdown."""
        return self.root.locator("select").nth(["layer", "quantity", "part"].index(which))


def close(seen: NDArray[Any], wanted: NDArray[Any], tolerance: float = TOLERANCE) -> bool:
    """Whether colours are the same within what the table rounds."""
    return bool((np.abs(seen - wanted) <= tolerance).all())
