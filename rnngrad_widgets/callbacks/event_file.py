"""`EventFile`: what TensorBoard reads; the only callback module that imports TensorFlow.

Not by `tf.summary`: that says nothing when a disk is full, and its histograms take 240 bytes for
each value, gigabytes for a tensor. The format is the same, and TensorBoard need not be installed.
"""

from __future__ import annotations

import os
import re
import socket
import time
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_BUCKETS = 30
"""As many as TensorBoard draws."""

_NUMBERS = count()
"""Of the files of this process."""


class EventFile:
    """Write the events of one training step after the other to a new file in a folder.

    A file of TFRecords, each an ``Event``: a training step, and tensors by tag, each with the name
    of the plugin of TensorBoard that shows it.

    Parameters
    ----------
    folder
        A path, or a URL that TensorFlow knows; made where it is not there.

    Raises
    ------
    OSError
        If the file cannot be made; of `at_step` and `close`, if it cannot be written.
    """

    def __init__(self, folder: str) -> None:
        import tensorflow as tf  # noqa: PLC0415 - only when it is used

        self._tf = tf
        self._folder = folder
        self._summary = tf.compat.v1.Summary()
        # TensorBoard reads the files of a folder by the order of their names.
        parts = f"{int(time.time()):010d}", socket.gethostname(), os.getpid(), next(_NUMBERS)
        name = ".".join(("events.out.tfevents", *map(str, parts)))
        with self._naming_errors():
            tf.io.gfile.makedirs(folder)
            self._writer = tf.io.TFRecordWriter(tf.io.gfile.join(folder, name))
            self._write(file_version="brain.Event:2")

    @contextmanager
    def at_step(self, step: int) -> Iterator[None]:
        """Write all that is added inside with this training step, so that readers see it."""
        self._summary.Clear()
        yield
        with self._naming_errors():
            self._write(step=step, summary=self._summary)

    def scalar(self, tag: str, value: float) -> None:
        """Add a number, in single precision."""
        self._add("scalars", tag, np.float32(value))

    def values(self, tag: str, values: NDArray[Any]) -> None:
        """Add how finite values are distributed, in buckets of one width; nothing if none is."""
        finite = values[np.isfinite(values)].astype(np.float64, copy=False)
        if finite.size:
            heights, edges = np.histogram(finite, _BUCKETS)
            self.heights(tag, edges[:-1], edges[1:], heights)

    def heights(
        self, tag: str, left: NDArray[Any], right: NDArray[Any], heights: NDArray[Any]
    ) -> None:
        """Add the buckets of a histogram: their edges, and how high each is."""
        self._add("histograms", tag, np.stack([left, right, heights], axis=1).astype(np.float64))

    def image(self, tag: str, png: bytes) -> None:
        """Add a picture."""
        width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
        self._add("images", tag, np.array([str(width).encode(), str(height).encode(), png], object))

    def close(self) -> None:
        """Let the file go."""
        with self._naming_errors():
            self._writer.close()

    def _add(self, plugin: str, tag: str, value: Any) -> None:
        added = self._summary.value.add(tag=tag, tensor=self._tf.make_tensor_proto(value))
        added.metadata.plugin_data.plugin_name = plugin

    def _write(self, **fields: Any) -> None:
        event = self._tf.compat.v1.Event(wall_time=time.time(), **fields)
        self._writer.write(event.SerializeToString())
        self._writer.flush()

    @contextmanager
    def _naming_errors(self) -> Iterator[None]:
        """Say where it is that cannot be written, without TensorFlow's names of operations."""
        try:
            yield
        except self._tf.errors.OpError as error:
            words = re.sub(r"\{\{.*?\}\}|\[Op:.*", "", error.message or type(error).__name__)
            words = words.rpartition("; ")[2].strip()  # before that stands the file
            raise OSError(f"{self._folder} cannot be written: {words}") from error
