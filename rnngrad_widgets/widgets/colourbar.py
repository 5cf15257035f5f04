"""The colours of the range, beside the heat map."""

from __future__ import annotations

from ipywidgets import DOMWidget, register, widget_serialization
from traitlets import Instance, Unicode

from rnngrad_widgets.widgets._module import MODULE
from rnngrad_widgets.widgets.selection import Selection


@register
class ColourBar(DOMWidget):  # type: ignore[misc]  # ipywidgets has no types
    """The colour range with five labels, vmin at the bottom."""

    _model_module = Unicode(MODULE.name).tag(sync=True)
    _model_module_version = Unicode(MODULE.version).tag(sync=True)
    _model_name = Unicode("ColourBarModel").tag(sync=True)
    _view_module = Unicode(MODULE.name).tag(sync=True)
    _view_module_version = Unicode(MODULE.version).tag(sync=True)
    _view_name = Unicode("ColourBar").tag(sync=True)

    selection = Instance(Selection).tag(sync=True, **widget_serialization)
