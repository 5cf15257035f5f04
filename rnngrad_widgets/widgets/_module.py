"""Name and version of the JavaScript module that holds the browser halves."""

from __future__ import annotations

from typing import NamedTuple

from rnngrad_widgets._version import __version__


class _Module(NamedTuple):
    name: str
    version: str


MODULE = _Module("rnngrad-widgets", __version__)
