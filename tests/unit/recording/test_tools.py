"""Other tools read a recording as it is, also while it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from rnngrad_widgets.recording import RecordingWriter
from tests.unit.recording.runs import MASK, record, snapshot

if TYPE_CHECKING:
    from pathlib import Path

xarray = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")


def test_xarray_knows_the_axes(tmp_path: Path) -> None:
    record(tmp_path / "run")
    with xarray.open_zarr(tmp_path / "run") as data:
        gradient = data["bi.output_gradient"]
        assert gradient.dims == ("step", "sample", "timestep", "channel")
        assert data["last.output_gradient"].dims == ("step", "sample", "channel_3")
        assert data["bi_kernel.weight"].dims == ("step", "feature", "channel_24")
        assert data["mask"].dims == ("sample", "timestep")
        for step in (0, 10, 20):
            expected = snapshot(step)["bi", "output_gradient"].values
            np.testing.assert_array_equal(gradient.sel(step=step), expected)
        np.testing.assert_array_equal(data["mask"], MASK)
        assert data["loss"].sel(step=10) == 1 / 11
        assert data["time"].dtype.kind == "M"
        assert abs(data["time"][0] - np.datetime64("now")) < np.timedelta64(1, "h")
        assert gradient.attrs["layer"] == "bi"
        assert gradient.attrs["directions"] == ["forward", "backward"]
        assert data["bi_kernel.weight"].attrs["gates"] == ["i", "f", "c", "o"]
        assert data.attrs["steps_committed"] == 3


def test_zeros_are_not_missing_values(tmp_path: Path) -> None:
    record(tmp_path / "run", [0, 30])
    with xarray.open_zarr(tmp_path / "run") as data:
        assert data["skipped"].dtype == np.int64
        assert data["skipped"].values.tolist() == [0, 0]
        assert data["mask"].dtype == bool


@pytest.mark.parametrize("steps", [3, 70])  # 70: the arrays' own metadata lag behind the root's
def test_zarr_sees_the_steps_that_are_in(tmp_path: Path, steps: int) -> None:
    writer = RecordingWriter(tmp_path / "run")
    for step in range(steps):
        writer.append(snapshot(step))
    group = zarr.open_group(tmp_path / "run", mode="r")
    assert group["bi.output_gradient"].shape == (steps, 4, 7, 6)
    assert group["step"][:].tolist() == list(range(steps))
    alone = zarr.open_array(tmp_path / "run" / "bi.output_gradient", mode="r")
    assert alone.shape[0] == steps // 64 * 64
    writer.close()
    alone = zarr.open_array(tmp_path / "run" / "bi.output_gradient", mode="r")
    np.testing.assert_array_equal(alone[steps - 1], snapshot(steps - 1)["bi", "output_gradient"])
