"""The numbers of a snapshot by name, as trackers of experiments take them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rnngrad_widgets.diagnosis.diagnose import diagnosis_of
from rnngrad_widgets.diagnosis.loss_position import DIRECT, TOTAL

if TYPE_CHECKING:
    from rnngrad_widgets.callbacks.status import Status
    from rnngrad_widgets.data.tensor import GradientSnapshot
    from rnngrad_widgets.diagnosis.diagnosis import Diagnosis

DIAGNOSED = (TOTAL, DIRECT)
"""The quantities from which the numbers come; the direct one tells where the loss acts."""


def snapshot_numbers(
    snapshot: GradientSnapshot, status: Status, diagnosis: Diagnosis | None = None
) -> dict[str, float]:
    """Return the losses of a step and the numbers of its diagnosis.

    Parameters
    ----------
    snapshot, status
        What was taken, and how far training was.
    diagnosis
        That of the snapshot, where it is known.

    Returns
    -------
    dict
        ``"loss/batch"``, of the batch of the snapshot; ``"loss/training"``, what Keras logged last;
        and what `Diagnosis.to_flat` returns. Only finite numbers.
    """
    losses = {"loss/batch": snapshot.loss, "loss/training": status.training_loss}
    found = {
        name: float(loss)
        for name, loss in losses.items()
        if loss is not None and math.isfinite(loss)
    }
    return found | (diagnosis_of(snapshot) if diagnosis is None else diagnosis).to_flat()
