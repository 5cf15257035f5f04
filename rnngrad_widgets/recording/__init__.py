"""Recordings of a training run: one zarr store, one step after the other."""

from rnngrad_widgets.recording.errors import RecordingError
from rnngrad_widgets.recording.reader import Recording
from rnngrad_widgets.recording.writer import RecordingWriter

__all__ = ["Recording", "RecordingError", "RecordingWriter"]
