"""What a pass is asked for, and what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnngrad_widgets.data.loss_timesteps import Entrance
    from rnngrad_widgets.data.tensor import GradientTensor
    from rnngrad_widgets.engine.layers.find import LayerMatch
    from rnngrad_widgets.engine.loss.loss_function import Loss


@dataclass(frozen=True)
class PassRequest:
    """What a pass computes.

    Parameters
    ----------
    targets, quantities
        The layers, and the quantities of each of them that has them.
    training
        Whether the layers are in training mode.
    loss
        What is differentiated instead of the model's own loss.
    clip
        Whether gradients of weights are clipped as the optimizer does.
    by
        What a reach splits the loss by: the timesteps of the prediction (``"loss"``) or of the
        layer's output (``"output"``); None for the first where there are such.
    """

    targets: tuple[LayerMatch, ...]
    quantities: tuple[str, ...]
    training: bool
    loss: Loss | None = None
    clip: bool = False
    by: Entrance | None = None


@dataclass(frozen=True, eq=False)
class PassResult:
    """What a pass computed for one batch.

    Parameters
    ----------
    loss
        Loss of the batch.
    step
        Training step of the weights; None without an optimizer.
    tensors
        The tensors asked for, without the loss and the training step.
    samples
        Size of the batch.
    not_finite
        How many values of x are NaN or Inf.
    missing
        Why there is no result, for each layer call and quantity that has none.
    notes
        Remarks on the results, for the user.
    """

    loss: float
    step: int | None
    tensors: list[GradientTensor]
    samples: int
    not_finite: int
    missing: list[str]
    notes: tuple[str, ...] = ()
