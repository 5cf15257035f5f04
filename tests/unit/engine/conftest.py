"""What the engine's tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import pytest
import tensorflow as tf
import tf_keras

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def float64() -> Iterator[None]:
    """Let Keras compute in double precision, so that derivatives can be compared closely."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


@pytest.fixture
def unoptimised() -> Iterator[None]:
    """Run traced graphs as they are: optimising takes most of the time of one that runs once."""
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False, **before})


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Start every test from the same weights and data."""
    keras.utils.set_random_seed(7)
    tf_keras.utils.set_random_seed(7)  # its initialisers draw from a generator of their own
