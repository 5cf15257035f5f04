"""The button that saves the picture, without a kernel."""

from __future__ import annotations

from ipywidgets import DOMWidget, register
from traitlets import Unicode

from rnngrad_widgets.widgets._module import MODULE


@register
class Download(DOMWidget):  # type: ignore[misc]  # ipywidgets has no types
    """Saves what the frame that it is in shows; the file is named after ``stem``."""

    _model_module = Unicode(MODULE.name).tag(sync=True)
    _model_module_version = Unicode(MODULE.version).tag(sync=True)
    _model_name = Unicode("DownloadModel").tag(sync=True)
    _view_module = Unicode(MODULE.name).tag(sync=True)
    _view_module_version = Unicode(MODULE.version).tag(sync=True)
    _view_name = Unicode("Download").tag(sync=True)

    stem = Unicode("").tag(sync=True)
