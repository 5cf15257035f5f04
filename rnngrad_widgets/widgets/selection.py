"""Which part of the tensor is shown: the state that sliders move and marks draw."""

from __future__ import annotations

from typing import Any

from ipywidgets import Widget, register, widget_serialization
from traitlets import Float, Instance, Tuple, Unicode

from rnngrad_widgets.data.norm import Norm
from rnngrad_widgets.data.statistics import THRESHOLD
from rnngrad_widgets.widgets.bqplot import ColorScale, LinearScale
from rnngrad_widgets.widgets.browser_module import BrowserModel
from rnngrad_widgets.widgets.tensor import Tensor
from rnngrad_widgets.widgets.traits import Bool, Int


@register
class Selection(BrowserModel, Widget):  # type: ignore[misc]  # ipywidgets has no types
    """Indices, colour range and reflection; sliced and drawn by its browser half.

    The norm sliders end at 10^``max_decade``; the browser half has the places on them,
    ``limit_index`` and ``range_indices``, which follow from the norm. ``order_index`` is
    ``reflect_half`` in the form that buttons can be linked to.

    ``companion`` is another gradient of the same layer, as norms over channels; empty until the
    flow is looked at. ``time_range`` holds the first and last timestep that are shown, None for
    all; ``threshold`` is the share of the strongest timestep that the flow draws a line at;
    ``time_scale`` is the x scale of every panel with a time axis, fitted in the browser.
    """

    _model_name = Unicode("SelectionModel").tag(sync=True)

    tensor = Instance(Tensor).tag(sync=True, **widget_serialization)
    companion = Instance(Tensor).tag(sync=True, **widget_serialization)
    colour_scale = Instance(ColorScale).tag(sync=True, **widget_serialization)
    time_scale = Instance(LinearScale).tag(sync=True, **widget_serialization)
    time_range = Tuple(Int(), Int(), default_value=None, allow_none=True).tag(sync=True)
    log_colours = Bool(False).tag(sync=True)
    threshold = Float(THRESHOLD).tag(sync=True)
    ylim = Tuple(Float(), Float(), default_value=None, allow_none=True).tag(sync=True)
    sample = Int(0).tag(sync=True)
    channel = Int(0).tag(sync=True)
    timestep = Int(None, allow_none=True).tag(sync=True)
    norm = Tuple(Float(), Float(), default_value=(-1.0, 1.0)).tag(sync=True)
    max_decade = Int(0).tag(sync=True)
    auto = Bool(True).tag(sync=True)
    auto_limit = Float(1.0).tag(sync=True)
    reflect_half = Bool(False).tag(sync=True)
    order_index = Int(0).tag(sync=True)

    _told: frozenset[str] = frozenset()

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take a message of the browser."""
        self._told = frozenset(sync_data)
        try:
            super().set_state(sync_data)
        finally:
            self._told = frozenset()

    def is_told(self, *names: str) -> bool:
        """Tell whether the browser is saying one of these traits right now."""
        return not self._told.isdisjoint(names)

    @property
    def chosen_norm(self) -> Norm:
        """The range as it was chosen: ``"auto"`` or (vmin, vmax)."""
        return "auto" if self.auto else self.norm

    def fit_norm(self, limit: float, decade: int) -> None:
        """Take note of the range that fits a new tensor, and use it if the range is automatic."""
        with self.hold_sync():
            self.auto_limit, self.max_decade = limit, decade
            if self.auto:
                self.choose_norm("auto")
        # the browser may be at another tensor's: what is the same here is not the same there
        self.send_state(["auto_limit", "max_decade", *(["norm", "auto"] if self.auto else [])])

    def choose_norm(self, norm: Norm) -> None:
        """Take a range; with ``"auto"`` that of the tensor, also of the next one."""
        auto = norm == "auto"
        vmin, vmax = (-self.auto_limit, self.auto_limit) if norm == "auto" else norm
        with self.hold_sync(), self.hold_trait_notifications():
            self.norm = (vmin, vmax)
            self.auto = auto

    def reflect(self, reflect: bool) -> None:
        """Show the second half of the channels flipped along time, or not."""
        with self.hold_sync(), self.hold_trait_notifications():
            self.reflect_half = reflect
            self.order_index = int(reflect)
