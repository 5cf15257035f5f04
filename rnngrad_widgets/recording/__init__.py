"""Recordings of a training run: one zarr store, one step after the other."""

from .errors import RecordingError
from .reader import Recording
from .writer import RecordingWriter

__all__ = ["Recording", "RecordingError", "RecordingWriter"]
