"""Folders of recordings as what is compared: each of them a condition, or a repeat of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, NamedTuple

from rnngrad_widgets.explorer.sources import RecordingSource

if TYPE_CHECKING:
    from rnngrad_widgets.recording import Recording
    from rnngrad_widgets.recording.folders import Found


class Expanded(NamedTuple):
    """What is compared when the patterns are replaced by what they find.

    Parameters
    ----------
    sources
        By name, recordings in the place of patterns.
    left_out
        A sentence for each folder of which nothing is compared.
    """

    sources: Any
    left_out: tuple[str, ...] = ()


class Folders:
    """What is compared, with the recordings of folders and patterns: those there are, and come.

    Anything else stays as it is.

    Parameters
    ----------
    sources, layer, quantity, storage_options
        As for `compare`.
    """

    def __init__(
        self,
        sources: Any,
        layer: Any,
        quantity: str,
        storage_options: Mapping[str, Any] | None,
    ) -> None:
        self._sources = sources
        self._options = (layer, quantity, storage_options)
        self._patterns: dict[str, _Pattern] = {}
        self._names: dict[str, str] = {}
        if isinstance(sources, (str, PathLike)):
            self._patterns = {"": _Pattern(sources, *self._options)}
        elif isinstance(sources, Mapping):
            self._patterns = {
                name: _Pattern(own, *self._options)
                for name, own in sources.items()
                if _is_pattern(own)
            }

    @property
    def may_grow(self) -> bool:
        """Whether there is a folder or pattern where others may come."""
        return bool(self._patterns)

    def begin(self) -> Expanded:
        """Open what there is. What is compared of each recording is read, several at once.

        Raises
        ------
        FileNotFoundError
            If nothing is found.
        RecordingError
            If all that is found cannot be read.
        ValueError
            If a name has no repeat whose like in all others is sound.
        ModuleNotFoundError, OSError
            As for `folders_at`.
        """
        return self._expanded({name: own.begin() for name, own in self._patterns.items()})

    def look(self) -> Expanded:
        """Open what has come since, or is sound now; what was opened before stays what it was.

        Raises
        ------
        OSError
            As for `folders_at`.
        """
        return self._expanded({name: own.look() for name, own in self._patterns.items()})

    def _expanded(self, found: Mapping[str, Sequence[Found]]) -> Expanded:
        if not found:
            return Expanded(self._sources)
        if isinstance(self._sources, Mapping):
            return _without_gaps({**self._sources, **found}, found)
        return self._by_folder(found[""])

    def _by_folder(self, found: Sequence[Found]) -> Expanded:
        from rnngrad_widgets.recording.folders import names_of  # noqa: PLC0415 - an extra

        paths = [each.path for each in found]
        names = names_of(paths, self._names)
        self._names |= zip(paths, names, strict=True)
        by_name = dict(zip(names, found, strict=True))
        return Expanded(
            {name: each.recording for name, each in by_name.items() if each.recording is not None},
            tuple(_left_out(name, each) for name, each in by_name.items() if each.trouble),
        )


class _Pattern:
    """A folder or pattern, and the sound recordings there."""

    def __init__(
        self,
        where: str | PathLike[str],
        layer: Any,
        quantity: str,
        storage_options: Mapping[str, Any] | None,
    ) -> None:
        self._where = where
        self._layer = layer
        self._quantity = quantity
        self._storage_options = storage_options
        self._sound: dict[str, Found] = {}

    def begin(self) -> list[Found]:
        # here, because it needs zarr, which is an extra
        from rnngrad_widgets.recording import RecordingError  # noqa: PLC0415

        found = self.look()
        if not found:
            raise FileNotFoundError(
                f"compare needs recordings; there is none at {fspath(self._where)}. A pattern "
                "finds their folders, as 'runs/*'; a folder must hold them"
            )
        if not any(each.recording for each in found):
            reasons = "; ".join(_left_out(each.path, each) for each in found[:3])
            more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
            raise RecordingError(
                f"compare needs a sound recording; none of {len(found)} at {fspath(self._where)} "
                f"is: {reasons}{more}"
            )
        return found

    def look(self) -> list[Found]:
        # here, because it needs zarr, which is an extra
        from rnngrad_widgets.recording.folders import (  # noqa: PLC0415
            folders_at,
            naturally,
            open_all,
        )

        there = folders_at(self._where, self._storage_options)
        paths = sorted({*there, *self._sound}, key=naturally)
        found = open_all(paths, self._storage_options, self._read, self._sound)
        self._sound |= {each.path: each for each in found if each.recording is not None}
        return found

    def _read(self, recording: Recording) -> None:
        source = RecordingSource(recording, norms=True)
        path = None
        with suppress(ValueError):  # one of other names is matched by its place later
            path = source.resolve(self._layer)
        source.compute(path or source.resolve(None), self._quantity)


def _is_pattern(source: Any) -> bool:
    if not isinstance(source, (str, PathLike)) or not set(fspath(source)) & set("*?["):
        return False
    from rnngrad_widgets.recording.folders import has_pattern  # noqa: PLC0415 - an extra

    return has_pattern(source)


def _without_gaps(sources: Mapping[str, Any], repeats: Mapping[str, Sequence[Found]]) -> Expanded:
    """Leave out what could not be opened, and what it would have been paired with.

    Repeats are compared pair by pair: where one is missing, those after it would get others.
    """
    gaps = {
        place
        for found in repeats.values()
        for place, each in enumerate(found)
        if each.recording is None
    }
    kept: dict[str, Any] = {}
    for name, own in sources.items():
        if isinstance(own, (list, tuple)):
            runs = [each.recording for each in own] if name in repeats else list(own)
            kept[name] = [run for place, run in enumerate(runs) if place not in gaps]
            if runs and not kept[name]:
                raise ValueError(
                    f"each name must have a repeat whose like in all others is sound; {name!r} has "
                    "none"
                )
        else:
            kept[name] = own
    return Expanded(
        kept,
        tuple(
            f"{_left_out(f'{name}, repeat {place}', each)}; nor are the other repeats {place}"
            for name, found in repeats.items()
            for place, each in enumerate(found)
            if each.trouble
        ),
    )


def _left_out(name: str, found: Found) -> str:
    return f"{name} is not compared: {found.trouble}"
