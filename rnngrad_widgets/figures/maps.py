"""Heat maps: channels of one sample, or one channel of every sample; masked cells are hatched."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Rectangle

from rnngrad_widgets.figures.colours import Colours, pooled
from rnngrad_widgets.figures.ink import INK, MASKED, MASKED_LINES
from rnngrad_widgets.figures.layout import (
    LETTER,
    MASKED_KEY,
    NON_FINITE_KEY,
    Finish,
    Panel,
    Place,
    head,
    in_lines,
    room_of,
)
from rnngrad_widgets.figures.words import (
    colour_label,
    column_label,
    even_ticks,
    index_ticks,
    row_label,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from rnngrad_widgets.figures.shown import Picture, Shown

Extent = tuple[float, float, float, float]
"""Left, right, bottom and top, in the coordinates of the plot."""


def map_panel(
    shown: Shown,
    picture: Picture,
    height: float,
    *,
    heading: str = "",
    label: str = "",
    ticks: Sequence[tuple[float, str]] = (),
    lines: Sequence[float] = (),
) -> Panel:
    """Return the panel of a heat map over the columns that are shown.

    Parameters
    ----------
    shown
        Of which the colours and the columns are.
    picture
        The cells.
    height
        In inches.
    heading
        Over it.
    label, ticks
        Of the axis of the rows.
    lines
        Rows between which there is a line, as 63.5.
    """
    first, end = shown.span
    colours = colours_of(shown)

    def draw(place: Place) -> Finish:
        plot = place.plot
        extent = (first - 0.5, end - 0.5, -0.5, len(picture.cells) - 0.5)
        plot.set(xlim=extent[:2], ylim=extent[2:], ylabel=label)
        head(plot, heading)
        plot.spines[:].set_visible(True)
        plot.set_yticks([at for at, _ in ticks], [text for _, text in ticks])
        hatch(plot, picture.masked, extent)
        for at in lines:
            plot.axhline(at, color=INK, alpha=0.5, linewidth=0.4)
        column_axis(plot, shown)
        return lambda: paint(plot, picture, colours, extent)

    return Panel(
        draw, height, shown.plot_array.columns, (colours, colour_label(shown)), keys_of(picture)
    )


def colours_of(shown: Shown) -> Colours:
    """Return the colours of what is shown."""
    return Colours(*shown.norm, shown.cmap)


def keys_of(picture: Picture) -> frozenset[str]:
    """Return what must be explained of a picture."""
    cells = picture.cells[~picture.masked]
    found = {MASKED_KEY: picture.masked.any(), NON_FINITE_KEY: not np.isfinite(cells).all()}
    return frozenset(key for key, there in found.items() if there)


def paint(plot: Axes, picture: Picture, colours: Colours, extent: Extent) -> None:
    """Paint cells into a part of a plot whose size is known; in at most as many as it has dots."""
    (x0, y0), (x1, y1) = plot.transData.transform([(extent[0], extent[2]), (extent[1], extent[3])])
    cells = np.where(picture.masked, np.float32(0), picture.cells)
    cells = pooled(cells, max(int(abs(y1 - y0)), 1), max(int(abs(x1 - x0)), 1))
    limits = plot.get_xlim(), plot.get_ylim()
    plot.imshow(
        colours.paint(cells),
        extent=extent,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        zorder=0,
    )
    plot.set(xlim=limits[0], ylim=limits[1])


def hatch(plot: Axes, masked: NDArray[np.bool_], extent: Extent) -> None:
    """Hatch what is masked: a rectangle for each run of columns in rows that are alike."""
    left, right, bottom, top = extent
    rows, columns = masked.shape
    across, up = (right - left) / columns, (top - bottom) / rows
    starts = [0, *(np.flatnonzero((masked[1:] != masked[:-1]).any(axis=1)) + 1), rows]
    for first, end in pairwise(starts):
        edges = np.flatnonzero(np.diff(masked[first], prepend=False, append=False))
        for start, stop in edges.reshape(-1, 2):
            plot.add_patch(
                Rectangle(
                    (left + start * across, bottom + first * up),
                    (stop - start) * across,
                    (end - first) * up,
                    facecolor=MASKED,
                    edgecolor=MASKED_LINES,
                    hatch="/////",
                    linewidth=0,
                    zorder=0.5,
                )
            )


def column_axis(plot: Axes, shown: Shown) -> None:
    """Label the axis of the columns: timesteps, or the gates of a weight."""
    gates = shown.plot_array.gates if shown.plot_array.gates_along == "columns" else ()
    plot.set_xlabel(in_lines(column_label(shown), room_of(plot) + 0.8))
    if gates:
        size = shown.columns / len(gates)
        plot.set_xticks([(i + 0.5) * size - 0.5 for i in range(len(gates))], gates)
        plot.tick_params(axis="x", length=0)
        for i in range(1, len(gates)):
            plot.axvline(i * size - 0.5, color=INK, alpha=0.5, linewidth=0.4)
        return
    first, end = shown.span
    plot.set_xticks(index_ticks(first, end - 1, int(room_of(plot) / 0.42)))


def row_axis(
    shown: Shown, start: int, stop: int, height: float
) -> tuple[str, list[tuple[float, str]], list[float]]:
    """Return the label, the ticks and the lines of the axis of rows [start, stop)."""
    label = row_label(shown, start, stop)
    if len(label) * LETTER > height + 0.2:  # else it meets that of the next panel
        label = in_lines(label.split(",")[0], height + 0.2)
    gates = shown.plot_array.gates if shown.plot_array.gates_along == "rows" else ()
    size = stop - start
    if gates:
        names = gates * (2 if shown.has_halves and size == shown.rows else 1)
        each = size / len(names)
        ticks = [((i + 0.5) * each - 0.5, name) for i, name in enumerate(names)]
        return label, ticks, [i * each - 0.5 for i in range(1, len(names))]
    labels = shown.plot_array.row_labels
    places = even_ticks(size, max(1, min(4, int(height / 0.35))))
    return label, [(i, labels[start + i] if labels else str(i)) for i in places], []
