"""Gradient flow: norms over channels against time, on a logarithmic axis."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.ticker import NullLocator

from rnngrad_widgets.data.quantities import TRUNCATION_ERROR
from rnngrad_widgets.figures.ink import INK, sample_colour
from rnngrad_widgets.figures.layout import Finish, Panel, Place, head
from rnngrad_widgets.figures.lines import (
    MANY_POINTS,
    Name,
    last_finite,
    name_lines,
    named_samples,
    sample_names,
    trace,
)
from rnngrad_widgets.figures.maps import column_axis
from rnngrad_widgets.figures.norms import Stream, companion_streams, longest_below, streams_of
from rnngrad_widgets.figures.words import norm, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from rnngrad_widgets.figures.shown import Shown

_MARGIN, _FEWEST, _NEAR = 0.4, 2.0, 1.0
"""Decades: free beside the norms, at least on the axis, near the threshold; as flow-axis.ts."""


class Axis(NamedTuple):
    """The ends of the axis in decades, and whether the threshold lies on it."""

    low: float
    high: float
    has_threshold: bool


def flow_panels(
    shown: Shown, height: float, *, all_samples: bool = False, heading: str = ""
) -> list[Panel]:
    """Return the panel of the flow, and of its companion where there is one, on one axis.

    Parameters
    ----------
    shown
        What is shown.
    height
        Of each, in inches.
    all_samples
        Whether each sample has its line; a companion is shown only then.
    heading
        Over the first.
    """
    own, other = streams_of(shown), companion_streams(shown) if all_samples else []
    axis = _fit([*own, *other], shown.threshold)
    panels = [_panel(shown, own, shown.quantity, axis, height, heading, all_samples=all_samples)]
    if other and shown.companion is not None:
        quantity = shown.companion.quantity
        panels.append(_panel(shown, other, quantity, axis, height, "", all_samples=all_samples))
    return panels


def _panel(
    shown: Shown,
    streams: Sequence[Stream],
    quantity: str,
    axis: Axis,
    height: float,
    heading: str,
    *,
    all_samples: bool,
) -> Panel:
    by_lag = bool(shown.plot_array.row_labels)
    truncated = quantity == TRUNCATION_ERROR.name
    sample = 0 if truncated else shown.sample  # what truncation loses is of the whole batch

    def draw(place: Place) -> Finish:
        plot = place.plot
        first, end = shown.span
        x = np.arange(first, end, dtype=np.float64)
        floor = 10.0**axis.low
        plot.set_yscale("log")
        plot.set(xlim=(first - 0.5, end - 0.5), ylim=(floor, 10.0**axis.high))
        plot.set_yticks([10.0**at for at in _decades(axis, height)])
        plot.yaxis.set_minor_locator(NullLocator())
        head(plot, heading)
        plot.set_ylabel("$R_{u,u-k}$ / $R_{u,u}$" if by_lag else norm(quantity))
        column_axis(plot, shown)
        if truncated:
            plot.set_ylabel(r"$\Vert G - G_k \Vert$ / $\Vert G \Vert$")
            plot.set_xlabel("truncated at $k$ timesteps")
        elif by_lag:
            plot.set_xlabel("lag $k$, timesteps back")
        largest = max(stream.largest for stream in streams)
        if not truncated:
            _wash(plot, streams, shown.threshold * largest, (first, end))
        seen = [
            stream._replace(norms=np.maximum(stream.norms[:, first:end], floor))
            for stream in streams
        ]
        for stream in seen:
            _draw_batch(plot, x, stream, all_samples=all_samples)
        for stream in seen:
            trace(plot, x, stream.norms[sample], stream.colour, 1.1)
        limit = shown.threshold * largest
        has_threshold = axis.has_threshold and limit > floor and not truncated
        if has_threshold:
            plot.axhline(limit, color=INK, alpha=0.6, linewidth=0.6, linestyle=(0, (4, 3)))
        names = [] if truncated else _names(shown, seen, height, all_samples=all_samples)
        if has_threshold:
            names.append(Name(f"{number(shown.threshold)} max", limit))
        return name_lines(place, names)

    # lags are no timesteps: the axis is its own
    return Panel(draw, height, _x_of(shown, quantity))


def _x_of(shown: Shown, quantity: str) -> str:
    if quantity == TRUNCATION_ERROR.name:
        return "k"
    return "lag" if shown.plot_array.row_labels else shown.plot_array.columns


def _fit(streams: Sequence[Stream], threshold: float) -> Axis:
    """Fit the axis to all norms that share it; the threshold is on it only where they come near."""
    largest = max(stream.largest for stream in streams)
    if largest == 0:
        return Axis(-_FEWEST, 0.0, has_threshold=False)
    low = math.log10(min(stream.smallest for stream in streams))
    high = math.log10(largest) + _MARGIN
    place = high - _MARGIN + math.log10(threshold)
    has_threshold = low - _NEAR < place
    fitted = min(low, place - 2 * _MARGIN) if has_threshold else low - _MARGIN
    return Axis(min(max(fitted, place - 2 - _MARGIN), high - _FEWEST), high, has_threshold)


def _decades(axis: Axis, height: float) -> list[int]:
    first = math.floor(axis.high)
    size = first - math.ceil(axis.low) + 1
    step = math.ceil(size / max(int(height / 0.22), 2))
    return [first - i * step for i in range(math.ceil(size / step))]


def _wash(plot: Axes, streams: Sequence[Stream], limit: float, span: tuple[int, int]) -> None:
    """Shade the timesteps that gradient does not reach."""
    run = longest_below(streams[0].quartiles[1], limit) if len(streams) == 1 else None
    if run is not None and limit > 0:
        low, high = max(run[0], span[0]) - 0.5, min(run[1], span[1] - 1) + 0.5
        if high > low:
            plot.axvspan(low, high, color=INK, alpha=0.07, linewidth=0)


def _draw_batch(plot: Axes, x: NDArray[np.float64], stream: Stream, *, all_samples: bool) -> None:
    samples = len(stream.norms)
    if samples == 1:
        return
    if all_samples:
        rasterized = stream.norms.size > MANY_POINTS
        for sample, norms in enumerate(stream.norms):
            trace(plot, x, norms, sample_colour(sample), 0.5, 0.6, rasterized=rasterized)
    lower, median, upper = stream.quartiles
    plot.fill_between(x, lower, upper, color=stream.colour, alpha=0.13, linewidth=0)
    trace(plot, x, median, stream.colour, 0.8, 0.55)


def _names(
    shown: Shown, streams: Sequence[Stream], height: float, *, all_samples: bool
) -> list[Name]:
    chosen = [last_finite(stream.norms[shown.sample]) for stream in streams]
    if len(streams) == 2:
        names = [
            Name(stream.name, at, stream.colour) for stream, at in zip(streams, chosen, strict=True)
        ]
        lower = last_finite(streams[0].quartiles[0])
        return names if shown.samples == 1 else [*names, Name("quartiles", lower)]
    if shown.samples == 1:
        return []
    (stream,) = streams
    named = named_samples(shown, height) if all_samples else [shown.sample]
    names = sample_names(shown, named, list(stream.norms))
    if len(named) == 1:
        lower, median, _ = stream.quartiles
        names.append(Name("median", last_finite(median)))
        names.append(Name("quartiles", last_finite(lower)))
    return names
