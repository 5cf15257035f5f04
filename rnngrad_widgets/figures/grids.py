"""Pages of small panels, in one plot: axes for each of 64 panels would take seconds to lay out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.patches import Rectangle

from rnngrad_widgets.figures.ink import FRAME, INK
from rnngrad_widgets.figures.layout import FONT_SIZE, LETTER, Finish, Panel, Place, head
from rnngrad_widgets.figures.words import column_label, index_ticks, joined

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from rnngrad_widgets.figures.colours import Colours
    from rnngrad_widgets.figures.shown import Shown

_POINT = 72.0
_GAP = 6.0
"""Points between panels."""

_ASPECT = 2.0
"""A panel is best about twice as wide as it is high."""

_NARROWEST = 0.45
"""Inches."""

_ALONE = 1.4
"""Least height of a single row of panels, in inches."""

_HIGHEST = 8.5

Ticks = list[tuple[float, str]]


class Cell(NamedTuple):
    """A panel: what it is of, and its box in points of the plot, from below."""

    of: int
    left: float
    bottom: float
    width: float
    height: float
    is_lowest: bool = True
    is_first: bool = True

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom, top."""
        return self.left, self.left + self.width, self.bottom, self.bottom + self.height


@dataclass(frozen=True)
class Contents:
    """What is in the panels of a page.

    Parameters
    ----------
    indices
        What there is a panel for.
    chosen
        Which of them has a strong frame.
    names
        Their names.
    label
        Of their y axes.
    draw
        Draws a panel.
    ticks
        The ticks of its y axis, in points of the plot.
    short
        What stands instead of names that have no room, and the heading that explains it.
    colours, keys
        As for `Panel`.
    beside_name
        Letters for which there must be room beside a name.
    """

    indices: Sequence[int]
    chosen: int
    names: Sequence[str]
    label: str
    draw: Callable[[Axes, Cell], None]
    ticks: Callable[[Cell], Ticks]
    short: tuple[Sequence[str], str]
    colours: tuple[Colours, str] | None = None
    keys: frozenset[str] = frozenset()
    beside_name: int = 0


def page_of(count: int, chosen: int, page: int | None, per_page: int) -> range:
    """Return the indices on a page, from 1; None is the page of what is chosen."""
    number = chosen // per_page if page is None else page - 1
    first = min(number, (count - 1) // per_page) * per_page
    return range(first, min(first + per_page, count))


def grid_panel(shown: Shown, contents: Contents, rows: int | None, width: float) -> Panel:
    """Return the panel of a page, for a figure of a width in inches.

    Its ticks are set twice: for the layout, and at their places when its size is known.
    """
    count, names = len(contents.indices), contents.names
    room = width - 1.2
    short_names, words = contents.short

    def letters(texts: Sequence[str]) -> float:
        return (max(map(len, texts)) + contents.beside_name) * LETTER

    down, across = _shape(count, rows, room, letters(short_names))
    heading = shown.when
    if room / across - _GAP / _POINT < letters(names):
        names, heading = short_names, joined([words, heading])
    over = 1.4 * FONT_SIZE if any(names) else 0.0
    each = max(room / across / _ASPECT, 0.3 if down > 1 else _ALONE)
    height = min(down * (each + (over + _GAP) / _POINT), _HIGHEST)

    def draw(place: Place) -> Finish:
        plot = place.plot
        head(plot, heading)
        plot.spines[:].set_visible(False)
        plot.tick_params(length=0)
        plot.set(ylabel=contents.label, xlabel=column_label(shown), xlim=(0, 1), ylim=(0, 1))
        plot.set_xticks([])
        plot.xaxis.labelpad = FONT_SIZE + 5  # under the timesteps, which are no ticks of this plot
        texts = [text for _, text in contents.ticks(Cell(contents.indices[0], 0, 0, 999, 999))]
        plot.set_yticks(np.linspace(0.2, 0.8, len(texts)), texts)

        def finish() -> None:
            box = plot.get_window_extent()
            points = _POINT / plot.figure.dpi
            size = box.width * points, box.height * points
            plot.set(xlim=(0, size[0]), ylim=(0, size[1]))
            cells = _cells(contents.indices, across, size, over)
            for cell, name in zip(cells, names, strict=True):
                contents.draw(plot, cell)
                _frame(plot, cell, name, strong=count > 1 and cell.of == contents.chosen)
                if cell.is_lowest:
                    _time_ticks(plot, cell, shown.span)
            ticks = [tick for cell in cells if cell.is_first for tick in contents.ticks(cell)]
            plot.set_yticks([at for at, _ in ticks], [text for _, text in ticks])
            plot.set(xlim=(0, size[0]), ylim=(0, size[1]))

        return finish

    return Panel(draw, height, "grid", contents.colours, contents.keys)


def _frame(plot: Axes, cell: Cell, name: str, *, strong: bool) -> None:
    corner = (cell.left, cell.bottom)
    colour, line = (INK, 0.9) if strong else (FRAME, 0.4)
    box = Rectangle(corner, cell.width, cell.height, fill=False, edgecolor=colour, linewidth=line)
    plot.add_patch(box)
    box.set_clip_on(False)
    top = cell.bottom + cell.height + 2.5
    plot.text(cell.left, top, name, ha="left", va="baseline", parse_math=False)


def _time_ticks(plot: Axes, cell: Cell, span: tuple[int, int]) -> None:
    """Label timesteps under a panel; the first and the last end with it, the next one is near."""
    first, last = span[0], span[1] - 1
    ticks = index_ticks(first, last, max(int(cell.width / 34), 1))
    if cell.width < 34 and len(ticks) > 1:
        ticks = [last]
    for timestep in ticks:
        share = (timestep + 0.5 - first) / (last + 1 - first)
        edges = {first: (0.0, "left"), last: (1.0, "right")} if last > first else {}
        at, align = edges.get(timestep, (share, "center"))
        x, y = cell.left + at * cell.width, cell.bottom - 3
        plot.text(x, y, str(timestep), ha=align, va="top")


def _shape(count: int, rows: int | None, width: float, least: float) -> tuple[int, int]:
    """Return how many panels stand over and beside each other, none narrower than the least."""
    most = max(int(width / max(least, _NARROWEST)), 1)
    if rows is not None:
        across = min(-(-count // min(rows, count)), most)
    else:
        across = min(max(round(math.sqrt(count * width / 3.0)), 1), most, count)
        # few places are left empty
        if across < min(most, count) and -count % (across + 1) < -count % across:
            across += 1
    return -(-count // across), across


def _cells(
    indices: Sequence[int], across: int, size: tuple[float, float], over: float
) -> list[Cell]:
    width, height = size
    down = -(-len(indices) // across)
    pitch_x, pitch_y = (width + _GAP) / across, (height + _GAP) / down
    return [
        Cell(
            index,
            (i % across) * pitch_x,
            height - (i // across + 1) * pitch_y + _GAP,
            pitch_x - _GAP,
            pitch_y - _GAP - over,
            i + across >= len(indices),
            i % across == 0,
        )
        for i, index in enumerate(indices)
    ]
