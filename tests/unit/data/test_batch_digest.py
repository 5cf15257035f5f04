"""Digests of batches: the same where the numbers are the same, in whatever they come."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnngrad_widgets.data.batch_digest import batch_digest

X = np.random.default_rng(0).normal(size=(4, 3, 2))
Y = np.arange(4)


class LikeATensor:
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        del copy
        return np.asarray(X, dtype)


@pytest.mark.parametrize(
    "x", [X.astype("float32"), X.tolist(), LikeATensor(), np.asfortranarray(X), X[:, ::-1][:, ::-1]]
)
def test_the_same_numbers_have_one_digest(x: Any) -> None:
    assert batch_digest(x, Y) == batch_digest(X, Y) == batch_digest(X, Y.astype("float64"))


OTHERS = {
    "a value": (X + np.eye(3, 2) * 1e-3, Y),
    "the order": (X[::-1], Y),
    "the shape": (X.reshape(4, 6), Y),
    "fewer": (X[:3], Y[:3]),
    "no targets": (X, None),
    "a list of two": ([X, X], Y),
    "by name": ({"x": X}, Y),
    "texts": (np.array(["a", "bc"]), Y),
    "other texts": (np.array(["ab", "c"]), Y),
    "ragged": ([[1.0], [2.0, 3.0]], Y),
    "ragged otherwise": ([[1.0, 2.0], [3.0]], Y),
}


def test_other_batches_have_others() -> None:
    found = [batch_digest(*batch) for batch in OTHERS.values()] + [batch_digest(X, Y)]
    assert None not in found
    assert len(set(found)) == len(found)
    assert batch_digest({"b": X, "a": Y}) == batch_digest({"a": Y, "b": X})


def test_what_is_no_array_has_none() -> None:
    assert batch_digest(object()) is None
    assert batch_digest([X, object()]) is None
    assert batch_digest(iter([X])) is None
