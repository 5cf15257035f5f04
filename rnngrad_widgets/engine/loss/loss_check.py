"""A loss that was differentiated, compared with that of the model as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rnngrad_widgets.engine.backend import Model, Tensor, tf
from rnngrad_widgets.engine.keras_api.select import adapter_of

if TYPE_CHECKING:
    from collections.abc import Callable


def check_loss(model: Model, loss: Tensor, reference: Callable[[], Tensor], words: str) -> None:
    """Compare a loss with the model's own.

    Parameters
    ----------
    model
        The model.
    loss
        The loss that was differentiated, a scalar.
    reference
        Computes the model's own loss at the same values of all variables.
    words
        The quantities that the loss was differentiated for, for the message.

    Raises
    ------
    RuntimeError
        If they differ, while the model's own is the same whenever it is computed.
    """
    expected, rounding = reference(), _rounding(model, loss)

    def agrees(found: Tensor) -> bool:
        both = float(found), float(expected)
        return bool(np.isclose(*both, rtol=rounding, atol=1e-12, equal_nan=True))

    # Where the model's own loss differs from run to run, there is nothing to compare with.
    if agrees(loss) or not agrees(reference()):
        return
    raise RuntimeError(
        f"the loss that is differentiated must be the model's own, {float(expected):.8g}; with "
        f"{words} it is {float(loss):.8g}, so no gradient is returned; ask for another "
        "quantity, and please report this model"
    )


def _rounding(model: Model, loss: Tensor) -> float:
    """Return by how much losses may differ that are computed in another order."""
    dtypes = {layer.compute_dtype for layer in adapter_of(model).all_layers(model)}
    if dtypes & {"float16", "bfloat16"}:
        return 3e-2
    return 1e-9 if loss.dtype == tf.float64 else 1e-4
