"""The files of a recording: a local folder or an fsspec URL, through zarr's stores."""

from __future__ import annotations

import asyncio
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from rnngrad_widgets.recording.errors import RecordingError
from rnngrad_widgets.recording.locks import locked

if TYPE_CHECKING:
    from zarr.abc.store import Store
    from zarr.core.buffer import Buffer

_Result = TypeVar("_Result")

PAUSES = (0.2, 0.4, 0.8, 1.6)
"""Seconds to wait before the second attempt over a network, the third ..."""

# Another attempt would end in the same way.
_FOR_GOOD: tuple[type[Exception], ...] = (
    *(FileNotFoundError, PermissionError, NotADirectoryError, IsADirectoryError),
    *(ValueError, TypeError, LookupError, ImportError, NotImplementedError),
)

_LOCKS: dict[str, threading.Lock] = {}

INSTALL = 'pip install "rnngrad-widgets[recording]"'
_MINIMUM_ZARR = (3, 1, 3)


class Files:
    """Small files by key, all read or written whole.

    A file is written beside its place and renamed into it, so that it is there whole or not at
    all: zarr's ``LocalStore`` does so. (fsspec's ``file://`` does not: such URLs are taken as
    local paths.) Object stores have the same property.

    Parameters
    ----------
    path
        A local folder, or a URL that fsspec knows (``memory://``, ``s3://``, ``gs://``).
    storage_options
        Options for fsspec, for instance keys.
    write
        Whether anything will be written.

    Raises
    ------
    ModuleNotFoundError
        If zarr, or fsspec for a URL, is not installed.
    ValueError
        If `storage_options` come with a local path.
    NotADirectoryError
        If the path is a file.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        storage_options: Mapping[str, Any] | None = None,
        *,
        write: bool = False,
    ) -> None:
        check_zarr()
        self.folder = local_folder(path)
        # absolute from here on: the process may change its directory
        self.where = str(path if self.folder is None else self.folder)
        if self.folder is not None:
            check_no_options(storage_options, self.where)
        if self.folder is not None and self.folder.is_file():
            raise NotADirectoryError(f"a recording is a folder; {self.where} is a file")
        self._store = self._open(dict(storage_options or {}), write)

    def read(self, key: str, limit: int) -> bytes | None:
        """Read a file; None where there is none.

        Raises
        ------
        RecordingError
            If it has more than `limit` bytes, or is a link or another thing than a file.
        OSError
            If it cannot be read.
        """
        return self.read_all({key: limit})[key]

    def read_all(self, limits: Mapping[str, int]) -> dict[str, bytes | None]:
        """Read files at once, each at most as large as its limit; as `read` does."""
        sizes = self._sizes(limits)
        for key, size in sizes.items():
            if size is not None and size > limits[key]:
                raise RecordingError(
                    f"{key} in {self.where} must have at most {limits[key]} bytes; it has {size}"
                )

        async def read(key: str) -> bytes | None:
            there = sizes[key] is not None
            found = await self._store.get(key, _prototype()) if there else None
            return None if found is None else bytes(found.to_bytes())

        return self._at_once(limits, read)

    def write(self, files: Mapping[str, bytes | np.ndarray]) -> None:
        """Write files, several at a time.

        Raises
        ------
        RecordingError
            If the folder of one of them is a link: it could lead out of the recording.
        OSError
            If one of them cannot be written.
        """
        self._check_inside(files)

        async def write_all() -> None:
            writes = (self._store.set(key, _buffer(data)) for key, data in files.items())
            # All of them end here, also where one fails: none may come after a second attempt.
            for result in await asyncio.gather(*writes, return_exceptions=True):
                if isinstance(result, BaseException):
                    raise result

        self._run(write_all, f"{self.where} cannot be written")

    def remove(self, names: Iterable[str]) -> None:
        """Remove folders of the recording and what is in them.

        Raises
        ------
        RecordingError
            If one of them is a link.
        OSError
            If one of them cannot be removed.
        """
        names = tuple(names)
        self._check_inside(f"{name}/" for name in names)
        for name in names:
            self._run(
                lambda name=name: self._store.delete_dir(name),  # type: ignore[misc]
                f"{self.where} cannot be replaced",
            )

    def sweep(self, names: Iterable[str]) -> None:
        """Remove what a writer that was killed left half written.

        Raises
        ------
        RecordingError
            If one of the folders is a link.
        """
        names = tuple(names)
        self._check_inside(f"{name}/" for name in names)
        if self.folder is not None:
            for folder in (self.folder, *(self.folder / name for name in names)):
                for rest in folder.glob("*.partial"):
                    rest.unlink(missing_ok=True)

    def is_empty(self) -> bool:
        """Tell whether there is no file, but for what a killed writer left half written.

        Raises
        ------
        OSError
            If that cannot be told.
        """
        if self.folder is not None:
            found = self.folder.iterdir() if self.folder.exists() else ()
            return all(file.suffix == ".partial" for file in found)
        return bool(self._run(lambda: self._store.is_empty(""), f"{self.where} cannot be read"))

    def make(self) -> None:
        """Make the folder of a new recording.

        Raises
        ------
        OSError
            If it cannot be made.
        """
        if self.folder is not None:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise in_words(error, f"{self.where} cannot be written") from error

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other writers waiting: those of this process, and of others in a local folder.

        Nothing is made where there is nothing yet.

        Raises
        ------
        OSError
            If another one does not come to its end.
        """
        with _LOCKS.setdefault(self.where, threading.Lock()), locked(self.folder, self.where):
            yield

    def _check_inside(self, keys: Iterable[str]) -> None:
        """Refuse keys outside of the recording's own folder."""
        for name in {key.split("/")[0] for key in keys if "/" in key}:
            try:
                mode = (self.folder / name).lstat().st_mode if self.folder is not None else None
            except OSError:
                continue  # not there yet; or what is done next says what the trouble is
            if mode is not None and not stat.S_ISDIR(mode):
                raise RecordingError(
                    f"{name} in {self.where} must be a plain folder; it is a link or another thing"
                )

    def _sizes(self, keys: Iterable[str]) -> dict[str, int | None]:
        if self.folder is not None:
            return {key: self._local_size(self.folder, key) for key in keys}

        async def size(key: str) -> int | None:
            try:
                return int(await self._store.getsize(key))
            except FileNotFoundError:
                return None

        return self._at_once(keys, size)

    def _at_once(
        self, keys: Iterable[str], read: Callable[[str], Coroutine[Any, Any, _Result]]
    ) -> dict[str, _Result]:
        async def read_all() -> dict[str, _Result]:
            names = list(keys)
            found = await asyncio.gather(*map(read, names))
            return dict(zip(names, found, strict=True))

        return self._run(read_all, f"{self.where} cannot be read")

    def _local_size(self, folder: Path, key: str) -> int | None:
        parts = key.split("/")
        for depth, kind in [(i, stat.S_ISDIR) for i in range(1, len(parts))] + [
            (len(parts), stat.S_ISREG)
        ]:
            try:
                # A link could lead out of the recording, a pipe would never end.
                found = folder.joinpath(*parts[:depth]).lstat()
            except FileNotFoundError:
                return None
            except OSError as error:
                raise in_words(error, f"{self.where} cannot be read") from error
            if not kind(found.st_mode):
                raise RecordingError(
                    f"{'/'.join(parts[:depth])} in {self.where} must be a plain file or folder; "
                    "it is a link or another thing"
                )
        return found.st_size

    def _open(self, storage_options: dict[str, Any], write: bool) -> Store:
        from zarr.storage import FsspecStore, LocalStore  # noqa: PLC0415 - an extra

        if self.folder is not None:
            return LocalStore(self.folder, read_only=not write)
        try:
            return FsspecStore.from_url(
                self.where, storage_options=storage_options, read_only=not write
            )
        except (ImportError, ValueError) as error:
            raise not_a_path(error, self.where) from error

    def _run(self, do: Callable[[], Coroutine[Any, Any, _Result]], trouble: str) -> _Result:
        """Do something; over a network again, after growing pauses, where it fails."""
        from zarr.core.sync import sync  # noqa: PLC0415 - an extra

        pauses = iter(PAUSES if self.folder is None else ())
        while True:
            try:
                result: _Result = sync(do())
            # Whatever the client of an object store raises: missing keys, endpoints, buckets.
            except Exception as error:  # noqa: PERF203 - it waits anyway
                pause = None if isinstance(error, _FOR_GOOD) else next(pauses, None)
                if pause is None:
                    raise in_words(error, trouble) from error
                time.sleep(pause)
            else:
                return result


def local_folder(path: str | os.PathLike[str]) -> Path | None:
    """Return the folder that a path stands for; None for a URL."""
    text = os.fspath(path)
    if isinstance(path, str):
        text = re.sub(r"^(file|local)://", "", text)
        if "://" in text or "::" in text:
            return None
    return Path(text).expanduser().absolute()


def check_no_options(storage_options: Mapping[str, Any] | None, where: str) -> None:
    """Refuse options for fsspec with a local path.

    Raises
    ------
    ValueError
        If there are any.
    """
    if storage_options:
        raise ValueError(
            f"storage_options are for URLs; received {sorted(storage_options)} with the local "
            f"path {where}"
        )


def not_a_path(error: ImportError | ValueError, where: str) -> ImportError | ValueError:
    """Say why fsspec does not know a URL: its package is missing, or there is none."""
    if isinstance(error, ImportError):  # fsspec itself, s3fs, gcsfs; its message says which
        return ModuleNotFoundError(
            f"{where} needs another package: {error}; for s3:// and gs:// it is s3fs and gcsfs, "
            f"beside {INSTALL}"
        )
    return ValueError(f"a path must be a folder or a URL that fsspec knows: {error}")


def in_words(error: Exception, trouble: str) -> OSError:
    """Say what the trouble is, and what a file system or the client of a store said of it."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    text = f"{trouble}: {said or type(error).__name__}"
    number = error.errno if isinstance(error, OSError) else None
    if number is not None:  # with its number it is a PermissionError where it was one
        return OSError(number, text)
    return PermissionError(text) if isinstance(error, PermissionError) else OSError(text)


def _buffer(data: bytes | np.ndarray) -> Buffer:
    array = np.frombuffer(data, "uint8") if isinstance(data, bytes) else data
    buffer: Buffer = _prototype().buffer.from_array_like(array.reshape(-1).view("uint8"))
    return buffer


def _prototype() -> Any:
    from zarr.core.buffer import default_buffer_prototype  # noqa: PLC0415 - an extra

    return default_buffer_prototype()


def check_zarr() -> None:
    """Check that zarr is there.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed, or too old.
    """
    try:
        import zarr  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ModuleNotFoundError(
            f"recordings need zarr (Python 3.11 or newer); install it with: {INSTALL}"
        ) from error
    version = tuple(int(part) for part in re.findall(r"\d+", zarr.__version__)[:3])
    if version < _MINIMUM_ZARR:
        raise ModuleNotFoundError(
            f"recordings need zarr 3.1.3 or newer; found {zarr.__version__}; upgrade: {INSTALL}"
        )
