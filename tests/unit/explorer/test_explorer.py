"""`GradientExplorer.from_array`: arrays, and traits that go both ways."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from traitlets import TraitError

from rnngrad_widgets import GradientExplorer, GradientTensor
from rnngrad_widgets.data.norm import SelectionError
from rnngrad_widgets.data.statistics import auto_limit
from tests.unit.explorer.fake_source import FakeSource, explore

pytestmark = pytest.mark.usefixtures("open_widgets")
VALUES = np.random.default_rng(0).normal(size=(4, 7, 6))
TRAITS = ("layer", "quantity", "sample", "channel", "norm", "reflect_half", "step")


def state(explorer: GradientExplorer) -> dict[str, Any]:
    """Everything that a refused value must leave as it was."""
    selection = {k: v for k, v in explorer.selection.get_state().items() if k[0] != "_"}
    traits = {name: getattr(explorer, name) for name in TRAITS}
    return {**traits, "selection": selection, "tensor": explorer.tensor}


def from_browser(explorer: GradientExplorer, **changes: Any) -> None:
    """Change the selection as a message from the browser does."""
    explorer.selection.set_state(changes)


@pytest.fixture
def explorer() -> GradientExplorer:
    return GradientExplorer.from_array(VALUES, sample=1, channel=2)


# -- what is shown ---------------------------------------------------------------------------------


def test_an_array_is_shown_as_it_is(explorer: GradientExplorer) -> None:
    np.testing.assert_array_equal(explorer.selection.tensor.array, VALUES.astype(np.float32))
    assert explorer.tensor.dims == ("sample", "timestep", "channel")
    assert [getattr(explorer, name) for name in TRAITS] == ["", "", 1, 2, "auto", False, None]
    limit = auto_limit(VALUES)
    assert explorer.selection.norm == (-limit, limit)
    assert "4 × 7 × 6" in explorer.summary


def test_all_arguments() -> None:
    explorer = GradientExplorer.from_array(
        VALUES, sample=3, channel=5, norm=(-2, 1), reflect_half=True
    )
    assert (explorer.sample, explorer.channel) == (3, 5)
    assert (explorer.norm, explorer.reflect_half) == ((-2.0, 1.0), True)
    selection = explorer.selection
    assert (selection.sample, selection.channel, selection.norm) == (3, 5, (-2.0, 1.0))
    assert (selection.reflect_half, selection.order_index, selection.auto) == (True, 1, False)


@pytest.mark.parametrize(
    "array",
    [
        VALUES.astype(np.float16),
        np.arange(24).reshape(2, 3, 4),
        np.eye(3, dtype=bool)[None],
        [[[1, 2], [3, 4]]],
        VALUES[::-1, :, ::2],
        np.asfortranarray(VALUES),
        np.where(VALUES > 1, np.nan, VALUES),
        GradientTensor(VALUES, ("sample", "timestep", "channel")),
    ],
    ids=["float16", "int", "bool", "lists", "strided", "fortran", "nan", "tensor"],
)
def test_arrays_of_other_kinds(array: Any) -> None:
    shown = GradientExplorer.from_array(array).selection.tensor.array
    assert shown.dtype == np.float32
    assert shown.flags.c_contiguous
    np.testing.assert_array_equal(shown, np.asarray(array).astype(np.float32))


def test_the_smallest_array() -> None:
    explorer = GradientExplorer.from_array(np.full((1, 1, 1), 3.0))
    assert explorer.controls.sample.disabled
    assert explorer.controls.channel.disabled
    assert explorer.controls.sample.min < explorer.controls.sample.max
    with pytest.raises(SelectionError, match=r"sample must be in 0 \.\. 0; received 1"):
        explorer.sample = 1
    explorer.refresh()
    assert explorer.selection.norm == (-3.0, 3.0)


def test_an_array_without_time_has_other_figures() -> None:
    explorer = GradientExplorer.from_array(VALUES[:, 0], sample=3, channel=5)
    assert explorer.tensor.dims == ("sample", "channel")
    kinds = [next(c for c in f._dom_classes if "figure" in c) for f in explorer.figures]
    assert kinds[:2] == ["rnngrad-figure-scatter", "rnngrad-figure-bars"]
    assert list(explorer.view_stack.views) == ["scatter", "histogram"]
    assert "no time axis" in explorer.summary


def test_all_zero_and_not_finite_arrays_are_shown() -> None:
    for value in (0.0, np.nan, np.inf):
        explorer = GradientExplorer.from_array(np.full((2, 3, 4), value))
        assert explorer.selection.norm == (-1.0, 1.0)


# -- arrays that are refused -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (VALUES[0, 0], ValueError, r"must be \(samples, timesteps, channels\) or .* shape \(6,\)"),
        (VALUES[None], ValueError, r"shape \(1, 4, 7, 6\)\. Join .*reshape.*; or take a part"),
        (3.0, ValueError, r"received shape \(\)\. Add the missing axes: array\[None\]"),
        (VALUES[:0], ValueError, r"must not be empty; received shape \(0, 7, 6\)"),
        (VALUES[:, :, :0], ValueError, r"must not be empty; received shape \(4, 7, 0\)"),
        (VALUES.astype(object), TypeError, "must hold real numbers; received dtype object"),
        (VALUES.astype(complex), TypeError, "received dtype complex128"),
        (VALUES.astype(str), TypeError, "received dtype <U"),
        (VALUES.astype("datetime64[s]"), TypeError, "received dtype datetime64"),
        (None, TypeError, "received dtype object"),
        (VALUES * 1e39, ValueError, r"must fit float32 .*received larger ones"),
        (VALUES * 1e-60, ValueError, r"the largest 1.2e-38 or more\); received .*e-6\d at most"),
        (
            VALUES * 1e-60 + [np.inf, *[0.0] * (VALUES.shape[-1] - 1)],
            ValueError,
            r"the largest 1.2e-38",
        ),
        ([[1, 2], [3]], ValueError, "must have rows of the same length"),
    ],
)
def test_arrays_that_cannot_be_shown(
    array: Any, error: type[Exception], message: str, open_widgets: dict[str, object]
) -> None:
    with pytest.raises(error, match=message):
        GradientExplorer.from_array(array)
    assert open_widgets == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sample": 4}, r"sample must be in 0 \.\. 3; received 4"),
        ({"sample": -1}, r"sample must be in 0 \.\. 3; received -1"),
        ({"sample": 1.5}, "sample must be an integer; received 1.5"),
        ({"channel": 6}, r"channel must be in 0 \.\. 5; received 6"),
        ({"norm": (1, -1)}, r"norm must be 'auto' or .*received \(1, -1\)"),
        ({"norm": (np.nan, 1)}, r"received \(nan, 1\)"),
        ({"norm": None}, "received None"),
    ],
)
def test_arguments_that_do_not_fit(
    arguments: dict[str, Any], message: str, open_widgets: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=message):
        GradientExplorer.from_array(VALUES, **arguments)
    assert open_widgets == {}


def test_an_odd_number_of_channels_has_no_halves(open_widgets: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"an array with an even number of channels\); received"):
        GradientExplorer.from_array(VALUES[..., :5], reflect_half=True)
    assert open_widgets == {}
    explorer = GradientExplorer.from_array(VALUES[..., :5])
    assert explorer.controls.order.layout.display == "none"
    with pytest.raises(SelectionError, match="two halves"):
        explorer.reflect_half = True
    assert (explorer.reflect_half, explorer.selection.order_index) == (False, 0)


# -- traits, both ways -----------------------------------------------------------------------------


def test_traits_move_the_selection(explorer: GradientExplorer) -> None:
    explorer.sample, explorer.channel = 3, np.int64(5)
    explorer.norm, explorer.reflect_half = (-0.5, 2), True
    selection = explorer.selection
    assert (selection.sample, selection.channel) == (3, 5)
    assert (selection.norm, selection.auto) == ((-0.5, 2.0), False)
    assert (selection.reflect_half, selection.order_index) == (True, 1)
    explorer.reflect_half = False
    assert (selection.reflect_half, selection.order_index) == (False, 0)


def test_the_browser_moves_the_traits(explorer: GradientExplorer) -> None:
    seen = []
    explorer.observe(
        lambda change: seen.append((change.name, change.old, change.new)),
        ["sample", "channel", "norm", "reflect_half"],
    )
    from_browser(explorer, sample=3)
    from_browser(explorer, channel=0)
    from_browser(explorer, norm=[-0.2, 0.2], auto=False)
    from_browser(explorer, reflect_half=True, order=1)
    assert seen == [
        ("sample", 1, 3),
        ("channel", 2, 0),
        ("norm", "auto", (-0.2, 0.2)),
        ("reflect_half", False, True),
    ]


def test_an_observer_is_called_once_for_a_value_set_in_python(explorer: GradientExplorer) -> None:
    seen = []
    explorer.observe(lambda change: seen.append(change.new), ["sample", "norm", "reflect_half"])
    explorer.sample = 3
    explorer.norm = (-1, 3)
    explorer.norm = (-1, 3)
    explorer.norm = "auto"
    explorer.reflect_half = True
    assert seen == [3, (-1.0, 3.0), "auto", True]


def test_auto_is_told_from_the_range_it_stands_for(explorer: GradientExplorer) -> None:
    limit = explorer.selection.auto_limit
    explorer.norm = (-limit, limit)
    assert explorer.norm == (-limit, limit)
    assert not explorer.selection.auto
    explorer.norm = "auto"
    assert explorer.selection.auto
    explorer.norm = (-9, 9)
    from_browser(explorer, auto=True, norm=[-limit, limit])  # the button
    assert explorer.norm == "auto"


TRAIT = "The '{}' trait of a GradientExplorer instance expected {}, not the {}."
NORM = "norm must be 'auto' or (vmin, vmax), finite, with vmin < vmax; received {}"


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("sample", 4, SelectionError, "sample must be in 0 .. 3; received 4"),
        ("sample", -1, SelectionError, "sample must be in 0 .. 3; received -1"),
        ("sample", "2", TraitError, TRAIT.format("sample", "an int", "str '2'")),
        ("sample", None, TraitError, TRAIT.format("sample", "an int", "NoneType None")),
        ("channel", 6, SelectionError, "channel must be in 0 .. 5; received 6"),
        ("channel", 1.5, TraitError, TRAIT.format("channel", "an int", "float 1.5")),
        ("norm", (1, 1), SelectionError, NORM.format("(1, 1)")),
        ("norm", (np.nan, 1), SelectionError, NORM.format("(nan, 1)")),
        ("norm", "Auto", SelectionError, NORM.format("'Auto'")),
        ("norm", None, SelectionError, NORM.format("None")),
        ("norm", (1, 2, 3), SelectionError, NORM.format("(1, 2, 3)")),
        ("reflect_half", "yes", TraitError, TRAIT.format("reflect_half", "a boolean", "str 'yes'")),
        ("layer", "lstm", ValueError, "an array has no layers; received layer 'lstm'"),
        (
            "quantity",
            "output_gradient",
            ValueError,
            "an array has no quantities; received 'output_gradient'",
        ),
    ],
)
def test_a_value_that_does_not_fit_changes_nothing(
    explorer: GradientExplorer, name: str, value: Any, error: type[Exception], message: str
) -> None:
    explorer.norm = (-3, 3)
    before = state(explorer)
    with pytest.raises(error, match=f"^{re.escape(message)}$") as raised:
        setattr(explorer, name, value)
    assert raised.type is error
    assert state(explorer) == before


def test_a_view_that_cannot_be_computed_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    source = FakeSource()
    explorer = explore(source, view="curves")

    def fail(*_: str) -> None:
        raise source.error

    monkeypatch.setattr(source, "companion", fail)
    with pytest.raises(ValueError, match="does not <b>compute"):
        explorer.view = "flow"
    assert explorer.view == "curves"
    assert explorer.view_stack.box.selected_index == list(explorer.view_stack.views).index("curves")
    assert explorer.busy == ""


def test_step_needs_a_timeline(explorer: GradientExplorer) -> None:
    before = explorer.step
    with pytest.raises(TraitError, match=r"there are none yet; received 3\. They come with live"):
        explorer.step = 3
    assert explorer.step == before


def test_refresh_keeps_what_was_chosen(explorer: GradientExplorer) -> None:
    explorer.norm, explorer.sample = (-1, 2), 3
    before = state(explorer)
    explorer.refresh()
    assert state(explorer) == before


def test_tensorflow_is_not_imported() -> None:
    code = (
        "import sys, numpy as np; from rnngrad_widgets import GradientExplorer\n"
        "e = GradientExplorer.from_array(np.ones((2, 3, 4))); e.sample = 1; e.refresh()\n"
        "e.close()\n"
        "print(*{'tensorflow', 'keras'} & set(sys.modules))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert answer.stdout == "\n"
