"""Where the picture is: the tensor on its way to the browser, and the views that fit it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ipywidgets import Stack, Widget

from rnngrad_widgets.data.plot_array import PlotArray
from rnngrad_widgets.data.quantities import TRUNCATION_ERROR
from rnngrad_widgets.data.statistics import norms_over_channels
from rnngrad_widgets.data.tensor import GradientTensor
from rnngrad_widgets.diagnosis.telling import Told
from rnngrad_widgets.views.curves import CurvesView
from rnngrad_widgets.views.diagnosis import DiagnosisView
from rnngrad_widgets.views.flow import FlowView
from rnngrad_widgets.views.heatmap import HeatMapView
from rnngrad_widgets.views.histogram import HistogramView
from rnngrad_widgets.views.samples import SamplesView
from rnngrad_widgets.views.scatter import ScatterView
from rnngrad_widgets.views.tensor_upload import bind_tensor, send_told, upload
from rnngrad_widgets.views.view import View, bring_to_front
from rnngrad_widgets.views.weights import Weights, WeightsView
from rnngrad_widgets.widgets.figure import PlotFigure
from rnngrad_widgets.widgets.selection import Selection


class ViewStack:
    """Shows one view of one tensor; the browser switches between the views that fit it.

    The boxes of all of them are in an ipywidgets ``Stack``, which renders the one in front: so
    switching works while the kernel is busy, and in a saved page.

    Views that were made are kept for the next tensor that they fit.

    Parameters
    ----------
    selection
        What is drawn; its tensor is set here.
    weights
        Whether there is a view of a layer's weights.
    choose
        Called with what a person chose in a view: the trait of the explorer, and its value.
    """

    def __init__(
        self, selection: Selection, *, weights: bool, choose: Callable[[str, str], None]
    ) -> None:
        self._selection = selection
        self.diagnosis = DiagnosisView(selection, choose)
        self._weights: dict[str, WeightsView] = {"weights": WeightsView()} if weights else {}
        self._made: dict[str, Mapping[str, View]] = {}
        self.views: Mapping[str, View] = {}
        self.box = Stack(selected_index=None).add_class("rnngrad-plots")

    @property
    def detached_widgets(self) -> list[Widget]:
        """Widgets of all views, also of those that do not fit the current tensor."""
        kinds: list[Mapping[str, View]] = [
            *self._made.values(),
            {"diagnosis": self.diagnosis},
            self._weights,
        ]
        made: list[View] = [view for views in kinds for view in views.values()]
        return [widget for view in made for widget in (view.box, *view.detached_widgets)]

    @property
    def figures(self) -> list[PlotFigure]:
        """The figures of the views that fit."""
        return [figure for view in self.views.values() for figure in view.figures]

    def show(self, tensor: GradientTensor, plot_array: PlotArray, told: Told) -> None:
        """Send the array and what is told of it, and offer the views that fit it."""
        bind_tensor(self._selection, tensor, plot_array, told)
        self.views = self._views_of(tensor, plot_array, diagnosed=bool(told.rows))
        if len(tensor.directions) == 2 and plot_array.has_columns:
            self.box.add_class("rnngrad-halves")
        else:
            self.box.remove_class("rnngrad-halves")
        for view in self.views.values():
            view.fit(plot_array)

    def tell(self, told: Told) -> None:
        """Send what is told of the array that is shown."""
        send_told(self._selection, told)

    def show_companion(self, tensor: GradientTensor | None) -> None:
        """Send a companion of what is shown, as norms, to the flow; None takes it away."""
        widget = self._selection.companion
        if tensor is None:
            widget.array = None
        else:
            array = self._selection.tensor.array
            sent = None if array is None else len(array)
            columns = "k" if tensor.quantity == TRUNCATION_ERROR.name else "timestep"
            norms = PlotArray(norms_over_channels(tensor)[:sent], columns, "direction")
            upload(widget, tensor, norms)
        flow = self.views.get("flow")
        if isinstance(flow, FlowView):
            flow.fit_companion()

    @property
    def selections(self) -> list[Selection]:
        """What is drawn beside the selection of the sliders."""
        return [selection for view in self._weights.values() for selection in view.selections]

    def show_weights(self, values: Weights, gradients: Weights) -> None:
        """Send the weights of a layer and their gradients to their view."""
        for view in self._weights.values():
            view.show(values, gradients)

    def show_view(self, name: str) -> None:
        """Put one of the views in front."""
        boxes = [view.box for view in self.views.values()]
        bring_to_front(self.box, boxes, list(self.views).index(name))

    def _views_of(
        self, tensor: GradientTensor, plot_array: PlotArray, *, diagnosed: bool
    ) -> Mapping[str, View]:
        halves = len(tensor.directions) == 2
        timed = plot_array.columns == "timestep"
        norms = tensor.norms_over > 0
        kind = f"{halves=}, {timed=}, {norms=}" if plot_array.has_columns else "no time"
        if kind not in self._made:
            self._made[kind] = (
                self._with_columns(halves=halves, timed=timed, norms=norms)
                if plot_array.has_columns
                else self._without_columns()
            )
        diagnosis: dict[str, View] = {"diagnosis": self.diagnosis} if diagnosed else {}
        return {**self._made[kind], **diagnosis, **self._weights}

    def _with_columns(self, *, halves: bool, timed: bool, norms: bool) -> Mapping[str, View]:
        selection = self._selection
        if norms:  # there are no channels to look at
            return {"flow": FlowView(selection), "histogram": HistogramView(selection)}
        views: dict[str, View] = {"heat map": HeatMapView(selection, halves=halves, flow=timed)}
        if timed:
            views["all samples"] = SamplesView(selection)
            views["curves"] = CurvesView(selection)
            views["flow"] = FlowView(selection)
        views["histogram"] = HistogramView(selection)
        return views

    def _without_columns(self) -> Mapping[str, View]:
        return {
            "scatter": ScatterView(self._selection),
            "histogram": HistogramView(self._selection),
        }
