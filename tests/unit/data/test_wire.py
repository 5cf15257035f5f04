"""Arrays on their way to the browser: bytes, and bfloat16 as ml_dtypes rounds it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rnngrad_widgets.data.wire import as_bfloat16, encode
from tests.fixtures import wire
from tests.fixtures.golden import plain


def test_golden_file_is_current():
    assert json.loads(wire.PATH.read_text()) == json.loads(json.dumps(plain(wire.golden())))


def nearest(values: np.ndarray) -> np.ndarray:
    """The upper halves, rounded to nearest, ties to even, by adding to the bits."""
    bits = values.view(np.uint32)
    return ((bits + (0x7FFF + (bits >> 16 & 1))) >> 16).astype(np.uint16)


def test_bfloat16_is_the_nearest_number():
    bits = np.random.default_rng(0).integers(0, 2**32, 200_000, dtype=np.uint64)
    values = np.concatenate([wire.numbers(), bits.astype(np.uint32).view(np.float32)])
    nan = np.isnan(values)
    assert nan.sum() > 100
    mine = as_bfloat16(values)
    np.testing.assert_array_equal(mine[~nan], nearest(values[~nan]))
    assert np.isnan((mine[nan].astype(np.uint32) << 16).view(np.float32)).all()


def test_bfloat16_is_within_one_part_in_256():
    values = 10.0 ** np.random.default_rng(0).uniform(-37, 37, 10_000).astype(np.float32)
    back = (as_bfloat16(values).astype(np.uint32) << 16).view(np.float32)
    assert np.abs(back / values - 1).max() <= 1 / 256


@pytest.mark.parametrize(("precision", "size"), [("float32", 4), ("bfloat16", 2)])
def test_bytes_are_little_endian_and_in_c_order(precision, size):
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4).transpose(2, 0, 1)
    sent = encode(array, precision)
    assert (sent["dtype"], sent["shape"]) == (precision, [4, 2, 3])
    assert sent["data"].nbytes == size * array.size
    words = np.frombuffer(sent["data"], f"<u{size}").astype(np.uint32) << (32 - 8 * size)
    np.testing.assert_array_equal(words.view(np.float32), array.ravel())
