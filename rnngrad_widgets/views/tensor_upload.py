"""Send a tensor to the browser, alone or bound to a selection."""

from __future__ import annotations

import numpy as np

from rnngrad_widgets.data.plot_array import PlotArray
from rnngrad_widgets.data.quantities import quantity_of
from rnngrad_widgets.data.statistics import auto_limit, max_decade
from rnngrad_widgets.data.tensor import GradientTensor
from rnngrad_widgets.diagnosis.telling import NOTHING, Told
from rnngrad_widgets.views.colours import colour_scale
from rnngrad_widgets.views.panel import index_scale
from rnngrad_widgets.widgets.selection import Selection
from rnngrad_widgets.widgets.tensor import Tensor


def new_selection() -> Selection:
    """Make a selection of nothing yet, with scales of its own."""
    return selection_of(Tensor())


def selection_of(tensor: Tensor, like: Selection | None = None) -> Selection:
    """Make a selection of a tensor, with scales of its own, or those of another one."""
    if like is not None:
        return Selection(
            tensor=tensor,
            companion=like.companion,
            colour_scale=like.colour_scale,
            time_scale=like.time_scale,
        )
    return Selection(
        tensor=tensor,
        companion=Tensor(),
        colour_scale=colour_scale(),
        time_scale=index_scale(),
    )


def bind_tensor(
    selection: Selection, tensor: GradientTensor, plot_array: PlotArray, told: Told = NOTHING
) -> None:
    """Bind a tensor to a selection, and send it to the browser with what is told of it."""
    before = selection.tensor.told
    with selection.tensor.hold_sync():
        upload(selection.tensor, tensor, plot_array)
        send_told(selection, told)
    if selection.tensor.told == before:  # then it was not sent, and a timeline may tell another one
        selection.tensor.send_state("told")
    selection.fit_norm(auto_limit(plot_array.values), max_decade(plot_array.values))


def send_told(selection: Selection, told: Told) -> None:
    """Send what is told of the array that is shown, of the samples that were sent."""
    array = selection.tensor.array
    sent = 0 if array is None else len(array)
    selection.tensor.told = told._replace(samples=told.samples[:sent]).to_wire()


def upload(widget: Tensor, tensor: GradientTensor, plot_array: PlotArray) -> None:
    """Send a tensor to the browser."""
    known = quantity_of(tensor.quantity)
    with widget.hold_sync():
        norm = f"‖{known.symbol}‖"
        noun, symbol = (f"Norm {norm}", norm) if tensor.norms_over else (known.noun, known.symbol)
        widget.name, widget.noun, widget.symbol = known.summary, noun, symbol
        widget.columns, widget.rows = plot_array.columns, plot_array.rows
        widget.row_labels = list(plot_array.row_labels)
        widget.gates, widget.gates_along = list(plot_array.gates), plot_array.gates_along
        widget.directions = list(tensor.directions)
        widget.sections = [section._asdict() for section in plot_array.sections]
        widget.flow = "Gradient flow" if known.is_gradient else "Flow"
        sent = plot_array.values.shape[0]
        widget.mask = None if tensor.mask is None else tensor.mask[:sent].astype(np.float32)
        widget.array = plot_array.values
