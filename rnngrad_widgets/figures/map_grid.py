"""A small heat map for each sample, in one range of colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnngrad_widgets.figures.grids import Cell, Contents, Ticks, grid_panel, page_of
from rnngrad_widgets.figures.ink import INK
from rnngrad_widgets.figures.maps import colours_of, hatch, keys_of, paint
from rnngrad_widgets.figures.words import colour_label, even_ticks, row_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rnngrad_widgets.figures.drawings import Maps
    from rnngrad_widgets.figures.layout import Panel
    from rnngrad_widgets.figures.shown import Shown


def map_grid(shown: Shown, drawing: Maps, width: float) -> Panel:
    """Return a page of heat maps, for a figure of a width in inches."""
    indices = page_of(shown.samples, shown.sample, drawing.page, drawing.per_page)
    pictures = {index: shown.sample_picture(index) for index in indices}
    colours = colours_of(shown)
    borders = [section.start for section in shown.plot_array.sections[1:]]
    labels = shown.plot_array.row_labels

    def draw(plot: Axes, cell: Cell) -> None:
        picture = pictures[cell.of]
        paint(plot, picture, colours, cell.extent)
        hatch(plot, picture.masked, cell.extent)
        for row in borders:
            y = cell.bottom + row / shown.rows * cell.height
            plot.plot(cell.extent[:2], [y, y], color=INK, linewidth=0.4, alpha=0.5)

    def ticks(cell: Cell) -> Ticks:
        parts = int(min(max(cell.height // 30, 1), 4))
        places = even_ticks(shown.rows, parts) if cell.height >= 20 else []
        each = cell.height / shown.rows
        return [
            (cell.bottom + (row + 0.5) * each, labels[row] if labels else str(row))
            for row in places
        ]

    names = list(drawing.names) or [f"sample {index}" for index in range(shown.samples)]
    short = names if drawing.names else list(map(str, range(shown.samples)))
    alone = shown.samples == 1 and not drawing.names
    return grid_panel(
        shown,
        Contents(
            indices,
            shown.sample,
            ["" if alone else names[index] for index in indices],
            row_label(shown, 0, shown.rows),
            draw,
            ticks,
            (
                [short[index] for index in indices],
                "" if drawing.names else f"samples {indices[0]} to {indices[-1]}",
            ),
            (colours, colour_label(shown)),
            frozenset().union(*(keys_of(picture) for picture in pictures.values())),
        ),
        drawing.rows,
        width,
    )
