"""`GradientExplorer`: puts source, selection, controls and views together, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple

from ipywidgets import HTML, Widget, register
from traitlets import Bool, Int, Unicode, observe, validate

from rnngrad_widgets.checks import (
    Norm,
    can_reflect,
    check_index,
    check_norm,
    check_part,
    check_reflect,
    check_view,
)
from rnngrad_widgets.cube import as_cube
from rnngrad_widgets.frame import Checked, Frame
from rnngrad_widgets.lifetime import close_earlier_runs
from rnngrad_widgets.sources import COMPANIONS, WEIGHTS, ArraySource, ModelSource, Source
from rnngrad_widgets.summary import summary_html
from rnngrad_widgets.tensor import GradientTensor
from rnngrad_widgets.views.controls import Controls
from rnngrad_widgets.views.selected import new_selection
from rnngrad_widgets.views.stage import Stage

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Shown(NamedTuple):
    """What is shown: the values of the three dropdowns."""

    layer: str
    quantity: str
    part: str


@register
class GradientExplorer(Frame):
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
    view
        ``"heat map"`` and the others that the buttons name; ``"scatter"`` without a time axis.
    title, cmap, height
        As for every widget of plots: text above it, colour map, height of the plots in pixels.
    part
        The same, where a quantity has several tensors: ``"kernel"`` or ``"forward/bias"`` of the
        weights, ``"[0]"`` for the first call of a shared layer, ``"0"`` for the first of stacked
        cells. Empty where there is only one.
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

    layer = Checked("")
    quantity = Unicode("")
    part = Unicode("")
    sample = Int(0)
    channel = Int(0)
    norm = Checked("auto")
    reflect_half = Bool(False)
    view = Unicode("")
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
        parts = source.compute(path, quantity)
        part = next(iter(parts))
        shape = as_cube(parts[part]).values.shape
        check_index("sample", sample, shape[0])
        check_index("channel", channel, shape[-1])
        check_reflect(reflect_half, parts[part])
        norm = check_norm(norm)
        self._source = source
        self._lock = RLock()
        self._placing = False
        self._weights_with: GradientTensor | None = None
        self._beside: tuple[Any, GradientTensor | None] = (None, None)
        selection = new_selection()
        self._controls = Controls(selection, source.layers())
        self._summary = HTML().add_class("rnngrad-summary")
        self._message = HTML().add_class("rnngrad-message")
        self._stage = Stage(selection, weights=bool(source.layers()))
        boxes = (self._controls.box, self._summary, self._message, self._stage.box)
        super().__init__(boxes, selection=selection)
        self._controls.link(self, self._stage.box)
        self._show(parts, Shown(path, quantity, part))
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
        self._show(self._compute(self._shown.layer, self._shown.quantity), self._shown)

    def _loose(self) -> list[Widget]:
        return [*self._controls.loose, *self._stage.loose]

    # -- computing and showing -------------------------------------------------------------------

    def _compute(self, layer: str, quantity: str) -> Mapping[str, GradientTensor]:
        with self._lock:  # an observer may run in another thread than the cell
            self.busy = "Computing the gradient…"
            try:
                return self._source.compute(layer, quantity)
            finally:
                self.busy = ""

    def _show(self, parts: Mapping[str, GradientTensor], wanted: Shown) -> None:
        part = wanted.part if wanted.part in parts else next(iter(parts))
        tensor = parts[part]
        cube = as_cube(tensor)
        self._parts, self._tensor, self._cube = parts, tensor, cube
        self._shown = Shown(wanted.layer, wanted.quantity, part)
        self.set_trait("step", tensor.step)
        self.layer, self.quantity, self.part = self._shown
        self._bring_into_range()
        self._stage.show(tensor, cube)
        self.view = self.view if self.view in self._stage.views else next(iter(self._stage.views))
        self._turn_to_view()
        self._place_controls()
        self._summary.value = summary_html(tensor)
        self._message.value = ""

    def _turn_to_view(self) -> None:
        self._stage.turn_to(self.view)
        self._controls.offer(list(self._stage.views), self.view)
        if self.view == "flow":
            self._stage.show_companion(self._companion())
        if self.view == "weights":
            self._show_weights()
        if self.figures != self._stage.figures:
            self.figures = self._stage.figures

    def _show_weights(self) -> None:
        if self._weights_with is not self._tensor:
            layer = self._shown.layer
            values, gradients = (self._compute(layer, name) for name in WEIGHTS)
            self._stage.show_weights(values, gradients)
            self._weights_with = self._tensor
            self.others = self._stage.selections

    def _companion(self) -> GradientTensor | None:
        """The total gradient where the direct one is shown, and the other way round."""
        layer, quantity, part = self._shown
        other = COMPANIONS.get(quantity)
        if other not in self._source.quantities(layer):
            return None
        if self._beside[0] != (self._shown, self._tensor):
            found = self._compute(layer, other).get(part)
            fits = found is not None and found.shape[:2] == self._tensor.shape[:2]
            self._beside = ((self._shown, self._tensor), found if fits else None)
        return self._beside[1]

    def _place_controls(self) -> None:
        self._placing = True
        try:
            quantities = self._source.quantities(self._shown.layer)
            self._controls.fit(self._cube, quantities, list(self._parts))
            self._controls.order.layout.display = None if can_reflect(self._tensor) else "none"
            self._controls.choose(*self._shown)
        finally:
            self._placing = False

    def _bring_into_range(self) -> None:
        selection, shape = self.selection, self._cube.values.shape
        selection.sample = min(selection.sample, shape[0] - 1)
        selection.channel = min(selection.channel, shape[-1] - 1)
        if not can_reflect(self._tensor):
            selection.reflect(False)

    # -- traits: checked here, kept in the selection, moved by the browser -----------------------

    def _listen(self) -> None:
        follow = self.selection.observe
        follow(lambda change: self.set_trait(change["name"], change["new"]), _SHARED)
        follow(lambda _: self.set_trait("norm", self.selection.chosen_norm), ["norm", "auto"])
        self._stage.box.observe(self._view_chosen, "selected_index")
        controls = self._controls
        for name, dropdown in controls.dropdowns.items():
            dropdown.observe(lambda change, name=name: self._ask({name: change["new"]}), "value")
        controls.refresh.on_click(lambda _: self._ask({}))

    def _ask(self, wanted: Mapping[str, str]) -> None:
        """Set a trait as a dropdown asks, or refresh; an error is shown where its cause is."""
        if self._placing:
            return  # a dropdown that gets new choices takes the first one for a moment
        try:
            if not wanted:
                self.refresh()
            for name, value in wanted.items():
                if value is not None:
                    setattr(self, name, value)
        # whatever it is, the person at the widget must see it
        except Exception as error:  # noqa: BLE001
            self._message.value = f"<b>{escape(type(error).__name__)}</b> {escape(str(error))}"
            self._place_controls()

    # In these three, all is computed before the trait changes: a failure leaves it as it was.

    @validate("layer")
    def _validate_layer(self, proposal: Any) -> str:
        path = self._source.resolve(proposal["value"])
        if path != self._shown.layer:
            offered = self._source.quantities(path)
            quantity = self.quantity if self.quantity in offered else offered[0]
            parts = self._compute(path, quantity)
            self._show(parts, self._shown._replace(layer=path, quantity=quantity))
        return path

    @validate("quantity")
    def _validate_quantity(self, proposal: Any) -> str:
        quantity = str(proposal["value"])
        if quantity != self._shown.quantity:
            parts = self._compute(self._shown.layer, quantity)
            self._show(parts, self._shown._replace(quantity=quantity))
        return quantity

    @validate("part")
    def _validate_part(self, proposal: Any) -> str:
        part = check_part(proposal["value"], self._parts)
        if part != self._shown.part:
            self._show(self._parts, self._shown._replace(part=part))
        return part

    def _view_chosen(self, change: Any) -> None:
        if change["new"] is not None:
            self.view = list(self._stage.views)[change["new"]]

    @validate("view")
    def _validate_view(self, proposal: Any) -> str:
        return check_view(proposal["value"], self._stage.views)

    @observe("view")
    def _view_changed(self, _change: Any) -> None:
        self._turn_to_view()

    @validate("sample")
    def _validate_sample(self, proposal: Any) -> int:
        return check_index("sample", proposal["value"], self._cube.values.shape[0])

    @validate("channel")
    def _validate_channel(self, proposal: Any) -> int:
        return check_index("channel", proposal["value"], self._cube.values.shape[-1])

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
