"""Experiments that are compared: their gradients by lag or timestep, and the ratios to one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from rnngrad_widgets.comparison.curves import quartiles
from rnngrad_widgets.data.quantities import quantity_of
from rnngrad_widgets.figures.ink import INK, Dash, dash, sample_colour
from rnngrad_widgets.figures.layout import Finish, Panel, Place, head
from rnngrad_widgets.figures.lines import Name, last_finite, name_lines, trace
from rnngrad_widgets.figures.words import index_ticks, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from rnngrad_widgets.comparison.curves import Curve
    from rnngrad_widgets.figures.drawings import Compared

_POINT = 72.0
_CHARACTER = 0.6
"""About the width of a character, as a share of the size of the font."""


_MOST_NAMES = 20
"""Of more conditions, the first ones are named."""


class _Axis(NamedTuple):
    """What gradients are laid one over the other by: its name, its label, and how they are laid."""

    name: str
    label: str
    lay: Callable[[Curve, NDArray[np.float64]], NDArray[np.float64]]


_BY_LAG = _Axis("lag", "lag, timesteps back", lambda _, norms: norms)
_BY_TIMESTEP = _Axis("timestep", "timestep", lambda curve, norms: curve.by_timestep(norms))


class _Line(NamedTuple):
    """A condition: its quartiles over samples by lag or timestep, and its repeats' medians."""

    name: str
    colour: object
    dash: Dash
    quartiles: NDArray[np.float64]
    repeats: Sequence[NDArray[np.float64]]


def compared_panels(drawing: Compared, height: float, width: float) -> list[Panel]:
    """Return the panels of each direction: the gradients, and where there are several the ratios.

    Parameters
    ----------
    drawing
        What is compared.
    height
        Of each panel, in inches.
    width
        Of the figure, in inches.
    """
    runs = drawing.runs
    axis = _BY_TIMESTEP if drawing.by_timestep else _BY_LAG
    panels = []
    for direction in runs.directions:
        curves = {name: runs.repeats(name, direction) for name in runs.curves}
        relative = not drawing.absolute
        lines = [
            _line(i, name, [axis.lay(c, c.relative if relative else c.norms) for c in own])
            for i, (name, own) in enumerate(curves.items())
        ]
        name = quantity_of(drawing.quantity).summary if drawing.quantity else "norm"
        heading = f"{name}, relative to lag 0" if relative else name
        panels.append(_panel(lines, joined([direction, heading]), axis, height, width))
        base = curves[runs.base]
        ratios = [
            _line(i, name, _ratios(own, base, axis))
            for i, (name, own) in enumerate(curves.items())
            if name != runs.base
        ]
        if ratios:
            heading = f"ratio to {_cut(runs.base, 30)}"
            panels.append(_panel(ratios, joined([direction, heading]), axis, height, width))
    return panels


def _line(index: int, name: str, norms: Sequence[NDArray[np.float64]]) -> _Line:
    repeats = [quartiles(own)[1] for own in norms] if len(norms) > 1 else []
    places = max(own.shape[1] for own in norms)
    padded = [
        np.pad(own, ((0, 0), (0, places - own.shape[1])), constant_values=np.nan) for own in norms
    ]
    own = quartiles(np.concatenate(padded))
    return _Line(name, sample_colour(index), dash(index), own, repeats)


def _ratios(
    curves: Sequence[Curve], base: Sequence[Curve], axis: _Axis
) -> list[NDArray[np.float64]]:
    found = []
    for one, other in zip(curves, base, strict=False):
        places = min(one.norms.shape[1], other.norms.shape[1])
        own, by = (axis.lay(each, each.relative)[:, :places] for each in (one, other))
        found.append(own / np.where(by > 0, by, np.nan))
    return found


def _panel(lines: Sequence[_Line], heading: str, axis: _Axis, height: float, width: float) -> Panel:
    def draw(place: Place) -> Finish:
        plot = place.plot
        plot.set_yscale("log")
        places = max(line.quartiles.shape[1] for line in lines)
        plot.axhline(1, color=INK, alpha=0.35, linewidth=0.4)
        for line in lines:
            lower, median, upper = (_positive(each) for each in line.quartiles)
            x = np.arange(len(median), dtype=np.float64)
            plot.fill_between(x, lower, upper, color=line.colour, alpha=0.15, linewidth=0)
            for repeat in line.repeats:
                trace(plot, x[: len(repeat)], _positive(repeat), line.colour, 0.5, 0.7)
            trace(plot, x, median, line.colour, 1.1, dash=line.dash)
        _label_values(plot)
        plot.set(xlim=(-0.5, places - 0.5), xlabel=axis.label)
        ticks = index_ticks(0, places - 1, 6)
        plot.set_xticks(ticks, [str(tick) for tick in ticks])
        head(plot, heading)
        most = max(int(0.3 * width * _POINT / (8 * _CHARACTER)), 6)
        names = [
            Name(_cut(line.name, most), last_finite(line.quartiles[1]), line.colour)
            for line in lines[:_MOST_NAMES]
        ]
        if len(lines) > _MOST_NAMES:
            names.append(Name(f"and {len(lines) - _MOST_NAMES} more", 0.0))
        return name_lines(place, names)

    room = 0.15 * min(len(lines), _MOST_NAMES + 1)  # names stand one below the other
    return Panel(draw, max(height, room), axis.name)


def _label_values(plot: Axes) -> None:
    """Label decades, or numbers between them; rounding errors do not fill the axis."""
    plot.yaxis.set_minor_locator(NullLocator())
    low, high = plot.get_ylim()
    if high < 2 * low:
        middle = math.sqrt(low * high)
        low, high = middle / math.sqrt(2), middle * math.sqrt(2)
        plot.set_ylim(low, high)
    if high < 100 * low:
        few = high < 5 * low  # 1, 2 and 5 may not be among them
        locator = MaxNLocator(4) if few else LogLocator(subs=(1, 2, 5))
        plot.yaxis.set_major_locator(locator)
        plot.yaxis.set_major_formatter(lambda value, _: f"{value:.3g}")


def _positive(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave out zeros, which a logarithmic axis has not."""
    return np.where(values > 0, values, np.nan)


def _cut(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
