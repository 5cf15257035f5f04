"""What the unit tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def open_widgets() -> Iterator[dict[str, object]]:
    """The widgets that are open, by model id, as ipywidgets keeps them; none at first."""
    # Imported here: most tests, those of the engine among them, use no widgets.
    from ipywidgets.widgets.widget import _instances  # noqa: PLC0415

    def close_all() -> None:
        for each in list(dict(_instances.items()).values()):  # those in tunnels too
            each.close()

    close_all()
    yield _instances
    close_all()
    assert not _instances  # those that stay would be open in the tests that follow
