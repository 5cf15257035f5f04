"""The button that lists the keys, without a kernel."""

from __future__ import annotations

from ipywidgets import DOMWidget, register
from traitlets import Unicode

from rnngrad_widgets.widgets.browser_module import BrowserView


@register
class Help(BrowserView, DOMWidget):  # type: ignore[misc]  # ipywidgets has no types
    """Lists what the keys do in the frame that it is in; the key ``?`` opens it too."""

    _model_name = Unicode("HelpModel").tag(sync=True)
    _view_name = Unicode("Help").tag(sync=True)
