"""A short text that two batches share only where they are the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from rnngrad_widgets.data.arrays import is_array, to_numpy

if TYPE_CHECKING:
    from numpy.typing import NDArray


def batch_digest(*parts: Any) -> str | None:
    """Return the digest of a batch, whatever kind of arrays it comes in.

    Numbers count as float32, as most models read them: a list, an array and a tensor of the same
    values have one digest.

    Parameters
    ----------
    *parts
        Arrays, lists of numbers or texts, or lists, tuples and dicts of them; None for none.

    Returns
    -------
    str or None
        32 hexadecimal digits (BLAKE2b); None where a part is no array, as a dataset.
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        for part in parts:
            _add(digest, part)
    except _NoArrayError:
        return None
    return digest.hexdigest()


class _NoArrayError(TypeError):
    pass


def _add(digest: Any, value: Any) -> None:
    if value is None:
        digest.update(b"none;")
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            digest.update(f"{key}:".encode())
            _add(digest, value[key])
    else:
        array = _as_array(value)
        if array is not None:
            _add_array(digest, array)
        elif isinstance(value, (list, tuple)):
            digest.update(f"{len(value)} of:".encode())
            for item in value:
                _add(digest, item)
        else:
            raise _NoArrayError


def _as_array(value: Any) -> NDArray[Any] | None:
    """Return numbers or texts as an array; None for what is none, or is one of several shapes."""
    if not (is_array(value) or isinstance(value, (list, tuple, int, float, str))):
        return None
    try:
        array = np.asarray(to_numpy(value))
    except (TypeError, ValueError):
        return None
    return array if array.dtype.kind in "biufUST" else None


def _add_array(digest: Any, array: NDArray[Any]) -> None:
    digest.update(f"{array.shape};".encode())
    if array.dtype.kind in "biuf":
        with np.errstate(over="ignore", invalid="ignore"):
            digest.update(np.ascontiguousarray(array, np.float32).tobytes())
    else:
        for text in array.ravel().tolist():
            digest.update(f"{text!r};".encode())
