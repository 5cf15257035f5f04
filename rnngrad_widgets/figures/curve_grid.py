"""A small plot for each channel, with a curve for each sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Rectangle

from rnngrad_widgets.figures.grids import Cell, Contents, Ticks, grid_panel, page_of
from rnngrad_widgets.figures.ink import INK, sample_colour
from rnngrad_widgets.figures.layout import FONT_SIZE
from rnngrad_widgets.figures.lines import MANY_POINTS, finite_maximum, outer_tick
from rnngrad_widgets.figures.words import formula, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rnngrad_widgets.figures.drawings import CurveGrid
    from rnngrad_widgets.figures.layout import Panel
    from rnngrad_widgets.figures.shown import Shown


def curve_grid(shown: Shown, drawing: CurveGrid, width: float) -> Panel:
    """Return a page of curves, for a figure of a width in inches."""
    indices = page_of(shown.rows, shown.channel, drawing.page, drawing.per_page)
    first, end = shown.span
    middles = (np.arange(end - first) + 0.5) / (end - first)
    whole = finite_maximum(shown.values)
    rasterized = middles.size * shown.samples * len(indices) > MANY_POINTS
    tells_range = drawing.own_y and shown.ylim is None

    rows = shown.plot_array.rows
    names = [shown.row_name(index) for index in indices]

    def limits(channel: int) -> tuple[float, float]:
        if shown.ylim is not None:
            return shown.ylim
        limit = finite_maximum(shown.values[:, :, channel]) if drawing.own_y else whole
        return -1.15 * (limit or 1), 1.15 * (limit or 1)

    def draw(plot: Axes, cell: Cell) -> None:
        low, high = limits(cell.of)
        unit = cell.height / (high - low)
        box = Rectangle((cell.left, cell.bottom), cell.width, cell.height, transform=plot.transData)
        if low < 0 < high:
            zero = cell.bottom - low * unit
            plot.plot(cell.extent[:2], [zero, zero], color=INK, alpha=0.25, linewidth=0.4)
        several = shown.samples > 1
        for sample in (*(s for s in range(shown.samples) if s != shown.sample), shown.sample):
            is_chosen = sample == shown.sample and several
            values = shown.series(sample, cell.of)[first:end]
            (line,) = plot.plot(
                cell.left + middles * cell.width,
                cell.bottom + (values - low) * unit,
                color=INK if is_chosen else sample_colour(sample),
                linewidth=0.9 if is_chosen else 0.6,
                alpha=0.8 if several and not is_chosen else 1.0,
                rasterized=rasterized,
            )
            line.set_clip_path(box)
        if tells_range:
            words = f"±{number(outer_tick(high / 1.15))}"
            plot.text(cell.extent[1], cell.extent[3] + 2.5, words, ha="right", va="baseline")

    def ticks(cell: Cell) -> Ticks:
        if tells_range:
            return []
        low, high = limits(cell.of)
        outer = outer_tick(high / 1.15)
        bottom, top = (-outer, outer) if shown.ylim is None else (low, high)
        unit = cell.height / (high - low)
        has_zero = bottom < 0 < top and min(-bottom, top) * unit >= FONT_SIZE
        places = (bottom, 0.0, top) if has_zero else (bottom, top)
        return [(cell.bottom + (at - low) * unit, number(at)) for at in places]

    return grid_panel(
        shown,
        Contents(
            indices,
            shown.channel,
            names,
            formula(shown.quantity),
            draw,
            ticks,
            ([name.replace(f"{rows} ", "") for name in names], rows),
            beside_name=8 if tells_range else 0,
        ),
        drawing.rows,
        width,
    )
