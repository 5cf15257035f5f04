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
from rnngrad_widgets.views.tensor_upload import new_selection, selection_of, upload
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


def given_curves(
    key: RunKey, gradient: Gradient, threshold: float, levels: tuple[float, ...]
) -> list[Curve]:
    """Return the curves of a gradient of a run, one for each direction."""
    return curves_of(key.name, key.repeat, Evidence(*gradient, threshold, levels))


Tell = Callable[[Sequence[Curve]], dict[str, Any]]
"""Returns what the browser is told of a run at one step, see `ComparedRun.tell`."""


class _Kept(NamedTuple):
    snapshot: Snapshot
    curves: tuple[Curve, ...]
    at: StepLoss


class _History(KeptSnapshots[_Kept, Sequence[Curve]]):
    """The steps of a run; of each the norms by lag, and what is told of them."""

    def __init__(self, timeline: Timeline, run: ComparedRun, backstage: Backstage) -> None:
        self._run = run
        # in the browser, and here
        size = 2 * _norms(run.given).nbytes
        super().__init__(timeline, size, backstage.budget, backstage.most)

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
        kept = (
            # the timesteps are those of all steps: one batch
            replace(one, norms=norms[..., i], timesteps=given.timesteps, step=step)
            for i, (one, given) in enumerate(zip(state, self._run.given, strict=True))
        )
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


class Backstage:
    """What the timelines of all runs share, of which nothing is seen.

    Parameters
    ----------
    runs
        How many runs there are.

    Attributes
    ----------
    budget, most
        Bytes that the snapshots of a run may take, and how many there may be: all share them.
    """

    def __init__(self, runs: int) -> None:
        self.share_among(runs)
        self._selection = new_selection()
        self._summary = HTML()

    def share_among(self, runs: int) -> None:
        """Let each of so many runs have its part."""
        self.budget, self.most = BUDGET // runs, MOST_TOGETHER // runs

    def timeline(self, tensor: Tensor) -> Timeline:
        """Make a timeline whose snapshots become what a tensor holds."""
        return Timeline(
            selection=selection_of(tensor, like=self._selection),
            summary=self._summary,
            layout=self._summary.layout,
        )

    @property
    def widgets(self) -> list[Widget]:
        """What was made."""
        return [self._selection, self._summary]


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
    given
        Its curves, as `given_curves` returns them.
    shares
        The threshold and the levels of `diagnose`.
    backstage
        What its timeline shares with others.

    Attributes
    ----------
    tensor
        What the browser has of the step that is shown: norms, (samples, lags, directions).
    has_norms
        Whether no arrays are read to compare it, where others store norms too.
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
        given: Sequence[Curve],
        shares: tuple[float, tuple[float, ...]],
        backstage: Backstage,
    ) -> None:
        self.key = key
        self.experiment = experiment
        self.path = path
        self._shares = shares
        self._backstage = backstage
        self.quantity = gradient.tensor.quantity
        self.directions = tuple(gradient.reasons)
        self._take(gradient, given)
        self.history: _History | None = None
        self.tensor = Tensor()
        self.tell: Tell = lambda _: {}

    def _take(self, gradient: Gradient, given: Sequence[Curve]) -> None:
        self.given = given
        self.has_norms = self.experiment.has_norms(self.path, self.quantity)
        self._mask = None if gradient.tensor.dims == REACH else gradient.tensor.mask
        # of a layer with go_backwards too, whose only curve has no name
        own, curves = gradient.tensor.directions, tuple(gradient.reasons)
        self._read_in = own if len(own) == len(curves) else curves

    def begin_again(self, gradient: Gradient, curves: Sequence[Curve]) -> None:
        """Take another gradient in the place of what was given, and forget the steps.

        Parameters
        ----------
        gradient
            What was read in the place of what was given.
        curves
            Its curves, as `curves_of` returns them.

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
        self._take(gradient, curves)
        self.show_given()
        gone, self.history = reachable(self.detached_widgets), None
        close_widgets(gone - reachable([self.tensor, *self._backstage.widgets]))

    def curves_of(self, gradient: Gradient) -> list[Curve]:
        """Return the curves of a gradient of this run, one for each direction."""
        return given_curves(self.key, gradient, *self._shares)

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
            timeline = self._backstage.timeline(self.tensor)
            self.history = _History(timeline, self, self._backstage)
        return self.history

    def share(self, runs: int) -> None:
        """Keep fewer steps: so many runs share what all may take."""
        self._backstage.share_among(runs)
        if self.history is not None:
            self.history.share(self._backstage.budget, self._backstage.most)

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
        own = self._backstage.widgets
        if self.history is None:
            return own
        return [*own, self.history.timeline, *self.history.detached_widgets]


def _norms(curves: Sequence[Curve]) -> np.ndarray:
    """Return the norms of a run as the browser has them: (samples, lags, directions), float32."""
    with np.errstate(over="ignore", under="ignore"):
        return np.stack([curve.norms for curve in curves], axis=-1).astype(np.float32)
