"""The error of this package; for files that cannot be read or written there is `OSError`."""

from __future__ import annotations


class RecordingError(ValueError):
    """A store that is not a sound recording, or a snapshot that does not fit a recording."""
