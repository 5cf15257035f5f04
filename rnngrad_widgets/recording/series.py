"""What is small at each step: arrays by step whose chunks hold several steps.

The chunk that is not full is written whole again at every step, as those of the scalars are. What
it holds beyond the steps that are in says nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rnngrad_widgets.recording.scalars import read_chunk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rnngrad_widgets.recording.layout import ArrayLayout
    from rnngrad_widgets.recording.store import Files


class SeriesWriter:
    """The chunks that are being filled.

    Parameters
    ----------
    arrays
        Those that have several steps in a chunk; others are left out.
    """

    def __init__(self, arrays: Iterable[ArrayLayout]) -> None:
        self._arrays = {array.name: array for array in arrays if array.steps > 1}
        self._chunks = {name: _empty(array) for name, array in self._arrays.items()}

    def read(self, files: Files, steps: int) -> None:
        """Read the chunks that a recording of that many steps goes on with.

        Raises
        ------
        RecordingError
            If one is missing or has a wrong size.
        """
        for name, array in self._arrays.items():
            if steps % array.steps:
                self._chunks[name][:] = read_series(files, array, steps // array.steps)

    def chunk(self, name: str, step: int, values: np.ndarray) -> np.ndarray:
        """Return what is to be written with the values of a step.

        A step that was not committed is overwritten by the next one.
        """
        array = self._arrays.get(name)
        if array is None:
            return values
        place = step % array.steps
        chunk = self._chunks[name]
        chunk[place] = values
        chunk[place + 1 :] = 0
        return chunk


def read_series(files: Files, array: ArrayLayout, number: int) -> np.ndarray:
    """Read one chunk of several steps, (steps, ...).

    Raises
    ------
    RecordingError
        If it is missing or has a wrong size.
    """
    key = array.chunk_key(number * array.steps)
    return read_chunk(files, key, array.chunk_shape, array.dtype)


def _empty(array: ArrayLayout) -> np.ndarray:
    return np.zeros(array.chunk_shape, np.dtype(array.dtype).newbyteorder("<"))
