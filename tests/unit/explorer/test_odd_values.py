"""Values that cannot be selected leave trait, selection and picture as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from traitlets import TraitError

from rnngrad_widgets import GradientExplorer, show_features_1D
from rnngrad_widgets.explorer.validation import MAX_TITLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VALUES = np.random.default_rng(0).normal(size=(4, 5, 6))


@pytest.fixture
def explorer(open_widgets: dict[str, object]) -> Iterator[GradientExplorer]:
    del open_widgets
    made = GradientExplorer.from_array(VALUES)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("trait", "value", "message"),
    [
        ("sample", 7, r"sample must be in 0 \.\. 3; received 7"),
        ("channel", -1, r"channel must be in 0 \.\. 5; received -1"),
        ("norm", (2.0, 1.0), r"norm must be .*received \(2, 1\)"),
    ],
)
def test_the_selection_never_differs_from_the_explorer(
    explorer: GradientExplorer, trait: str, value: Any, message: str
) -> None:
    explorer.norm = (-3.0, 3.0)
    selection, before = explorer.selection, getattr(explorer.selection, trait)
    with pytest.raises(TraitError, match=message):
        setattr(selection, trait, value)
    assert getattr(selection, trait) == before
    assert (explorer.sample, explorer.channel, explorer.norm) == (0, 0, (-3.0, 3.0))


@pytest.mark.parametrize(
    ("trait", "value", "message"),
    [
        (
            "step",
            np.array([1, 2]),
            r"step must be that of a snapshot, .*received array\(\[1, 2\]\)",
        ),
        ("step", -0.0, r"step must be that of a snapshot, .*received -0\.0"),
        ("norm", "12", r"norm must be 'auto' or \(vmin, vmax\), .*received '12'"),
        ("ylim", "12", r"ylim must be None or \(low, high\), .*received '12'"),
        ("view", "bars", r"view must be one that fits the tensor, .*received 'bars'"),
        ("part", "bias", r"part must be one of \[''\]; received 'bias'"),
        ("title", "x" * (MAX_TITLE + 1), "title must have at most 500 characters; received 501"),
        ("height", 10_001, "should not be greater than 10000"),
    ],
)
def test_odd_values_are_refused(
    explorer: GradientExplorer, trait: str, value: Any, message: str
) -> None:
    before = getattr(explorer, trait)
    with pytest.raises(TraitError, match=message):
        setattr(explorer, trait, value)
    assert getattr(explorer, trait) == before


def test_an_observer_that_raises_changes_nothing_else(explorer: GradientExplorer) -> None:
    def fail(_change: object) -> None:
        raise ZeroDivisionError

    explorer.observe(fail, "sample")
    with pytest.raises(ZeroDivisionError):
        explorer.sample = 2
    assert (explorer.sample, explorer.selection.sample) == (2, 2)
    with pytest.raises(ZeroDivisionError):
        explorer.selection.sample = 3
    assert (explorer.sample, explorer.selection.sample) == (3, 3)


@pytest.mark.parametrize(
    "call",
    [
        lambda e: e.refresh(),
        lambda e: e.follow(),
        lambda e: e.select(layer="x"),
        lambda e: e.save("x.png"),
    ],
)
def test_a_closed_explorer_says_so(
    explorer: GradientExplorer, call: Callable[[GradientExplorer], None]
) -> None:
    explorer.close()
    assert repr(explorer) == "<GradientExplorer: closed>"
    with pytest.raises(RuntimeError, match=r"must be open; it was closed\. Make it anew"):
        call(explorer)


@pytest.mark.usefixtures("open_widgets")
def test_masked_values_are_missing_and_masked_timesteps_are_masked() -> None:
    masked = np.ma.masked_array(VALUES, mask=np.zeros(VALUES.shape, bool))
    masked[0, 2:] = np.ma.masked
    masked[1, 1, 3] = np.ma.masked
    made = GradientExplorer.from_array(masked)
    expected = VALUES.astype("float32")
    expected[0, 2:] = expected[1, 1, 3] = np.nan
    np.testing.assert_array_equal(made.tensor.values, expected)
    mask = np.ones((4, 5), bool)
    mask[0, 2:] = False
    np.testing.assert_array_equal(made.tensor.mask, mask)
    assert '<b class="rnngrad-alarm">1 NaN</b>' in made.summary  # padding is no fault
    assert made.message == "masked values shown as NaN: 1"
    made.close()
    curves = show_features_1D(masked)
    np.testing.assert_array_equal(curves.selection.tensor.array, expected)
    curves.close()
    whole = GradientExplorer.from_array(np.ma.masked_array(VALUES.round().astype(int)))
    np.testing.assert_array_equal(whole.tensor.values, VALUES.round())
    whole.close()


@pytest.mark.usefixtures("open_widgets")
@pytest.mark.parametrize("make", [GradientExplorer.from_array, show_features_1D])
def test_the_array_is_the_widgets_own(make: Callable[[Any], Any]) -> None:
    values = VALUES.astype("float32")
    before = values.copy()
    made = make(values)
    values[:] = 9
    np.testing.assert_array_equal(made.selection.tensor.array, before)
    if isinstance(made, GradientExplorer):
        np.testing.assert_array_equal(made.tensor.values, before)
    made.close()
