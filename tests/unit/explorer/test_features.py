"""`show_features_*` and `show_weights`: what is shown of which array, and what is refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ipywidgets import HTML
from traitlets import TraitError

from rnngrad_widgets import (
    show_features_0D,
    show_features_1D,
    show_features_2D,
    show_features_hist,
    show_weights,
)
from rnngrad_widgets.data.tensor import SEQUENCE, GradientTensor
from rnngrad_widgets.widgets.marks.grid import CurveGrid, Maps

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from rnngrad_widgets.explorer.features import Features

GRADS = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
S, T, C = GRADS.shape
EVERY = (show_features_0D, show_features_1D, show_features_2D, show_features_hist)


def array(shown: Features) -> NDArray[np.float32]:
    """What the browser gets: (samples, columns, rows)."""
    values: NDArray[np.float32] = shown.selection.tensor.array
    assert values.dtype == np.float32
    return values


def axes(shown: Features) -> tuple[str, str]:
    """What its columns and rows are."""
    return shown.selection.tensor.columns, shown.selection.tensor.rows


def grid(shown: Features) -> Maps | CurveGrid:
    """The mark of panels."""
    (mark,) = [mark for figure in shown.figures for mark in figure.marks]
    assert isinstance(mark, Maps | CurveGrid)
    return mark


def views_of_grads() -> list[NDArray[np.float32]]:
    """The same values, each in another kind of memory."""
    padded = np.zeros((S + 2, T + 1, C + 3), np.float32)
    padded[1:-1, :-1, 2:-1] = GRADS
    return [
        GRADS,
        GRADS.ravel().reshape(GRADS.shape),
        GRADS.astype(np.float16).astype(np.float32),
        padded[1:-1, :-1, 2:-1],
        np.frombuffer(GRADS.tobytes(), np.float32).reshape(GRADS.shape),
    ]


pytestmark = pytest.mark.usefixtures("open_widgets")


# -- which axes a slice has ------------------------------------------------------------------------


@pytest.mark.parametrize("grads", views_of_grads(), ids=range(5))
def test_slices_are_known_by_the_array_they_show(grads: NDArray[np.float32]) -> None:
    for whole, shape in ((grads, (S, T, C)), (grads[:1], (1, T, C)), (grads[1:3], (2, T, C))):
        shown = show_features_2D(whole)
        assert axes(shown) == ("timestep", "channel")
        np.testing.assert_array_equal(array(shown), whole)
        assert array(shown).shape == shape
    one_sample, one_channel = grads[2], grads[:, :, 3]
    shown = show_features_2D(one_sample)
    assert axes(shown) == ("timestep", "channel")
    np.testing.assert_array_equal(array(shown), one_sample[None])
    shown = show_features_2D(one_channel)
    assert axes(shown) == ("timestep", "sample")
    np.testing.assert_array_equal(array(shown), one_channel.T[None])
    np.testing.assert_array_equal(array(show_features_1D(one_sample)), one_sample[None])
    np.testing.assert_array_equal(array(show_features_1D(one_channel)), one_channel[:, :, None])
    some = grads[1:3]
    shown = show_features_1D(some[:, :, 0])
    np.testing.assert_array_equal(array(shown), some[:, :, :1])


@pytest.mark.parametrize(
    "shape", [(1, 5, 6), (4, 1, 6), (4, 5, 1), (1, 1, 6), (1, 5, 1), (4, 1, 1)]
)
@pytest.mark.parametrize("make", [np.ones, lambda shape: np.arange(np.prod(shape)).reshape(shape)])
def test_slices_with_one_place_on_an_axis(shape: tuple[int, ...], make: Any) -> None:
    samples, timesteps, channels = shape
    grads = make(shape)
    assert array(show_features_1D(grads[0])).shape == (1, timesteps, channels)
    if channels > 1:  # else nothing tells its slices apart
        assert array(show_features_1D(grads[:, :, 0])).shape == (samples, timesteps, 1)


def test_an_array_of_its_own_is_of_one_sample_unless_dims_say_otherwise() -> None:
    for own in (GRADS[0].copy(), GRADS[0].tolist(), np.ones((9, 12))[:, ::2], GRADS[0].T.copy().T):
        assert axes(show_features_2D(own)) == ("timestep", "channel")
    channel = GRADS[:, :, 0].copy()
    shown = show_features_2D(channel, dims=("sample", "timestep"))
    assert axes(shown) == ("timestep", "sample")
    np.testing.assert_array_equal(array(shown), channel.T[None])
    shown = show_features_1D(GRADS[:, :, 0], dims=("timestep", "channel"))
    np.testing.assert_array_equal(array(shown), GRADS[None, :, :, 0])


def test_dims_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"dims must be one of .*received \('channel', 'timestep"):
        show_features_2D(GRADS[0], dims=("channel", "timestep"))
    with pytest.raises(ValueError, match=r"dims must be one of .*for shape \(4, 5, 6\)"):
        show_features_1D(GRADS, dims=("timestep", "channel"))


# -- reflect_half, timesteps_xaxis -----------------------------------------------------------------


def reflected(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The second half of the channels backwards in time; the axes end with (timestep, channel)."""
    result = values.copy()
    result[..., C // 2 :] = np.flip(values, -2)[..., C // 2 :]
    return result


@pytest.mark.parametrize("data", [GRADS, GRADS[1]], ids=["3-D", "2-D"])
def test_reflect_half_flips_the_second_half_along_time(data: NDArray[np.float32]) -> None:
    shown = show_features_2D(data, reflect_half=True)
    # the browser flips what is sent as it is
    assert (shown.selection.reflect_half, shown.selection.order_index) == (True, 1)
    np.testing.assert_array_equal(array(shown), data.reshape(-1, T, C))
    shown = show_features_2D(data, reflect_half=True, timesteps_xaxis=False)
    assert shown.selection.reflect_half is False
    assert axes(shown) == ("channel", "timestep")
    wanted = reflected(data).reshape(-1, T, C).swapaxes(1, 2)
    np.testing.assert_array_equal(array(shown), wanted)
    shown = show_features_2D(data, timesteps_xaxis=False)
    np.testing.assert_array_equal(array(shown), data.reshape(-1, T, C).swapaxes(1, 2))


def test_reflect_half_does_not_change_the_data() -> None:
    data = GRADS.copy()
    show_features_2D(data, reflect_half=True, timesteps_xaxis=False)
    np.testing.assert_array_equal(data, GRADS)


@pytest.mark.parametrize("data", [GRADS[..., :5], GRADS[:, :, 0]], ids=["odd", "no channels"])
def test_reflect_half_needs_halves(data: NDArray[np.float32]) -> None:
    with pytest.raises(ValueError, match=r"needs an even number of channels; rec.*'t"):
        show_features_2D(data, reflect_half=True)


# -- the other calls -------------------------------------------------------------------------------


def test_0d_takes_samples_and_one_sample() -> None:
    last = GRADS[:, -1]
    np.testing.assert_array_equal(array(show_features_0D(last)), last)
    np.testing.assert_array_equal(array(show_features_0D(last[0])), last[:1])
    with pytest.raises(ValueError, match=r"received shape \(4, 5, 6\). Take a timestep: data\[:, "):
        show_features_0D(GRADS)


@pytest.mark.parametrize("data", [GRADS, GRADS[0], GRADS[0, 0]], ids=["3-D", "2-D", "1-D"])
def test_histogram_takes_any_axes(data: NDArray[np.float32]) -> None:
    values = array(show_features_hist(data))
    np.testing.assert_array_equal(values.ravel(), data.ravel())


def test_rows_own_y_axes_and_norm() -> None:
    assert grid(show_features_2D(GRADS, 2)).rows == 2
    assert grid(show_features_2D(GRADS)).rows is None
    assert grid(show_features_1D(GRADS, 50)).rows == 50  # the browser takes what there is room for
    assert grid(show_features_1D(GRADS, own_y=True)).independent_y == 1
    assert grid(show_features_1D(GRADS)).independent_y == 0
    assert show_features_2D(GRADS, norm=(-0.01, 0.02)).selection.norm == (-0.01, 0.02)
    assert show_features_2D(GRADS).norm == show_features_2D(GRADS, norm="auto").norm == "auto"
    shown = show_features_2D(GRADS)
    shown.norm = (-2, 3)
    assert shown.selection.norm == (-2.0, 3.0)
    shown.norm = "auto"
    assert shown.selection.norm == (-shown.selection.auto_limit, shown.selection.auto_limit)


def test_style_is_given_and_set_as_traits() -> None:
    shown = show_features_1D(GRADS, ylim=(-1, 2), title="after 20 iterations", height=300)
    assert shown.selection.ylim == (-1.0, 2.0)
    assert (shown.title, shown.height) == ("after 20 iterations", 300)
    shown.ylim = None
    assert shown.selection.ylim is None
    for call in EVERY:
        data = GRADS[0] if call is show_features_0D else GRADS
        shown = call(data, title="<b>", height=200)
        assert (shown.title, shown.height) == ("<b>", 200)


@pytest.mark.parametrize(
    "values",
    [
        GRADS.tolist(),
        (GRADS * 10).astype(np.int64),
        (GRADS * 10).astype(np.uint8),
        GRADS.astype(np.float16),
        GRADS > 0,
        np.zeros((2, 3, 4)),
        np.full((2, 3, 4), np.nan),
        np.full((2, 3, 4), -3.5),
        np.where(np.arange(24).reshape(2, 3, 4) == 7, np.inf, 1.0),
    ],
    ids=["list", "int64", "uint8", "float16", "bool", "zeros", "NaN", "constant", "Inf"],
)
def test_any_numbers_are_shown(values: Any) -> None:
    wanted = np.asarray(values, np.float32)
    for call in (show_features_1D, show_features_2D, show_features_hist):
        shown = call(values)
        np.testing.assert_array_equal(array(shown), wanted)
        vmin, vmax = shown.selection.norm
        assert -np.inf < vmin < 0 < vmax < np.inf
    flat = wanted[:, -1]
    np.testing.assert_array_equal(array(show_features_0D(flat)), flat)


def test_masked_timesteps_are_masked_and_other_masked_values_are_told() -> None:
    masked = np.ma.array(GRADS, mask=False)
    masked[0, 3:] = np.ma.masked  # two timesteps of sample 0
    masked[1, 1, 4] = np.ma.masked
    mask = np.ones((S, T), bool)
    mask[0, 3:] = False
    values = np.where(np.ma.getmaskarray(masked), np.nan, GRADS)
    channel = values[:, :, 0]
    tensor = GradientTensor(GRADS, SEQUENCE, mask=mask)
    of_tensor = np.where(mask[..., None], GRADS, np.nan)
    untold, one = [], ["masked values shown as NaN: 1"]
    for shown, sent, counted, told in (
        (show_features_1D(masked), values, mask, one),
        (show_features_1D(masked[0]), values[:1], mask[:1], untold),
        (show_features_1D(masked[:, :, 0]), channel[..., None], mask, untold),
        (show_features_2D(masked), values, mask, one),
        (show_features_2D(masked, reflect_half=True), values, mask, one),
        (show_features_2D(masked[1]), values[1:2], mask[1:2], one),
        (show_features_hist(masked), values, mask, one),
        (show_features_2D(tensor), of_tensor, mask, untold),
        # where no column is one timestep of one sample
        (show_features_2D(masked[:, :, 0]), channel.T[None], None, [f"{one[0][:-1]}2"]),
        (
            show_features_2D(tensor, timesteps_xaxis=False),
            of_tensor.swapaxes(1, 2),
            None,
            [f"{one[0][:-1]}{2 * C}"],
        ),
        (show_features_0D(masked[:, 1]), values[:, 1], None, one),
        (show_features_hist(masked[1]), values[1], None, one),
        (show_features_2D(np.ma.array(GRADS)), GRADS, None, untold),
    ):
        np.testing.assert_array_equal(array(shown), sent)
        found = shown.selection.tensor.mask
        assert (found is None) == (counted is None)
        if counted is not None:
            np.testing.assert_array_equal(found, counted)
        assert [line.value for line in shown.children if isinstance(line, HTML)] == told


# -- what is refused, and leaves nothing behind ----------------------------------------------------


@pytest.mark.parametrize(
    ("call", "options", "rule"),
    [
        (lambda **k: show_features_1D(GRADS[0, 0], **k), {}, r"received shape \(6,\)"),
        (lambda **k: show_features_2D(GRADS[None], **k), {}, r"received shape \(1, 4, 5, 6\)"),
        (lambda **k: show_features_hist(GRADS[None], **k), {}, r"received shape \(1, 4, 5, 6\)"),
        (lambda **k: show_features_0D(np.float32(1), **k), {}, r"received shape \(\)"),
        (lambda **k: show_features_2D(np.ones((0, 3, 4)), **k), {}, r"empty.*\(0, 3, 4\)"),
        (lambda **k: show_features_0D(np.ones((0,)), **k), {}, "empty"),
        (lambda **k: show_features_hist(np.ones((2, 0)), **k), {}, "empty"),
        (lambda **k: show_features_1D(GRADS, **k), {"n_rows": 0}, "1 or more, or None; .* 0"),
        (lambda **k: show_features_2D(GRADS, **k), {"n_rows": 2.5}, "1 or more, or None; .* 2.5"),
        (lambda **k: show_features_2D(GRADS, **k), {"norm": (1, 0)}, r"norm must be .*\(1, 0\)"),
        (lambda **k: show_features_2D(GRADS, **k), {"cmap": "RdBlu"}, "did you mean 'RdBu'"),
        (lambda **k: show_features_1D(GRADS, **k), {"ylim": (0, np.inf)}, "ylim must be None or"),
        (lambda **k: show_features_0D(GRADS[0], **k), {"ylim": 3}, "ylim must be None or"),
    ],
)
def test_wrong_values_say_the_rule_and_leave_no_widgets(
    open_widgets: dict[str, object],
    call: Callable[..., Features],
    options: dict[str, Any],
    rule: str,
) -> None:
    with pytest.raises(ValueError, match=rule):
        call(**options)
    assert open_widgets == {}


@pytest.mark.parametrize("call", EVERY)
@pytest.mark.parametrize("data", [[["a", "b"]], [[1j, 2]], [[None, 1]]])
def test_what_is_not_numeric_is_refused(
    open_widgets: dict[str, object], call: Callable[..., Features], data: Any
) -> None:
    with pytest.raises(TypeError, match="must hold real numbers; received dtype"):
        call(data)
    assert open_widgets == {}


@pytest.mark.parametrize(
    ("height", "rule"),
    [
        (10, "should not be less than 120, but a value of 10 was specified"),
        (-1, "should not be less than 120, but a value of -1 was specified"),
        ("high", r"expected an int, not the str 'high'\.$"),
        (2.5, r"expected an int, not the float 2\.5\.$"),
    ],
)
def test_a_height_that_is_none_leaves_no_widgets(
    open_widgets: dict[str, object], height: Any, rule: str
) -> None:
    with pytest.raises(TraitError, match=rf"'height' trait of a Features instance {rule}"):
        show_features_hist(GRADS, height=height)
    assert open_widgets == {}


@pytest.mark.parametrize(
    ("call", "keyword", "near"),
    [
        (show_features_1D, "nrows", "n_rows"),
        (show_features_1D, "owny", "own_y"),
        (show_features_2D, "reflect", "reflect_half"),
        (show_features_2D, "timestep_xaxis", "timesteps_xaxis"),
        (show_features_0D, "y_lim", "ylim"),
        (show_features_hist, "titles", "title"),
        (show_weights, "layers", "layer"),
    ],
)
def test_unknown_keywords_are_refused_with_the_near_one(
    call: Callable[..., Features], keyword: str, near: str
) -> None:
    name = re.escape(call.__name__)
    with pytest.raises(TypeError, match=rf"{name}\(\) has no .*'{keyword}': did you mean '{near}'"):
        call(GRADS, **{keyword: 1})


# -- lifetime --------------------------------------------------------------------------------------


def test_close_leaves_no_widgets(open_widgets: dict[str, object]) -> None:
    for shown in (
        show_features_1D(GRADS),
        show_features_2D(GRADS, cmap="bwr"),
        show_features_0D(GRADS[0]),
        show_features_hist(GRADS),
    ):
        shown.close()
        shown.close()
    assert open_widgets == {}
