"""What the views of grids, curves and flows show on a page, and where numpy says that it is."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tests.browser.explorer_page import (
    ExplorerPage,
    Plot,
    Shot,
    close,
    colours,
    flow_axis,
    patiently,
)
from tests.browser.lab import LIGHT, Theme

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

# Panels by their frames, relative to the rectangle that takes the mouse, with their names.
PANELS = """
(hit) => {
  const at = hit.getBoundingClientRect();
  return [...hit.parentNode.querySelectorAll('.rnngrad-panel-frame')].map((frame) => {
    const { left, top, width, height } = frame.getBoundingClientRect();
    const name = frame.nextElementSibling;
    return {
      left: left - at.left + 0.5, top: top - at.top + 0.5, width: width - 1, height: height - 1,
      name: name.textContent, strong: name.classList.contains('rnngrad-strong'),
    };
  });
}
"""


@dataclass(frozen=True)
class Panel:
    """A panel of a grid, in pixels of the grid."""

    left: float
    top: float
    width: float
    height: float
    name: str
    strong: bool

    def inside(self, across: float, up: float) -> tuple[float, float]:
        """A place in it, from its lower left corner, 0 .. 1 each."""
        return self.left + across * self.width, self.top + (1 - up) * self.height


def panels(e: ExplorerPage) -> list[Panel]:
    """The panels that are shown."""
    return [Panel(**panel) for panel in e.plot("single").evaluate(PANELS)]


def names(e: ExplorerPage) -> list[str]:
    """What is written over each panel."""
    return [panel.name for panel in panels(e)]


def look_at_grid(e: ExplorerPage) -> Shot:
    """A picture of all panels; the grid has no frame of its own."""
    plot = e.plot("single")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    clip = {key: int(value) for key, value in box.items()}
    clip["width"] += 1
    clip["height"] += 1
    return Shot(box, e.notebook.pixels(clip, stable=False))  # type: ignore[arg-type]


@patiently
def expect_maps(
    e: ExplorerPage,
    maps: Mapping[int, NDArray[np.float64]],
    norm: tuple[float, float],
    theme: Theme = LIGHT,
) -> None:
    """Every cell of these panels must have the colour that numpy predicts.

    Parameters
    ----------
    maps
        (rows, columns) by the place of the panel, the lowest row first.
    """
    shown, shot = panels(e), look_at_grid(e)
    for place, values in maps.items():
        rows, columns = values.shape
        wanted = colours(values, norm, theme)
        for row, column in np.ndindex(values.shape):
            x, y = shown[place].inside((column + 0.25) / columns, (row + 0.25) / rows)
            seen = shot.at(x, y)
            assert close(seen, wanted[row, column]), (place, row, column, seen, wanted[row, column])


def grid_point(
    e: ExplorerPage, place: int, across: float = 0.5, up: float = 0.5
) -> tuple[float, float]:
    """Page coordinates in a panel."""
    shot = look_at_grid(e)
    x, y = panels(e)[place].inside(across, up)
    return shot.area["x"] + x, shot.area["y"] + y


def hue(sample: int) -> float:
    """Hue of a sample's colour, in degrees: a golden angle from one to the next."""
    return round((210 + sample * 137.508) % 360)


def hue_near(shot: Shot, x: float, y: float, reach: int = 2) -> float | None:
    """Hue of the most coloured pixel about a place; None where all are grey."""
    around = [
        shot.at(x, y + dy) for dy in range(-reach, reach + 1) if 0 <= y + dy < len(shot.pixels)
    ]
    pixel = max(around, key=np.ptp)
    if np.ptp(pixel) < 24:
        return None
    return 360 * colorsys.rgb_to_hsv(*(pixel / 255))[0]


def is_hue(seen: float | None, sample: int) -> bool:
    """Whether a hue is that of a sample, within what anti-aliasing mixes in."""
    if seen is None:
        return False
    away = abs(seen - hue(sample)) % 360
    return min(away, 360 - away) < 12


def darkest(shot: Shot, x: float, y: float) -> int:
    """How dark it is about a place: the brightest of red, green and blue of the darkest pixel."""
    return min(int(shot.at(x, y + dy).max()) for dy in (-1, 0, 1))


@patiently
def expect_flow(
    e: ExplorerPage,
    norms: NDArray[np.float64],
    sample: int,
    *,
    kind: Plot = "flow-high",
    index: int = 0,
    span: tuple[int, int] | None = None,
    beside: Sequence[NDArray[np.float64]] = (),
) -> None:
    """The chosen sample's curve, dark, and the coloured ones must be at log10 of their norms.

    Parameters
    ----------
    norms
        (samples, timesteps).
    beside
        Norms of the other flow, which has the same axis.
    span
        InitialSelection and last timestep that are shown.
    """
    first, last = (0, norms.shape[1] - 1) if span is None else span
    shot = e.look(kind, index)
    top, decades = flow_axis(norms, *beside)
    lines = np.vstack([norms, np.median(norms, axis=0)])

    def place(s: int, timestep: int) -> tuple[float, float]:
        x = (timestep + 0.5 - first) / (last - first + 1) * shot.area["width"]
        return x, (top - np.log10(lines[s, timestep])) / decades * shot.area["height"]

    for timestep in range(first, last + 1):
        x, y = place(sample, timestep)
        inside = x + (timestep == first) - (timestep == last)  # a curve ends there
        assert darkest(shot, inside, y) < 90, (sample, timestep)
        if not 0 < timestep < last:
            continue
        ends = [[place(s, t) for t in (timestep, timestep + 1)] for s in range(len(lines))]
        slopes = [(end - start) / (right - left) for (left, start), (right, end) in ends]
        for away in (-9, 9):  # a curve, not a surface; 3 pixels on, where there is no cursor
            beside_it = y + 3 * slopes[sample] + away * np.hypot(1, slopes[sample])
            if all(
                abs(beside_it - start - 3 * slope) > 6 * np.hypot(1, slope)
                for ((_, start), _), slope in zip(ends, slopes, strict=True)
            ):
                assert darkest(shot, x + 3, beside_it) > 120, (sample, timestep, away)
