"""What the engine's tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

import keras


@pytest.fixture
def float64() -> Iterator[None]:
    """Let Keras compute in double precision, so that derivatives can be compared closely."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Start every test from the same weights and data."""
    keras.utils.set_random_seed(7)
