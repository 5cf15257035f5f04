"""`show_features_1D`, `_2D`, `_0D`, `_hist`: one view of an array, drawn as the explorer draws it.

The names and the first arguments are those of see-rnn; what they return is a widget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any, TypedDict, cast

import numpy as np
from ipywidgets import HTML, VBox, Widget, register
from traitlets import Unicode, observe, validate

from rnngrad_widgets.callbacks.batch_snapshot import BATCH_DEFAULTS, BatchOptions
from rnngrad_widgets.data.keywords import naming, suggesting
from rnngrad_widgets.data.norm import Norm, check_norm
from rnngrad_widgets.data.plot_array import PlotArray, to_plot_array
from rnngrad_widgets.data.slices import (
    as_array,
    counted_timesteps,
    map_array,
    masked_of,
    note_on_masked,
    sequence_of,
    with_second_half_flipped,
)
from rnngrad_widgets.data.tensor import NO_TIME, SEQUENCE, GradientSnapshot, GradientTensor
from rnngrad_widgets.explorer.frame import PlotFrame, ValidatedAny
from rnngrad_widgets.explorer.sheet import drawing_of, shown_of
from rnngrad_widgets.explorer.sources import by_part, first_recurrent
from rnngrad_widgets.explorer.validation import check_rows
from rnngrad_widgets.figures.drawings import Sheet, Weights
from rnngrad_widgets.views.curves import CurveGridView
from rnngrad_widgets.views.histogram import HistogramView
from rnngrad_widgets.views.samples import MapsView
from rnngrad_widgets.views.scatter import ScatterView
from rnngrad_widgets.views.tensor_upload import bind_tensor, new_selection
from rnngrad_widgets.views.view import View
from rnngrad_widgets.views.weights import WeightsView
from rnngrad_widgets.widgets.figure import PlotFigure
from rnngrad_widgets.widgets.lifetime import LIFETIMES
from rnngrad_widgets.widgets.selection import Selection

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from typing_extensions import Unpack


@register
class Features(PlotFrame):
    """One view of an array.

    Attributes
    ----------
    norm
        Colour range (vmin, vmax), or ``"auto"``.
    title, cmap, ylim, height
        As for every widget of plots.
    """

    _model_name = Unicode("FeaturesModel").tag(sync=True)

    LINKABLE = ("norm",)

    norm = ValidatedAny("auto").tag(sync=True)

    def __init__(
        self, selection: Selection, view: View, notes: Sequence[str] = (), **style: Any
    ) -> None:
        self._view = view
        plots = VBox([view.box]).add_class("rnngrad-plots").add_class("rnngrad-alone")
        self._boxes = [plots, *_lines(notes)]
        super().__init__(self._boxes, selection=selection)
        try:
            for name, value in style.items():
                setattr(self, name, value)  # traits, which check what they are given
        except Exception:
            self.close()  # nobody else could
            raise
        selection.observe(self._follow_selection, ["norm", "auto"])
        LIFETIMES.note_made(self)

    @property
    def figures(self) -> list[PlotFigure]:
        """The figures of the view."""
        return list(self._view.figures)

    def _sheet(self) -> Sheet:
        drawing = drawing_of(self._view, "", (), was_seen=self.dark is not None)
        shown = replace(shown_of(self.selection), cmap=self.cmap)
        if isinstance(drawing, Weights):
            drawing = Weights(replace(drawing.shown, cmap=self.cmap))
        return Sheet(shown, drawing, title=self.title)

    def _detached_widgets(self) -> list[Widget]:
        return self._view.detached_widgets

    @validate("norm")
    def _validate_norm(self, proposal: Any) -> Norm:
        return check_norm(proposal["value"])

    def _follow_selection(self, _change: Any) -> None:
        self.norm = self.selection.chosen_norm  # the browser says that of a linked widget

    @observe("norm")
    def _norm_changed(self, change: Any) -> None:
        self.selection.choose_norm(change["new"])
        if not self.selection.is_told("norm", "auto"):
            self._carry("norm")


def _lines(notes: Sequence[str]) -> list[Widget]:
    """Return a line of notes on the batch; none where there are none."""
    return [HTML(escape(" · ".join(notes))).add_class("rnngrad-message")] if notes else []


class FigureStyle(TypedDict, total=False):
    """What every one of the figures takes.

    Parameters
    ----------
    title
        Text above the plots; empty for none.
    height
        Height of the plots in CSS pixels, 120 or more; None for the usual one.
    """

    title: str
    height: int | None


STYLE_DEFAULTS: FigureStyle = {"title": "", "height": None}


class WeightsOptions(BatchOptions, FigureStyle, total=False):
    """What the figure of the weights takes: of the batch, and of its style."""


WEIGHTS_DEFAULTS = cast("WeightsOptions", {**BATCH_DEFAULTS, **STYLE_DEFAULTS})


@suggesting
@naming(FigureStyle, STYLE_DEFAULTS)
def show_features_1D(  # noqa: N802 - the name is see-rnn's
    data: ArrayLike,
    n_rows: int | None = None,
    *,
    dims: tuple[str, ...] | None = None,
    own_y: bool = False,
    ylim: tuple[float, float] | None = None,
    **style: Unpack[FigureStyle],
) -> Features:
    """Draw curves against time: a panel for each channel, a colour for each sample.

    Parameters
    ----------
    data
        (samples, timesteps, channels), or a slice of it: ``grads[0]``, ``grads[:, :, 0]``.
    n_rows
        Rows of panels, 1 or more; None for as many as fit best. Pages hold up to 24 panels.
    dims
        Names of the axes of a slice with two of them, ``("timestep", "channel")`` or
        ``("sample", "timestep")``. None takes them from the array that it is a slice of, else the
        first.
    own_y
        Whether each panel has a y axis of its own.
    ylim
        Ends (low, high) of the y axes, in units of the array; None fits them to the values.
    **style
        ``title``, text above the plots; ``height``, that of the plots in CSS pixels, 120 or more,
        None for the usual one.

    Returns
    -------
    Features
        A widget: the last line of a cell shows it. `title`, `ylim` and `height` are its traits.

    Raises
    ------
    TypeError
        If the array is not numeric.
    ValueError
        If its rank is not 2 or 3, it is empty, or an argument is out of range.
    """
    rows = check_rows(n_rows)
    tensor = sequence_of(data, dims)
    missing = {"timestep": 0, "sample": -1}  # where a slice lost its samples, or its channels
    values = tensor.values
    if values.ndim == 2:
        values = np.expand_dims(values, missing[tensor.dims[0]])
    masked = masked_of(data)
    counted = counted_timesteps(masked, tensor.dims)
    selection, plot_array = _selection_of(GradientTensor(values, SEQUENCE, mask=counted))
    view = CurveGridView(selection, rows=rows, independent_y=own_y)
    view.fit(plot_array)
    return Features(selection, view, note_on_masked(masked, counted), ylim=ylim, **style)


@suggesting
@naming(FigureStyle, STYLE_DEFAULTS)
def show_features_2D(  # noqa: N802 - the name is see-rnn's
    data: ArrayLike,
    n_rows: int | None = None,
    norm: Any = None,
    reflect_half: bool = False,
    timesteps_xaxis: bool = True,
    *,
    dims: tuple[str, ...] | None = None,
    cmap: str = "diverging",
    **style: Unpack[FigureStyle],
) -> Features:
    """Draw heat maps in one range of colours: a panel for each sample.

    Parameters
    ----------
    data
        (samples, timesteps, channels), or a slice of it: ``grads[0]`` is one heat map,
        ``grads[:, :, 0]`` one with a row for each sample.
    n_rows
        Rows of panels, 1 or more; None for as many as fit best. Pages hold up to 64 panels.
    norm
        Colour range (vmin, vmax); None or ``"auto"`` fits it to the values.
    reflect_half
        Flip the second half of the channels along time: the backward layer of a Bidirectional one
        in the order in which it processed the timesteps.
    timesteps_xaxis
        Timesteps from left to right; else upwards, with the channels from left to right.
    dims, **style
        As for `show_features_1D`.
    cmap
        Name of a colour map: ``"diverging"``, ``"sequential"``, ``"bwr"`` or one of bqplot's.

    Returns
    -------
    Features
        A widget; `norm`, `cmap`, `title` and `height` are its traits.

    Raises
    ------
    TypeError
        If the array is not numeric.
    ValueError
        If its rank is not 2 or 3, it is empty, it has no halves to reflect, or an argument is out
        of range.
    """
    rows = check_rows(n_rows)
    norm = "auto" if norm is None else check_norm(norm)
    tensor = sequence_of(data, dims)
    if reflect_half and (tensor.dims[-1] != "channel" or tensor.shape[-1] % 2):
        raise ValueError(
            "reflect_half needs an even number of channels; received "
            f"{dict(zip(tensor.dims, tensor.shape, strict=True))}"
        )
    if reflect_half and not timesteps_xaxis:
        tensor = with_second_half_flipped(tensor)  # the browser flips along the x axis only
    plot_array = map_array(tensor, timesteps_xaxis=timesteps_xaxis)
    masked, counted = masked_of(data), None
    if timesteps_xaxis and tensor.dims[-1] == "channel":  # else no column is a sample's timestep
        counted = counted_timesteps(masked, tensor.dims)
        values = tensor.values.reshape(-1, *tensor.shape[-2:])
        tensor = GradientTensor(values, SEQUENCE, mask=counted)
    selection, _ = _selection_of(tensor, plot_array)
    selection.reflect(reflect_half and timesteps_xaxis)
    view = MapsView(selection, rows=rows)
    view.fit(plot_array)
    notes = note_on_masked(masked, counted)
    return Features(selection, view, notes, norm=norm, cmap=cmap, **style)


@suggesting
@naming(FigureStyle, STYLE_DEFAULTS)
def show_features_0D(  # noqa: N802 - the name is see-rnn's
    data: ArrayLike,
    *,
    ylim: tuple[float, float] | None = None,
    **style: Unpack[FigureStyle],
) -> Features:
    """Draw values without a time axis: those of every channel, sample by sample.

    Parameters
    ----------
    data
        (samples, channels), as of a ``return_sequences=False`` layer; (channels,) is one sample.
    ylim, **style
        As for `show_features_1D`.

    Returns
    -------
    Features
        A widget; `ylim`, `title` and `height` are its traits.

    Raises
    ------
    TypeError
        If the array is not numeric.
    ValueError
        If its rank is not 1 or 2, or it is empty.
    """
    values = as_array(data)
    if values.ndim not in (1, 2):
        raise ValueError(
            f"0-D data is (samples, channels) or (channels,); received shape {values.shape}. "
            "Take a timestep: data[:, -1]"
        )
    selection, plot_array = _selection_of(GradientTensor(np.atleast_2d(values), NO_TIME))
    view = ScatterView(selection)
    view.fit(plot_array)
    return Features(selection, view, note_on_masked(masked_of(data), None), ylim=ylim, **style)


@suggesting
@naming(FigureStyle, STYLE_DEFAULTS)
def show_features_hist(data: ArrayLike, **style: Unpack[FigureStyle]) -> Features:
    """Draw how the values are distributed: all of them, and those of one sample.

    Parameters
    ----------
    data
        (samples, timesteps, channels), or an array with fewer axes.
    **style
        As for `show_features_1D`.

    Returns
    -------
    Features
        A widget; `title` and `height` are its traits.

    Raises
    ------
    TypeError
        If the array is not numeric.
    ValueError
        If its rank is not 1, 2 or 3, or it is empty.
    """
    values = as_array(data)
    if values.ndim not in (1, 2, 3):
        raise ValueError(f"the data must have 1, 2 or 3 axes; received shape {values.shape}")
    dims = SEQUENCE if values.ndim == 3 else NO_TIME
    masked = masked_of(data)
    counted = counted_timesteps(masked, dims)
    tensor = GradientTensor(np.atleast_2d(values), dims, mask=counted)
    selection, plot_array = _selection_of(tensor)
    view = HistogramView(selection)
    view.fit(plot_array)
    return Features(selection, view, note_on_masked(masked, counted), **style)


@suggesting
@naming(WeightsOptions, WEIGHTS_DEFAULTS)
def show_weights(
    model: Any,
    layer: Any = None,
    x: Any = None,
    y: Any = None,
    *,
    cmap: str = "diverging",
    **options: Unpack[WeightsOptions],
) -> Features:
    """Draw kernel, recurrent kernel and bias as heat maps, and a histogram for each gate.

    Parameters
    ----------
    model
        Keras model, never changed; compiled where a batch is given without `loss`.
    layer
        Path or name, index into ``model.layers`` or layer object; None is the first recurrent
        layer.
    x, y
        One batch, as ``model.fit`` takes it: then the gradient with respect to the weights can be
        shown too. Or, as `x`, a dataset or generator: all of its batches, or the first `steps`; a
        line under the figure says how many samples that were.
    cmap
        As for `show_features_2D`.
    **options
        ``sample_weight``, ``class_weight``, ``training``, ``steps`` and ``loss``, see
        `BatchOptions`; ``title`` and ``height``, as for `show_features_1D`.

    Returns
    -------
    Features
        A widget; `norm`, `cmap`, `title` and `height` are its traits.

    Raises
    ------
    ValueError
        If the layer is unknown, ambiguous or not recurrent, has no weights yet, or the batch does
        not fit.
    """
    # here, because it imports TensorFlow, which an array does not need
    from rnngrad_widgets.engine import GradientEngine  # noqa: PLC0415

    batch = {name: value for name, value in options.items() if name in BATCH_DEFAULTS}
    style = {name: value for name, value in options.items() if name in STYLE_DEFAULTS}
    engine = GradientEngine(model)
    path = first_recurrent(engine) if layer is None else engine.resolve(layer).path
    snapshot = GradientSnapshot({})
    if x is not None:
        options_of_batch = cast("BatchOptions", batch)
        snapshot = engine.compute(x, y, path, "weight_gradient", **options_of_batch)
    weights = engine.weights(path)
    view = WeightsView()
    view.show(weights, by_part(snapshot, path) or None)
    first, *others = view.selections
    return Features(first, view, weight_selections=others, notes=snapshot.notes, cmap=cmap, **style)


def _selection_of(
    tensor: GradientTensor, plot_array: PlotArray | None = None
) -> tuple[Selection, PlotArray]:
    """Make a selection of the tensor, on its way to the browser."""
    plot_array = to_plot_array(tensor) if plot_array is None else plot_array
    selection = new_selection()
    bind_tensor(selection, tensor, plot_array)
    return selection, plot_array
