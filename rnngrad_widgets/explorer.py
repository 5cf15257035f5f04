"""`GradientExplorer`: puts source, selection, controls and views together, nothing else."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from threading import RLock
from typing import TYPE_CHECKING, Any

from bqplot import ColorScale, Figure
from ipywidgets import HTML, VBox, register, widget_serialization
from traitlets import Any as AnyTrait
from traitlets import Bool, Instance, Int, List, Unicode, observe, validate

from rnngrad_widgets.checks import Norm, can_reflect, check_index, check_norm, check_reflect
from rnngrad_widgets.lifetime import close_earlier_runs, close_widgets, reachable
from rnngrad_widgets.sources import ArraySource, ModelSource, Source
from rnngrad_widgets.statistics import auto_limit, top_decade
from rnngrad_widgets.summary import summary_html
from rnngrad_widgets.tensor import GradientTensor
from rnngrad_widgets.views.colours import DIVERGING
from rnngrad_widgets.views.controls import Controls
from rnngrad_widgets.views.heatmap import HeatMapView
from rnngrad_widgets.views.scatter import ScatterView
from rnngrad_widgets.widgets._module import MODULE
from rnngrad_widgets.widgets.selection import Selection
from rnngrad_widgets.widgets.tensor import Tensor, as_float32
from rnngrad_widgets.wording import words

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

View = HeatMapView | ScatterView


class Checked(AnyTrait):
    """A trait whose values are all for its validator, None too, which `Any` would let pass."""

    allow_none = False


@register
class GradientExplorer(VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Explore the gradient of the loss for a recurrent layer, over timesteps, with sliders.

    Heat map of one sample, the curve of one channel under it; for ``return_sequences=False`` the
    values by sample. The array goes to the browser once; what the sliders do is drawn there, also
    while the kernel is busy.

    Parameters
    ----------
    model
        Compiled Keras model; never changed.
    x, y
        One batch, as ``model.fit`` takes it.
    layer
        Name, index into ``model.layers`` or layer object; None is the first recurrent layer.
    quantity
        What to compute, for instance ``"output_gradient"``: dL/dy_t with respect to the tensor the
        layer returns.
    sample_weight, training
        As in ``model.fit`` and ``model(x, training=...)``.
    sample, channel
        What is selected at first.
    norm
        Colour range (vmin, vmax), or ``"auto"``: symmetric, about the 99.8th percentile of |g|.
    reflect_half
        Show the second half of the channels flipped along time.

    Attributes
    ----------
    layer, quantity, sample, channel, norm, reflect_half
        Two-way traits: set them, observe them.
    step
        Training step at which the tensor was computed, or None.
    tensor
        The `GradientTensor` that is shown.

    Raises
    ------
    ValueError
        If the layer is unknown, ambiguous or not recurrent, the model is not compiled, x and y do
        not fit, or an index, the norm or the reflection does not fit the tensor.
    TypeError
        If an array is not numeric.
    """

    _model_module = Unicode(MODULE.name).tag(sync=True)
    _model_module_version = Unicode(MODULE.version).tag(sync=True)
    _model_name = Unicode("ExplorerModel").tag(sync=True)
    _view_module = Unicode(MODULE.name).tag(sync=True)
    _view_module_version = Unicode(MODULE.version).tag(sync=True)
    _view_name = Unicode("Explorer").tag(sync=True)

    selection = Instance(Selection).tag(sync=True, **widget_serialization)
    figures = List(Instance(Figure)).tag(sync=True, **widget_serialization)
    themed = Bool(True).tag(sync=True)
    range_mode = Bool(False).tag(sync=True)
    busy = Unicode("").tag(sync=True)

    layer = Checked("")
    quantity = Unicode("")
    sample = Int(0)
    channel = Int(0)
    norm = Checked("auto")
    reflect_half = Bool(False)
    step = Int(None, allow_none=True, read_only=True)

    def __init__(
        self,
        model: Any,
        x: Any,
        y: Any = None,
        layer: Any = None,
        quantity: str = "output_gradient",
        *,
        sample_weight: Any = None,
        training: bool = False,
        sample: int = 0,
        channel: int = 0,
        norm: Any = "auto",
        reflect_half: bool = False,
    ) -> None:
        # here, because it imports TensorFlow, which an array does not need
        from rnngrad_widgets.engine import GradientEngine  # noqa: PLC0415

        source = ModelSource(GradientEngine(model), x, y, sample_weight, training)
        self._start(source, layer, quantity, sample, channel, norm, reflect_half)

    @classmethod
    def from_array(
        cls,
        array: ArrayLike,
        *,
        sample: int = 0,
        channel: int = 0,
        norm: Any = "auto",
        reflect_half: bool = False,
    ) -> GradientExplorer:
        """Explore an array of any framework; TensorFlow is not imported.

        Parameters
        ----------
        array
            (samples, timesteps, channels) or (samples, channels), of real numbers.
        sample, channel, norm, reflect_half
            As for the class.

        Raises
        ------
        TypeError
            If the array is not numeric.
        ValueError
            If its rank is wrong, it is empty, or a selection does not fit it.
        """
        explorer = cls.__new__(cls)
        # another constructor of the same class
        explorer._start(  # noqa: SLF001
            ArraySource(array), None, "", sample, channel, norm, reflect_half
        )
        return explorer

    def _start(
        self,
        source: Source,
        layer: Any,
        quantity: str,
        sample: int,
        channel: int,
        norm: Any,
        reflect_half: bool,
    ) -> None:
        # everything that can fail comes first: no widget has been made when it does
        path = source.resolve(layer)
        tensor = source.compute(path, quantity)
        check_index("sample", sample, tensor.shape[0])
        check_index("channel", channel, tensor.shape[-1])
        check_reflect(reflect_half, tensor)
        norm = check_norm(norm)
        self._source = source
        self._lock = RLock()
        self._placing = False
        self._views: dict[str, View] = {}
        self._tensor_widget = Tensor()
        scale = ColorScale(colors=list(DIVERGING), min=-1.0, mid=0.0, max=1.0)
        selection = Selection(tensor=self._tensor_widget, colour_scale=scale)
        self._controls = Controls(selection, source.layers())
        self._summary = HTML().add_class("rnngrad-summary")
        self._message = HTML().add_class("rnngrad-message")
        self._plots = VBox().add_class("rnngrad-plots")
        parts = (self._controls.box, self._summary, self._message, self._plots)
        super().__init__(parts, selection=selection)
        self._controls.link_range_mode(self)
        self._show(tensor, path, quantity)
        self._listen()
        self.sample, self.channel = sample, channel
        self.norm, self.reflect_half = norm, bool(reflect_half)
        close_earlier_runs(self)

    @property
    def tensor(self) -> GradientTensor:
        """What is shown."""
        return self._tensor

    def refresh(self) -> None:
        """Compute again, at the weights of now; the old picture stays until then."""
        layer, quantity = self._shown
        self._show(self._compute(layer, quantity), layer, quantity)

    def close(self) -> None:
        """Close the explorer and every widget it made, in Python and in the browser."""
        if self.comm is None:
            return  # closed before, or never opened because an argument was refused
        views = [view.box for view in self._views.values()]
        close_widgets(reachable([self, *self._controls.loose, *views]) - {self})
        super().close()

    # -- computing and showing -------------------------------------------------------------------

    def _compute(self, layer: str, quantity: str) -> GradientTensor:
        with self._lock:  # an observer may run in another thread than the cell
            self.busy = "Computing the gradient…"
            try:
                return self._source.compute(layer, quantity)
            finally:
                self.busy = ""

    def _show(self, tensor: GradientTensor, layer: str, quantity: str) -> None:
        shown = replace(tensor, values=as_float32(tensor.values))
        self._tensor, self._shown = tensor, (layer, quantity)
        self.set_trait("step", tensor.step)
        self.layer, self.quantity = layer, quantity
        self._bring_into_range(tensor)
        widget = self._tensor_widget
        with widget.hold_sync():
            _, _, widget.noun, widget.symbol = words(tensor.quantity)
            widget.directions = list(tensor.directions)
            widget.array = shown.values
        self.selection.fit_norm(auto_limit(shown.values), top_decade(shown.values))
        self._place_controls(shown)
        self._summary.value = summary_html(shown)
        self._message.value = ""
        view = self._view_of(tensor)
        view.fit(tensor)
        if self._plots.children != (view.box,):
            self.figures = list(view.figures)
            self._plots.children = (view.box,)

    def _place_controls(self, tensor: GradientTensor) -> None:
        self._placing = True
        try:
            layer, quantity = self._shown
            self._controls.fit(tensor, self._source.quantities(layer))
            self._controls.choose(layer, quantity)
        finally:
            self._placing = False

    def _bring_into_range(self, tensor: GradientTensor) -> None:
        selection = self.selection
        selection.sample = min(selection.sample, tensor.shape[0] - 1)
        selection.channel = min(selection.channel, tensor.shape[-1] - 1)
        if not can_reflect(tensor):
            selection.reflect(False)

    def _view_of(self, tensor: GradientTensor) -> View:
        if "timestep" not in tensor.dims:
            kind = "scatter"
        else:
            kind = "halves" if len(tensor.directions) == 2 else "whole"
        if kind not in self._views:
            self._views[kind] = (
                ScatterView(self.selection)
                if kind == "scatter"
                else HeatMapView(self.selection, halves=kind == "halves")
            )
        return self._views[kind]

    # -- traits: checked here, kept in the selection, moved by the browser -----------------------

    def _listen(self) -> None:
        follow = self.selection.observe
        follow(lambda change: self.set_trait(change["name"], change["new"]), _SHARED)
        follow(lambda _: self.set_trait("norm", self.selection.chosen_norm), ["norm", "auto"])
        controls = self._controls
        controls.layer.observe(lambda change: self._ask(layer=change["new"]), "value")
        controls.quantity.observe(lambda change: self._ask(quantity=change["new"]), "value")
        controls.refresh.on_click(lambda _: self._ask())

    def _ask(self, layer: str | None = None, quantity: str | None = None) -> None:
        """Do what a control asks; an error is shown in the widget, where its cause is."""
        if self._placing:
            return  # a dropdown that gets new choices takes the first one for a moment
        shown_layer, shown_quantity = self._shown
        try:
            if layer not in (None, shown_layer):
                self.layer = layer
            elif quantity not in (None, shown_quantity):
                self.quantity = quantity
            elif layer is None and quantity is None:
                self.refresh()
        # whatever it is, the person at the widget must see it
        except Exception as error:  # noqa: BLE001
            self._message.value = f"<b>{escape(type(error).__name__)}</b> {escape(str(error))}"
            self._controls.choose(*self._shown)

    @validate("layer")
    def _validate_layer(self, proposal: Any) -> str:
        path = self._source.resolve(proposal["value"])
        if path != self._shown[0]:
            # computed before the trait changes: a failure leaves everything as it was
            offered = self._source.quantities(path)
            quantity = self.quantity if self.quantity in offered else offered[0]
            self._show(self._compute(path, quantity), path, quantity)
        return path

    @validate("quantity")
    def _validate_quantity(self, proposal: Any) -> str:
        layer, shown = self._shown
        quantity = str(proposal["value"])
        if quantity != shown:
            self._show(self._compute(layer, quantity), layer, quantity)
        return quantity

    @validate("sample")
    def _validate_sample(self, proposal: Any) -> int:
        return check_index("sample", proposal["value"], self._tensor.shape[0])

    @validate("channel")
    def _validate_channel(self, proposal: Any) -> int:
        return check_index("channel", proposal["value"], self._tensor.shape[-1])

    @validate("norm")
    def _validate_norm(self, proposal: Any) -> Norm:
        return check_norm(proposal["value"])

    @validate("reflect_half")
    def _validate_reflect(self, proposal: Any) -> bool:
        return check_reflect(proposal["value"], self._tensor)

    @observe("sample", "channel")
    def _index_changed(self, change: Any) -> None:
        setattr(self.selection, change["name"], change["new"])

    @observe("norm")
    def _norm_changed(self, change: Any) -> None:
        self.selection.choose_norm(change["new"])

    @observe("reflect_half")
    def _reflect_changed(self, change: Any) -> None:
        self.selection.reflect(change["new"])


_SHARED = ["sample", "channel", "reflect_half"]
"""Traits of the same name and meaning in explorer and selection."""
