"""A figure of panels one over the other, exactly as wide as asked and as high as they need.

Beside each panel is a narrow column, for a colour bar or the names of lines. Text is 8 pt at the
printed size.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch

from rnngrad_widgets.figures.colour_bar import draw_colour_bar
from rnngrad_widgets.figures.ink import FRAME, INK, MASKED, MASKED_LINES, NON_FINITE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.gridspec import GridSpec

    from rnngrad_widgets.figures.colours import Colours
    from rnngrad_widgets.figures.size import Size

FONT_SIZE = 8.0
"""Points."""

LETTER = 0.52 * FONT_SIZE / 72
"""About the width of a letter, in inches."""

STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": FRAME,
    "axes.labelcolor": INK,
    "axes.labelpad": 2.0,
    "axes.labelsize": FONT_SIZE,
    "axes.linewidth": 0.5,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlepad": 3.0,
    "axes.titlesize": FONT_SIZE,
    "axes.unicode_minus": True,
    "figure.titlesize": FONT_SIZE,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: a figure is the same everywhere
    "font.size": FONT_SIZE,
    "hatch.linewidth": 0.5,
    "legend.fontsize": FONT_SIZE,
    "lines.linewidth": 1.0,
    "lines.solid_capstyle": "round",
    "mathtext.fontset": "dejavusans",
    "path.simplify": False,
    "pdf.fonttype": 42,  # TrueType: publishers refuse Type 3
    "svg.fonttype": "path",
    "svg.hashsalt": "rnngrad_widgets",  # names in the file are the same each time
    "text.color": INK,
    "xtick.color": FRAME,
    "xtick.labelcolor": INK,
    "xtick.labelsize": FONT_SIZE,
    "xtick.major.pad": 2.0,
    "xtick.major.size": 2.5,
    "xtick.major.width": 0.5,
    "ytick.color": FRAME,
    "ytick.labelcolor": INK,
    "ytick.labelsize": FONT_SIZE,
    "ytick.major.pad": 2.0,
    "ytick.major.size": 2.5,
    "ytick.major.width": 0.5,
    "ytick.minor.size": 1.5,
    "ytick.minor.width": 0.4,
}
"""On top of matplotlib's own defaults, whatever the user's are."""

MASKED_KEY, NON_FINITE_KEY = "masked", "NaN or infinite"
"""What a figure explains under it, where it is there."""

_KEYS = {
    MASKED_KEY: Patch(facecolor=MASKED, edgecolor=MASKED_LINES, hatch="/////", linewidth=0),
    NON_FINITE_KEY: Patch(facecolor=NON_FINITE, linewidth=0),
}

_BAR = 0.09
"""Width of a colour bar, in inches."""

_MARGINS = 1.2
"""About what labels take of the width, in inches."""


class Place(NamedTuple):
    """Where a panel is drawn: its plot, and the narrow column beside it."""

    plot: Axes
    side: Axes


Finish = Callable[[], None]
"""Draws what depends on how large a panel is, when that is known."""


@dataclass(frozen=True)
class Panel:
    """What is drawn in a row of a figure.

    Parameters
    ----------
    draw
        Draws it, and returns what is to be done when its size is known; None for nothing.
    height
        Of the plot, in inches.
    x
        Name of its x axis: neighbours with the same one share it.
    colours
        The colours that a bar beside it explains, and the bar's label; neighbours with the same
        ones share it.
    keys
        What of `MASKED_KEY` and `NON_FINITE_KEY` is seen in it.
    """

    draw: Callable[[Place], Finish | None]
    height: float
    x: str
    colours: tuple[Colours, str] | None = None
    keys: frozenset[str] = frozenset()


def room_of(plot: Axes) -> float:
    """Return about how wide a plot is before its size is known, in inches."""
    figure = plot.figure
    return max(float(figure.bbox.width / figure.dpi) - _MARGINS, 0.3)


def head(plot: Axes, words: str) -> None:
    """Write a heading over a plot; it is words, never TeX, in lines that fit the figure."""
    plot.set_title(in_lines(words, room_of(plot) + 0.3), parse_math=False)


def in_lines(words: str, inches: float) -> str:
    """Break words into lines of about so many inches."""
    return textwrap.fill(words, max(int(inches / LETTER), 8))


def compose(panels: Sequence[Panel], size: Size, title: str = "", *, exact: bool = True) -> Figure:
    """Draw panels into a figure.

    Parameters
    ----------
    panels
        From top to bottom.
    size
        Of the figure.
    title
        Over all of them; empty for none.
    exact
        Whether plots are as high as they ask for; else about so high, in half of the time.

    Returns
    -------
    Figure
        Its layout is settled, for any number of dots to the inch.
    """
    width, dpi = size
    total = sum(panel.height for panel in panels)
    engine = ConstrainedLayoutEngine(w_pad=0.04, h_pad=0.03, wspace=0.01, hspace=0.02)
    figure = Figure(figsize=(width, total + 1), dpi=dpi, layout=engine)
    grid = figure.add_gridspec(
        len(panels),
        2,
        height_ratios=[panel.height for panel in panels],
        width_ratios=[max(width - _MARGINS, 0.5), _BAR],
    )
    places = _places(figure, grid, panels)
    _colour_bars(figure, grid, panels)
    finishing = [panel.draw(place) for panel, place in zip(panels, places, strict=True)]
    for place, panel, below in zip(places, panels, [*panels[1:], None], strict=True):
        if below is not None and below.x == panel.x:
            place.plot.tick_params(labelbottom=False)
            place.plot.set_xlabel("")
    keys = [key for key in _KEYS if any(key in panel.keys for panel in panels)]
    if keys:
        figure.legend(
            [_KEYS[key] for key in keys],
            keys,
            loc="outside lower center",
            ncols=len(keys),
            frameon=False,
            borderpad=0,
            handlelength=1.4,
        )
    figure.align_ylabels([place.plot for place in places])
    if title:
        figure.suptitle(in_lines(title, width - 0.2), parse_math=False)
    _fit_height(figure, places, total, 3 if exact else 1)
    for finish in finishing:
        if finish is not None:
            finish()
    return figure


def _places(figure: Figure, grid: GridSpec, panels: Sequence[Panel]) -> list[Place]:
    places: list[Place] = []
    for row, panel in enumerate(panels):
        shared = places[-1].plot if row and panels[row - 1].x == panel.x else None
        plot = figure.add_subplot(grid[row, 0], sharex=shared)
        side = figure.add_subplot(grid[row, 1])
        side.set_axis_off()
        places.append(Place(plot, side))
    return places


def _colour_bars(figure: Figure, grid: GridSpec, panels: Sequence[Panel]) -> None:
    """Put a bar beside each run of panels with the same colours."""
    for key, rows in groupby(range(len(panels)), lambda row: panels[row].colours):
        if key is not None:
            every = list(rows)
            bar = figure.add_subplot(grid[every[0] : every[-1] + 1, 1])
            colours, label = key
            draw_colour_bar(bar, colours, label, sum(panels[row].height for row in every))


def _fit_height(figure: Figure, places: Sequence[Place], wanted: float, tries: int) -> None:
    """Make the figure so high that the plots have their heights: what text takes is known now."""
    width = figure.get_figwidth()
    for left in reversed(range(tries)):
        figure.draw_without_rendering()
        height = figure.get_figheight()
        drawn = sum(place.plot.get_position().height for place in places) * height
        if abs(drawn - wanted) < 0.005 or not left:
            break  # the layout is that of this height
        figure.set_size_inches(width, height + wanted - drawn)
    figure.set_layout_engine("none")
