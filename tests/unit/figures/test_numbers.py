"""What a figure takes from a tensor: slices, norms, counts, and how numbers are written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rnngrad_widgets.data.plot_array import to_plot_array
from rnngrad_widgets.data.tensor import REACH, GradientTensor
from rnngrad_widgets.figures.counts import count_values
from rnngrad_widgets.figures.flow import _fit
from rnngrad_widgets.figures.lines import outer_tick, spaced
from rnngrad_widgets.figures.norms import Stream, longest_below, streams_of
from rnngrad_widgets.figures.shown import Shown
from rnngrad_widgets.figures.words import even_ticks, index_ticks, number
from tests.fixtures import golden
from tests.unit.figures.drawn import BOTH, SEQUENCE


def shown_of(values: np.ndarray, **known: object) -> Shown:
    tensor = GradientTensor(values, SEQUENCE, directions=known.pop("directions", ()))  # type: ignore[arg-type]
    return Shown(to_plot_array(tensor), directions=tensor.directions, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize("reflect", [False, True])
def test_pictures_are_those_of_the_browser(reflect: bool) -> None:
    values = golden.plot_array()
    shown = shown_of(values, reflect=reflect, time_range=(1, 4))
    for sample in range(3):
        expected = golden.shown(values, sample, reflect=reflect)
        np.testing.assert_array_equal(shown.sample_picture(sample).cells, expected[:, 1:5])
        upper = shown.sample_picture(sample, 2, 5).cells
        np.testing.assert_array_equal(upper, expected[2:5, 1:5])
        for channel in (0, 5):
            row = shown.channel_picture(channel).cells[sample]
            np.testing.assert_array_equal(row, expected[channel, 1:5])
            finite = np.where(np.isfinite(expected[channel]), expected[channel], np.nan)
            np.testing.assert_array_equal(shown.series(sample, channel), finite.astype(float))


def test_a_mask_is_flipped_with_its_values() -> None:
    mask = np.array([[False, True, True, True], [True, True, True, True]])
    values = np.arange(2 * 4 * 4, dtype=np.float32).reshape(2, 4, 4)
    shown = shown_of(values, mask=mask, reflect=True)
    assert shown.sample_picture(0).masked.tolist() == [
        [True, False, False, False],
        [True, False, False, False],
        [False, False, False, True],
        [False, False, False, True],
    ]
    assert np.isnan(shown.series(0, 0)).tolist() == [True, False, False, False]
    assert np.isnan(shown.series(0, 3)).tolist() == [False, False, False, True]
    assert not shown.sample_picture(1).masked.any()


def test_rows_have_names() -> None:
    halves = shown_of(np.zeros((1, 3, 8), np.float32), directions=BOTH)
    assert [halves.row_name(row) for row in (1, 4)] == ["channel 1, forward", "channel 0, backward"]
    gates = replace(halves.plot_array, gates=("i", "f"), gates_along="rows")
    assert replace(halves, plot_array=gates).row_name(7) == "gate f, channel 1, backward"
    reach = replace(halves.plot_array, rows="loss timestep", row_labels=("4", "rest"), sections=())
    named = replace(halves, plot_array=reach)
    assert [named.row_name(row) for row in (0, 1)] == ["loss timestep 4", "rest"]


def test_norms_of_halves_and_of_reflected_channels() -> None:
    values = np.random.default_rng(0).normal(size=(3, 5, 6)).astype(np.float32)
    mask = np.ones((3, 5), bool)
    mask[1, :2] = False
    first, second = (np.linalg.norm(part, axis=-1) for part in (values[..., :3], values[..., 3:]))
    first[1, :2] = second[1, :2] = np.nan
    forward, backward = streams_of(shown_of(values, directions=BOTH, mask=mask, reflect=True))
    np.testing.assert_allclose(forward.norms, first, rtol=1e-6)
    np.testing.assert_allclose(backward.norms, second[:, ::-1], rtol=1e-6)
    (both,) = streams_of(shown_of(values, mask=mask, reflect=True))
    np.testing.assert_allclose(both.norms, np.hypot(first, second[:, ::-1]), rtol=1e-6)
    np.testing.assert_allclose(
        forward.quartiles[:, 3:], np.percentile(first[:, 3:], (25, 50, 75), axis=0)
    )
    assert forward.largest == pytest.approx(np.nanmax(first))


def test_a_reach_is_shown_by_lag() -> None:
    values = np.zeros((1, 6, 3), np.float32)
    for column, timestep in enumerate((2, 5)):
        lags = timestep - np.arange(timestep + 1)
        values[0, : timestep + 1, column] = 0.5**lags
    tensor = GradientTensor(values, REACH, quantity="reach", loss_timesteps=(2, 5))
    shown = Shown(to_plot_array(tensor), "reach")
    (stream,) = streams_of(shown)
    np.testing.assert_allclose(stream.norms[0], 0.5 ** np.arange(6))


def test_the_longest_run_below() -> None:
    assert longest_below(np.array([0.1, 1, 0.1, 0.1, 1, 0.1]), 0.5) == (2, 3)
    assert longest_below(np.array([1.0, np.nan]), 0.5) is None


def test_the_threshold_is_on_the_axis_where_norms_come_near_it() -> None:
    far = _fit([Stream("", "", np.array([[1.0, 1e-3]]))], 1e-8)
    near = _fit([Stream("", "", np.array([[1.0, 1e-9]]))], 1e-8)
    assert far == pytest.approx((-3.4, 0.4, False))
    assert near == pytest.approx((-9.0, 0.4, True))
    assert _fit([Stream("", "", np.zeros((1, 2)))], 1e-8) == (-2.0, 0.0, False)


def test_counts_by_octave_and_by_value() -> None:
    values = np.zeros((2, 2, 3), np.float32)
    values[0] = [[1, -1.5, 3], [2**-20, 0, np.nan]]
    values[1] = [[np.inf, 4, 4], [4, 4, 4]]
    found = count_values(shown_of(values), signed=False, of_channel=False)
    assert found.tally == (12, 1, 1, 1)
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    assert set(np.log2(found.edges) % 1) == {0}
    np.testing.assert_array_equal(found.whole, np.histogram(sizes, found.edges)[0])
    assert found.whole.sum() == 9
    assert found.factor == 2
    assert found.part is not None
    np.testing.assert_array_equal(found.part, 2 * np.histogram(sizes[:4], found.edges)[0])
    channel = count_values(shown_of(values, channel=2), signed=True, of_channel=True)
    assert (channel.factor, len(channel.edges)) == (6, 61)
    assert channel.part is not None
    assert channel.part.sum() == 6  # of 3 and NaN one is counted, times 6


def test_counts_of_a_range_of_timesteps_keep_the_bins_of_all() -> None:
    values = np.random.default_rng(0).normal(size=(2, 9, 4)).astype(np.float32)
    every = count_values(shown_of(values), signed=True, of_channel=False)
    shown = shown_of(values, time_range=(2, 4), reflect=True)
    part = count_values(shown, signed=True, of_channel=False)
    np.testing.assert_array_equal(part.edges, every.edges)
    counted = np.concatenate([values[:, 2:5, :2].ravel(), values[:, 4:7, 2:].ravel()])
    np.testing.assert_array_equal(part.whole, np.histogram(counted, every.edges)[0])


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_nothing_to_count(value: float) -> None:
    found = count_values(
        shown_of(np.full((1, 2, 2), value, np.float32)), signed=True, of_channel=False
    )
    assert (found.edges.size, found.part, found.tally.total) == (0, None, 4)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.03, r"$3{\times}10^{-2}$"),
        (-1.5e-7, r"$-1.5{\times}10^{-7}$"),
        (1e-8, "$10^{-8}$"),
        (-1e20, "$-10^{20}$"),
        (0.25, "0.25"),
        (-40.0, "−40"),
        (999.9, r"$10^{3}$"),
        (123.456, "123"),
        (np.float32(0.3), "0.3"),
    ],
)
def test_numbers_have_powers_of_ten(value: float, text: str) -> None:
    assert number(value) == text


def test_ticks() -> None:
    assert index_ticks(0, 99, 5) == [0, 20, 40, 60, 80, 99]
    assert index_ticks(20, 60, 3) == [20, 40, 60]
    assert index_ticks(7, 7, 4) == [7]
    assert even_ticks(256, 4) == [0, 64, 128, 192, 255]
    assert [outer_tick(limit) for limit in (0.07, 1.0, 4.9, 300)] == [0.05, 1.0, 2.0, 200.0]


def test_names_are_moved_apart_within_the_plot() -> None:
    assert spaced([30.0], 60) == [30.0]
    places = spaced([58.0, 57.0, 10.0], 60)
    assert places[0] == 56
    assert places[0] - places[1] == pytest.approx(10)
    assert places[2] == 10
