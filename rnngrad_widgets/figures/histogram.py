"""How values are distributed: bars for all, a line for the chosen part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator, NullLocator

from rnngrad_widgets.figures.counts import (
    Counts,
    Tally,
    count_between,
    count_values,
    signed_edges,
    tally_of,
)
from rnngrad_widgets.figures.ink import FRAME, INK
from rnngrad_widgets.figures.layout import Finish, Panel, Place, head, in_lines
from rnngrad_widgets.figures.words import count, formula, joined, magnitude, norm, noun, number

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from rnngrad_widgets.figures.drawings import Histogram
    from rnngrad_widgets.figures.shown import Shown

_BARS = "#d1d1d1"

_NAMES = 0.7
"""Inches for the names of what is drawn."""

_GATE_BINS = 40


def histogram_panel(shown: Shown, drawing: Histogram, height: float) -> Panel:
    """Return the panel of a histogram."""
    signed, of_channel = drawing.signed, drawing.of_channel
    counts = count_values(shown, signed=signed, of_channel=of_channel)

    def draw(place: Place) -> Finish | None:
        plot = place.plot
        symbol = norm if shown.is_norm else formula if signed else magnitude
        plot.set_xlabel(f"{noun(shown.quantity)} {symbol(shown.quantity)}")
        plot.set_ylabel("values per bin")
        head(plot, joined([shown.when, *_shares(counts.tally, counts)]))
        if not counts.edges.size:
            _say_empty(plot, counts.tally)
            return None
        edges = counts.edges
        if not signed:
            plot.set_xscale("log")
            plot.xaxis.set_minor_locator(NullLocator())
        whole = "all samples" if shown.samples > 1 else "all values"
        drawn: list[Artist] = [plot.stairs(counts.whole, edges, fill=True, color=_BARS)]
        names = [whole]
        if counts.part is not None:
            middles = (edges[:-1] + edges[1:]) / 2 if signed else np.sqrt(edges[:-1] * edges[1:])
            drawn += plot.plot(middles, counts.part, color=INK, linewidth=1.1)
            names.append(f"{_part_name(shown, of_channel=of_channel)} × {counts.factor:.4g}")
        place.side.legend(
            drawn,
            [in_lines(name, _NAMES) for name in names],
            loc="upper left",
            bbox_to_anchor=(0, 1),
            frameon=False,
            borderpad=0,
            borderaxespad=0,
            handlelength=1.0,
            handletextpad=0.4,
        )
        plot.set_xlim(edges[0], edges[-1])
        most = max([float(counts.whole.max()), *([] if counts.part is None else counts.part)])
        _count_axis(plot, most, log=drawing.log_count)
        if signed:
            _value_ticks(plot)
        return None

    return Panel(draw, height, "value")


def _part_name(shown: Shown, *, of_channel: bool) -> str:
    if not of_channel:
        return f"sample {shown.sample}"
    name = shown.row_name(shown.channel)
    return f"{name} of sample {shown.sample}" if shown.samples > 1 and shown.is_timed else name


def _shares(tally: Tally, counts: Counts) -> list[str]:
    """Say what the axis cannot show."""
    words = [
        f"{_share(size, tally.total)} {name}"
        for size, name in (
            (tally.zeros, "zeros"),
            (tally.nans, "NaN"),
            (tally.infinities, "infinite"),
        )
        if size
    ]
    below = counts.below and counts.edges.size
    return [*words, *([f"{_share(counts.below, tally.total)} smaller"] if below else [])]


def _share(part: int, whole: int) -> str:
    percent = 100 * part / whole
    if percent < 0.1:
        return "<0.1 %"
    if part < whole and percent > 99.9:
        return ">99.9 %"
    return f"{percent:.{1 if percent < 10 or percent > 99 else 0}f}".removesuffix(".0") + " %"


def _say_empty(plot: Axes, tally: Tally) -> None:
    """Say why there is nothing to draw."""
    names = (("zero", tally.zeros), ("NaN", tally.nans), ("infinite", tally.infinities))
    only = " or ".join(name for name, size in names if size)
    reason = f"all {tally.total:,} values are {only}" if tally.total else "all is masked"
    plot.text(0.5, 0.5, reason, transform=plot.transAxes, ha="center", va="center")
    plot.set_xticks([])
    plot.set_yticks([])


def _count_axis(plot: Axes, most: float, *, log: bool, parts: int = 4) -> None:
    if log:
        plot.set_yscale("log")
        plot.set_ylim(0.5, 2 * most)
        plot.set_yticks(10.0 ** np.arange(0, np.floor(np.log10(2 * most)) + 1))
        plot.minorticks_off()
        return
    top = 1.05 * max(most, 1)
    places = [at for at in MaxNLocator(parts, integer=True).tick_values(0, top) if 0 <= at <= top]
    plot.set_ylim(0, top)
    plot.set_yticks(places, [count(at) for at in places])


def _value_ticks(plot: Axes) -> None:
    low, high = plot.get_xlim()
    places = [at for at in MaxNLocator(4).tick_values(low, high) if low <= at <= high]
    plot.set_xticks(places, [number(float(at)) for at in places])
    plot.set_xlim(low, high)


def gate_panel(shown: Shown, height: float) -> Panel:
    """Return a strip with a histogram for each gate, in the columns that it has in the map.

    All are on one range of values, which its label says.
    """
    gates = shown.plot_array.gates or ("",)
    values = shown.values[0]
    edges = signed_edges(values, _GATE_BINS)
    size = shown.columns // len(gates)

    def draw(place: Place) -> Finish | None:
        plot = place.plot
        plot.set_ylabel("values")
        plot.set_xlim(-0.5, shown.columns - 0.5)
        for spine in ("left", "bottom"):
            plot.spines[spine].set_color(FRAME)
        if not edges.size:
            _say_empty(plot, tally_of(values))
            return None
        most = 1.0
        low, high = edges[0], edges[-1]
        for i in range(len(gates)):
            counts, _ = count_between(values[i * size : (i + 1) * size], edges, signed=True)
            left = i * size - 0.5
            at = left + (edges - low) / (high - low) * size
            plot.stairs(counts, at, fill=True, color=_BARS)
            if low < 0 < high:
                zero = left - low / (high - low) * size
                plot.axvline(zero, color=INK, alpha=0.3, linewidth=0.4)
            if i:
                plot.axvline(left, color=INK, alpha=0.5, linewidth=0.4)
            most = max(most, float(counts.max()))
        _count_axis(plot, most, log=False, parts=2)
        plot.set_xticks([(i + 0.5) * size - 0.5 for i in range(len(gates))], gates)
        plot.tick_params(axis="x", length=0)
        plot.set_xlabel(_range_label(shown, low, high))
        return None

    return Panel(draw, height, "gates")


def _range_label(shown: Shown, low: float, high: float) -> str:
    several = ", in each gate" if len(shown.plot_array.gates) > 1 else ""
    return f"{formula(shown.quantity)} from {number(low, 2)} to {number(high, 2)}{several}"
