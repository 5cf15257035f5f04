"""Batches, from whatever ``fit`` takes: arrays, a dataset, a generator or a loader of batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from rnngrad_widgets.engine.backend import Model, Nested, keras, tf
from rnngrad_widgets.engine.inputs.batch import make_batch
from rnngrad_widgets.engine.keras_api.modules import is_sequence

if TYPE_CHECKING:
    from rnngrad_widgets.engine.inputs.batch import Batch


def is_stream(x: Nested) -> bool:
    """Return whether something yields batches, instead of being one."""
    return isinstance(x, (tf.data.Dataset, Iterator)) or is_sequence(x) or _is_loader(x)


def name_of_stream(x: Nested) -> str:
    """Return what a stream is called in words for people; empty for what is none."""
    if isinstance(x, tf.data.Dataset):  # whose own classes have private names
        return "Dataset"
    return type(x).__name__ if is_stream(x) else ""


def batches(
    model: Model,
    x: Nested,
    y: Nested,
    sample_weight: Nested,
    class_weight: Mapping[int, float] | None,
    steps: int | None,
) -> Iterator[Batch]:
    """Yield the batches of arrays or of a stream, checked and converted.

    Raises
    ------
    ValueError
        As `make_batch`; also if y or sample_weight come beside a dataset, `steps` comes with
        arrays or is missing for an endless source, there is no batch, or the source fails.
    """
    if not is_stream(x):
        if steps is not None:
            raise ValueError(
                f"steps is for a dataset or generator; received steps={steps} with arrays"
            )
        yield make_batch(model, x, y, sample_weight, class_weight)
        return
    kind = name_of_stream(x)
    if y is not None or sample_weight is not None:
        raise ValueError(
            f"a {kind} must yield (x, y) or (x, y, sample_weight); "
            "received y or sample_weight beside it"
        )
    if steps is None and _is_endless(x):
        raise ValueError(
            f"steps must bound a {kind} of unknown or endless length; received None; "
            "steps=1 takes its first batch"
        )
    if steps is not None and not _is_count(steps):
        raise ValueError(f"steps must be a whole number, at least 1; received {steps!r}")
    taken = 0
    items = islice(_items(x), steps)
    while True:
        try:
            data = next(items, _END)
        except tf.errors.OpError as error:
            raise ValueError(
                f"a {kind} must yield batches; it failed at batch {taken}: "
                f"{type(error).__name__}: {error.message}"
            ) from error
        if data is _END:
            break
        yield make_batch(model, *_unpack(kind, data), class_weight)
        taken += 1
    if not taken:
        raise ValueError(f"a {kind} must yield at least one batch; it yielded none")


_END = object()


def _unpack(kind: str, data: Nested) -> tuple[Nested, Nested, Nested]:
    if isinstance(data, (list, tuple)) and len(data) > 3:
        raise ValueError(
            f"a {kind} must yield (x, y) or (x, y, sample_weight); received {len(data)} parts; "
            "several inputs are one part: ((a, b), y)"
        )
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    return x, y, sample_weight


def _is_count(steps: Any) -> bool:
    whole = isinstance(steps, (int, np.integer)) and not isinstance(steps, bool)
    return whole and bool(steps >= 1)


def _is_loader(x: Nested) -> bool:
    """Return whether something is iterated batch by batch, like PyTorch's ``DataLoader``."""
    if isinstance(x, (str, bytes, Sequence, Mapping, Set)) or not isinstance(x, Iterable):
        return False
    return not (hasattr(x, "__array__") or hasattr(x, "shape") or tf.is_tensor(x))


def _is_endless(x: Nested) -> bool:
    if isinstance(x, tf.data.Dataset):
        return int(x.cardinality()) == int(tf.data.INFINITE_CARDINALITY)
    if is_sequence(x):
        return _count(x) is None
    return isinstance(x, Iterator) or not _has_length(x)


def _has_length(x: Nested) -> bool:
    try:
        len(x)
    except TypeError:  # a loader over something without a length raises it too
        return False
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
