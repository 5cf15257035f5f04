"""The base of all marks here."""

from __future__ import annotations

from ipywidgets import widget_serialization
from traitlets import Dict, Instance

from rnngrad_widgets.widgets.bqplot import Mark
from rnngrad_widgets.widgets.browser_module import BrowserView
from rnngrad_widgets.widgets.selection import Selection


class SelectionMark(BrowserView, Mark):  # type: ignore[misc]  # bqplot has no types
    """A bqplot mark that draws the selection; needs the scales ``x`` and ``y``."""

    selection = Instance(Selection).tag(sync=True, **widget_serialization)
    scales_metadata = Dict(
        {
            "x": {"orientation": "horizontal", "dimension": "x"},
            "y": {"orientation": "vertical", "dimension": "y"},
            "color": {"dimension": "color"},
        }
    ).tag(sync=True)
