"""`BatchSnapshot`: the snapshot of one batch, with whatever weights a model has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rnngrad_widgets.data.tensor import GradientSnapshot


def check_repeatable(x: Any) -> None:
    """Refuse what yields other batches when it is asked again."""
    if isinstance(x, Iterator):
        raise TypeError(
            "x must be one batch of arrays, the same at every step, so that steps compare; "
            f"received a {type(x).__name__}; take one batch with: x, y = next(...)"
        )


class BatchSnapshot:
    """Compute the snapshot of a model with the current weights, for one batch that stays the same.

    Parameters
    ----------
    x, y, layers, quantities, sample_weight, class_weight, training, steps, loss
        As `GradientEngine.compute` takes them.

    Raises
    ------
    TypeError
        If x is an iterator: it would be another batch every time.
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        layers: Any = None,
        quantities: Any = "output_gradient",
        *,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        training: bool = False,
        steps: int | None = None,
        loss: Any = None,
    ) -> None:
        check_repeatable(x)
        self._batch = (x, y, layers, quantities)
        self._options = {
            "sample_weight": sample_weight,
            "class_weight": class_weight,
            "training": training,
            "steps": steps,
            "loss": loss,
        }
        self._engine: Any = None
        self._model: Any = None

    def __call__(self, model: Any) -> GradientSnapshot:
        """Compute the snapshot; raises what `GradientEngine.compute` raises."""
        from rnngrad_widgets.engine import GradientEngine  # noqa: PLC0415 - imports TensorFlow

        if model is not self._model:
            self._engine, self._model = GradientEngine(model), model
        snapshot: GradientSnapshot = self._engine.compute(*self._batch, **self._options)
        return snapshot
