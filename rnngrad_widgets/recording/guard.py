"""Recordings come from strangers: what their metadata claims is checked before it is believed.

Whatever the JSON says is first taken apart into a `Layout`, then that layout's own metadata is
written anew and compared. So only what this package itself would have written is accepted: no
other codec, no other chunk, no other key. A key that is added to the format must be in `Layout`,
and needs a new version of it.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, TypeVar

import numpy as np

from rnngrad_widgets.data.rules import (
    LOSS_TIMESTEP,
    check_axes,
    check_loss_timesteps,
    check_norms,
    check_words,
)
from rnngrad_widgets.recording.consistency import check_consistent, shortened
from rnngrad_widgets.recording.documents import root_document
from rnngrad_widgets.recording.errors import RecordingError
from rnngrad_widgets.recording.layout import (
    DTYPES,
    MARK,
    MAX_CHUNK,
    NUMBERS,
    SCALARS,
    STORES,
    VERSION,
    ArrayLayout,
    Layout,
    Store,
    as_series,
)

MAX_ROOT = 2**23
"""Bytes of the root ``zarr.json``; 30 arrays make 30 KB."""
MAX_STEPS = 10**7
MAX_TEXT = 1000
MAX_NUMBER_NAME = 10 * MAX_TEXT
"""Characters of the name of a number, which has that of a layer in it, escaped."""
MAX_AXES = 32
MAX_INFO = 100

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
_Kind = TypeVar("_Kind")


def parse_root(data: bytes, where: str, max_arrays: int | None = None) -> tuple[Layout, int]:
    """Read the root ``zarr.json`` of a recording.

    Parameters
    ----------
    data
        The bytes, at most `MAX_ROOT`.
    where
        The path, for messages.
    max_arrays
        How many arrays there may be; None for as many as `MAX_ROOT` holds.

    Returns
    -------
    Layout
        What the recording holds.
    int
        How many steps are in.

    Raises
    ------
    RecordingError
        If it is not exactly what a recording of this version says.
    """
    try:
        return _parse(data, max_arrays)
    except RecordingError as error:
        raise RecordingError(f"{where} is not a sound recording: {error}") from None
    except RecursionError:
        raise RecordingError(f"{where} is not a sound recording: nested too deeply") from None


def _parse(data: bytes, max_arrays: int | None) -> tuple[Layout, int]:
    try:
        root = json.loads(data)
    except ValueError as error:
        raise RecordingError(f"zarr.json must be JSON; {shortened(str(error))}") from None
    attributes = _get(_a(dict, root, "zarr.json"), "attributes", dict)
    version = attributes.get(MARK)
    if version is None:
        raise RecordingError(f"its attributes must have {MARK!r}; another kind of zarr store")
    if type(version) is int and version > VERSION:
        raise RecordingError(
            f"its version must be {VERSION} or less; received {version}; "
            "upgrade with: pip install -U rnngrad-widgets"
        )
    steps = _get(attributes, "steps_committed", int)
    if not 0 <= steps <= MAX_STEPS:
        raise RecordingError(
            f"steps_committed must be 0 .. {MAX_STEPS}; received {shortened(steps)}"
        )
    store = _store(attributes) if version == VERSION else None
    metadata = _get(_get(root, "consolidated_metadata", dict), "metadata", dict)
    _check_count(metadata, max_arrays)
    numbers: tuple[str, ...] = ()
    arrays: list[ArrayLayout] = []
    masks: list[ArrayLayout] = []
    norms: list[ArrayLayout] = []
    for name, node in metadata.items():
        if not _NAME.fullmatch(name):
            raise RecordingError(
                f"a name must be letters, digits, _ . -; received {shortened(name)}"
            )
        if name == NUMBERS and store is not None:
            names = _get(_get(_a(dict, node, name), "attributes", dict), "names", list)
            numbers = tuple(_text(each, MAX_NUMBER_NAME) for each in names)
        elif name not in SCALARS:
            array = _array(name, _a(dict, node, name))
            if array.dims and (store == "summary" or array.summary_of):
                array = as_series(array)
            (norms if array.summary_of else arrays if array.dims else masks).append(array)
    aliases = _get(attributes, "aliases", dict)
    layout = Layout(
        tuple(arrays),
        tuple(masks),
        {_text(name): _text(path) for name, path in aliases.items()},
        _texts(attributes, "notes"),
        _text(attributes.get("id")),
        None if version == 1 else _info(attributes),
        store,
        tuple(norms),
        numbers,
    )
    _compare(root, root_document(layout, steps), "zarr.json")
    check_consistent(layout)
    return layout, steps


def _check_count(metadata: dict[str, Any], max_arrays: int | None) -> None:
    """Check how many arrays there are, before they are looked at: with norms beside, twice."""
    count = sum(
        name not in SCALARS and name != NUMBERS and not _is_beside(node)
        for name, node in metadata.items()
    )
    most = max(count, len(metadata) - len(SCALARS) - 1 - count)
    if max_arrays is not None and most > max_arrays:
        raise RecordingError(
            f"it must have at most {max_arrays:,} arrays; it has {most:,}. "
            f"Raise it: Recording.open(path, max_arrays={most})"
        )


def _is_beside(node: Any) -> bool:
    attributes = node.get("attributes") if isinstance(node, dict) else None
    return isinstance(attributes, dict) and "summary_of" in attributes


def _array(name: str, node: dict[str, Any]) -> ArrayLayout:
    attributes = _get(node, "attributes", dict)
    # Masks have no attributes and no step.
    first = 1 if attributes else 0
    axes = _texts(node, "dimension_names")[first:]
    shape = tuple(_a(int, size, "shape") for size in _get(node, "shape", list))[first:]
    dtype = _get(node, "data_type", str)
    if dtype not in DTYPES:
        raise RecordingError(
            f"data_type of {name!r} must be a number's; received {shortened(dtype)}"
        )
    nbytes = math.prod(shape[:MAX_AXES]) * np.dtype(dtype).itemsize
    sound = all(size > 0 for size in shape) and len(shape) <= MAX_AXES and nbytes <= MAX_CHUNK
    if not sound or len(shape) != len(axes):
        raise RecordingError(
            f"a step of {name!r} must be 1 to {MAX_CHUNK} bytes on at most {MAX_AXES} named axes; "
            f"received shape {shortened(shape)}"
        )
    if not attributes:
        return ArrayLayout(name, axes, shape, dtype)
    dims = _texts(attributes, "dims")
    if attributes.get("loss_timesteps") == []:
        del attributes["loss_timesteps"]  # as some recordings say that there are none
    mask = attributes.get("mask")
    quantity = _text(attributes.get("quantity"))
    directions, gates = _texts(attributes, "directions"), _texts(attributes, "gates")
    loss_timesteps = tuple(
        _a(int, timestep, "loss_timesteps")
        for timestep in (_get(attributes, "loss_timesteps", list) if LOSS_TIMESTEP in dims else ())
    )
    norms_over = _a(int, attributes.get("norms_over", 0), "norms_over")
    try:
        check_words(f"dims of {name!r}", dims)
        check_words(f"directions of {name!r}", directions)
        check_words(f"gates of {name!r}", gates)
        check_words(f"the quantity of {name!r}", [quantity] if quantity else [])
        check_axes(shape, dims, directions, gates)
        check_loss_timesteps(loss_timesteps, shape, dims)
        check_norms(norms_over, shape, dims, directions, gates)
    except ValueError as error:
        raise RecordingError(f"{name!r}: {error}") from None
    return ArrayLayout(
        name,
        axes,
        shape,
        dtype,
        _text(attributes.get("layer")),
        quantity,
        dims,
        directions,
        gates,
        None if mask is None else _text(mask),
        loss_timesteps,
        norms_over,
        _text(attributes.get("summary_of", "")),
    )


def _store(attributes: dict[str, Any]) -> Store:
    found = attributes.get("store")
    for known in STORES:
        if found == known:
            return known
    raise RecordingError(f"store must be one of {list(STORES)}; received {shortened(found)}")


def _info(attributes: dict[str, Any]) -> dict[str, str]:
    info = _get(attributes, "info", dict)
    if len(info) > MAX_INFO:
        raise RecordingError(f"info must have at most {MAX_INFO} entries; it has {len(info)}")
    return {_text(name): _text(value) for name, value in info.items()}


def _compare(found: Any, expected: Any, where: str) -> None:
    """Find the place where two documents differ, and say it."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in {**expected, **found}:
            if (key in expected) != (key in found):
                rule = "must have" if key in expected else "must not have"
                raise RecordingError(f"{where} {rule} {shortened(key)}")
            _compare(found[key], expected[key], f"{where}: {key}"[-MAX_TEXT:])
    elif found != expected:
        raise RecordingError(f"{where} must be {shortened(expected)}; received {shortened(found)}")


def _a(kind: type[_Kind], value: Any, what: str) -> _Kind:
    # Not isinstance: True is no number of steps.
    if type(value) is not kind:
        raise RecordingError(f"{what} must be of type {kind.__name__}; received {shortened(value)}")
    return value


def _get(values: dict[str, Any], key: str, kind: type[_Kind]) -> _Kind:
    return _a(kind, values.get(key), key)


def _text(value: Any, most: int = MAX_TEXT) -> str:
    text = _a(str, value, "a name")
    if len(text) > most:
        raise RecordingError(f"a name must have at most {most} characters; has {len(text)}")
    return text


def _texts(values: dict[str, Any], key: str) -> tuple[str, ...]:
    return tuple(_text(value) for value in _get(values, key, list))
