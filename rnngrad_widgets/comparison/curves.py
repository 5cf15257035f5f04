"""The gradient of one run by lag, which is what runs are compared by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from rnngrad_widgets.diagnosis.lag_profile import profiles_by_lag
from rnngrad_widgets.diagnosis.numbers import numbers_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnngrad_widgets.diagnosis.gradient import GradientDiagnosis
    from rnngrad_widgets.diagnosis.telling import Evidence


@dataclass(frozen=True, eq=False)
class Curve:
    """How strong the gradient of one run is at each lag, in one direction.

    Parameters
    ----------
    name
        The condition that the run is of.
    repeat
        Which of its repeats, from 0.
    direction
        ``"forward"`` or ``"backward"``; empty where the layer has only one.
    norms
        (samples, lags), float64: norms over channels; NaN where a sample has no such lag, or a
        value is not finite. Of a reach what `lag_profile` returns.
    timesteps
        (samples, lags), the timestep of each lag; -1 after the end of a sample. Of a reach the
        lags, as its medians are of no one timestep.
    reason
        Why the gradient at lag 0 is no measure of the others; empty if it is one.
    numbers
        What `diagnose` says of it.
    step, loss
        When it was: the training step, and the loss of the batch; None where that is not known.
    """

    name: str
    repeat: int
    direction: str
    norms: NDArray[np.float64]
    timesteps: NDArray[np.int64]
    reason: str
    numbers: GradientDiagnosis
    step: int | None = None
    loss: float | None = None

    @cached_property
    def relative(self) -> NDArray[np.float64]:
        """The norms as shares of that at lag 0 of the same sample; NaN where that is none."""
        first = self.norms[:, :1]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            shares = self.norms / np.where(first > 0, first, np.nan)
        return np.where(np.isfinite(shares), shares, np.nan)

    def by_timestep(self, norms: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return norms, relative or as they are, in the order of time; NaN at masked timesteps."""
        found = np.full(norms.shape, np.nan)
        sample, lag = np.nonzero(self.timesteps >= 0)
        found[sample, self.timesteps[sample, lag]] = norms[sample, lag]
        return found


def in_double(curve: Curve) -> Curve:
    """Return a curve whose norms are kept in less, to compute with."""
    return replace(curve, norms=curve.norms.astype(np.float64))


def quartiles(norms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the lower quartile, the median and the upper quartile over rows, (3, lags)."""
    found = np.full((3, norms.shape[1]), np.nan)
    some = np.isfinite(norms).any(axis=0)
    known = np.where(np.isfinite(norms[:, some]), norms[:, some], np.nan)
    found[:, some] = np.nanpercentile(known, (25, 50, 75), axis=0)
    return found


def curves_of(name: str, repeat: int, evidence: Evidence) -> list[Curve]:
    """Return the curve of each direction of a gradient over time.

    Parameters
    ----------
    name, repeat
        As for `Curve`.
    evidence
        The gradient, and why no rate can be read from it.
    """
    tensor, reasons = evidence.tensor, evidence.reasons
    profiles = profiles_by_lag(tensor)
    numbers = numbers_of(tensor, profiles, reasons, evidence.threshold, evidence.levels)
    with np.errstate(over="ignore"):  # of the largest float64: infinite, which does not count
        return [
            Curve(
                name,
                repeat,
                direction,
                profile.norms * (profile.scale or 1.0),
                profile.timesteps,
                reasons[direction],
                numbers[direction].diagnosis,
                tensor.step,
                tensor.loss,
            )
            for direction, profile in profiles.items()
        ]
