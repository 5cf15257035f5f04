"""The button that saves the picture, without a kernel."""

from __future__ import annotations

from ipywidgets import DOMWidget, register
from traitlets import Unicode

from rnngrad_widgets.widgets.browser_module import BrowserView


@register
class Download(BrowserView, DOMWidget):  # type: ignore[misc]  # ipywidgets has no types
    """Saves what the frame that it is in shows; the file is named after ``stem``."""

    _model_name = Unicode("DownloadModel").tag(sync=True)
    _view_name = Unicode("Download").tag(sync=True)

    stem = Unicode("").tag(sync=True)
