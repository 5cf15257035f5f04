"""Norms over channels as a flow shows them, and where gradient does not reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rnngrad_widgets.comparison.curves import quartiles
from rnngrad_widgets.data.quantities import TRUNCATION_ERROR
from rnngrad_widgets.data.tensor import REACH, GradientTensor
from rnngrad_widgets.diagnosis.lag_profile import lag_profile
from rnngrad_widgets.figures.ink import BACKWARD, INK

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnngrad_widgets.figures.shown import Shown


class Stream(NamedTuple):
    """The norms of one direction, at the places where they are shown."""

    name: str
    colour: str
    norms: NDArray[np.float64]
    """(samples, timesteps), NaN where masked."""

    @property
    def largest(self) -> float:
        """The largest finite norm; 0 if there is none."""
        return float(np.max(self.norms, where=np.isfinite(self.norms), initial=0))

    @property
    def smallest(self) -> float:
        """The smallest norm that is not 0; infinite if there is none."""
        return float(np.min(self.norms, where=self.norms > 0, initial=np.inf))

    @property
    def quartiles(self) -> NDArray[np.float64]:
        """(3, timesteps): quartiles and median of the samples whose norms are finite."""
        return quartiles(self.norms)


def streams_of(shown: Shown) -> list[Stream]:
    """Return the norms of each direction; of a reach how much is left, by lag."""
    if shown.plot_array.row_labels:
        return [Stream("", INK, _by_lag(shown))]
    middle = shown.rows // 2
    first, second = (
        _squares(shown.values[..., half], shown.mask)
        for half in (slice(middle), slice(middle, None))
    )
    if shown.reflect:
        second = second[:, ::-1]
    if shown.has_halves:
        parts = zip(shown.directions, (INK, BACKWARD), (first, second), strict=True)
        return [Stream(name, colour, np.sqrt(part)) for name, colour, part in parts]
    return [Stream("", INK, np.sqrt(first + second))]


def _squares(values: NDArray[np.floating], mask: NDArray[np.bool_] | None) -> NDArray[np.float64]:
    """Return the sums of squares over channels; NaN where masked."""
    # not by an array of all squares, which would be twice as large as that of the values
    sums = np.einsum("...i,...i->...", values, values, dtype=np.float64)
    return sums if mask is None else np.where(mask, sums, np.nan)


def companion_streams(shown: Shown) -> list[Stream]:
    """Return the norms of the companion; none without one."""
    if shown.companion is None:
        return []
    norms, quantity, directions = shown.companion
    if shown.mask is not None and quantity != TRUNCATION_ERROR.name:
        norms = np.where(shown.mask[:, :, None], norms, np.nan)
    found = norms.astype(np.float64)
    if len(directions) == 2:
        backward = found[:, ::-1, 1] if shown.reflect else found[..., 1]
        return [
            Stream(directions[0], INK, found[..., 0]),
            Stream(directions[1], BACKWARD, backward),
        ]
    return [Stream("", INK, found[..., 0])]


def _by_lag(shown: Shown) -> NDArray[np.float64]:
    timesteps = tuple(int(label) for label in shown.plot_array.row_labels[:-1])
    tensor = GradientTensor(
        shown.values,
        REACH,
        directions=shown.directions,
        mask=shown.mask,
        loss_timesteps=timesteps,
    )
    return lag_profile(tensor).norms


def longest_below(median: NDArray[np.float64], limit: float) -> tuple[int, int] | None:
    """Return the longest run of timesteps, first and last, whose median is below a limit."""
    edges = np.flatnonzero(np.diff(median < limit, prepend=False, append=False)).reshape(-1, 2)
    if not len(edges):
        return None
    start, stop = edges[np.argmax(edges[:, 1] - edges[:, 0])]
    return int(start), int(stop) - 1
