"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from uuid import uuid4

PICTURES = (".png", ".svg", ".pdf")


def check_target(path: str | os.PathLike[str]) -> Path:
    """Return where a picture is written to.

    Raises
    ------
    ValueError
        If the path ends in something else than `PICTURES`.
    FileNotFoundError
        If its folder is not there.
    IsADirectoryError
        If it is a folder.
    """
    target = Path(path).expanduser()
    if target.suffix.lower() not in PICTURES:
        has_name = target.name[:1] not in ("", ".")
        name = target.with_suffix(".png").name if has_name else "picture.png"
        raise ValueError(
            f"a picture is saved as .png, .svg or .pdf; received {str(path)!r}: "
            f"name it {name!r}, for instance"
        )
    if target.is_dir():
        raise IsADirectoryError(f"a picture is a file; {str(target)!r} is a folder")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"the folder {str(target.parent)!r} of {target.name!r} must exist")
    return target


def write_whole(target: Path, content: bytes) -> None:
    """Write a file so that whoever opens it sees the old content or the new one.

    Parameters
    ----------
    target
        The file; its folder must exist. A file that is there already is replaced, and whoever could
        read it can read the new one.
    content
        What is written.

    Raises
    ------
    OSError
        If it cannot be written, or is a pipe or a device; what was there stays.
    """
    target = target.resolve()  # a link stays one
    before = target.stat() if target.exists() else None
    if before is not None and not stat.S_ISREG(before.st_mode):
        raise OSError(
            f"what is saved must be a plain file; '{target}' is a pipe, a device or another thing. "
            "Choose another name"
        )
    if before is not None and not os.access(target, os.W_OK):
        raise PermissionError(f"'{target}' is read-only. Choose another name")
    unfinished = target.with_name(f".{uuid4().hex[:8]}")  # short: a name has 255 bytes at most
    try:
        unfinished.touch(0o666 if before is None else 0o600)
        unfinished.write_bytes(content)
        if before is not None:
            unfinished.chmod(stat.S_IMODE(before.st_mode))
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
