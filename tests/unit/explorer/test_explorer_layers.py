"""Layers and quantities: switching, refreshing, and failing without a trace."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.unit.explorer.fake_source import LAYERS, FakeSource, explore

pytestmark = pytest.mark.usefixtures("open_widgets")
TRAITS = ("layer", "quantity", "sample", "channel", "norm", "reflect_half", "step")


@pytest.fixture
def source() -> FakeSource:
    return FakeSource()


@pytest.fixture
def explorer(source: FakeSource) -> Any:
    return explore(source)


def state(explorer: Any) -> dict[str, Any]:
    """Everything that a failure must leave as it was."""
    return {
        **{name: getattr(explorer, name) for name in TRAITS},
        "tensor": explorer.tensor,
        "array": explorer.selection.tensor.array,
        "selection": {**explorer.selection.get_state(), "tensor": None, "colour_scale": None},
        "summary": explorer.summary,
        "choices": (explorer.controls.layer.value, explorer.controls.quantity.value),
        "figures": tuple(explorer.figures),
        "busy": explorer.busy,
    }


def test_the_first_layer_is_shown_at_first(explorer: Any, source: FakeSource) -> None:
    assert (explorer.layer, explorer.quantity, explorer.step) == ("lstm", "output_gradient", 1)
    assert source.computed == [("lstm", "output_gradient")]
    assert [path for _, path in explorer.controls.layer.options] == list(LAYERS)
    assert explorer.controls.layer.value == "lstm"
    assert len(explorer.controls.quantity.options) == 3


@pytest.mark.parametrize("layer", ["bi", 1])
def test_a_layer_is_chosen_by_name_or_index(explorer: Any, source: FakeSource, layer: Any) -> None:
    explorer.layer = layer
    assert (explorer.layer, explorer.step) == ("bi", 2)
    assert explorer.tensor.layer == "bi"
    assert explorer.controls.layer.value == "bi"
    assert "<b>bi</b>" in explorer.summary
    assert explorer.selection.tensor.directions == ["forward", "backward"]
    np.testing.assert_array_equal(
        explorer.selection.tensor.array, explorer.tensor.values.astype(np.float32)
    )
    assert len(source.computed) == 2


def test_the_dropdown_chooses_too(explorer: Any, source: FakeSource) -> None:
    seen = []
    explorer.observe(lambda change: seen.append(change.new), "layer")
    explorer.controls.layer.value = "bi"
    assert (explorer.layer, seen, len(source.computed)) == ("bi", ["bi"], 2)


def test_the_same_layer_is_not_computed_again(explorer: Any, source: FakeSource) -> None:
    explorer.layer, explorer.quantity = 0, "output_gradient"
    explorer.controls.choose("lstm", "output_gradient", "")
    assert len(source.computed) == 1


def test_a_quantity_is_kept_where_the_new_layer_has_it(explorer: Any, source: FakeSource) -> None:
    explorer.quantity = "hidden_gradient"
    seen = []
    explorer.observe(lambda change: seen.append((change.name, change.new)), ["layer", "quantity"])
    explorer.layer = "gru"
    # once, although the dropdown got other choices meanwhile
    assert source.computed[2:] == [("gru", "hidden_gradient")]
    assert (explorer.quantity, explorer.controls.quantity.value) == ("hidden_gradient",) * 2
    assert seen == [("layer", "gru")]
    explorer.layer = "bi"
    assert source.computed[3:] == [("bi", "output_gradient")]
    assert (explorer.quantity, explorer.controls.quantity.value) == ("output_gradient",) * 2


def test_a_quantity_of_the_dropdown(explorer: Any, source: FakeSource) -> None:
    explorer.controls.quantity.value = "cell_gradient"
    assert (explorer.quantity, explorer.tensor.quantity) == ("cell_gradient", "cell_gradient")
    assert len(source.computed) == 2


def test_the_selection_is_brought_into_the_range_of_the_new_layer(explorer: Any) -> None:
    explorer.sample, explorer.channel = 3, 5
    seen = []
    explorer.observe(lambda change: seen.append((change.name, change.new)), ["sample", "channel"])
    explorer.layer = "few"
    assert (explorer.sample, explorer.channel) == (1, 1)
    assert (explorer.selection.sample, explorer.selection.channel) == (1, 1)
    assert (explorer.controls.sample.max, explorer.controls.channel.max) == (1, 1)
    assert seen == [("sample", 1), ("channel", 1)]


def test_reflection_ends_where_there_are_no_halves(explorer: Any) -> None:
    explorer.layer = "bi"
    explorer.reflect_half = True
    assert explorer.controls.order.layout.display is None
    explorer.layer = "lstm"
    assert (explorer.reflect_half, explorer.selection.order_index) == (False, 0)
    assert explorer.controls.order.layout.display == "none"


def test_a_norm_that_was_chosen_stays_and_an_automatic_one_follows(
    explorer: Any, source: FakeSource
) -> None:
    first = explorer.selection.auto_limit
    source.scale = 100.0
    explorer.layer = "few"
    limit = explorer.selection.auto_limit
    assert limit > 10 * first
    assert (explorer.norm, explorer.selection.norm) == ("auto", (-limit, limit))
    explorer.norm = (-7, 7)
    explorer.layer = "lstm"
    assert (explorer.norm, explorer.selection.norm) == ((-7.0, 7.0),) * 2


def test_each_kind_of_layer_has_its_figures_and_they_are_kept(explorer: Any) -> None:
    figures, counts = {}, {}
    for layer in ("lstm", "bi", "last", "gru", "bi"):
        explorer.layer = layer
        figures[layer] = tuple(explorer.figures)
        shown = explorer.view_stack.box.children[explorer.view_stack.box.selected_index]
        assert shown is explorer.view_stack.views[explorer.view].box
        of_view = explorer.view_stack.views[explorer.view].figures
        counts[layer] = len(of_view)
    # heat map, flow and curve; two heat maps for two directions; scatter and bars
    assert [counts[layer] for layer in ("lstm", "bi", "last")] == [3, 4, 2]
    assert figures["lstm"] == figures["gru"]


def test_refresh_computes_again(explorer: Any, source: FakeSource) -> None:
    explorer.channel = 4
    before = explorer.selection.tensor.array
    seen = []
    explorer.observe(lambda change: seen.append(change.new), "step")
    explorer.refresh()
    assert source.computed == [("lstm", "output_gradient")] * 2
    assert (seen, explorer.step, explorer.channel) == ([2], 2, 4)
    assert not np.array_equal(explorer.selection.tensor.array, before)
    explorer.controls.refresh.click()
    assert explorer.step == 3


def test_the_explorer_says_that_it_is_busy_only_while_it_computes(
    explorer: Any, source: FakeSource
) -> None:
    seen = []
    explorer.observe(lambda change: seen.append(change.new), "busy")
    explorer.refresh()
    source.all_broken = True
    with pytest.raises(ValueError, match=r"^it does not <b>compute</b>$"):
        explorer.refresh()
    assert [bool(message) for message in seen] == [True, False, True, False]


# -- failures --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("layer", "broken", "it does not <b>compute</b>"),
        ("layer", "ls", r"no layer 'ls'; recurrent layers: \['lstm', 'bi'"),
        ("quantity", "output", "layer 'lstm' has no 'output'"),
    ],
)
def test_a_failure_in_python_is_raised_and_leaves_no_trace(
    explorer: Any, name: str, value: str, message: str
) -> None:
    explorer.sample, explorer.channel = 2, 3
    before = state(explorer)
    with pytest.raises(ValueError, match=message):
        setattr(explorer, name, value)
    assert state(explorer) == before
    explorer.layer = "bi"
    assert explorer.layer == "bi"


@pytest.mark.parametrize("error", [ValueError, RuntimeError, MemoryError])
def test_a_failure_of_the_dropdown_is_shown(
    explorer: Any, source: FakeSource, error: type[Exception]
) -> None:
    source.error = error("too <big>")
    before = state(explorer)
    explorer.controls.layer.value = "broken"
    assert state(explorer) == before
    assert error.__name__ in explorer.message
    assert "too &lt;big&gt;" in explorer.message
    explorer.controls.layer.value = "gru"
    assert (explorer.layer, explorer.message) == ("gru", "")


def test_a_failure_of_the_refresh_button_is_shown(explorer: Any, source: FakeSource) -> None:
    before = state(explorer)
    source.all_broken = True
    explorer.controls.refresh.click()
    assert "it does not" in explorer.message
    assert state(explorer) == before
    source.all_broken = False
    explorer.controls.refresh.click()
    assert (explorer.step, explorer.message) == (2, "")


def test_a_layer_that_fails_at_first_leaves_no_widgets(open_widgets: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"^it does not <b>compute</b>$"):
        explore(FakeSource(), "broken")
    assert open_widgets == {}


def test_none_is_the_first_layer(explorer: Any) -> None:
    explorer.layer = "bi"
    explorer.layer = None
    assert (explorer.layer, explorer.tensor.layer) == ("lstm", "lstm")


@pytest.mark.parametrize("asked", ["in Python", "in the browser"])
@pytest.mark.parametrize("trait", ["layer", "quantity", "step", "sample"])
def test_an_observer_that_raises_leaves_no_half_of_it(
    explorer: Any, trait: str, asked: str
) -> None:
    explorer.sample = 3

    def raises(change: Any) -> None:
        raise ZeroDivisionError(f"{change.name} of mine")

    explorer.observe(raises, trait)
    wanted = ("few", "output_gradient")  # of fewer samples and channels
    if trait == "quantity":
        wanted = ("lstm", "hidden_gradient")
    change = {"layer": "few"} if trait != "quantity" else {"quantity": "hidden_gradient"}
    if asked == "in Python":
        with pytest.raises(ZeroDivisionError, match=f"{trait} of mine"):
            explorer.select(**change)
    else:
        (name,) = change
        explorer.controls.dropdowns[name].value = change[name]
        assert explorer.message == f"<b>ZeroDivisionError</b> {trait} of mine"
    assert (explorer.layer, explorer.quantity) == wanted
    shown = (explorer.tensor.layer, explorer.tensor.quantity, explorer.tensor.step)
    assert shown == (*wanted, explorer.step)
    assert (explorer.controls.layer.value, explorer.controls.quantity.value) == wanted
    assert f"<b>{wanted[0]}</b>" in explorer.summary
    np.testing.assert_array_equal(
        explorer.selection.tensor.array, explorer.tensor.values.astype(np.float32)
    )
    assert explorer.sample == explorer.selection.sample == explorer.controls.sample.value
    assert explorer.sample < len(explorer.tensor.values)
    assert explorer.busy == ""
    # and so does one of a snapshot
    explorer.unobserve(raises, trait)
    explorer.observe(raises, "step")
    with pytest.raises(ZeroDivisionError, match="step of mine"):
        explorer.add_snapshot({"": replace(explorer.tensor, step=90)}, 90)
    assert explorer.step == explorer.displayed.step == explorer.tensor.step == 90
