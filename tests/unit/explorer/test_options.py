"""The options that every constructor of an explorer shares."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest

from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.data.thinning import BUDGET
from tests.unit.explorer.fake_source import FakeSource, explore

DEFAULTS: dict[str, Any] = {
    "sample": 0,
    "channel": 0,
    "norm": "auto",
    "reflect_half": False,
    "view": None,
    "title": "",
    "cmap": "diverging",
    "ylim": None,
    "height": None,
    "threshold": 1e-8,
    "levels": (1 / math.e, 1e-3),
    "budget": BUDGET,
}
CONSTRUCTORS = [GradientExplorer, GradientExplorer.from_array, GradientExplorer.from_recording]


@pytest.mark.parametrize("constructor", CONSTRUCTORS)
def test_signatures_name_each_option_and_its_default(constructor: Any) -> None:
    last = list(inspect.signature(constructor).parameters.values())[-len(DEFAULTS) :]
    assert {each.name: each.default for each in last} == DEFAULTS
    assert {each.kind for each in last} == {inspect.Parameter.KEYWORD_ONLY}


def test_an_unknown_option_is_refused_with_the_one_that_was_meant() -> None:
    rule = r"^GradientExplorer\.from_array\(\) has no argument 'chanel': did you mean 'channel'\?$"
    with pytest.raises(TypeError, match=rule):
        GradientExplorer.from_array(np.ones((2, 3, 4)), chanel=1)
    with pytest.raises(TypeError, match=r"^GradientExplorer\(\) has no argument 'layers': did you"):
        GradientExplorer(None, None, layers="lstm")


def test_select_takes_all_three_at_once() -> None:
    source = FakeSource()
    explorer = explore(source)
    changes: list[tuple[str, str]] = []
    explorer.observe(lambda change: changes.append((change["name"], change["new"])))
    explorer.select(layer="gru", quantity="hidden_gradient")
    assert source.computed[1:] == [("gru", "hidden_gradient")], "nothing else is computed"
    assert explorer.displayed.key == ("gru", "hidden_gradient", "")
    assert (explorer.layer, explorer.quantity) == ("gru", "hidden_gradient")
    assert [c for c in changes if c[0] in ("layer", "quantity")] == [
        ("layer", "gru"),
        ("quantity", "hidden_gradient"),
    ]
    explorer.select()
    explorer.select(layer="gru", part="")
    assert len(source.computed) == 2


def test_a_selection_that_fails_changes_and_tells_nothing() -> None:
    explorer = explore(FakeSource())
    before, changes = explorer.displayed, []
    explorer.observe(changes.append, ["layer", "quantity", "part", "step", "view"])
    for wanted, message in (
        ({"layer": "broken"}, "it does not <b>compute</b>"),
        ({"quantity": "gate_gradient"}, "has no 'gate_gradient'"),
        ({"part": "bias"}, r"part must be one of \[''\]; received 'bias'"),
        ({"layer": "gru", "part": "bias"}, "part must be one of"),
    ):
        with pytest.raises(ValueError, match=message):
            explorer.select(**wanted)
    assert explorer.displayed is before
    assert changes == []


def test_traits_that_are_held_are_selected_all_the_same() -> None:
    explorer = explore(FakeSource())
    changes: list[str] = []
    explorer.observe(lambda change: changes.append(change["new"]), "layer")
    with explorer.hold_trait_notifications():
        explorer.layer = 2
        explorer.quantity = "hidden_gradient"
        assert explorer.displayed.key == ("gru", "hidden_gradient", "")
    assert (explorer.layer, explorer.quantity, changes) == ("gru", "hidden_gradient", ["gru"])
