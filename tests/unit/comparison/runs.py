"""Gradients whose decay is known, as runs to compare."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnngrad_widgets.comparison.curves import Curve, curves_of
from rnngrad_widgets.data.tensor import SEQUENCE, GradientTensor
from rnngrad_widgets.diagnosis.shares import LEVELS
from rnngrad_widgets.diagnosis.telling import Evidence


def decaying(
    factors: Sequence[float], timesteps: int = 20, scale: float = 1.0, channels: int = 3
) -> GradientTensor:
    """Return a gradient that is multiplied by a factor with each step back, one for each sample."""
    lags = np.arange(timesteps)[::-1]
    norms = scale * np.power(np.asarray(factors)[:, None], lags)
    direction = np.full(channels, channels**-0.5)
    return GradientTensor(norms[:, :, None] * direction, SEQUENCE)


def curve(tensor: GradientTensor, name: str = "a", repeat: int = 0, reason: str = "") -> Curve:
    """Return the only curve of a gradient."""
    (found,) = curves_of(name, repeat, Evidence(tensor, {"": reason}, 1e-8, LEVELS))
    return found
