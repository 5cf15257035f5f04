"""What is recorded once a step: 1-D arrays in chunks of many steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rnngrad_widgets.recording.errors import RecordingError
from rnngrad_widgets.recording.layout import SCALAR_CHUNK, SCALARS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rnngrad_widgets.recording.store import Files

Described = tuple[tuple[int, ...], str]
"""Shape and dtype of a chunk."""

Scalars = dict[str, np.ndarray]
"""One array for each name in `SCALARS`, all of the same length."""

SCALAR_BYTES = sum(np.dtype(dtype).itemsize for dtype, _ in SCALARS.values())
"""Bytes that each step takes."""


def no_scalars() -> Scalars:
    """Return the scalars of a recording without steps."""
    return {name: np.zeros(0, dtype) for name, (dtype, _) in SCALARS.items()}


def read_scalars(files: Files, known: Scalars, steps: int) -> Scalars:
    """Read up to a number of steps; those that are known are not read again.

    Raises
    ------
    RecordingError
        If a chunk is missing or has another size.
    """
    whole = len(known["step"]) // SCALAR_CHUNK
    parts = {name: [known[name][: whole * SCALAR_CHUNK]] for name in SCALARS}
    # One chunk at a time: a claim of many steps ends at the first chunk that is not there.
    for chunk in range(whole, -(-steps // SCALAR_CHUNK)):
        wanted = {
            f"{name}/c.{chunk}": ((SCALAR_CHUNK,), dtype) for name, (dtype, _) in SCALARS.items()
        }
        for part, values in zip(parts.values(), read_chunks(files, wanted), strict=True):
            part.append(values)
    return {name: np.concatenate(part)[:steps] for name, part in parts.items()}


def chunk_of(scalars: Scalars, step: int) -> dict[str, np.ndarray]:
    """Return the chunks that a step is in, by key."""
    chunk = step // SCALAR_CHUNK
    files = {}
    for name, (dtype, _) in SCALARS.items():
        padded = np.zeros(SCALAR_CHUNK, np.dtype(dtype).newbyteorder("<"))
        values = scalars[name][chunk * SCALAR_CHUNK :][:SCALAR_CHUNK]
        padded[: len(values)] = values
        files[f"{name}/c.{chunk}"] = padded
    return files


def read_chunk(files: Files, key: str, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Read one chunk, whose file must have exactly the size that shape and dtype say.

    Raises
    ------
    RecordingError
        If it is missing or has another size.
    """
    (values,) = read_chunks(files, {key: (shape, dtype)})
    return values


def read_chunks(files: Files, wanted: Mapping[str, Described]) -> list[np.ndarray]:
    """Read chunks at once, as `read_chunk` does.

    Parameters
    ----------
    files
        Where they are.
    wanted
        Shape and dtype of each, by key.

    Raises
    ------
    RecordingError
        If one is missing or has another size.
    """
    found = files.read_all({key: _nbytes(*each) for key, each in wanted.items()})
    return [_values(files, key, found[key], *each) for key, each in wanted.items()]


def _nbytes(shape: tuple[int, ...], dtype: str) -> int:
    return int(np.prod(shape, dtype=object)) * np.dtype(dtype).itemsize


def _values(
    files: Files, key: str, data: bytes | None, shape: tuple[int, ...], dtype: str
) -> np.ndarray:
    stored = np.dtype(dtype).newbyteorder("<")
    nbytes = _nbytes(shape, dtype)
    if data is None or len(data) != nbytes:
        has = "it is missing" if data is None else f"it has {len(data)}"
        raise RecordingError(f"{key} in {files.where} must have {nbytes} bytes; {has}")
    values: np.ndarray = np.frombuffer(data, stored).astype(dtype, copy=False)
    if dtype == "bool":  # a byte of 2 would be neither True nor False
        values = np.frombuffer(data, "uint8").astype(bool)
    return values.reshape(shape)
