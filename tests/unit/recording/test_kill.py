"""``kill -9`` at any moment leaves every completed step readable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.recording.kills import kill

if TYPE_CHECKING:
    from pathlib import Path

xarray = pytest.importorskip("xarray")


@pytest.mark.parametrize("store", ["full", "summary"])
def test_ten_kills(tmp_path: Path, store: str) -> None:
    recordings = kill(tmp_path, 10, store=store)
    assert sum(len(recording) for recording in recordings if recording is not None) >= 10
    for path in tmp_path.iterdir():
        with xarray.open_zarr(path) as data:
            for values in data.values():
                values.load()
