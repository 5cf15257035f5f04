"""Whether a rate can be read from a gradient over time: that depends on where the loss acts.

With a loss at every timestep the gradient at each is the sum of those of all later losses: it stays
large however fast each of them falls. (Of the recurrence h_t = 0.9 h_(t-1) + x_t with such a loss,
a line through ln(norm) has the slope -0.014, not ln 0.9 = -0.105.)
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rnngrad_widgets.data.quantities import quantity_of
from rnngrad_widgets.data.rules import BACKWARD, DIRECTIONS
from rnngrad_widgets.data.statistics import halves
from rnngrad_widgets.data.tensor import REACH, SEQUENCE, GradientTensor
from rnngrad_widgets.diagnosis.lag_profile import reason_against_lags
from rnngrad_widgets.diagnosis.profile import profile_of

Tensors = Mapping[tuple[str, str], GradientTensor]

DIRECT, TOTAL = "output_gradient", "hidden_gradient"

_IS_DIRECT = (
    f"this is the direct gradient, without the layer's own recurrence: {TOTAL} has the total one"
)
UNKNOWN = (
    f"whether the loss acts before the last timestep is not known: compute {DIRECT} together "
    f"with {TOTAL}, and diagnose the snapshot"
)
_EVERYWHERE = "the loss acts before the last timestep too; the quantity reach tells it"


def needs_direct(quantity: str) -> bool:
    """Tell whether the direct gradient is needed to know where the loss acts."""
    known = quantity_of(quantity)
    over_time = known.dims[:2] == SEQUENCE[:2] and known.dims != REACH
    return known.needs_loss and quantity != DIRECT and over_time


def reasons_against_rate(tensor: GradientTensor, tensors: Tensors) -> dict[str, str]:
    """Say for each direction why the gradient at lag 0 is no measure of the others.

    Parameters
    ----------
    tensor
        A gradient over time, or a plain array: that is taken as one by a state, of a loss at the
        last timestep only.
    tensors
        What was computed with it, by layer and quantity.

    Returns
    -------
    dict
        The reason for each direction; empty where there is none.
    """
    names = list(halves(tensor))
    reason = _reason_of_itself(tensor)
    if reason is not None:
        return dict.fromkeys(names, reason)
    direct = _direct_gradient(tensor.layer, tensors)
    if direct is None:
        return dict.fromkeys(names, UNKNOWN)
    if "timestep" not in direct.dims:
        return dict.fromkeys(names, "")  # the layer returns its last output only
    return {name: _of_direction(direct, name or _direction_of(tensor, direct)) for name in names}


def _reason_of_itself(tensor: GradientTensor) -> str | None:
    """Return the reason where no other tensor is needed to know it; None where one is."""
    if tensor.dims == REACH:
        return reason_against_lags(tensor)
    if not tensor.quantity:
        return ""
    if tensor.quantity == DIRECT:
        return _IS_DIRECT
    if not quantity_of(tensor.quantity).needs_loss:
        return "these are values, not gradients"
    return None


def timesteps_read(direct: GradientTensor) -> int | None:
    """Return on how many of the last timesteps a direct gradient lives: those that the loss reads.

    Returns
    -------
    int or None
        Counted back from the last timestep that is not masked, to the earliest with a gradient in
        any sample; None of zeros, and where that are more than half of the timesteps.
    """
    values, most = direct.values, 0
    for sample in range(len(values)):
        counted = slice(None) if direct.mask is None else direct.mask[sample]
        own = values[sample][counted]
        # mostly the first timestep tells, and nothing else is asked
        whole = len(own) > 0 and bool(np.any(own[0]))
        read = [0] if whole else np.flatnonzero(np.any(own, axis=tuple(range(1, own.ndim))))
        most = max(most, len(own) - int(read[0]) if len(read) else 0)
        if 2 * most > values.shape[1]:
            return None
    return most or None


def _direct_gradient(layer: str, tensors: Tensors) -> GradientTensor | None:
    """Find the direct gradient of a layer; a state of it may have a longer key."""
    path = layer
    while path:
        found = tensors.get((path, DIRECT))
        if found is not None:
            return found
        path = path.rpartition("/")[0]
    return None


def _direction_of(tensor: GradientTensor, direct: GradientTensor) -> str:
    """Return which half of a Bidirectional a tensor is of, where each half has its own."""
    part = tensor.layer.removeprefix(direct.layer).strip("/").partition("/")[0]
    return part if part in DIRECTIONS else ""


def _of_direction(direct: GradientTensor, name: str) -> str:
    # A backward layer alone returns its outputs in the order in which it processed them.
    values = halves(direct).get(name, direct.values)
    profile = profile_of(values, direct.mask, backward=name == BACKWARD)
    return _EVERYWHERE if (profile.norms[:, 1:] > 0).any() else ""
