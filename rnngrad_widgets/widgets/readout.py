"""A line of text that follows the selection."""

from __future__ import annotations

from ipywidgets import DOMWidget, register, widget_serialization
from traitlets import Enum, Instance, Unicode

from rnngrad_widgets.widgets.browser_module import BrowserView
from rnngrad_widgets.widgets.selection import Selection
from rnngrad_widgets.widgets.traits import Int

KINDS = (
    "sample",
    "channel",
    "norm",
    "hover",
    "finding",
    "flow-hover",
    "companion-hover",
    "heat-caption",
    "upper-caption",
    "lower-caption",
    "flow-caption",
    "curve-caption",
    "scatter-caption",
    "bars-caption",
    "bars-hover",
    "maps-caption",
    "run-maps-caption",
    "channel-caption",
    "grid-caption",
    "companion-caption",
    "flow-view-caption",
    "section-caption",
    "gates-caption",
)


@register
class Readout(BrowserView, DOMWidget):  # type: ignore[misc]  # ipywidgets has no types
    """A line of the given ``kind``, written in the browser: ``js/src/widgets/text.ts``."""

    _model_name = Unicode("ReadoutModel").tag(sync=True)
    _view_name = Unicode("Readout").tag(sync=True)

    selection = Instance(Selection).tag(sync=True, **widget_serialization)
    kind = Enum(KINDS).tag(sync=True)
    section = Int(None, allow_none=True).tag(sync=True)
    """The section of the rows that a ``"section-caption"`` names."""
