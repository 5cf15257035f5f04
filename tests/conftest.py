"""For all tests: what TensorFlow says, and which tests stay together when they run in parallel."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Notes about the machine are not what a failure is about.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

BROWSER = Path(__file__).parent / "browser"


# Before pytest-xdist's own hook, which reads the marks.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give all browser tests to one process: they share a JupyterLab and a Chromium."""
    for item in items:
        if BROWSER in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))
