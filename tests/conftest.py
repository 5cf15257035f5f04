"""For all tests: what TensorFlow says, and which of them `make test` leaves to `make test-all`."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

# Notes about the machine are not what a failure is about.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

GOLDEN = 0.6180339887
"""Steps of this length, modulo 1, are spread evenly and in step with no parameter's period."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--all-cases", action="store_true", help="the long tests too, and every case of each test"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long tests and most cases of those marked so, unless they are asked for."""
    asked_for = config.option.keyword or any("::" in argument for argument in config.args)
    if asked_for or config.option.all_cases:
        return
    seen: Counter[str] = Counter()
    kept, left_out = [], []
    for item in items:
        one_in = item.get_closest_marker("one_case_in")
        case = seen[name := item.nodeid.partition("[")[0]]
        seen[name] += 1
        long = item.get_closest_marker("long") or (
            one_in and case * GOLDEN % 1 >= 1 / one_in.args[0]
        )
        (left_out if long else kept).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept
