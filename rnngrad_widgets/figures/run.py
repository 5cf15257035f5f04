"""A training run: its loss, and the gradient by training step and timestep."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rnngrad_widgets.figures.colours import Colours, log_shares
from rnngrad_widgets.figures.ink import INK, MASKED, NON_FINITE
from rnngrad_widgets.figures.layout import (
    MASKED_KEY,
    NON_FINITE_KEY,
    Finish,
    Panel,
    Place,
    head,
    room_of,
)
from rnngrad_widgets.figures.norms import streams_of
from rnngrad_widgets.figures.words import even_ticks, index_ticks, norm, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from rnngrad_widgets.figures.drawings import Run
    from rnngrad_widgets.figures.shown import Shown

_X = "training step"


def run_panels(shown: Shown, run: Run, height: float) -> list[Panel]:
    """Return the panels of a run: the loss where it is known, and the map of the norms."""
    losses = [np.nan if each.loss is None else each.loss for each in run.steps]
    panels = [_map(shown, run, height)]
    if np.isfinite(losses).any():
        panels.insert(0, _losses(run, np.array(losses), 0.6 * height))
    return panels


def _losses(run: Run, losses: NDArray[np.float64], height: float) -> Panel:
    def draw(place: Place) -> Finish | None:
        plot = place.plot
        steps = [each.step for each in run.steps]
        known = losses[np.isfinite(losses)]
        low, high = min(0.0, float(known.min())), max(0.0, float(known.max()))
        high = high if high > low else 1.0
        plot.plot(steps, losses, color=INK, linewidth=0.9)
        shown = losses[steps.index(run.chosen)]
        if np.isfinite(shown):
            plot.plot([run.chosen], [shown], ".", color=INK, markersize=5)
        plot.set(ylim=(1.08 * low, 1.08 * high), ylabel="loss")
        outer = high if high > 0 else low
        plot.set_yticks([0.0, outer], ["0", number(outer)])
        _step_axis(plot, run)
        return None

    return Panel(draw, height, _X)


def _map(shown: Shown, run: Run, height: float) -> Panel:
    medians, largest = _medians(shown, run)
    halves, timesteps = medians.shape[1:]
    limits = np.full(len(largest), largest.max()) if run.absolute else largest
    of = "the run" if run.absolute else "each step"
    colours = (Colours(-1.0, 1.0, "sequential"), norm(shown.quantity))
    rows = medians.reshape(len(medians), -1)
    found = {MASKED_KEY: np.isnan(rows).any(), NON_FINITE_KEY: np.isinf(rows).any()}
    keys = frozenset(key for key, there in found.items() if there)

    def draw(place: Place) -> Finish:
        plot = place.plot
        head(plot, f"largest of {of} = 1")
        plot.spines[:].set_visible(True)
        plot.set(ylim=(-0.5, halves * timesteps - 0.5))
        ticks = even_ticks(timesteps, 2)
        kept = ticks if halves == 1 else ticks[:-1]  # the last would lie on the other half's first
        places = [half * timesteps + at for half in range(halves) for at in kept]
        plot.set_yticks(places, [str(at % timesteps) for at in places])
        names = shown.directions if halves == 2 else ("",)
        plot.set_ylabel(shown.plot_array.columns)
        for half, name in enumerate(names):
            top = (half + 1) * timesteps - 0.5
            plot.annotate(name, (0, top), (2, -2), ("axes fraction", "data"), "offset points")
        if halves == 2:
            plot.axhline(timesteps - 0.5, color=INK, linewidth=0.6)
        _step_axis(plot, run)

        def finish() -> None:
            wide = max(int(plot.get_window_extent().width), 1)
            first, last = plot.get_xlim()
            at = first + (np.arange(wide) + 0.5) / wide * (last - first)
            steps = np.array([each.step for each in run.steps], np.float64)
            nearest = np.abs(at[:, None] - steps).argmin(axis=1)
            with np.errstate(invalid="ignore"):
                shares = rows / np.where(limits > 0, limits, 1)[:, None]
            pixels = log_shares(np.nan_to_num(shares, nan=1.0, posinf=1.0))
            pixels[np.isnan(rows)] = _rgb(MASKED)
            pixels[np.isinf(rows)] = _rgb(NON_FINITE)
            extent = (first, last, -0.5, halves * timesteps - 0.5)
            image = pixels[nearest].swapaxes(0, 1)
            plot.imshow(
                image,
                extent=extent,
                origin="lower",
                aspect="auto",
                interpolation="nearest",
                zorder=0,
            )
            plot.set(xlim=(first, last))

        return finish

    return Panel(draw, height, _X, colours, keys)


def _medians(shown: Shown, run: Run) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the medians over samples, (steps, halves, timesteps), and the largest norms.

    NaN where all is masked, infinite where no norm is finite. Never reflected, and all timesteps.
    """
    medians, largest = [], []
    masked = np.zeros(shown.columns, np.bool_) if shown.mask is None else ~shown.mask.any(axis=0)
    for each in run.steps:
        array = replace(shown.plot_array, values=each.values, row_labels=())
        streams = streams_of(replace(shown, plot_array=array, reflect=False))
        rows = []
        for stream in streams:
            median = stream.quartiles[1]
            rows.append(np.where(np.isnan(median) & ~masked, np.inf, median))
        medians.append(rows)
        largest.append(max(stream.largest for stream in streams))
    return np.array(medians), np.array(largest)


def _step_axis(plot: Axes, run: Run) -> None:
    first, last = run.steps[0].step, run.steps[-1].step
    plot.set(xlim=(first, max(last, first + 1)), xlabel=_X)
    plot.set_xticks(index_ticks(first, last, int(room_of(plot) / 0.55)))
    plot.xaxis.set_major_formatter("{x:,.0f}")
    plot.axvline(run.chosen, color=INK, linewidth=0.8)
    if run.pinned is not None:
        plot.axvline(run.pinned, color=INK, linewidth=0.8, linestyle=(0, (2, 2)))


def _rgb(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
