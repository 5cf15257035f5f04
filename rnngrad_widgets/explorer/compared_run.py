"""`ComparedRun`: one run of a comparison, as it was given and as it goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from ipywidgets import HTML, Widget

from rnngrad_widgets.comparison.curves import Curve, curves_of
from rnngrad_widgets.comparison.matching import StepLoss
from rnngrad_widgets.data.plot_array import PlotArray
from rnngrad_widgets.data.tensor import REACH, SEQUENCE, GradientTensor
from rnngrad_widgets.data.thinning import BUDGET
from rnngrad_widgets.diagnosis.telling import Evidence
from rnngrad_widgets.explorer.kept_snapshots import KeptSnapshots, finite
from rnngrad_widgets.views.tensor_upload import selection_of, upload
from rnngrad_widgets.widgets.reachable import close_widgets, reachable
from rnngrad_widgets.widgets.tensor import Tensor
from rnngrad_widgets.widgets.timeline import Snapshot, Timeline

if TYPE_CHECKING:
    from rnngrad_widgets.explorer.compared_sources import Experiment, Gradient


MOST_TOGETHER = 2000
"""Steps of all runs together that are kept; each is a widget. More are evenly thinned."""


class RunKey(NamedTuple):
    """The name of a condition, and which of its repeats; of one that has none, `repeat` is 0."""

    name: str
    repeat: int
    is_one_of_several: bool

    @property
    def words(self) -> str:
        """What the page calls it."""
        return f"{self.name}, repeat {self.repeat}" if self.is_one_of_several else self.name

    def __str__(self) -> str:
        repeat = f", repeat {self.repeat}" if self.is_one_of_several else ""
        return f"{self.name!r}{repeat}"


Tell = Callable[[Sequence[Curve]], dict[str, Any]]
"""Returns what the browser is told of a run at one step, see `ComparedRun.tell`."""


class _Kept(NamedTuple):
    snapshot: Snapshot
    curves: tuple[Curve, ...]
    at: StepLoss


class _History(KeptSnapshots[_Kept, Sequence[Curve]]):
    """The steps of a run; of each the norms by lag, and what is told of them."""

    def __init__(self, timeline: Timeline, run: ComparedRun, count: int) -> None:
        self._run = run
        # in the browser, and here
        size = 2 * _norms(run.given).nbytes
        super().__init__(timeline, size, BUDGET // count, MOST_TOGETHER // count)

    def _entry(self, number: int, state: Sequence[Curve], step: int, status: str) -> _Kept:
        norms = _norms(state)
        snapshot = Snapshot(
            "float32",
            timeline_id=self.timeline.model_id,
            number=number,
            step=step,
            loss=finite(state[0].loss),
            array=norms,
            told=self._run.tell(state),
            status=status,
            status_step=self._status.step,
        )
        kept = (replace(one, norms=norms[..., i], step=step) for i, one in enumerate(state))
        loss = np.nan if snapshot.loss is None else snapshot.loss
        return _Kept(snapshot, tuple(kept), StepLoss(step, loss))

    @property
    def steps_and_losses(self) -> list[StepLoss]:
        """The kept steps, rising, and their losses; NaN where one is not finite."""
        return [kept.at for kept in self._entries.values()]

    def curves_at(self, place: int) -> Sequence[Curve]:
        """Return the curves at a place of `steps_and_losses`."""
        return list(self._entries.values())[place].curves

    def tell_again(self) -> None:
        """Tell the browser of each step anew."""
        for kept in self._entries.values():
            kept.snapshot.told = self._run.tell(kept.curves)


class ComparedRun:
    """One run: a curve for each direction, and the steps that came while it was looked on.

    Parameters
    ----------
    key
        What it is called.
    experiment
        Where its gradients come from.
    path
        The layer.
    gradient
        That of the layer, as it was when the comparison was made.
    shares
        The threshold and the levels of `diagnose`.
    count
        How many runs are compared: they share what the snapshots of all may take.

    Attributes
    ----------
    tensor
        What the browser has of the step that is shown: norms, (samples, lags, directions).
    tell
        What it is told of it: ``rows``, the cells of the table for each direction, and ``reach``,
        the furthest lag of each direction at the lowest level, None where there is none.
    """

    def __init__(
        self,
        key: RunKey,
        experiment: Experiment,
        path: str,
        gradient: Gradient,
        shares: tuple[float, tuple[float, ...]],
        count: int,
    ) -> None:
        self.key = key
        self.experiment = experiment
        self.path = path
        self._shares = shares
        self._count = count
        self._take(gradient)
        self.directions = tuple(gradient.reasons)
        self.quantity = gradient.tensor.quantity
        self.history: _History | None = None
        self.tensor = Tensor()
        self.tell: Tell = lambda _: {}

    def _take(self, gradient: Gradient) -> None:
        self.given: Sequence[Curve] = self.curves_of(gradient)
        self._mask = None if gradient.tensor.dims == REACH else gradient.tensor.mask
        # of a layer with go_backwards too, whose only curve has no name
        own, curves = gradient.tensor.directions, tuple(gradient.reasons)
        self._read_in = own if len(own) == len(curves) else curves

    def begin_again(self, gradient: Gradient) -> None:
        """Take another gradient in the place of what was given, and forget the steps.

        Raises
        ------
        ValueError
            If it cannot be compared with what was given; then nothing changes.
        """
        ours, samples = self.given[0].norms.shape[0], gradient.tensor.shape[0]
        directions = tuple(gradient.reasons)
        if samples != ours or directions != self.directions:
            raise ValueError(
                f"all must be of one batch and have the same directions; {self.key} is another "
                f"recording now, of {samples} samples in the place of {ours}, directions "
                f"{list(directions)} in the place of {list(self.directions)}. Compare it anew"
            )
        self._take(gradient)
        self.show_given()
        gone, self.history = reachable(self.detached_widgets), None
        close_widgets(gone - reachable([self.tensor]))

    def curves_of(self, gradient: Gradient) -> list[Curve]:
        """Return the curves of a gradient of this run, one for each direction."""
        return curves_of(self.key.name, self.key.repeat, Evidence(*gradient, *self._shares))

    def show_given(self) -> None:
        """Send to the browser what was given."""
        norms = _norms(self.given)
        like = GradientTensor(norms, SEQUENCE, mask=self._mask)
        with self.tensor.hold_sync():
            upload(self.tensor, like, PlotArray(norms, "lag", "direction"))
            self.tensor.directions = list(self._read_in)
            self.tensor.told = self.tell(self.given)

    def begin_history(self) -> _History:
        """Return the history of the run, which begins now if it has none."""
        if self.history is None:
            timeline = Timeline(selection=selection_of(self.tensor), summary=HTML())
            self.history = _History(timeline, self, self._count)
        return self.history

    @property
    def has_norms(self) -> bool:
        """Whether no arrays have to be read to compare it, where others store norms too."""
        return self.experiment.has_norms(self.path, self.quantity)

    @property
    def steps(self) -> list[StepLoss]:
        """The kept steps and their losses; none without a history."""
        return [] if self.history is None else self.history.steps_and_losses

    def kept_at(self, place: int) -> Sequence[Curve]:
        """Return the curves at a place of `steps` as they are kept; what was given, of -1."""
        if place < 0 or self.history is None or not len(self.history):
            return self.given
        return self.history.curves_at(place)

    def tell_again(self) -> None:
        """Tell the browser anew: the table has other columns than before."""
        self.tensor.told = self.tell(self.given)
        if self.history is not None:
            self.history.tell_again()

    @property
    def detached_widgets(self) -> list[Widget]:
        """Widgets that belong to the run and are in no box."""
        if self.history is None:
            return []
        return [self.history.timeline, *self.history.detached_widgets]


def _norms(curves: Sequence[Curve]) -> np.ndarray:
    """Return the norms of a run as the browser has them: (samples, lags, directions), float32."""
    with np.errstate(over="ignore"):
        return np.stack([curve.norms for curve in curves], axis=-1).astype(np.float32)
