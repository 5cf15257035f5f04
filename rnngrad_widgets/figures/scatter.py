"""Values without time: every channel by sample, and the chosen sample by channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import to_rgba_array

from rnngrad_widgets.figures.ink import INK, NEGATIVE, NON_FINITE, POSITIVE
from rnngrad_widgets.figures.layout import NON_FINITE_KEY, Finish, Panel, Place, head
from rnngrad_widgets.figures.lines import (
    MANY_POINTS,
    Name,
    finite_maximum,
    name_lines,
    value_axis,
)
from rnngrad_widgets.figures.words import formula, index_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from rnngrad_widgets.figures.shown import Shown

_SPREAD = 0.88
"""Share of a sample's width that its dots take."""


def scatter_panels(shown: Shown, height: float) -> list[Panel]:
    """Return the panels of the values by sample, and of the chosen sample's by channel.

    Hue is the sign; within it the shade runs from the first channel (light) to the last (full).
    """
    values = shown.values[:, 0]
    samples, channels = values.shape
    keys = frozenset() if np.isfinite(values).all() else frozenset([NON_FINITE_KEY])
    rows = shown.plot_array.rows or "value"

    def by_sample(place: Place) -> Finish:
        plot = place.plot
        _prepare(plot, shown)
        spread = _SPREAD * ((np.arange(channels) + 0.5) / channels - 0.5)
        at = np.arange(samples)[:, None] + spread
        plot.scatter(
            at.ravel(),
            _heights(values).ravel(),
            s=4,
            c=_colours(values),
            linewidth=0,
            rasterized=values.size > MANY_POINTS,
        )
        plot.scatter(
            at[:, shown.channel],
            _heights(values)[:, shown.channel],
            s=16,
            facecolor="none",
            edgecolor=INK,
            linewidth=0.6,
            label=f"{rows} {shown.channel}",
        )
        plot.set(xlim=(-0.5, samples - 0.5), xlabel="sample")
        plot.set_xticks(index_ticks(0, samples - 1, 8))
        head(plot, shown.when)
        return name_lines(place, [Name(f"○ {rows}\n    {shown.channel}", np.nan, INK)])

    def by_channel(place: Place) -> Finish | None:
        plot = place.plot
        _prepare(plot, shown)
        row = values[shown.sample]
        width = 0.85 if channels < 200 else 1.0
        plot.bar(np.arange(channels), _heights(row), width, color=_colours(row[None]), linewidth=0)
        dead = np.flatnonzero((values == 0).all(axis=0))
        plot.set(xlim=(-0.5, channels - 0.5), xlabel=rows)
        plot.set_xticks(index_ticks(0, channels - 1, 8))
        head(plot, f"sample {shown.sample}")
        if not dead.size:
            return None
        plot.plot(dead, np.zeros(dead.size), "x", color=INK, markersize=3, markeredgewidth=0.5)
        return name_lines(place, [Name("× zero\n   in all", 0.0)])

    return [
        Panel(by_sample, height, "sample", keys=keys),
        Panel(by_channel, height, rows),
    ]


def _prepare(plot: Axes, shown: Shown) -> None:
    plot.axhline(0, color=INK, alpha=0.25, linewidth=0.4)
    plot.set_ylabel(formula(shown.quantity))
    value_axis(plot, shown, finite_maximum(shown.values))


def _heights(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return where values are drawn: those that are not finite at zero."""
    return np.where(np.isfinite(values), values, 0).astype(np.float64)


def _colours(values: NDArray[np.float32]) -> NDArray[np.float64]:
    samples, channels = values.shape
    signs = np.where(values < 0, NEGATIVE, POSITIVE)
    colours = to_rgba_array(np.where(np.isfinite(values), signs, NON_FINITE).ravel().tolist())
    colours[:, 3] = np.tile(0.45 + 0.55 * (np.arange(channels) + 1) / channels, samples)
    colours[~np.isfinite(values).ravel(), 3] = 1
    return colours
