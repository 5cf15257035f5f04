"""The base of all marks here."""

from __future__ import annotations

from bqplot import Mark
from ipywidgets import widget_serialization
from traitlets import Dict, Instance, Unicode

from rnngrad_widgets.widgets._module import MODULE
from rnngrad_widgets.widgets.selection import Selection


class SelectionMark(Mark):  # type: ignore[misc]  # bqplot has no types
    """A bqplot mark that draws the selection; needs the scales ``x`` and ``y``."""

    _model_module = Unicode(MODULE.name).tag(sync=True)
    _model_module_version = Unicode(MODULE.version).tag(sync=True)
    _view_module = Unicode(MODULE.name).tag(sync=True)
    _view_module_version = Unicode(MODULE.version).tag(sync=True)

    selection = Instance(Selection).tag(sync=True, **widget_serialization)
    scales_metadata = Dict(
        {
            "x": {"orientation": "horizontal", "dimension": "x"},
            "y": {"orientation": "vertical", "dimension": "y"},
            "color": {"dimension": "color"},
        }
    ).tag(sync=True)
