"""What a run is recorded with: its batch, the versions, the arguments, as text."""

from __future__ import annotations

import platform
from contextlib import suppress
from importlib import metadata
from typing import TYPE_CHECKING, Any

from rnngrad_widgets._version import __version__
from rnngrad_widgets.callbacks.batch_snapshot import SNAPSHOT_DEFAULTS
from rnngrad_widgets.data.batch_digest import batch_digest

if TYPE_CHECKING:
    from rnngrad_widgets.callbacks.batch_snapshot import SnapshotOptions
    from rnngrad_widgets.callbacks.schedule import Every

_PACKAGES = ("tensorflow", "tensorflow-cpu", "keras", "tf-keras", "numpy")
_LONGEST = 200
"""Characters of an argument that are kept."""


def run_info(
    x: Any, y: Any, options: SnapshotOptions, *, every: Every, max_overhead: float | None
) -> dict[str, str]:
    """Return what a run is recorded with.

    Parameters
    ----------
    x, y, options
        What is computed.
    every, max_overhead
        As for `GradientRecorder`.

    Returns
    -------
    dict
        ``"batch"``, the digest of x, y and their weights, empty for what is no array; versions of
        the packages that are installed; arguments.
    """
    given: dict[str, Any] = {**SNAPSHOT_DEFAULTS, **options}
    weights = given.pop("sample_weight"), given.pop("class_weight")
    arguments = {**given, "every": every, "max_overhead": max_overhead}
    return {
        "batch": batch_digest(x, y, *weights) or "",
        "python": platform.python_version(),
        "rnngrad_widgets": __version__,
        **_versions(),
        **{name: _as_text(value) for name, value in arguments.items()},
    }


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def _as_text(value: Any) -> str:
    text = value.__name__ if callable(value) and hasattr(value, "__name__") else repr(value)
    return text[:_LONGEST]
