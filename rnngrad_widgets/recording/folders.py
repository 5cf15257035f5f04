"""The recordings of a folder, or of a pattern as ``runs/*``: found, and opened side by side."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, NamedTuple

from rnngrad_widgets.recording.errors import RecordingError
from rnngrad_widgets.recording.layout import ROOT
from rnngrad_widgets.recording.reader import Recording
from rnngrad_widgets.recording.store import (
    check_no_options,
    check_zarr,
    in_words,
    local_folder,
    not_a_path,
)

AT_ONCE = 16
"""Recordings that are opened at once: over a network each of them is mostly waited for."""


class Found(NamedTuple):
    """A folder that was found.

    Parameters
    ----------
    path
        Where it is.
    recording
        What it holds; None where that is not a recording with snapshots.
    trouble
        Why not; else empty.
    """

    path: str
    recording: Recording | None
    trouble: str


def has_pattern(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path is a pattern, and not the name of a folder that is there."""
    folder = local_folder(path)
    if folder is None:  # in a URL, ? begins a query
        return bool(re.search(r"[*[]", os.fspath(path)))
    return bool(re.search(r"[*?[]", os.fspath(path))) and not folder.exists()


def folders_at(
    path: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None
) -> list[str]:
    """Return the folders that may be recordings, ``run-2`` before ``run-10``.

    Parameters
    ----------
    path
        A pattern as fsspec's ``glob`` takes it, of a local folder or a URL; a recording; or a
        folder that holds recordings.
    storage_options
        Options for fsspec.

    Raises
    ------
    ModuleNotFoundError
        If zarr or fsspec, or the package for a URL, is not installed.
    ValueError
        If fsspec does not know such a URL.
    OSError
        If it cannot be read.
    """
    check_zarr()
    folder = local_folder(path)
    where = str(path if folder is None else folder)
    if folder is not None:
        check_no_options(storage_options, where)
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - an extra

        files, own = url_to_fs(where, **(storage_options or {}))
    except (ImportError, ValueError) as error:
        raise not_a_path(error, where) from error
    own = own.rstrip("/")
    try:
        files.invalidate_cache()
        if has_pattern(path):
            found = files.glob(own, detail=True)
        elif files.exists(f"{own}/{ROOT}"):
            return [where]
        else:
            found = {each["name"]: each for each in files.ls(own, detail=True)}
    except FileNotFoundError:
        return []
    # whatever the client of an object store raises: missing keys, endpoints
    except Exception as error:
        raise in_words(error, f"{where} cannot be read") from error
    folders = (name.rstrip("/") for name, each in found.items() if each["type"] != "file")
    whole = folders if folder is not None else map(files.unstrip_protocol, folders)
    return sorted({name for name in whole if name.rstrip("/") != where}, key=naturally)


def open_all(
    paths: Sequence[str],
    storage_options: Mapping[str, Any] | None = None,
    check: Callable[[Recording], object] = lambda _: None,
    known: Mapping[str, Found] = MappingProxyType({}),
) -> list[Found]:
    """Open recordings, several at once; one that is not sound keeps no other from being opened.

    Parameters
    ----------
    paths
        Where they are.
    storage_options
        Options for fsspec.
    check
        Called with each of them, several at once, to read what will be needed; it raises ValueError
        or OSError where that is not there.
    known
        Those that were opened before, by path: they are what they were.

    Returns
    -------
    list of Found
        In the order of the paths; without folders that are in a recording, or that only hold one.
    """

    def open_one(path: str) -> Found:
        if path in known:
            return known[path]
        try:
            recording = Recording(path, storage_options=storage_options)
            if not len(recording):
                return Found(path, None, "it has no snapshot yet")
        except FileNotFoundError:
            return Found(path, None, "it holds no recording")
        except (RecordingError, OSError) as error:
            return Found(path, None, str(error))
        try:
            check(recording)
        except (ValueError, OSError) as error:
            return Found(path, None, str(error))
        return Found(path, recording, "")

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="recordings") as several:
        found = list(several.map(open_one, paths))
    whole = {PurePosixPath(each.path) for each in found if each.recording is not None}
    around = {parent for path in whole for parent in path.parents}
    return [
        each
        for each in found
        if whole.isdisjoint(PurePosixPath(each.path).parents)
        and (each.recording is not None or PurePosixPath(each.path) not in around)
    ]


def names_of(paths: Sequence[str], named: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """Return a short name for each path: its last part, or as many as tell them apart.

    Parameters
    ----------
    paths
        The paths.
    named
        Names that paths have already, which they keep; no other path gets one of them.
    """
    names = dict(named)
    for path, short in zip(paths, _short_names(paths), strict=True):
        parts = PurePosixPath(path).parts
        longer = ("/".join(parts[-count:]) for count in range(1, len(parts) + 1))
        free = (each for each in (short, *longer, path) if each not in names.values())
        names[path] = names.get(path) or next(free)
    return [names[path] for path in paths]


def _short_names(paths: Sequence[str]) -> list[str]:
    parts = [PurePosixPath(path).parts for path in paths]
    for count in range(1, max(map(len, parts), default=0) + 1):
        names = ["/".join(each[-count:]) for each in parts]
        if len(set(names)) == len(names):
            # what all of them end with says nothing
            ends = {each[-1] for each in parts}
            return [name.rpartition("/")[0] for name in names] if len(ends) == 1 < count else names
    return list(paths)


def naturally(path: str) -> list[tuple[int, str]]:
    """Sort numbers in names as numbers."""
    return [
        (int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", path)
    ]
