"""How much of a timestep's loss reaches back, by lag: from the reach of each timestep of the loss.

Where the loss acts at every timestep, this is what the total gradient cannot tell: of the
recurrence h_t = 0.9 h_(t-1) + x_t it falls by exactly 0.9 a step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rnngrad_widgets.data.rules import BACKWARD
from rnngrad_widgets.data.statistics import halves
from rnngrad_widgets.data.tensor import REACH
from rnngrad_widgets.diagnosis.profile import Profile, profiles_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnngrad_widgets.data.tensor import GradientTensor


def profiles_by_lag(tensor: GradientTensor) -> dict[str, Profile]:
    """Return the profile of each direction of a gradient over time, or of a reach."""
    if tensor.dims == REACH:
        return dict.fromkeys(halves(tensor), lag_profile(tensor))
    return profiles_of(tensor)


def ratios_by_lag(tensor: GradientTensor) -> list[NDArray[np.float64]]:
    """Return R[u, u - k] / R[u, u] of each timestep u of the loss, at each lag k.

    Parameters
    ----------
    tensor
        A reach, (samples, timesteps, timesteps of the loss + 1), with its ``loss_timesteps``.

    Returns
    -------
    list of numpy.ndarray
        For each sample (timesteps of the loss, lags). Of a masked timestep of the loss, u is the
        last one that is not masked and was processed before: the layer returns that output again. A
        timestep of the loss that contributes nothing there is left out. NaN beyond the first
        timestep, and where a value is not finite. A backward layer has processed the later
        timesteps before u; masked timesteps do not count as lags.
    """
    count = tensor.shape[1]
    backward = tensor.directions == (BACKWARD,)
    found = []
    for sample, values in enumerate(np.asarray(tensor.values, np.float64)):
        counted = np.arange(count) if tensor.mask is None else np.flatnonzero(tensor.mask[sample])
        rows = []
        for column, timestep in enumerate(tensor.loss_timesteps):
            earlier, later = counted[counted <= timestep], counted[counted >= timestep]
            before = later if backward else earlier[::-1]  # what was processed up to it
            is_here = timestep < count and len(before) > 0
            own = values[before[0], column] if is_here else 0.0
            if not (own > 0 and np.isfinite(own)):
                continue
            row = np.full(count, np.nan)
            with np.errstate(over="ignore"):
                row[: len(before)] = values[before, column] / own
            rows.append(np.where(np.isfinite(row), row, np.nan))
        found.append(np.array(rows).reshape(len(rows), count))
    return found


def lag_profile(tensor: GradientTensor) -> Profile:
    """Return the median over the timesteps of the loss, by lag, for each sample.

    Its `Profile.timesteps` are the lags.
    """
    samples, count = tensor.shape[:2]
    norms = np.full((samples, count), np.nan)
    lags = np.full((samples, count), -1, np.int64)
    for sample, ratios in enumerate(ratios_by_lag(tensor)):
        known = np.isfinite(ratios).any(axis=0)
        length = int(np.flatnonzero(known)[-1]) + 1 if known.any() else 0
        norms[sample, known] = np.nanmedian(ratios[:, known], axis=0) if length else 0.0
        lags[sample, :length] = np.arange(length)
    return Profile(norms, lags, 1.0)


def reason_against_lags(tensor: GradientTensor) -> str:
    """Say why a reach has no lags; empty if it has."""
    if not tensor.loss_timesteps:
        return "the timesteps of the loss are not known"
    if tensor.loss_timesteps[-1] >= tensor.shape[1]:
        return (
            "the loss has other timesteps than the layer, so that nothing says which of them is "
            "the layer's last: compute it with by='output'"
        )
    return ""
