"""What a widget shows, as a figure for print takes it, and how such a figure is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from rnngrad_widgets.data.plot_array import PlotArray, Section
from rnngrad_widgets.data.quantities import quantity_of
from rnngrad_widgets.data.statistics import auto_limit
from rnngrad_widgets.export.files import write_whole
from rnngrad_widgets.figures.drawings import CurveGrid, Maps
from rnngrad_widgets.figures.requirement import check_matplotlib
from rnngrad_widgets.figures.shown import Companion, Shown

if TYPE_CHECKING:
    from collections.abc import Collection

    from rnngrad_widgets.explorer.displayed import Displayed
    from rnngrad_widgets.explorer.run import Run
    from rnngrad_widgets.figures.draw import Format
    from rnngrad_widgets.figures.drawings import Drawing, Sheet
    from rnngrad_widgets.figures.size import Size
    from rnngrad_widgets.views.view import View
    from rnngrad_widgets.widgets.selection import Selection


def write_figure(sheet: Sheet, target: Path, size: Size) -> None:
    """Draw a figure and write it to a file, whole or not at all.

    Parameters
    ----------
    sheet
        What is drawn.
    target
        Ends in ``.pdf``, ``.png`` or ``.svg``.
    size
        Of the figure.

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    OSError
        If the file cannot be written.
    """
    check_matplotlib()
    # here, because it needs matplotlib, which is an extra
    from rnngrad_widgets.figures.draw import figure_file  # noqa: PLC0415

    kind = cast("Format", target.suffix.lower()[1:])
    write_whole(target, figure_file(sheet, kind, size))


def shown_of(selection: Selection) -> Shown:
    """Return what a selection shows of a plain array, in its colour range."""
    tensor = selection.tensor
    sections = tuple(Section(**section) for section in tensor.sections)
    plot_array = PlotArray(
        cast("np.ndarray", tensor.array),
        tensor.columns,
        tensor.rows,
        tuple(tensor.gates),
        cast("Literal['', 'columns', 'rows']", tensor.gates_along),
        sections,
        row_labels=tuple(tensor.row_labels),
    )
    mask = None if tensor.mask is None else tensor.mask > 0
    return _with_chosen(Shown(plot_array, "", tuple(tensor.directions), mask), selection)


def shown_of_displayed(selection: Selection, displayed: Displayed, run: Run | None) -> Shown:
    """Return what an explorer shows; of a run the step that was chosen, or a difference."""
    tensor, plot_array = displayed.tensor, displayed.plot_array
    sent = len(plot_array.values)
    when, norm = "", selection.norm
    if run is not None:
        plot_array, when = _compared(run, displayed)
        if selection.auto:  # the browser fits it to the step
            limit = auto_limit(plot_array.values)
            norm = (-limit, limit)
    companion = selection.companion
    beside = None
    if companion.array is not None and run is None:
        other = quantity_of(tensor.quantity).companion
        beside = Companion(companion.array, other, tuple(companion.directions))
    mask = None if tensor.mask is None else tensor.mask[:sent]
    shown = Shown(
        plot_array,
        tensor.quantity,
        tensor.directions,
        mask,
        when=when,
        companion=beside,
        is_norm=tensor.norms_over > 0,
    )
    return replace(_with_chosen(shown, selection), norm=norm)


def _compared(run: Run, displayed: Displayed) -> tuple[PlotArray, str]:
    plot_array, step, pinned = displayed.plot_array, displayed.step, run.pinned
    if pinned is None or run.compared == "step":
        return plot_array, f"step {step:,}"
    base = run.values(pinned)
    if run.compared == "A":
        return replace(plot_array, values=base), f"step {pinned:,}"
    with np.errstate(invalid="ignore", over="ignore"):
        values = plot_array.values - base
    return replace(plot_array, values=values), f"step {step:,} minus step {pinned:,}"


def _with_chosen(shown: Shown, selection: Selection) -> Shown:
    return replace(
        shown,
        sample=selection.sample,
        channel=selection.channel,
        norm=selection.norm,
        reflect=selection.reflect_half,
        time_range=selection.time_range,
        ylim=selection.ylim,
        threshold=selection.threshold,
    )


def drawing_of(view: View, name: str, others: Collection[str], *, was_seen: bool) -> Drawing:
    """Return what is drawn of a view.

    Parameters
    ----------
    view, name
        The view, and what it is called.
    others
        The names of the views that can be drawn.
    was_seen
        Whether a browser has shown it: where none did, a grid is at the page of what is chosen.

    Raises
    ------
    ValueError
        If it is a view that is not drawn.
    """
    drawing = view.drawing
    if drawing is None:
        raise ValueError(
            f"a figure shows a view that is a picture: {', '.join(map(repr, others))}; received "
            f"{name!r}. Set explorer.view, or take its numbers from diagnose(explorer)"
        )
    if isinstance(drawing, (CurveGrid, Maps)) and not was_seen:
        return drawing._replace(page=None)
    return drawing
