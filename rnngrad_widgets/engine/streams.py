"""Batches, from whatever ``fit`` takes: arrays, a dataset, or a generator of batches."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from .backend import Model, Nested, keras, tf
from .batches import make_batch
from .library import is_sequence

if TYPE_CHECKING:
    from .batches import Batch


def batches(
    model: Model, x: Nested, y: Nested, sample_weight: Nested, steps: int | None
) -> Iterator[Batch]:
    """Check and convert one batch after the other.

    Raises
    ------
    ValueError
        As `make_batch`; also if y or sample_weight come beside a dataset, `steps` comes with
        arrays or is missing for an endless source, or there is no batch.
    """
    if not _is_stream(x):
        if steps is not None:
            raise ValueError(
                f"steps is for a dataset or generator; received steps={steps} with arrays"
            )
        yield make_batch(model, x, y, sample_weight)
        return
    if y is not None or sample_weight is not None:
        raise ValueError(
            f"a {type(x).__name__} must yield (x, y) or (x, y, sample_weight); "
            "received y or sample_weight beside it"
        )
    if steps is None and _is_endless(x):
        raise ValueError(
            f"steps must bound a {type(x).__name__} of unknown or endless length; received None"
        )
    if steps is not None and steps < 1:
        raise ValueError(f"steps must be at least 1; received {steps}")
    empty = True
    for data in islice(_items(x), steps):
        yield make_batch(model, *keras.utils.unpack_x_y_sample_weight(data))
        empty = False
    if empty:
        raise ValueError(f"a {type(x).__name__} must yield at least one batch; it yielded none")


def _is_stream(x: Nested) -> bool:
    return isinstance(x, (tf.data.Dataset, Iterator)) or is_sequence(x)


def _is_endless(x: Nested) -> bool:
    if isinstance(x, tf.data.Dataset):
        return int(x.cardinality()) == int(tf.data.INFINITE_CARDINALITY)
    if is_sequence(x):
        return _count(x) is None
    return True


def _items(x: Nested) -> Iterator[Nested]:
    if is_sequence(x):
        count = _count(x)
        position = 0
        while count is None or position < count:
            yield x[position]
            position += 1
    else:
        yield from x


def _count(x: Nested) -> int | None:
    # A PyDataset may be endless; a Sequence of Keras 2 has a length.
    count: int | None = x.num_batches if hasattr(x, "num_batches") else len(x)
    return count
