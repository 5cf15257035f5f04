"""Curves against time, and the names of lines beside a plot."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rnngrad_widgets.figures.ink import INK, QUIET, Dash, sample_colour
from rnngrad_widgets.figures.layout import FONT_SIZE, Finish, Panel, Place, head
from rnngrad_widgets.figures.maps import column_axis
from rnngrad_widgets.figures.words import formula, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from rnngrad_widgets.figures.shown import Shown

MANY_POINTS = 100_000
"""Of more, lines are drawn as an image: a file of vectors would be too large to be printed."""

_MOST_NAMES = 10
_POINT = 72.0
_GAP = 1.25 * FONT_SIZE


class Name(NamedTuple):
    """What a line is called, where it ends, and its colour."""

    text: str
    at: float
    colour: object = QUIET


def trace(
    plot: Axes,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    colour: object,
    width: float,
    alpha: float = 1.0,
    *,
    dash: Dash = "solid",
    rasterized: bool = False,
) -> None:
    """Draw a line with gaps where it is NaN; a lone point between gaps is a dot."""
    lines = plot.plot(x, y, linewidth=width, linestyle=dash, solid_joinstyle="round")
    known = np.isfinite(y)
    before, after = np.append(False, known[:-1]), np.append(known[1:], False)
    alone = known & ~before & ~after
    if alone.any():
        lines += plot.plot(x[alone], y[alone], ".", markersize=2.0 * width)
    for line in lines:
        line.set(color=colour, alpha=alpha, rasterized=rasterized)


def curve_panel(shown: Shown, height: float, *, coloured: bool = False, heading: str = "") -> Panel:
    """Return the panel of one channel in every sample, the chosen one in ink.

    Parameters
    ----------
    shown
        What is shown.
    height
        In inches.
    coloured
        Whether each sample has its colour; else the others are faint.
    heading
        Over it.
    """

    def draw(place: Place) -> Finish:
        plot = place.plot
        first, end = shown.span
        x = np.arange(first, end, dtype=np.float64)
        series = [shown.series(s, shown.channel)[first:end] for s in range(shown.samples)]
        rasterized = x.size * shown.samples > MANY_POINTS
        plot.axhline(0, color=INK, alpha=0.25, linewidth=0.4)
        for sample, values in enumerate(series):
            if sample != shown.sample:
                colour, alpha = (sample_colour(sample), 0.8) if coloured else (INK, 0.15)
                trace(plot, x, values, colour, 0.6, alpha, rasterized=rasterized)
        trace(plot, x, series[shown.sample], INK, 1.1)
        value_axis(plot, shown, finite_maximum(shown.values[:, :, shown.channel]))
        plot.set(xlim=(first - 0.5, end - 0.5), ylabel=formula(shown.quantity))
        head(plot, heading or shown.row_name(shown.channel))
        column_axis(plot, shown)
        _say_what_is_missing(plot, shown, series[shown.sample])
        return name_lines(place, _names(shown, series, height, coloured=coloured))

    return Panel(draw, height, shown.plot_array.columns)


def _names(
    shown: Shown, series: Sequence[NDArray[np.float64]], height: float, *, coloured: bool
) -> list[Name]:
    if not shown.is_timed:  # a weight belongs to no sample
        return []
    named = named_samples(shown, height) if coloured else [shown.sample]
    names = sample_names(shown, named, series)
    return names if coloured or shown.samples == 1 else [*names, Name("others", 0.0)]


def sample_names(
    shown: Shown, named: Sequence[int], lines: Sequence[NDArray[np.float64]]
) -> list[Name]:
    """Return the names of samples whose lines are seen, and that of the chosen one."""
    names = []
    for sample in named:
        is_chosen, end = sample == shown.sample, last_finite(lines[sample])
        if is_chosen or math.isfinite(end):
            colour = INK if is_chosen else sample_colour(sample)
            names.append(Name(f"sample {sample}", end, colour))
    return names


def named_samples(shown: Shown, height: float) -> list[int]:
    """Return the samples whose lines are named: all where there is room, else the chosen one."""
    room = height * _POINT / _GAP
    return list(range(shown.samples)) if shown.samples <= min(_MOST_NAMES, room) else [shown.sample]


def name_lines(place: Place, names: Sequence[Name]) -> Finish:
    """Write names beside a plot; they are moved apart when its size is known."""
    texts = [
        place.side.text(0.0, 0.5, each.text, color=each.colour, va="center", ha="left")
        for each in names
    ]

    def finish() -> None:
        plot = place.plot
        box = plot.get_window_extent()
        points = _POINT / plot.figure.dpi
        left = plot.get_xlim()[0]
        wanted = [
            (plot.transData.transform((left, each.at))[1] - box.y0) * points
            if math.isfinite(each.at)
            else box.height * points / 2
            for each in names
        ]
        height = box.height * points
        for text, y in zip(texts, spaced(wanted, height), strict=True):
            text.set_y(y / height)

    return finish


def spaced(places: Sequence[float], height: float) -> list[float]:
    """Move names apart, in points, within 0 .. height and in the order of their places."""
    half = FONT_SIZE / 2
    low, high = half, max(height - half, half)
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = [min(max(place, low), high) for place in places]
    for before, at in pairwise(order):
        moved[at] = max(moved[at], moved[before] + _GAP)
    limit = high
    for at in reversed(order):
        moved[at] = min(moved[at], limit)
        limit = moved[at] - _GAP
    return moved


def value_axis(plot: Axes, shown: Shown, limit: float, *, labels: bool = True) -> None:
    """Let the y axis be symmetric with round labels, or have the ends that were chosen."""
    low, high = shown.ylim or (-1.15 * (limit or 1), 1.15 * (limit or 1))
    outer = outer_tick(limit or 1)
    middle = [0.0] if low < 0 < high else []
    places = [low, *middle, high] if shown.ylim else [-outer, 0.0, outer]
    plot.set_ylim(low, high)
    plot.set_yticks(places, [number(at) for at in places] if labels else [""] * len(places))


def outer_tick(limit: float) -> float:
    """Return the largest of 1, 2, 5 x 10^k that is at most a limit above 0."""
    decade = 10.0 ** math.floor(math.log10(limit))
    return next((s * decade for s in (5, 2, 1) if s * decade <= limit * (1 + 1e-9)), decade)


def finite_maximum(values: NDArray[np.float32]) -> float:
    """Return the largest finite magnitude; 0 if there is none."""
    return float(np.max(np.abs(values), where=np.isfinite(values), initial=0))


def last_finite(values: NDArray[np.float64]) -> float:
    """Return the last value that is finite; NaN if none is."""
    known = values[np.isfinite(values)]
    return float(known[-1]) if known.size else math.nan


def _say_what_is_missing(plot: Axes, shown: Shown, values: NDArray[np.float64]) -> None:
    """Say why there is no curve, which would look like one that was forgotten."""
    if not np.isfinite(values).any():
        masked = not shown.counted(shown.sample).any()
        reason = "every timestep is masked" if masked else "no finite value"
        plot.text(0.5, 0.75, reason, transform=plot.transAxes, ha="center", va="center")
