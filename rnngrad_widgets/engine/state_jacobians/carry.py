"""Carry vectors from the last state of a layer back to its earlier ones."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rnngrad_widgets.diagnosis.decay import FEWEST_LAGS, LONG, TRANSIENT
from rnngrad_widgets.engine.backend import Tensor, tf
from rnngrad_widgets.engine.state_jacobians.recorded import Recorded
from rnngrad_widgets.engine.state_jacobians.timesteps import timestep_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from rnngrad_widgets.engine.state_jacobians.cell_kind import CellKind


class LogNorms(NamedTuple):
    """ln of the Frobenius norms of vectors, (timesteps, samples), float64.

    Parameters
    ----------
    hidden
        Of the vectors by the hidden state.
    states
        Of those by all states.
    """

    hidden: NDArray[np.float64]
    states: NDArray[np.float64]


def carry_back(cell: CellKind, recorded: Recorded, start: NDArray[np.float64]) -> LogNorms:
    """Return the norm of all vectors of a sample together, at each timestep.

    The vectors are scaled to norm 1 at every timestep, and the logarithms of the scales are added
    up: nothing underflows or overflows, however long the sequence is.

    Parameters
    ----------
    cell
        The kind of the cell.
    recorded
        What it computed.
    start
        Vectors by the last hidden state, (samples, vectors, channels).
    """
    tensors = [None if part is None else tf.constant(part) for part in recorded]
    logs = _traced(cell)(*tensors, tf.constant(start, recorded.gates.dtype))
    return LogNorms(*(part.numpy() for part in logs))


@lru_cache(32)
def _traced(cell: CellKind) -> Callable[..., tuple[Tensor, Tensor]]:
    """Return the loop over time as a function of tensors: of `Recorded`, and the start."""

    def carry(*tensors: Tensor) -> tuple[Tensor, Tensor]:
        recorded = Recorded(*tensors[:-1])
        timestep = timestep_of(cell, recorded)
        count = tf.shape(recorded.gates)[0]

        def body(
            t: Tensor, scale: Tensor, vectors: list[Tensor], logs: list[Tensor]
        ) -> tuple[Tensor, Tensor, list[Tensor], list[Tensor]]:
            by_state = tf.stack([_log_norm(part) for part in vectors])
            of_all = tf.reduce_logsumexp(2 * by_state, axis=0) / 2
            written = [
                log.write(t, scale + part)
                for log, part in zip(logs, (by_state[0], of_all), strict=True)
            ]
            finite = tf.where(tf.math.is_finite(of_all), of_all, tf.zeros_like(of_all))
            shrink = tf.cast(tf.exp(-finite), vectors[0].dtype)[:, None, None]
            vectors = [part * shrink for part in vectors]
            if recorded.counted is None:
                return t - 1, scale + finite, timestep.back(t, vectors), written
            here = recorded.counted[t][:, None, None]
            pairs = zip(timestep.back(t, vectors), vectors, strict=True)
            return t - 1, scale + finite, [tf.where(here, *pair) for pair in pairs], written

        vectors = timestep.start(tensors[-1])
        scale = tf.zeros(tf.shape(tensors[-1])[0], tf.float64)  # the logarithm
        logs = [tf.TensorArray(tf.float64, count, element_shape=scale.shape) for _ in range(2)]
        # what the last round carries back, to before timestep 0, is not read
        *_, logs = tf.while_loop(lambda t, *_: t >= 0, body, (count - 1, scale, vectors, logs))
        hidden, states = (log.stack() for log in logs)
        return hidden, states

    traced: Callable[..., tuple[Tensor, Tensor]] = tf.function(
        carry, autograph=False, reduce_retracing=True
    )
    return traced


def _log_norm(vectors: Tensor) -> Tensor:
    """Return ln of the Frobenius norm of each sample's vectors, float64; -inf where all are 0."""
    # squares of small numbers would be zero
    largest = tf.reduce_max(abs(vectors), axis=(1, 2), keepdims=True)
    relative = tf.math.divide_no_nan(vectors, largest)
    squares = tf.cast(tf.reduce_sum(relative * relative, axis=(1, 2)), tf.float64)
    return tf.math.log(tf.cast(largest[:, 0, 0], tf.float64)) + tf.math.log(squares) / 2


def exponent_of(norms: NDArray[np.float64]) -> float:
    """Return the largest Lyapunov exponent of one sample.

    The mean change of ln of the norm with every timestep back. The first ones are left out (1, of
    100 or more 10), in which the vectors turn towards the direction that falls most slowly.

    Parameters
    ----------
    norms
        ln of the norm of the vectors by all states, at the timesteps that are not masked.

    Returns
    -------
    float
        NaN of fewer than 5 lags; -inf where an earlier state has no influence at all.
    """
    back = norms[::-1]
    first, last = TRANSIENT if len(back) >= LONG else 1, len(back) - 1
    if last - first + 1 < FEWEST_LAGS:
        return math.nan
    if back[last] == -math.inf:
        return -math.inf
    return float((back[last] - back[first]) / (last - first))
