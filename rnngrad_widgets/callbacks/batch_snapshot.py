"""`BatchSnapshot`: the snapshot of one batch, with whatever weights a model has.

`BatchOptions` are the keyword arguments of everything that takes a batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, cast

import numpy as np

from rnngrad_widgets.data.arrays import is_array, to_numpy
from rnngrad_widgets.data.keywords import naming, suggesting
from rnngrad_widgets.data.loss_timesteps import Entrance, check_reach
from rnngrad_widgets.data.quantities import check_known
from rnngrad_widgets.data.tensor import GradientSnapshot

if TYPE_CHECKING:
    from typing_extensions import Unpack


class BatchOptions(TypedDict, total=False):
    """What belongs to a batch, beside x and y; the same wherever a batch is taken.

    Parameters
    ----------
    sample_weight
        (samples,) or (samples, timesteps), as in ``model.fit``.
    class_weight
        The weight of each class, by its number, as in ``model.fit``.
    training
        Whether layers such as dropout act as in training, as in ``model(x, training=...)``.
    steps
        How many batches of a dataset are taken; None for all.
    loss
        What to differentiate instead of the model's loss; see `GradientEngine.compute`.
    """

    sample_weight: Any
    class_weight: Mapping[int, float] | None
    training: bool
    steps: int | None
    loss: Any


class ReachOptions(TypedDict, total=False):
    """How the quantity ``reach`` splits a loss; nothing else is computed with them.

    Parameters
    ----------
    loss_timesteps
        Which timesteps of the loss: None for at most 32, evenly spaced; a number n for every n-th;
        or a sequence of them.
    by
        What they are timesteps of: ``"loss"``, the prediction, or ``"output"``, what the layer
        returns; see `GradientEngine.compute`.
    """

    loss_timesteps: int | Sequence[int] | None
    by: Entrance | None


class SnapshotOptions(BatchOptions, ReachOptions, total=False):
    """What a snapshot of any quantities takes, beside x and y."""


BATCH_DEFAULTS: BatchOptions = {
    "sample_weight": None,
    "class_weight": None,
    "training": False,
    "steps": None,
    "loss": None,
}

REACH_DEFAULTS: ReachOptions = {"loss_timesteps": None, "by": None}

SNAPSHOT_DEFAULTS = cast("SnapshotOptions", {**BATCH_DEFAULTS, **REACH_DEFAULTS})


def check_repeatable(x: Any) -> None:
    """Refuse what yields other batches when it is asked again.

    Raises
    ------
    TypeError
        If it is an iterator.
    ValueError
        If it is a dataset that is shuffled anew each time: its first batch is read twice.
    """
    if isinstance(x, Iterator):
        raise TypeError(
            "x must be one batch of arrays, the same at every step, so that steps compare; "
            f"received a {type(x).__name__}; take one batch with: x, y = next(...)"
        )
    if _yields_batches(x) and not _same(*(_first_batch(x) for _ in range(2))):
        raise ValueError(
            "x must yield the same batches each time, so that steps compare; received a dataset "
            "that yields others, as after shuffle(). Take one batch with: x, y = next(iter(...)), "
            "or shuffle with reshuffle_each_iteration=False"
        )


def _yields_batches(x: Any) -> bool:
    """Tell whether x is a dataset, a ``PyDataset`` or a loader; imports none of them."""
    names = {each.__name__ for each in type(x).__mro__}
    return hasattr(x, "as_numpy_iterator") or bool(names & {"PyDataset", "DataLoader"})


def _first_batch(x: Any) -> Any:
    if hasattr(x, "as_numpy_iterator"):
        return next(x.take(1).as_numpy_iterator(), None)
    first = x[0] if hasattr(x, "__getitem__") else next(iter(x), None)
    return _as_arrays(first)


def _as_arrays(batch: Any) -> Any:
    if isinstance(batch, Mapping):
        return {key: _as_arrays(value) for key, value in batch.items()}
    if isinstance(batch, tuple | list):
        return type(batch)(map(_as_arrays, batch))
    return to_numpy(batch) if is_array(batch) else batch


def _same(one: Any, other: Any) -> bool:
    """Tell whether two nested batches have the same values."""
    if isinstance(one, Mapping):
        return all(_same(one[key], other[key]) for key in one)
    if isinstance(one, tuple | list):
        return all(map(_same, one, other))
    if not isinstance(one, np.ndarray) or one.dtype.kind == "O":
        return repr(one) == repr(other)  # ragged, sparse, text
    return bool(np.array_equal(one, other, equal_nan=one.dtype.kind in "fc"))


class BatchSnapshot:
    """Compute the snapshot of a model with the current weights, for one batch that stays the same.

    Parameters
    ----------
    x, y, layers, quantities
        As `GradientEngine.compute` takes them.
    **options
        ``sample_weight``, ``class_weight``, ``training``, ``steps`` and ``loss``, see
        `BatchOptions`; ``loss_timesteps`` and ``by``, see `ReachOptions`.

    Raises
    ------
    TypeError
        If x is an iterator: it would be another batch every time.
    ValueError
        If a quantity is one that no layer has, or the loss is to be split for another than
        ``"reach"``.
    """

    @suggesting
    @naming(SnapshotOptions, SNAPSHOT_DEFAULTS)
    def __init__(
        self,
        x: Any,
        y: Any = None,
        layers: Any = None,
        quantities: Any = "output_gradient",
        **options: Unpack[SnapshotOptions],
    ) -> None:
        check_repeatable(x)
        check_known(quantities)
        words = (quantities,) if isinstance(quantities, str) else tuple(quantities)
        check_reach(words, options.get("loss_timesteps"), options.get("by"))
        self._batch = (x, y, layers, quantities)
        self._options = options
        self._engine: Any = None
        self._model: Any = None

    def __call__(self, model: Any) -> GradientSnapshot:
        """Compute the snapshot.

        Parameters
        ----------
        model
            A compiled Keras model, or any where `loss` was given.

        Returns
        -------
        GradientSnapshot
            Every tensor of the layers and quantities.

        Raises
        ------
        ValueError, TypeError
            What `GradientEngine.compute` raises.
        """
        from rnngrad_widgets.engine import GradientEngine  # noqa: PLC0415 - imports TensorFlow

        if model is not self._model:
            self._engine, self._model = GradientEngine(model), model
        snapshot: GradientSnapshot = self._engine.compute(
            *self._batch,
            **self._options,
            progress=lambda _done, _count: None,  # `fit` has a progress bar of its own
        )
        return snapshot
