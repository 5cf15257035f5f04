"""Name of the JavaScript module that holds the browser halves, and which versions are taken."""

from __future__ import annotations

from typing import NamedTuple


class _Module(NamedTuple):
    name: str
    version: str


# JupyterLab shows only a script error where it does not have the version that is asked for. So any
# is taken, and the frame of the plots tells where that of the page is not that of Python.
MODULE = _Module("rnngrad-widgets", "*")
