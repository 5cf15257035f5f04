"""Which axis of the histogram a tensor is shown on at first; the rest is the browser's."""

from __future__ import annotations

import numpy as np
import pytest

from rnngrad_widgets.data.plot_array import to_plot_array
from rnngrad_widgets.data.quantities import QUANTITIES
from rnngrad_widgets.data.tensor import GradientTensor
from rnngrad_widgets.views.histogram import HistogramView
from rnngrad_widgets.views.tensor_upload import new_selection
from rnngrad_widgets.views.view_stack import upload

MAGNITUDE, SIGNED = 0, 1


@pytest.fixture
def view() -> HistogramView:
    return HistogramView(new_selection())


def axis_of(view: HistogramView, quantity: str) -> int:
    """The axis when a tensor has come."""
    tensor = GradientTensor(np.ones((2, 3, 4)), ("sample", "timestep", "channel"), "", quantity)
    upload(view.mark.selection.tensor, tensor, to_plot_array(tensor))
    view.fit(to_plot_array(tensor))
    return view.mark.signed


@pytest.mark.parametrize("quantity", ["", *QUANTITIES])
def test_gradients_and_plain_arrays_are_shown_by_magnitude(view: HistogramView, quantity: str):
    decades = quantity in ("", "reach", "cell_path") or quantity.endswith("_gradient")
    assert axis_of(view, quantity) == (MAGNITUDE if decades else SIGNED)


def test_the_axis_stays_as_it_was_chosen_until_another_kind_of_values_comes(view: HistogramView):
    axis_of(view, "output_gradient")
    view.mark.signed = SIGNED
    assert axis_of(view, "cell_gradient") == SIGNED
    assert axis_of(view, "output") == SIGNED
    view.mark.signed = MAGNITUDE
    assert axis_of(view, "weight") == MAGNITUDE
    assert axis_of(view, "output_gradient") == MAGNITUDE
