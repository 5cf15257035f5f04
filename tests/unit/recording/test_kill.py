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
    # without those of writers that were killed before there was a recording
    recordings = [each for each in kill(tmp_path, 10, store=store) if each is not None]
    assert sum(map(len, recordings)) >= 10
    for path in {recording.path for recording in recordings}:
        with xarray.open_zarr(path) as data:
            for values in data.values():
                values.load()
