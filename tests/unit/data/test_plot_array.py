"""How tensors of any kind are laid out for the browser, against numpy indexing."""

from __future__ import annotations

import numpy as np
import pytest

from rnngrad_widgets.data.plot_array import to_plot_array, to_tensor, truncate_to_budget
from rnngrad_widgets.data.tensor import GradientTensor


def tensor(
    shape: tuple[int, ...], dims: tuple[str, ...], gates: tuple[str, ...] = ()
) -> GradientTensor:
    values = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    return GradientTensor(values, dims, "lstm", "weight", gates=gates)


def test_a_sequence_stays_as_it_is():
    plot_array = to_plot_array(tensor((2, 3, 8), ("sample", "timestep", "channel"), ("i", "f")))
    assert plot_array.values.shape == (2, 3, 8)
    assert (plot_array.columns, plot_array.rows, plot_array.gates_along) == (
        "timestep",
        "channel",
        "rows",
    )
    assert plot_array.has_columns


def test_spatial_axes_are_flattened_into_the_rows():
    given = tensor((2, 3, 4, 5), ("sample", "timestep", "column", "channel"))
    plot_array = to_plot_array(given)
    assert plot_array.rows == "column × channel"
    assert plot_array.values[1, 2, 3 * 5 + 4] == given.values[1, 2, 3, 4]


def test_without_time_the_samples_stand_side_by_side():
    plot_array = to_plot_array(tensor((2, 5), ("sample", "channel")))
    assert (plot_array.columns, plot_array.rows, plot_array.has_columns) == (
        "sample",
        "channel",
        False,
    )


def test_the_channels_of_a_kernel_are_the_columns():
    given = tensor((3, 8), ("feature", "channel"), ("i", "f", "c", "o"))
    plot_array = to_plot_array(given)
    assert (plot_array.columns, plot_array.rows, plot_array.gates_along) == (
        "channel",
        "feature",
        "columns",
    )
    assert plot_array.values.shape == (1, 8, 3)
    assert plot_array.values[0, 5, 2] == given.values[2, 5]


def test_a_bias_is_one_row():
    plot_array = to_plot_array(tensor((8,), ("channel",)))
    assert plot_array.values.shape == (1, 8, 1)
    assert (plot_array.rows, plot_array.gates_along) == ("", "")


@pytest.mark.parametrize(
    "dims", [("sample", "timestep", "channel"), ("feature", "channel", "axis_0")]
)
def test_values_are_float32(dims):
    assert to_plot_array(tensor((2, 3, 4), dims)).values.dtype == np.float32


@pytest.mark.parametrize(
    ("shape", "dims", "directions"),
    [
        ((3, 4, 6), ("sample", "timestep", "channel"), ()),
        ((3, 4, 6), ("sample", "timestep", "channel"), ("forward", "backward")),
        ((3, 4, 2, 6), ("sample", "timestep", "column", "channel"), ("forward", "backward")),
        ((3, 4, 2, 6), ("sample", "timestep", "column", "channel"), ()),
        ((3, 6), ("sample", "channel"), ("forward", "backward")),
        ((3, 2, 6), ("sample", "column", "channel"), ("forward", "backward")),
        ((3, 4), ("sample", "timestep"), ()),
        ((3,), ("sample",), ()),
        ((5, 8), ("feature", "channel"), ()),
        ((8,), ("channel",), ()),
        ((2, 3, 8), ("feature", "axis_0", "channel"), ()),
    ],
)
def test_the_way_back(
    shape: tuple[int, ...], dims: tuple[str, ...], directions: tuple[str, ...]
) -> None:
    values = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    mask = np.tri(3, 4, dtype=bool) if dims[:2] == ("sample", "timestep") else None
    given = GradientTensor(values, dims, "l", "output", directions=directions, mask=mask)
    laid_out = to_plot_array(given)
    back = to_tensor(laid_out.values, given)
    np.testing.assert_array_equal(back.values, values)
    assert (back.dims, back.directions) == (dims, directions)
    if dims[0] == "sample":
        first = truncate_to_budget(laid_out, 2 * values[0].nbytes)
        back = to_tensor(first.values, given)
        np.testing.assert_array_equal(back.values, values[:2])
        assert mask is None or back.mask is not None
        assert back.mask is None or np.array_equal(back.mask, mask[:2])
