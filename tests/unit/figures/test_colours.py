"""The colours of a figure are those of the browser, whose definition numpy wrote once more."""

from __future__ import annotations

import numpy as np
import pytest

from rnngrad_widgets.data.colours import DIVERGING, SEQUENTIAL
from rnngrad_widgets.figures.colours import Colours, log_shares, pooled, stops_of
from tests.fixtures import golden
from tests.unit.figures.drawn import draw, explorer_of, gradient

NON_FINITE = (0xD5, 0x00, 0xF9)
BELOW = (0xF1, 0xF1, 0xEF)
VALUES = np.linspace(-0.6, 0.6, 41).astype(np.float32)


def painted(colours: Colours, values: np.ndarray) -> np.ndarray:
    return colours.paint(np.asarray(values, np.float32)[None])[0].astype(int)


def test_values_have_the_colours_between_the_stops() -> None:
    expected = [golden.between(DIVERGING, -0.5, 0.5, float(v)) for v in VALUES]
    assert np.abs(painted(Colours(-0.5, 0.5, "diverging"), VALUES) - expected).max() <= 4


def test_an_uneven_range_keeps_zero_white_and_ends_where_it_ends() -> None:
    colours = Colours(-0.1, 0.5, "diverging")
    zero, low, lower = painted(colours, [0.0, -0.1, -0.5])
    assert zero.tolist() == [255, 255, 255]
    assert low.tolist() == lower.tolist() != [8, 0x38, 0x6F]


def test_logarithms_have_eight_decades() -> None:
    values = 0.3 * 10.0 ** np.linspace(-7.9, 0, 25)
    expected = [golden.between(SEQUENTIAL, -8, 0, np.log10(v / 0.3)) for v in values]
    colours = Colours(-0.3, 0.3, "sequential")
    assert np.abs(painted(colours, values) - expected).max() <= 3
    assert (painted(colours, values) == painted(colours, -values)).all()
    assert painted(colours, [0.0, 1e-12, 3.0]).tolist() == [
        [*BELOW],
        [*BELOW],
        golden.between(SEQUENTIAL, -8, 0, 0),
    ]


@pytest.mark.parametrize("cmap", ["diverging", "sequential", "bwr", "viridis"])
def test_what_is_not_finite_has_a_colour_of_its_own(cmap: str) -> None:
    colours = painted(Colours(-1.0, 1.0, cmap), [np.nan, np.inf, -np.inf])
    assert colours.tolist() == [[*NON_FINITE]] * 3


@pytest.mark.parametrize(
    ("cmap", "first", "last", "count"),
    [
        ("RdBu", (103, 0, 31), (5, 48, 97), 11),  # as ColorBrewer publishes them
        ("Blues", (247, 251, 255), (8, 48, 107), 9),
        ("YlOrRd", (255, 255, 204), (177, 0, 38), 8),  # bqplot has eight of these
        ("viridis", (68, 1, 84), (253, 231, 36), 256),
        ("bwr", (0, 0, 255), (255, 0, 0), 3),
    ],
)
def test_schemes(cmap: str, first: tuple[int, ...], last: tuple[int, ...], count: int) -> None:
    stops = stops_of(cmap)
    assert (len(stops), tuple(stops[0])) == (count, first)
    assert np.abs(stops[-1] - last).max() <= 1


def test_shares_of_the_largest() -> None:
    colours = log_shares(np.array([1.0, 1e-4, 1e-9, 0.0])).astype(int)
    expected = [golden.between(SEQUENTIAL, -8, 0, at) for at in (0, -4)]
    assert np.abs(colours[:2] - expected).max() <= 1
    assert colours[2:].tolist() == [[*BELOW]] * 2


def test_fewer_dots_than_cells_keep_the_largest_magnitude() -> None:
    picture = golden.shown(golden.plot_array(), 0, reflect=True)
    np.testing.assert_array_equal(pooled(picture, 2, 3), golden.pooled(picture, 2, 3).T)
    assert pooled(picture, 100, 100) is picture
    assert pooled(np.array([[-3.0, 2.0, -0.0, 1.0]], np.float32), 1, 2).tolist() == [[-3.0, 1.0]]


@pytest.mark.parametrize("cmap", ["diverging", "sequential", "PuOr"])
def test_every_cell_of_a_drawn_map_has_its_colour(cmap: str) -> None:
    values = gradient(2, 9, 5)
    values[1, 3, 2] = np.nan
    explorer = explorer_of(values)
    explorer.cmap, explorer.sample, explorer.norm = cmap, 1, (-0.03, 0.03)
    drawn = draw(explorer)
    plot = drawn.figure.axes[0]
    stops = ["#{:02x}{:02x}{:02x}".format(*map(int, stop)) for stop in stops_of(cmap)]
    for timestep, channel in np.ndindex(9, 5):
        x, y = plot.transData.transform((timestep, channel))
        pixel = drawn.pixels[-1 - int(y), int(x)].astype(int)
        value = float(values[1, timestep, channel])
        if np.isnan(value):
            assert tuple(pixel) == NON_FINITE
        elif cmap == "sequential":
            expected = golden.between(tuple(stops), -8, 0, min(np.log10(abs(value) / 0.03), 0))
            assert np.abs(pixel - expected).max() <= 3, (timestep, channel)
        else:
            expected = golden.between(tuple(stops), -0.03, 0.03, value)
            assert np.abs(pixel - expected).max() <= 5, (timestep, channel)
