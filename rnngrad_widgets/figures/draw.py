"""From what is shown to the content of a file: which panels a view has, and how high they are."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Literal

import matplotlib.style

from rnngrad_widgets.figures import drawings
from rnngrad_widgets.figures.compared import compared_panels
from rnngrad_widgets.figures.curve_grid import curve_grid
from rnngrad_widgets.figures.flow import flow_panels
from rnngrad_widgets.figures.histogram import histogram_panel
from rnngrad_widgets.figures.layout import STYLE, Panel, compose
from rnngrad_widgets.figures.lines import curve_panel
from rnngrad_widgets.figures.map_grid import map_grid
from rnngrad_widgets.figures.maps import map_panel, row_axis
from rnngrad_widgets.figures.run import run_panels
from rnngrad_widgets.figures.scatter import scatter_panels
from rnngrad_widgets.figures.weights import weight_panels
from rnngrad_widgets.figures.words import index_ticks, joined, of_sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure

    from rnngrad_widgets.figures.drawings import Drawing, Sheet
    from rnngrad_widgets.figures.shown import Shown
    from rnngrad_widgets.figures.size import Size

Format = Literal["pdf", "png", "svg"]

_METADATA: dict[Format, dict[str, str | None]] = {
    # without dates and versions: the same figure is the same file
    "pdf": {"Creator": "rnngrad_widgets", "Producer": None, "CreationDate": None},
    "png": {"Software": "rnngrad_widgets"},
    "svg": {"Creator": "rnngrad_widgets", "Date": None},
}


def figure_file(sheet: Sheet, kind: Format, size: Size) -> bytes:
    """Draw a figure.

    Parameters
    ----------
    sheet
        What goes into it.
    kind
        What kind of file.
    size
        Its width, and the resolution of what is no vector.

    Returns
    -------
    bytes
        The content of the file.
    """
    content = BytesIO()
    with own_style():
        figure = draw_figure(sheet, size)
        figure.savefig(content, format=kind, dpi=size.dpi, metadata=_METADATA[kind])
    return content.getvalue()


@contextmanager
def own_style() -> Iterator[None]:
    """Draw in the project's own style, whatever the user's is."""
    with matplotlib.style.context(["default", STYLE]), warnings.catch_warnings():
        # of names in scripts that its font has not: boxes, and nothing that must be said
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        yield


def draw_figure(sheet: Sheet, size: Size, *, exact: bool = True) -> Figure:
    """Draw a figure, in `own_style`; `compose` says what is `exact`."""
    panels = panels_of(sheet.shown, sheet.drawing, size.width)
    if sheet.run is not None:
        panels += run_panels(sheet.shown, sheet.run, _between(0.22 * size.width, 0.7, 1.3))
    return compose(panels, size, sheet.title, exact=exact)


def panels_of(  # noqa: C901 - one case a view
    shown: Shown, drawing: Drawing, width: float
) -> list[Panel]:
    """Return the panels of a view, for a figure of a width in inches."""
    low, middle = _between(0.17 * width, 0.6, 1.2), _between(0.28 * width, 0.9, 1.8)
    match drawing:
        case drawings.HeatMap():
            panels = [*_heat_map(shown, width), *_under_map(shown, low)]
        case drawings.Maps():
            panels = [map_grid(shown, drawing, width)]
        case drawings.OneChannel():
            panels = [_one_channel(shown, _between(0.42 * width, 1.2, 3.0))]
        case drawings.Curves():
            heading = joined([shown.row_name(shown.channel), shown.when])
            curves = curve_panel(shown, middle, coloured=True, heading=heading)
            panels = [curves, *flow_panels(shown, low)]
        case drawings.CurveGrid():
            panels = [curve_grid(shown, drawing, width)]
        case drawings.Flow():
            heading = joined([shown.when])
            panels = flow_panels(shown, middle, all_samples=True, heading=heading)
        case drawings.Scatter():
            panels = scatter_panels(shown, middle)
        case drawings.Histogram():
            panels = [histogram_panel(shown, drawing, _between(0.42 * width, 1.2, 2.8))]
        case drawings.Weights():
            panels = weight_panels(drawing.shown, width)
        case drawings.Compared():
            panels = compared_panels(drawing, middle, width)
    return panels


def _heat_map(shown: Shown, width: float) -> list[Panel]:
    if not shown.has_halves:
        height = _between(0.42 * width, 1.2, 3.0)
        label, ticks, lines = row_axis(shown, 0, shown.rows, height)
        picture = shown.sample_picture(shown.sample)
        heading = of_sample(shown)
        return [
            map_panel(
                shown, picture, height, heading=heading, label=label, ticks=ticks, lines=lines
            )
        ]
    height = _between(0.26 * width, 0.8, 1.8)
    panels = []
    for index in (1, 0):
        start, stop = shown.section(index)
        label, ticks, lines = row_axis(shown, start, stop, height)
        name = f"{shown.directions[index]} half"
        panels.append(
            map_panel(
                shown,
                shown.sample_picture(shown.sample, start, stop),
                height,
                heading=of_sample(shown, name) if index else name,
                label=label,
                ticks=ticks,
                lines=lines,
            )
        )
    return panels


def _under_map(shown: Shown, height: float) -> list[Panel]:
    if not shown.is_timed:
        return [curve_panel(shown, height)]
    flow, curve = flow_panels(shown, height), curve_panel(shown, height)
    # a lag is no timestep: the panels that share their axis stay together
    return [curve, *flow] if shown.plot_array.row_labels else [*flow, curve]


def _one_channel(shown: Shown, height: float) -> Panel:
    places = index_ticks(0, shown.samples - 1, max(1, int(height / 0.3)))
    ticks = [(float(at), str(at)) for at in places]
    return map_panel(
        shown,
        shown.channel_picture(shown.channel),
        height,
        heading=joined([shown.row_name(shown.channel), shown.when]),
        label="sample",
        ticks=ticks,
    )


def _between(value: float, least: float, most: float) -> float:
    return min(max(value, least), most)
