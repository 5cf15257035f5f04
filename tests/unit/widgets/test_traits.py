"""Numbers of numpy, where a trait wants an integer or a bool, whatever the version of traitlets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ipywidgets import HTML
from traitlets import TraitError

from rnngrad_widgets import GradientExplorer, show_features_1D
from rnngrad_widgets.views.tensor_upload import new_selection
from rnngrad_widgets.widgets.timeline import Timeline

pytestmark = pytest.mark.usefixtures("open_widgets")
VALUES = np.random.default_rng(0).normal(size=(4, 7, 6))
INTEGERS = {
    "explorer": ("sample", "channel", "height"),
    "selection": ("sample", "channel", "timestep", "max_decade", "order_index"),
    "grid": ("page", "rows"),
    "timeline": ("capacity", "status_step", "step", "pinned", "show"),
}


def widget(which: str) -> Any:
    if which == "timeline":
        return Timeline(selection=new_selection(), summary=HTML())
    if which == "grid":
        return show_features_1D(VALUES).figures[0].marks[0]
    explorer = GradientExplorer.from_array(VALUES)
    return explorer if which == "explorer" else explorer.selection


@pytest.mark.parametrize("kind", [np.int64, np.int8, np.uint16])
@pytest.mark.parametrize("which", INTEGERS)
def test_integers(which: str, kind: Any) -> None:
    shown = widget(which)
    for name in INTEGERS[which]:
        value = 121 if name == "height" else 2
        setattr(shown, name, kind(value))
        assert (getattr(shown, name), type(getattr(shown, name))) == (value, int)


def test_pairs_of_integers() -> None:
    selection = widget("selection")
    selection.time_range = np.array([1, 5])[0], np.array([1, 5])[1]
    assert [type(end) for end in selection.time_range] == [int] * 2


def test_bools() -> None:
    explorer = widget("explorer")
    explorer.reflect_half = VALUES.max() > 0
    assert explorer.reflect_half is explorer.selection.reflect_half is True
    explorer.reflect_half = np.bool_(False)
    assert explorer.reflect_half is explorer.selection.reflect_half is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sample", np.int64(4)),  # out of range
        ("sample", np.float64(1.5)),
        ("channel", np.array([1, 2])),
        ("height", np.int64(12)),
        ("reflect_half", np.int64(1)),
    ],
)
def test_what_is_neither_is_refused(name: str, value: Any) -> None:
    explorer = widget("explorer")
    before = getattr(explorer, name)
    with pytest.raises(TraitError, match=name):
        setattr(explorer, name, value)
    assert getattr(explorer, name) is before
