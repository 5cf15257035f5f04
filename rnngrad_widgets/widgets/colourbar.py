"""The colours of the range, beside the heat map."""

from __future__ import annotations

from ipywidgets import DOMWidget, register, widget_serialization
from traitlets import Instance, Unicode

from rnngrad_widgets.widgets.browser_module import BrowserView
from rnngrad_widgets.widgets.selection import Selection


@register
class ColourBar(BrowserView, DOMWidget):  # type: ignore[misc]  # ipywidgets has no types
    """The colour range with five labels, vmin at the bottom."""

    _model_name = Unicode("ColourBarModel").tag(sync=True)
    _view_name = Unicode("ColourBar").tag(sync=True)

    selection = Instance(Selection).tag(sync=True, **widget_serialization)
