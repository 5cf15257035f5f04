"""The weights of a layer, read without a pass."""

from __future__ import annotations

import numpy as np

from rnngrad_widgets.tensor import GradientTensor

from .axes import weight_axes
from .cells import weights_of
from .layers import Found, directions
from .quantities import DIRECTIONS


def read_weights(found: Found) -> dict[str, GradientTensor]:
    """Return the weights of a layer by name, as of now: ``"kernel"``, ``"forward/kernel"``.

    Raises
    ------
    ValueError
        If the layer has none yet.
    """
    rnns = directions(found.layer)
    read: dict[str, GradientTensor] = {}
    for rnn, direction in zip(rnns, DIRECTIONS, strict=False):
        prefix = f"{direction}/" if len(rnns) > 1 else ""
        for name, weight in weights_of(rnn).items():
            values = np.array(weight.variable.numpy())  # a copy: training goes on
            read[prefix + name] = GradientTensor(
                values,
                weight_axes(weight, values),
                layer=f"{found.info.path}/{prefix}{name}",
                quantity="weight",
                gates=weight.gates.names if weight.gates else (),
            )
    if not read:
        raise ValueError(
            f"layer {found.info.path!r} must have weights; it has none yet. "
            "Build the model first: call it on a batch"
        )
    return read
