"""Which view is in front, what is computed for it, and what is left of a layer before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ipywidgets import (
    Button,
    Dropdown,
    IntRangeSlider,
    IntSlider,
    Text,
    ToggleButton,
    ToggleButtons,
)
from traitlets import TraitError

from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.data.colours import BWR, DIVERGING, SEQUENTIAL
from rnngrad_widgets.data.norm import SelectionError
from rnngrad_widgets.data.statistics import norms_over_channels
from rnngrad_widgets.data.tensor import GradientTensor
from rnngrad_widgets.views.weights import WeightsView
from tests.unit.explorer.fake_source import FakeSource, explore

pytestmark = pytest.mark.usefixtures("open_widgets")
VALUES = np.random.default_rng(0).normal(size=(4, 7, 6))
TIMED = ["heat map", "all samples", "curves", "flow", "histogram", "diagnosis"]


class Weighed(FakeSource):
    """A source with weights: every layer a kernel and a bias for two gates."""

    def quantities(self, layer: str) -> tuple[str, ...]:
        return (*super().quantities(layer), "weight", "weight_gradient")

    def compute(self, layer: str, quantity: str) -> dict[str, GradientTensor]:
        if not quantity.startswith("weight"):
            return super().compute(layer, quantity)
        if self.all_broken:
            raise self.error
        self.computed.append((layer, quantity))
        rng = np.random.default_rng(len(self.computed))
        gates = ("i", "f")
        return {
            "kernel": GradientTensor(
                rng.normal(size=(3, 4)), ("feature", "channel"), layer, quantity, gates=gates
            ),
            "bias": GradientTensor(rng.normal(size=4), ("channel",), layer, quantity, gates=gates),
        }


class HalfBroken(FakeSource):
    """A source that computes all but one quantity."""

    broken_quantity = ""

    def compute(self, layer: str, quantity: str) -> dict[str, GradientTensor]:
        if quantity == self.broken_quantity:
            raise self.error
        return super().compute(layer, quantity)


def fronts(explorer: GradientExplorer) -> list[str]:
    """The views that the buttons name, the one in front last."""
    options = [str(option).lower() for option in explorer.controls.views.options]
    assert options == list(explorer.view_stack.views)
    index = explorer.view_stack.box.selected_index
    assert index == explorer.controls.views.index
    return [*options, options[index]]


def test_the_views_that_fit_and_the_one_in_front() -> None:
    explorer = GradientExplorer.from_array(VALUES)
    assert fronts(explorer) == [*TIMED, "heat map"]
    explorer.view = "curves"
    assert fronts(explorer) == [*TIMED, "curves"]
    explorer.view_stack.box.set_state({"selected_index": 1})  # as a message from the browser does
    assert explorer.view == "all samples"
    explorer = GradientExplorer.from_array(VALUES[:, -1])
    assert fronts(explorer) == ["scatter", "histogram", "scatter"]


FITS = r"^view must be one that fits the tensor, \['heat map', .*, 'diagnosis'\]; received "
TEXT = r"^The 'view' trait of a GradientExplorer instance expected a unicode string, not the "


@pytest.mark.parametrize(
    ("view", "rule"),
    [
        ("scatter", f"{FITS}'scatter'$"),
        ("heatmap", f"{FITS}'heatmap': did you mean 'heat map'\\?$"),
        ("", f"{FITS}''$"),
        (None, rf"{TEXT}NoneType None\.$"),
        (2, rf"{TEXT}int 2\.$"),
    ],
)
def test_a_view_that_does_not_fit_is_refused_with_those_that_do(view: Any, rule: str) -> None:
    explorer = GradientExplorer.from_array(VALUES)
    explorer.view = "flow"
    with pytest.raises(TraitError, match=rule):
        explorer.view = view
    assert explorer.view == "flow"
    assert fronts(explorer)[-1] == "flow"


def test_the_message_names_the_views() -> None:
    explorer = GradientExplorer.from_array(VALUES)
    with pytest.raises(SelectionError, match=r"fits the tensor, \['heat map', .*received 'scater'"):
        explorer.view = "scater"


def test_a_view_outlives_the_layer_where_it_fits() -> None:
    explorer = explore(Weighed())
    for view, after in (("curves", "curves"), ("histogram", "histogram"), ("weights", "weights")):
        explorer.layer = "lstm"
        explorer.view = view
        for layer in ("bi", "few"):
            explorer.layer = layer
            assert (explorer.view, fronts(explorer)[-1]) == (after, after)
    explorer.view = "flow"
    explorer.layer = "last"  # no time axis
    assert (explorer.view, fronts(explorer)[-1]) == ("scatter", "scatter")
    explorer.layer = "lstm"
    assert explorer.view == "heat map"


def companion(explorer: GradientExplorer) -> Any:
    """The norms beside the flow; None where there are none."""
    return explorer.selection.companion.array


def test_the_other_gradient_is_computed_for_the_flow_only_and_once() -> None:
    source = FakeSource()
    explorer = explore(source)
    assert source.computed == [("lstm", "output_gradient")]
    explorer.view = "curves"
    assert companion(explorer) is None
    explorer.view = "flow"
    explorer.view = "heat map"
    explorer.view = "flow"
    assert source.computed[1:] == [("lstm", "hidden_gradient")]
    beside = source.made[-1]
    np.testing.assert_array_equal(companion(explorer), norms_over_channels(beside))
    explorer.quantity = "hidden_gradient"
    assert source.computed[-1] == ("lstm", "output_gradient")
    explorer.quantity = "cell_gradient"
    assert companion(explorer) is None
    explorer.layer = "bi"  # has no total gradient
    assert companion(explorer) is None


def test_nothing_of_another_layer_is_beside_the_flow() -> None:
    explorer = explore(FakeSource())
    explorer.view = "flow"
    assert companion(explorer) is not None
    explorer.view = "heat map"
    assert companion(explorer) is not None, "it is of the same tensor"
    explorer.layer = "bi"
    assert companion(explorer) is None
    explorer.layer = "last"
    assert companion(explorer) is None


def test_what_fails_is_said_and_the_flow_of_before_stays() -> None:
    source = HalfBroken()
    explorer = explore(source)
    explorer.view = "flow"
    before, tensor = companion(explorer), explorer.tensor
    source.all_broken = True
    with pytest.raises(ValueError, match=r"^it does not <b>compute</b>$"):
        explorer.refresh()
    assert companion(explorer) is before
    assert explorer.tensor is tensor
    source.all_broken = False
    source.broken_quantity = "hidden_gradient"  # the one beside it
    with pytest.raises(ValueError, match=r"^it does not <b>compute</b>$"):
        explorer.refresh()
    assert explorer.tensor is tensor
    assert explorer.selection.tensor.array is explorer.displayed.plot_array.values
    # from the browser: in words, on the page
    explorer = explore(source := FakeSource())
    source.all_broken = True
    explorer.view_stack.box.set_state({"selected_index": TIMED.index("flow")})
    assert "it does not &lt;b&gt;compute" in explorer.message


def test_weights_are_computed_for_their_view_and_again_after_a_refresh() -> None:
    source = Weighed()
    explorer = explore(source)
    assert explorer.weight_selections == []
    explorer.view = "weights"
    assert source.computed[1:] == [("lstm", "weight"), ("lstm", "weight_gradient")]
    assert len(explorer.weight_selections) == 2
    values = explorer.weight_selections[0].tensor.array
    explorer.view = "curves"
    explorer.view = "weights"
    assert len(source.computed) == 3
    explorer.refresh()
    assert not np.array_equal(explorer.weight_selections[0].tensor.array, values)


def test_matrices_stand_over_each_other_and_biases_do_not_rule_the_norm() -> None:
    def tensor(values: Any, *dims: str) -> GradientTensor:
        return GradientTensor(np.array(values, float), dims, "lstm", "weight", gates=("i", "f"))

    kernel = [[1, 2, 3, 4], [5, 6, 7, 8], [1, 1, 1, 1]]
    view = WeightsView()
    view.show(
        {"kernel": tensor(kernel, "feature", "channel"), "bias": tensor([8192] * 4, "channel")}
    )
    (selection,) = view.selections
    tensor_ = selection.tensor
    assert [section["name"] for section in tensor_.sections] == ["bias", "kernel"]
    assert [section["start"] for section in tensor_.sections] == [0, 1]
    np.testing.assert_array_equal(tensor_.array[0].T, [[8192] * 4, *kernel])
    assert selection.norm == (-8.0, 8.0)
    figures = view.figures
    view.show({"kernel": tensor(kernel, "feature", "channel"), "bias": tensor([0] * 4, "channel")})
    assert view.figures == figures, "the same panels for the same shapes"


@pytest.mark.parametrize(
    ("cmap", "colours", "themed"),
    [("bwr", BWR, False), ("sequential", SEQUENTIAL, True), ("diverging", DIVERGING, True)],
)
def test_colour_maps_of_ours(cmap: str, colours: tuple[str, ...], themed: bool) -> None:
    explorer = explore(Weighed())
    explorer.view = "weights"
    explorer.cmap = "PuOr"
    explorer.cmap = cmap
    for selection in (explorer.selection, *explorer.weight_selections):
        assert selection.colour_scale.colors == list(colours)
        assert selection.log_colours is (cmap == "sequential")
    assert explorer.themed is themed


def test_a_scheme_of_bqplot_and_one_that_is_none() -> None:
    explorer = GradientExplorer.from_array(VALUES)
    explorer.cmap = "PuOr"
    assert (explorer.selection.colour_scale.scheme, explorer.themed) == ("PuOr", False)
    assert explorer.selection.colour_scale.colors == []
    for wrong, way_out in (("RdBlu", "did you mean 'RdBu'"), ("qqqq", "ours are")):
        with pytest.raises(TraitError, match=way_out):
            explorer.cmap = wrong
    assert explorer.cmap == "PuOr"


def test_weights_that_come_later_have_the_colour_map_too() -> None:
    explorer = explore(Weighed())
    explorer.cmap = "bwr"
    explorer.view = "weights"
    assert [s.colour_scale.colors for s in explorer.weight_selections] == [list(BWR)] * 2


def test_the_button_of_logarithmic_colours_and_the_colour_map_are_one() -> None:
    explorer = GradientExplorer.from_array(VALUES, cmap="RdBu")
    selection, button = explorer.selection, explorer.controls.log
    (link,) = [each for each in explorer.controls.links if getattr(each, "control", 0) is button]
    assert (link.selection_trait, link.control_trait) == ("log_colours", "value")
    seen: list[str] = []
    explorer.observe(lambda change: seen.append(change["new"]), "cmap")
    selection.set_state({"log_colours": True})  # as a message from the browser does
    assert (explorer.cmap, selection.colour_scale.colors) == ("sequential", list(SEQUENTIAL))
    selection.set_state({"log_colours": False})
    assert (explorer.cmap, selection.colour_scale.scheme) == ("RdBu", "RdBu")
    explorer.cmap = "sequential"
    assert selection.log_colours
    explorer.cmap = "bwr"
    assert not selection.log_colours
    assert seen == ["sequential", "RdBu", "sequential", "bwr"]


def test_every_button_and_slider_says_what_it_does() -> None:
    explorer = explore(Weighed())
    explorer.view = "weights"
    for each in explorer.own_widgets():
        if isinstance(each, ToggleButtons) and each.options:
            assert len(each.tooltips) == len(each.options), each
            assert all(each.tooltips)
        elif isinstance(each, (Button, ToggleButton, IntSlider, IntRangeSlider, Dropdown, Text)):
            assert each.tooltip, each
    assert "direct: without the layer's own recurrence" in explorer.controls.quantity.tooltip
    explorer.quantity = "hidden_gradient"
    assert "total: through the layer's own recurrence" in explorer.controls.quantity.tooltip
