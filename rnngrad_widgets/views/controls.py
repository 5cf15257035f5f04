"""The two quiet rows of controls: standard ipywidgets, linked to the selection in the browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ipywidgets import (
    Button,
    Dropdown,
    HBox,
    IntRangeSlider,
    IntSlider,
    ToggleButton,
    ToggleButtons,
    VBox,
    Widget,
    jslink,
)

from rnngrad_widgets.data.plot_array import PlotArray
from rnngrad_widgets.data.quantities import quantity_of
from rnngrad_widgets.widgets.control_link import ControlLink
from rnngrad_widgets.widgets.download import Download
from rnngrad_widgets.widgets.help import Help
from rnngrad_widgets.widgets.readout import Readout
from rnngrad_widgets.widgets.selection import Selection

LAST_LIMIT_INDEX = 80
"""Places of the logarithmic norm slider, ten in each of the eight decades below the maximum."""

LAST_RANGE_INDEX = 200
"""Places of each handle of the range slider beside zero; both as in ``js/src/drawing/norms.ts``."""


_RANGE = "Colour range"

VIEWS = {
    "heat map": "one sample: every channel against time, and under it the flow and one curve",
    "all samples": "a small map for each sample, or one channel of all",
    "curves": "one channel in every sample, or a panel for each channel",
    "flow": "the norm over channels against time, of every sample; direct and total gradient",
    "scatter": "the channels by sample: there is no time axis",
    "histogram": "how many values are how large",
    "diagnosis": "how far back the gradient extends, in numbers and sentences",
    "weights": "kernel, recurrent kernel and bias, gate by gate, and their gradients",
}
"""The views, and what their buttons tell of them."""


class Controls:
    """Dropdowns and sliders: one attribute for each.

    The links are made in the browser: a drag moves the picture without a message to Python.

    Parameters
    ----------
    selection
        What the sliders move.
    layers
        Labels of the layers by path.
    choose
        Called with what a person chose in a dropdown: the trait of the explorer, and its value.
    refresh
        Called when the button is clicked.
    """

    def __init__(
        self,
        selection: Selection,
        layers: Mapping[str, str],
        choose: Callable[[str, str], None],
        refresh: Callable[[], None],
    ) -> None:
        self._selection = selection
        self._is_placing = False
        self.layer = Dropdown(
            # descriptions of dropdowns are for screen readers: the style sheet hides them
            description="Layer",
            options=[(label, path) for path, label in layers.items()],
            tooltip="layer",
        )
        self.quantity = Dropdown(description="Quantity", options=[], tooltip="quantity")
        self.part = Dropdown(description="Part", options=[], tooltip="part")
        self.views = ToggleButtons(options=[]).add_class("rnngrad-views")
        self.refresh = Button(icon="refresh", tooltip="recompute with the current weights")
        self.download = Download()
        self.help = Help()
        for control in (*self.dropdowns.values(), self.refresh):
            control.add_class("rnngrad-kernel")  # rests in a page without a kernel
        self._listen(choose, refresh)
        self.sample = IntSlider(
            description="Sample", readout=False, tooltip="which sample of the batch is shown"
        )
        self.channel = IntSlider(
            description="Channel", readout=False, tooltip="which channel has its curve"
        )
        self.limit = IntSlider(
            description=_RANGE,
            readout=False,
            max=LAST_LIMIT_INDEX,
            tooltip="the magnitude that has the strongest colour, as the trait norm",
        )
        self.range = IntRangeSlider(
            description=_RANGE,
            readout=False,
            min=-LAST_RANGE_INDEX,
            max=LAST_RANGE_INDEX,
            tooltip="the values at the ends of the colours, as the trait norm",
        )
        self.auto = ToggleButton(
            description="auto", tooltip="fit the colour range to all samples together"
        )
        self.log = ToggleButton(
            description="log",
            tooltip="colours by log10 of the magnitude, over eight decades: how far gradient goes",
        )
        self.range_mode = ToggleButton(description="range", tooltip="set vmin and vmax apart")
        self.order = ToggleButtons(
            description="Reflect",
            options=["time order", "processing order"],
            tooltips=[
                "both halves as the layer returns them",
                "the second half in the order in which the backward layer processed it",
            ],
        )
        self.links = self._link()
        chosen = [self.layer, self.quantity, self.part] if layers else []
        self._hidden = [] if layers else [self.layer, self.quantity, self.part, self.refresh]
        always = [self.download, self.help]
        icons = HBox([self.refresh, *always] if layers else always)
        icons.add_class("rnngrad-icons")
        self._choices = HBox([*chosen, self.views, icons]).add_class("rnngrad-choices")
        self.box = self._arrange()

    @property
    def dropdowns(self) -> dict[str, Dropdown]:
        """The dropdowns by the trait of the explorer that each one sets."""
        return {"layer": self.layer, "quantity": self.quantity, "part": self.part}

    def place(
        self,
        plot_array: PlotArray,
        quantities: Sequence[str],
        parts: Sequence[str],
        chosen: tuple[str, str, str],
        *,
        can_reflect: bool,
    ) -> None:
        """Let the controls fit what is displayed, and say what it is; nothing is asked for.

        Parameters
        ----------
        plot_array
            What is displayed.
        quantities, parts
            The choices there are.
        chosen
            Layer, quantity and part that are displayed.
        can_reflect
            Whether the channels have halves.
        """
        self._is_placing = True  # a dropdown that gets new choices takes the first for a moment
        try:
            self.fit(plot_array, quantities, parts)
            self.order.layout.display = None if can_reflect else "none"
            self.choose(*chosen)
        finally:
            self._is_placing = False

    def fit(self, plot_array: PlotArray, quantities: Sequence[str], parts: Sequence[str]) -> None:
        """Set bounds and choices for what is shown."""
        selection, shape = self._selection, plot_array.values.shape
        of_channels = "channel" in plot_array.rows or not plot_array.rows
        self.channel.description = "Channel" if of_channels else plot_array.rows.capitalize()
        for slider, count, index in (
            (self.sample, shape[0], selection.sample),
            (self.channel, shape[-1], selection.channel),
        ):
            # one message for bounds and value: a value clamped in between would move the selection
            with slider.hold_sync(), slider.hold_trait_notifications():
                # a slider needs two ends: where there is one place only, it is disabled
                slider.max, slider.value = max(count - 1, 1), index
            slider.disabled = count == 1
        self.quantity.options = [(quantity_of(quantity).label, quantity) for quantity in quantities]
        self.part.options = list(parts)
        self.part.layout.display = None if len(parts) > 1 else "none"

    def offer(self, views: Sequence[str], chosen: str) -> None:
        """Offer the views that fit, and say which one is shown."""
        labels = tuple(view.capitalize() for view in views)
        with self.views.hold_sync():
            if tuple(self.views.options) != labels:
                self.views.options = labels
                self.views.tooltips = [VIEWS[view] for view in views]
            self.views.index = list(views).index(chosen)
        self.views.layout.display = None if len(labels) > 1 else "none"

    def link(self, explorer: Widget, views: Widget) -> None:
        """Let buttons switch what the browser shows: which norm slider, and which view."""
        self.links += [
            jslink((explorer, "range_mode"), (self.range_mode, "value")),
            jslink((views, "selected_index"), (self.views, "index")),
        ]

    @property
    def detached_widgets(self) -> list[Widget]:
        """Widgets that are not under `box`: links, and the dropdowns where there is no model."""
        return [*self.links, *self._hidden]

    def choose(self, layer: str, quantity: str, part: str) -> None:
        """Let the dropdowns say what is shown."""
        for (name, dropdown), value in zip(
            self.dropdowns.items(), (layer, quantity, part), strict=True
        ):
            if dropdown.options:
                dropdown.value = value
                # the name too, where it is too long to be seen
                hint = quantity_of(value).hint if name == "quantity" else ""
                dropdown.tooltip = f"{name}: {dropdown.label}{hint and f' - {hint}'}"
        self.download.stem = " ".join(filter(None, (layer, quantity, part))) or "array"

    def _listen(self, choose: Callable[[str, str], None], refresh: Callable[[], None]) -> None:
        def chosen(name: str, value: str | None) -> None:
            if value is not None and not self._is_placing:
                choose(name, value)

        for name, dropdown in self.dropdowns.items():
            dropdown.observe(lambda change, name=name: chosen(name, change["new"]), "value")
        self.refresh.on_click(lambda _: refresh())

    def _link(self) -> list[Widget]:
        return [
            self._link_to("sample", self.sample),
            self._link_to("channel", self.channel),
            self._link_to("limit_index", self.limit),
            self._link_to("range_indices", self.range),
            self._link_to("auto", self.auto),
            self._link_to("log_colours", self.log),
            self._link_to("order_index", self.order, "index"),
        ]

    def _link_to(self, trait: str, control: Widget, control_trait: str = "value") -> ControlLink:
        return ControlLink(
            selection=self._selection,
            selection_trait=trait,
            control=control,
            control_trait=control_trait,
        )

    def _arrange(self) -> VBox:
        def group(kind: str, *children: Widget) -> HBox:
            return HBox(children).add_class("rnngrad-group").add_class(f"rnngrad-group-{kind}")

        def readout(kind: str) -> Readout:
            return Readout(selection=self._selection, kind=kind)

        buttons = HBox([self.auto, self.log, self.range_mode]).add_class("rnngrad-buttons")
        self.limit.add_class("rnngrad-limit")
        self.range.add_class("rnngrad-range")
        self.order.add_class("rnngrad-order")
        self.refresh.add_class("rnngrad-icon")
        sliders = HBox(
            [
                group("sample", self.sample, readout("sample")),
                group("channel", self.channel, readout("channel")),
                group("norm", self.limit, self.range, readout("norm"), buttons),
                self.order,
            ]
        ).add_class("rnngrad-sliders")
        return VBox([self._choices, sliders])
