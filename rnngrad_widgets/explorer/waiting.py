"""Open a recording that is about to be written, and say in the cell that it is waited for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from typing import TYPE_CHECKING, Any

from IPython import get_ipython
from IPython.display import display

if TYPE_CHECKING:
    from rnngrad_widgets.recording import Recording


def open_recording(
    path: str | PathLike[str], storage_options: Mapping[str, Any] | None, timeout: float
) -> Recording:
    """Open a recording; arguments and errors are those of `Recording`."""
    # here, because it needs zarr, which is an extra
    from rnngrad_widgets.recording import Recording  # noqa: PLC0415

    try:
        recording = Recording(path, storage_options=storage_options)
    except FileNotFoundError:
        if not timeout:
            raise
    else:
        if len(recording) or not timeout:
            return recording
    with told(f"Waiting for the first snapshot in {path}, {timeout:g} s at most…"):
        return Recording(path, storage_options=storage_options, timeout=timeout)


@contextmanager
def told(words: str) -> Iterator[None]:
    """Show a line in the cell that runs, and empty it at the end; nothing without a notebook."""
    if getattr(get_ipython(), "kernel", None) is None:
        yield
        return
    # not a widget: a closed one is an error in a page that is loaded again
    line = display({"text/plain": words}, raw=True, display_id=True)  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        line.update({"text/plain": ""}, raw=True)
