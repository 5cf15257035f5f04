"""``kill -9`` at any moment leaves every completed step readable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.recording.kills import kill

if TYPE_CHECKING:
    from pathlib import Path

xarray = pytest.importorskip("xarray")


def test_fifteen_kills(tmp_path: Path) -> None:
    recordings = kill(tmp_path, 15)
    assert sum(len(recording) for recording in recordings if recording is not None) >= 10
    for path in tmp_path.iterdir():
        with xarray.open_zarr(path) as data:
            for values in data.values():
                values.load()
