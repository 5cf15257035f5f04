"""zarr 3 needs Python 3.11; where it is not, there are no recordings to test."""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("zarr") is None:
    collect_ignore_glob = ["test_*.py"]
