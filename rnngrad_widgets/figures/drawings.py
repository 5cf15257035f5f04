"""What there is to draw: a record for each view, with what is switched in it; no matplotlib."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from rnngrad_widgets.comparison.result import ComparedRuns
    from rnngrad_widgets.figures.shown import Shown


class HeatMap(NamedTuple):
    """The chosen sample; with its flow where there is time, and the chosen channel's curve."""


class Maps(NamedTuple):
    """A page of small heat maps, one for each sample; None is that of the chosen sample.

    Names stand over them where they are other things than samples.
    """

    page: int | None = None
    per_page: int = 64
    rows: int | None = None
    names: tuple[str, ...] = ()


class OneChannel(NamedTuple):
    """One channel, with a row for each sample."""


class Curves(NamedTuple):
    """One channel in every sample, and the flow under it."""


class CurveGrid(NamedTuple):
    """A page of small plots, one for each channel, with a curve for each sample.

    A page of None is that of the chosen channel.
    """

    page: int | None = None
    per_page: int = 24
    rows: int | None = None
    own_y: bool = False


class Flow(NamedTuple):
    """The norms of every sample; those of the companion too."""


class Scatter(NamedTuple):
    """Values without time, by sample, and those of the chosen sample by channel."""


class Histogram(NamedTuple):
    """How values are distributed; a line for the chosen sample or channel."""

    signed: bool = False
    log_count: bool = False
    of_channel: bool = False


class Weights(NamedTuple):
    """The matrices of one direction or cell, and a histogram for each gate."""

    shown: Shown


class Compared(NamedTuple):
    """Experiments by lag, or by timestep; relative to lag 0, or norms as they are."""

    runs: ComparedRuns
    quantity: str
    absolute: bool = False
    by_timestep: bool = False


Drawing = (
    HeatMap
    | Maps
    | OneChannel
    | Curves
    | CurveGrid
    | Flow
    | Scatter
    | Histogram
    | Weights
    | Compared
)
"""What is drawn of a view."""


class RunStep(NamedTuple):
    """A training step of a run, its loss, and its tensor as it is laid out for drawing."""

    step: int
    loss: float | None
    values: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Run:
    """The training run that is shown under a view.

    Parameters
    ----------
    steps
        What is kept of it.
    chosen
        The step that is shown.
    pinned
        The step that it is compared with; None for none.
    absolute
        Whether colours are relative to the largest norm of the run, not of each step.
    """

    steps: Sequence[RunStep]
    chosen: int
    pinned: int | None = None
    absolute: bool = False


@dataclass(frozen=True, eq=False)
class Sheet:
    """All that goes into a figure.

    Parameters
    ----------
    shown
        What of which tensor is shown.
    drawing
        In which view.
    run
        The run under it; None for none.
    title
        Over it; empty for none.
    """

    shown: Shown
    drawing: Drawing
    run: Run | None = None
    title: str = ""
