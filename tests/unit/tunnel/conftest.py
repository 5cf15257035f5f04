"""What the tests of tunnels share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rnngrad_widgets import display_as

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def by_anywidget() -> Iterator[None]:
    """Show widgets by one anywidget."""
    display_as("anywidget")
    yield
    display_as(None)
