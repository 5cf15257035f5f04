"""Batches that are not the same each time are refused."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnngrad_widgets.callbacks.batch_snapshot import BatchSnapshot, check_repeatable

X = np.random.default_rng(1).normal(size=(12, 3, 2))
Y = np.arange(12.0)


def test_a_dataset_that_is_shuffled_anew_is_refused() -> None:
    shuffled = tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(12, seed=3)
    with pytest.raises(ValueError, match=r"that yields others, as after shuffle\(\)\. Take one"):
        check_repeatable(shuffled.batch(4))
    with pytest.raises(TypeError, match="received a list_iterator; take one batch"):
        check_repeatable(iter([X]))


class Batches(keras.utils.PyDataset):
    def __init__(self, *, shuffled: bool) -> None:
        super().__init__()
        self._random = np.random.default_rng(0) if shuffled else None

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        order = np.arange(12) if self._random is None else self._random.permutation(12)
        rows = order[4 * index : 4 * index + 4]
        return X[rows], Y[rows]


class DataLoader:
    """As PyTorch's: iterated, each time in another order."""

    def __iter__(self) -> Iterator[list[np.ndarray]]:
        self.calls = getattr(self, "calls", 0) + 1
        yield [np.roll(X, self.calls, axis=0), Y]


def test_what_yields_other_batches_is_refused_whatever_it_is() -> None:
    for shuffled in (Batches(shuffled=True), DataLoader()):
        with pytest.raises(ValueError, match=r"x must yield the same batches each time"):
            check_repeatable(shuffled)
    check_repeatable(Batches(shuffled=False))


@pytest.mark.parametrize(
    "dataset",
    [
        tf.data.Dataset.from_tensor_slices((X, Y)).batch(4),
        tf.data.Dataset.from_tensor_slices(({"a": X, "b": X}, Y)).batch(4),
        tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(9, reshuffle_each_iteration=False),
        tf.data.Dataset.from_tensor_slices((np.array(["a", "b"]), Y[:2])).batch(2),
        tf.data.Dataset.from_tensor_slices((np.full((4, 2), np.nan), Y[:4])).batch(2),
        tf.data.Dataset.from_tensor_slices((tf.ragged.constant([[1], [2, 3]]), Y[:2])).batch(2),
        tf.data.Dataset.from_tensor_slices((X, Y)).take(0),
        X,
        None,
    ],
)
def test_others_are_taken(dataset: object) -> None:
    check_repeatable(dataset)


def test_the_loss_is_split_for_a_reach_only() -> None:
    with pytest.raises(ValueError, match=r"^loss_timesteps is for the quantity 'reach'; received"):
        BatchSnapshot(X, Y, quantities=("output", "hidden_gradient"), loss_timesteps=3)
    with pytest.raises(ValueError, match=r"^by must be 'loss', 'output' or None; received 'x'"):
        BatchSnapshot(X, Y, quantities="reach", by="x")
    BatchSnapshot(X, Y, quantities="reach", by="output", loss_timesteps=[2])
