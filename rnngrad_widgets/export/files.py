"""Files that are written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4


def write_whole(target: Path, content: bytes) -> None:
    """Write a file so that whoever opens it sees the old content or the new one.

    Parameters
    ----------
    target
        The file; its folder must exist. A file that is there already is replaced.
    content
        What is written.

    Raises
    ------
    OSError
        If it cannot be written; what was there stays.
    """
    unfinished = target.with_name(f".{target.name}.{uuid4().hex[:8]}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
