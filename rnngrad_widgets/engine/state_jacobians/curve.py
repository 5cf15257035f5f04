"""The state curve ||dh_T/dh_t|| of a layer, and its largest Lyapunov exponent.

Vectors by the last hidden state are carried back through the states of each timestep. Of vectors v
with E[v v'] = I, the mean of ||v' J||^2 is the squared Frobenius norm of J (M. F. Hutchinson, "A
stochastic estimator of the trace of the influence matrix for Laplacian smoothing splines",
Communications in Statistics - Simulation and Computation 19(2), 1990).

The exponent is the rate at which they grow or fall on the way. A QR decomposition at each timestep,
as for a whole spectrum, only keeps them apart; the largest exponent is that of the first vector,
which it merely scales. R. Vogt, M. Puelma Touzel, E. Shlizerman and G. Lajoie, "On Lyapunov
exponents for RNNs", Frontiers in Applied Mathematics and Statistics 8, 2022; R. Engelken, F. Wolf
and L. F. Abbott, "Lyapunov spectra of chaotic recurrent neural networks", Physical Review Research
5, 2023.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from rnngrad_widgets.data.rules import DIRECTIONS
from rnngrad_widgets.data.state_curve import StateCurve
from rnngrad_widgets.engine.layers.cells import cells_of
from rnngrad_widgets.engine.layers.kinds import directions
from rnngrad_widgets.engine.state_jacobians.carry import carry_back, exponent_of
from rnngrad_widgets.engine.state_jacobians.cell_kind import kind_of_cell
from rnngrad_widgets.engine.state_jacobians.recorded import read_recorded, runs_backwards

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from rnngrad_widgets.data.tensor import GradientSnapshot
    from rnngrad_widgets.engine.layers.find import LayerMatch

_AT_ONCE = 2**17
"""Samples times vectors times channels that are carried back at once: more are hardly faster."""


def state_curve(
    snapshot: GradientSnapshot,
    target: LayerMatch,
    place: int,
    cotangents: int,
    seed: int,
    progress: Callable[[int, int], None],
) -> StateCurve:
    """Work out the state curve of one direction of a layer.

    Parameters
    ----------
    snapshot
        Of the quantities that `needed_quantities` names.
    target, place
        The layer, and which of its directions.
    cotangents, seed
        How many vectors to carry back, and what they are drawn by.
    progress
        Called with how many samples are done, and how many there are.

    Raises
    ------
    ValueError
        If the model calls the layer several times.
    """
    recorded = read_recorded(snapshot, target, place)
    rnns = directions(target.layer)
    (cell,) = cells_of(rnns[place])
    count, samples = recorded.hidden.shape[:2]
    vectors = _vectors(samples, cell.units, cotangents, seed)
    at_once = max(1, _AT_ONCE // vectors[0].size)
    parts = []
    for first in range(0, samples, at_once):
        progress(first, samples)
        chosen = slice(first, first + at_once)
        part = carry_back(kind_of_cell(cell), recorded.of_samples(chosen), vectors[chosen])
        parts.append(part)
    progress(samples, samples)
    hidden, states = (np.concatenate(logs, axis=1).T for logs in zip(*parts, strict=True))
    counted = np.ones((samples, count), bool) if recorded.counted is None else recorded.counted.T
    values = np.where(counted, hidden, np.nan) / math.log(10)
    return StateCurve(
        target.info.path,
        DIRECTIONS[place] if len(rnns) > 1 else "",
        values[:, ::-1] if runs_backwards(target, place) else values,
        np.array([exponent_of(row[seen]) for row, seen in zip(states, counted, strict=True)]),
        vectors.shape[1],
    )


def _vectors(samples: int, channels: int, count: int, seed: int) -> NDArray[np.float64]:
    """Return vectors v with E[v v'] = I, (samples, vectors, channels), orthogonal to one another.

    They are Gaussian ones made orthogonal, which leaves the mean what it is and has less variance:
    of as many vectors as channels it has none, and there the unit vectors do as well.
    """
    if count >= channels:
        return np.broadcast_to(np.eye(channels), (samples, channels, channels))
    drawn = np.random.default_rng(seed).normal(size=(samples, channels, count))
    orthonormal = np.linalg.qr(drawn).Q
    return np.asarray(orthonormal.swapaxes(1, 2) * math.sqrt(channels / count))
