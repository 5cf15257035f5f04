"""The table of what is told of the tensor that is shown."""

from __future__ import annotations

from ipywidgets import DOMWidget, register, widget_serialization
from traitlets import Instance, Unicode

from rnngrad_widgets.widgets.browser_module import BrowserView
from rnngrad_widgets.widgets.selection import Selection


@register
class DiagnosisTable(BrowserView, DOMWidget):  # type: ignore[misc]  # ipywidgets has no types
    """Header, rows and lines of the selection's tensor, as a table and sentences below it."""

    _model_name = Unicode("DiagnosisTableModel").tag(sync=True)
    _view_name = Unicode("DiagnosisTable").tag(sync=True)

    selection = Instance(Selection).tag(sync=True, **widget_serialization)
