"""`GradientDiagnosis`: the numbers of one gradient over time, in one direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnngrad_widgets.data.quantities import quantity_of

if TYPE_CHECKING:
    from rnngrad_widgets.data.tensor import GradientTensor
    from rnngrad_widgets.diagnosis.decay import Decay
    from rnngrad_widgets.diagnosis.extent import Agreement, LevelReach


def is_gradient_over_time(tensor: GradientTensor) -> bool:
    """Tell whether a tensor is a gradient, or an array that may be one, with a time axis.

    A reach, norms of parts of a gradient, is one too.
    """
    quantity = quantity_of(tensor.quantity)
    is_gradient = quantity.needs_loss or not quantity.name
    return is_gradient and tensor.dims[:2] == ("sample", "timestep") and len(tensor.dims) > 2


@dataclass(frozen=True)
class GradientDiagnosis:
    """What one gradient over time says, in one direction.

    Parameters
    ----------
    layer, quantity, direction
        Which gradient; the direction is empty where the layer has only one.
    samples, timesteps, channels
        Its shape; further axes count as channels. Of a summary, those that its norms are over.
    decay
        How it changes with each step back; None where that cannot be read.
    no_decay
        Why it cannot.
    reach
        How far back it is at least a share of that at lag 0, for each level; a level is left out
        where no sample has a gradient at lag 0.
    not_reached
        The share of timesteps, 0 .. 1, whose norm (the median over samples) is below the threshold
        times the strongest norm of any sample and timestep; None where there is no number.
    timesteps_not_reached
        These timesteps, as ranges (first, last).
    growth
        How many times larger the norm is at the first timestep processed than at lag 0: the median
        over samples; None where that cannot be read.
    dead_channels
        How many channels are exactly 0 in every sample and timestep; None of a summary, unless
        all are.
    faint_channels
        How many others stay below the threshold times the largest magnitude; None of a summary,
        unless all are 0.
    nan, inf
        How many values are NaN, and infinite; None of a summary, unless all are finite.
    first_not_finite
        The indices of the first of them, one for each axis; None of a summary.
    agreement
        Whether the samples pull in one direction; None of a single one, and of a summary.
    """

    layer: str
    quantity: str
    direction: str
    samples: int
    timesteps: int
    channels: int
    decay: Decay | None
    no_decay: str
    reach: tuple[LevelReach, ...]
    not_reached: float | None
    timesteps_not_reached: tuple[tuple[int, int], ...]
    growth: float | None
    dead_channels: int | None
    faint_channels: int | None
    nan: int | None
    inf: int | None
    first_not_finite: tuple[int, ...] | None
    agreement: Agreement | None

    @property
    def explodes(self) -> bool:
        """Whether it holds values that are not finite, or grows more than a thousand times."""
        return self.nan != 0 or self.inf != 0 or (self.growth is not None and self.growth > 1e3)
