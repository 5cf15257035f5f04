"""A control that moves a trait of the selection, and follows it."""

from __future__ import annotations

from ipywidgets import Widget, register, widget_serialization
from traitlets import Instance, Unicode

from rnngrad_widgets.widgets.browser_module import BrowserModel
from rnngrad_widgets.widgets.selection import Selection


@register
class ControlLink(BrowserModel, Widget):  # type: ignore[misc]  # ipywidgets has no types
    """Links a control to the selection in the browser.

    Not ipywidgets' ``jslink``: a slider tells the kernel each place, also where it was put, and
    another page of the notebook would take that for a person who moved it.
    """

    _model_name = Unicode("ControlLinkModel").tag(sync=True)

    selection = Instance(Selection).tag(sync=True, **widget_serialization)
    selection_trait = Unicode("").tag(sync=True)
    control = Instance(Widget).tag(sync=True, **widget_serialization)
    control_trait = Unicode("value").tag(sync=True)
