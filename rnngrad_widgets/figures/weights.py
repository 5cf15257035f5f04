"""Kernel, recurrent kernel and bias over the same columns, and a histogram for each gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnngrad_widgets.figures.histogram import gate_panel
from rnngrad_widgets.figures.maps import map_panel
from rnngrad_widgets.figures.words import even_ticks, joined

if TYPE_CHECKING:
    from rnngrad_widgets.figures.layout import Panel
    from rnngrad_widgets.figures.shown import Shown

_THIN = 0.12
"""Height of a bias in inches: one row, or two."""

_TOGETHER = 0.75
"""Share of the width that the matrices are high, together."""


def weight_panels(shown: Shown, width: float) -> list[Panel]:
    """Return the panels of the matrices of one direction or cell."""
    sections = shown.plot_array.sections
    sizes = [stop - start for start, stop in map(shown.section, range(len(sections)))]
    matrices = sum(size > 2 for size in sizes) or 1
    each = min(max(width * _TOGETHER / matrices, 0.7), 2.5)
    panels = []
    for index in reversed(range(len(sections))):
        name, _, rows = sections[index]
        size = sizes[index]
        height = _THIN * size if size <= 2 else each
        parts = max(1, min(4, int(height / 0.35)))
        ticks = [(float(at), str(at)) for at in even_ticks(size, parts)] if size > 2 else []
        panels.append(
            map_panel(
                shown,
                shown.sample_picture(0, *shown.section(index)),
                height,
                heading=joined([name.replace("_", " "), shown.when]),
                label=rows if size > 2 else "",
                ticks=ticks,
            )
        )
    return [*panels, gate_panel(shown, min(max(0.16 * width, 0.5), 0.9))]
