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


def expanded(
    sources: Any, layer: Any, quantity: str, storage_options: Mapping[str, Any] | None
) -> Expanded:
    """Open the recordings of a folder or a pattern; anything else stays as it is.

    Parameters
    ----------
    sources, layer, quantity, storage_options
        As for `compare`. What is compared of each recording is read here, several at once.

    Raises
    ------
    FileNotFoundError
        If nothing is found.
    RecordingError
        If all that is found cannot be read.
    ModuleNotFoundError, ValueError, OSError
        As for `folders_at`.
    """
    if isinstance(sources, (str, PathLike)):
        from rnngrad_widgets.recording.folders import names_of  # noqa: PLC0415 - an extra

        found = _opened(sources, layer, quantity, storage_options)
        names = dict(zip(names_of([each.path for each in found]), found, strict=True))
        return Expanded(
            {name: each.recording for name, each in names.items() if each.recording is not None},
            tuple(_left_out(name, each) for name, each in names.items() if each.trouble),
        )
    if not isinstance(sources, Mapping):
        return Expanded(sources)
    repeats = {
        name: _opened(own, layer, quantity, storage_options)
        for name, own in sources.items()
        if _is_pattern(own)
    }
    if not repeats:
        return Expanded(sources)
    return _without_gaps({**sources, **repeats}, repeats)


def _is_pattern(source: Any) -> bool:
    if not isinstance(source, (str, PathLike)) or not set(fspath(source)) & set("*?["):
        return False
    from rnngrad_widgets.recording.folders import has_pattern  # noqa: PLC0415 - an extra

    return has_pattern(source)


def _opened(
    pattern: str | PathLike[str],
    layer: Any,
    quantity: str,
    storage_options: Mapping[str, Any] | None,
) -> list[Found]:
    # here, because it needs zarr, which is an extra
    from rnngrad_widgets.recording import RecordingError  # noqa: PLC0415
    from rnngrad_widgets.recording.folders import folders_at, open_all  # noqa: PLC0415

    def read(recording: Recording) -> None:
        source = RecordingSource(recording, norms=True)
        path = None
        with suppress(ValueError):  # one of other names is matched by its place later
            path = source.resolve(layer)
        source.compute(path or source.resolve(None), quantity)

    folders = folders_at(pattern, storage_options)
    if not folders:
        raise FileNotFoundError(
            f"compare needs recordings; there is none at {fspath(pattern)}. A pattern finds their "
            "folders, as 'runs/*'; a folder must hold them"
        )
    found = open_all(folders, storage_options, read)
    if not any(each.recording for each in found):
        reasons = "; ".join(_left_out(each.path, each) for each in found[:3])
        more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
        raise RecordingError(
            f"compare needs a sound recording; none of {len(found)} at {fspath(pattern)} is: "
            f"{reasons}{more}"
        )
    return found


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
