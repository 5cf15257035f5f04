"""Many small panels in one figure, page by page, as bqplot marks."""

from __future__ import annotations

from ipywidgets import register, widget_serialization
from traitlets import Enum, Instance, List, Unicode

from rnngrad_widgets.widgets.marks.mark import SelectionMark
from rnngrad_widgets.widgets.tensor import Tensor
from rnngrad_widgets.widgets.traits import Int


class Grid(SelectionMark):
    """Panels with the same time axis; needs the scales ``x`` and ``y``, which it does not use."""

    rows = Int(None, allow_none=True).tag(sync=True)
    """Rows of panels; None for as many as fit best."""
    page = Int(1).tag(sync=True)
    """The page that is shown, from 1."""

    PER_PAGE = 1


@register
class Maps(Grid):
    """A heat map for each sample."""

    _model_name = Unicode("MapsModel").tag(sync=True)
    _view_name = Unicode("Maps").tag(sync=True)

    PER_PAGE = 64


@register
class RunMaps(Grid):
    """A heat map of the chosen sample for each run that is compared."""

    _model_name = Unicode("RunMapsModel").tag(sync=True)
    _view_name = Unicode("RunMaps").tag(sync=True)

    PER_PAGE = 24

    tensors = List(Instance(Tensor)).tag(sync=True, **widget_serialization)
    names = List(Unicode()).tag(sync=True)
    run = Int(0).tag(sync=True)
    """The index of the run whose map was clicked last."""


@register
class CurveGrid(Grid):
    """The curves of every sample, a panel for each channel and a colour for each sample."""

    _model_name = Unicode("CurveGridModel").tag(sync=True)
    _view_name = Unicode("CurveGrid").tag(sync=True)

    PER_PAGE = 24

    independent_y = Enum([0, 1], default_value=0).tag(sync=True)
    """1 gives each panel a y axis of its own."""
