"""`GradientExplorer`: puts source, selection, controls and views together, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from os import PathLike
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from ipywidgets import HTML, Widget, register
from traitlets import Bool, Int, Unicode, observe, validate

from rnngrad_widgets.checks import (
    Norm,
    can_reflect,
    check_index,
    check_norm,
    check_part,
    check_precision,
    check_reflect,
    check_step,
    check_view,
    check_ylim,
)
from rnngrad_widgets.cube import Cube, as_cube, fitted
from rnngrad_widgets.following import Follower
from rnngrad_widgets.frame import Checked, Frame
from rnngrad_widgets.lifetime import close_earlier_runs
from rnngrad_widgets.live import LiveGradients
from rnngrad_widgets.sources import (
    COMPANIONS,
    WEIGHTS,
    ArraySource,
    ModelSource,
    RecordingSource,
    Source,
    by_part,
)
from rnngrad_widgets.summary import left_out, summary_html
from rnngrad_widgets.tensor import GradientSnapshot, GradientTensor
from rnngrad_widgets.timeline import BUDGET, Runs, capacity_for
from rnngrad_widgets.training import Every, OnError, Status
from rnngrad_widgets.views.colours import check_cmap
from rnngrad_widgets.views.controls import Controls
from rnngrad_widgets.views.selected import new_selection
from rnngrad_widgets.views.stage import Stage

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from rnngrad_widgets.recorder import GradientRecorder
    from rnngrad_widgets.widgets.tensor import Precision
    from rnngrad_widgets.widgets.timeline import Snapshot


class Shown(NamedTuple):
    """What is shown: the values of the three dropdowns."""

    layer: str
    quantity: str
    part: str


class First(NamedTuple):
    """What is selected at first."""

    sample: int = 0
    channel: int = 0
    norm: Any = "auto"
    reflect_half: bool = False
    view: str | None = None


class Style(NamedTuple):
    """Traits of every widget of plots."""

    title: str = ""
    cmap: str = "diverging"
    ylim: tuple[float, float] | None = None
    height: int | None = None


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
    view
        Which view is in front; None for the first that fits.
    title, cmap, ylim, height
        See the attributes.
    budget
        Bytes of one tensor that are sent to the browser, and of a run's snapshots: of more, the
        first samples are sent, and the summary says so.

    Attributes
    ----------
    layer, quantity, sample, channel, norm, reflect_half, step
        Two-way traits: set them, observe them. `step` is the training step that is shown, None
        where it is not known; it can be set to that of a snapshot of the timeline.
    view
        ``"heat map"`` and the others that the buttons name; ``"scatter"`` without a time axis.
    title, cmap, ylim, height
        As for every widget of plots: text above it, colour map, height of the plots in pixels.
    part
        The same, where a quantity has several tensors: ``"kernel"`` or ``"forward/bias"`` of the
        weights, ``"[0]"`` for the first call of a shared layer, ``"0"`` for the first of stacked
        cells. Empty where there is only one.
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
    _shown: Shown
    _parts: Mapping[str, GradientTensor]
    _tensor: GradientTensor
    _cube: Cube
    _follower: Follower | None = None  # here, as one that was refused is closed too
    step = Checked(None)

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
        view: str | None = None,
        title: str = "",
        cmap: str = "diverging",
        ylim: tuple[float, float] | None = None,
        height: int | None = None,
        budget: int = BUDGET,
    ) -> None:
        # here, because it imports TensorFlow, which an array does not need
        from rnngrad_widgets.engine import GradientEngine  # noqa: PLC0415

        source = ModelSource(GradientEngine(model), x, y, sample_weight, training)
        first = First(sample, channel, norm, reflect_half, view)
        self._start(source, layer, quantity, first, Style(title, cmap, ylim, height), budget)

    @classmethod
    def from_array(
        cls,
        array: ArrayLike,
        *,
        sample: int = 0,
        channel: int = 0,
        norm: Any = "auto",
        reflect_half: bool = False,
        view: str | None = None,
        title: str = "",
        cmap: str = "diverging",
        ylim: tuple[float, float] | None = None,
        height: int | None = None,
        budget: int = BUDGET,
    ) -> GradientExplorer:
        """Explore an array of any framework; TensorFlow is not imported.

        Parameters
        ----------
        array
            (samples, timesteps, channels) or (samples, channels), of real numbers.
        sample, channel, norm, reflect_half, view, title, cmap, ylim, height, budget
            As for the class.

        Raises
        ------
        TypeError
            If the array is not numeric.
        ValueError
            If its rank is wrong, it is empty, or a selection does not fit it.
        """
        explorer = cls.__new__(cls)  # another constructor of the same class
        first = First(sample, channel, norm, reflect_half, view)
        style = Style(title, cmap, ylim, height)
        explorer._start(ArraySource(array), None, "", first, style, budget)  # noqa: SLF001
        return explorer

    @classmethod
    def from_recording(
        cls,
        path: str | PathLike[str],
        layer: Any = None,
        quantity: str | None = None,
        *,
        follow: bool = False,
        storage_options: Mapping[str, Any] | None = None,
        timeout: float = 0.0,
    ) -> GradientExplorer:
        """Explore a recording; needs neither the model nor TensorFlow.

        Parameters
        ----------
        path
            A local folder, or a URL that fsspec knows.
        layer, quantity
            What is shown first; None is the first that was recorded.
        follow
            Show new steps as they are written.
        storage_options
            Options for fsspec.
        timeout
            Seconds to wait for the first step of a recording that is about to be written.

        Raises
        ------
        FileNotFoundError
            If there is no recording.
        RecordingError
            If it is not a sound one.
        ValueError
            If the layer or quantity was not recorded, or there is no step yet.
        ModuleNotFoundError
            If zarr is not installed.
        """
        # here, because it needs zarr, which is an extra
        from rnngrad_widgets.recording import Recording  # noqa: PLC0415

        recording = Recording(path, storage_options=storage_options, timeout=timeout)
        if not len(recording):
            raise ValueError(
                f"the recording must have a step; {recording.path} has none yet. "
                "Wait for the first one: from_recording(..., timeout=60)"
            )
        source = RecordingSource(recording)
        path_of_layer = source.resolve(layer)
        quantity = quantity or source.quantities(path_of_layer)[0]
        explorer = cls.__new__(cls)  # another constructor of the same class
        explorer._start(source, path_of_layer, quantity)  # noqa: SLF001
        explorer._follow(follow=follow)  # noqa: SLF001
        return explorer

    def _start(
        self,
        source: Source,
        layer: Any,
        quantity: str,
        first: First | None = None,
        style: Style | None = None,
        budget: int = BUDGET,
    ) -> None:
        first, style = first or First(), style or Style()
        # everything that can fail comes first: no widget has been made when it does
        path = source.resolve(layer)
        parts = source.compute(path, quantity)
        part = next(iter(parts))
        cube = fitted(as_cube(parts[part]), budget)
        check_index("sample", first.sample, cube.values.shape[0])
        check_index("channel", first.channel, cube.values.shape[-1])
        check_reflect(first.reflect_half, parts[part])
        norm = check_norm(first.norm)
        check_cmap(style.cmap)
        check_ylim(style.ylim)
        self._budget = budget
        self._source = source
        self._lock = RLock()
        self._placing = False
        self._noted: int | None = None
        self._probed: tuple[str, str] | None = None
        self._began = 0.0
        self._weights_with: GradientTensor | None = None
        self._beside: tuple[Any, GradientTensor | None] = (None, None)
        selection = new_selection()
        self._controls = Controls(selection, source.layers())
        self._summary = HTML().add_class("rnngrad-summary")
        self._message = HTML().add_class("rnngrad-message")
        weighed = set(WEIGHTS) <= set(source.quantities(path))
        self._stage = Stage(selection, weights=weighed)
        self._runs = Runs(selection, self._summary, budget, self._note_step)
        self._live: LiveGradients | None = None
        plots = (self._stage.box, self._runs.box)
        boxes = (self._controls.box, self._summary, self._message, *plots)
        super().__init__(boxes, selection=selection)
        self._controls.link(self, self._stage.box)
        self._show(parts, Shown(path, quantity, part))
        self._listen()
        self.sample, self.channel = first.sample, first.channel
        self.norm, self.reflect_half = norm, bool(first.reflect_half)
        try:
            if first.view is not None:
                self.view = first.view
            for name, value in style._asdict().items():
                setattr(self, name, value)
        except Exception:
            self.close()  # no widget is left of one that was refused
            raise
        close_earlier_runs(self)

    @property
    def tensor(self) -> GradientTensor:
        """What is shown."""
        return self._tensor

    def refresh(self) -> None:
        """Compute again, at the weights of now; the old picture stays until then.

        Where there is a timeline, its last step. A recording is read on.
        """
        if isinstance(self._source, RecordingSource):
            self._source.recording.refresh()
            self._read_new()
        else:
            parts = self._compute(self._shown.layer, self._shown.quantity)
            run = self._runs.current
            if run is None:
                self._show(parts, self._shown)
                return
            now = self._part_of(parts).step
            last = run.steps[-1]
            self._take(parts, last + 1 if now is None or now < last else now, run.status)
        if self._runs.current is not None:
            self.step = self._runs.current.steps[-1]
        self._message.value = ""

    @property
    def snapshots(self) -> list[Snapshot]:
        """The snapshots of the run that is shown; those that the budget leaves."""
        return self._runs.current.snapshots if self._runs.current else []

    def close(self) -> None:
        """Close the explorer and every widget it made, in Python and in the browser."""
        if self._follower is not None:
            self._follower.stop()
        super().close()

    def _loose(self) -> list[Widget]:
        return [*self._controls.loose, *self._stage.loose, *self._runs.loose]

    # -- while the model trains ------------------------------------------------------------------

    def live(
        self,
        every: Every = 10,
        *,
        max_overhead: float | None = 0.05,
        on_error: OnError = "warn",
        precision: Precision | None = None,
    ) -> LiveGradients:
        """A callback for ``fit``: shows what is shown here as training goes on.

        The batch is the explorer's, the same at every step, so that steps compare. Training is the
        same with and without it, to the last bit.

        Parameters
        ----------
        every
            Batches, or ``"epoch"``.
        max_overhead
            Share of the training time that this may cost: due steps are skipped to stay below it.
            None for no limit.
        on_error
            ``"warn"``: a failure is shown here and training goes on; ``"raise"``: it ends training.
        precision
            Of snapshots on the way to the browser, ``"float32"`` or ``"bfloat16"`` (half the size,
            every decade); None for bfloat16 where one has more than 8 MB.

        Raises
        ------
        ValueError
            If the explorer has no model, or an argument is not as above.
        """
        self._model_source("live")
        check_precision(precision)
        callback = LiveGradients(
            self, self._probe, every=every, max_overhead=max_overhead, on_error=on_error
        )
        self._runs.precision = precision
        self._runs.prepare(self._shown, self._tensor)
        self._note_figures()
        return callback

    def update(self) -> None:
        """Take a snapshot now and add it to the timeline: for a training loop of one's own.

        Raises
        ------
        ValueError
            If the explorer has no model.
        """
        source = self._model_source("update")
        if self._live is None:
            self._live = self.live(every=1, max_overhead=None, on_error="raise")
        self._live.update(source.model)

    def record(
        self,
        path: str | PathLike[str],
        layers: Any = None,
        quantities: Any = None,
        *,
        every: Every = 10,
        max_overhead: float | None = 0.05,
        mode: Literal["x", "a", "w"] = "x",
        on_error: OnError = "warn",
        storage_options: Mapping[str, Any] | None = None,
    ) -> GradientRecorder:
        """A callback for ``fit`` that records the explorer's batch; see `GradientRecorder`.

        Parameters
        ----------
        path
            A local folder, or a URL that fsspec knows.
        layers, quantities
            What is recorded; None is what is shown.
        every, max_overhead, mode, on_error, storage_options
            As for `GradientRecorder`.

        Raises
        ------
        ValueError
            If the explorer has no model, or an argument is not as above.
        FileExistsError
            If there is a recording and `mode` is ``"x"``.
        ModuleNotFoundError
            If zarr is not installed.
        """
        return self._model_source("record").recorder(
            path,
            self._shown.layer if layers is None else layers,
            self._shown.quantity if quantities is None else quantities,
            every=every,
            max_overhead=max_overhead,
            mode=mode,
            on_error=on_error,
            storage_options=storage_options,
        )

    def show(self, snapshot: GradientSnapshot | None, status: Status) -> None:
        """Add a snapshot to the timeline; what `LiveGradients` calls.

        Parameters
        ----------
        snapshot
            Of what is shown; None where only the status changed.
        status
            How far the run is.
        """
        if self.comm is None:
            return  # closed while the model trains
        if status.error is not None:
            self._say(status.error)
        with self._lock:
            # a person may have turned to something else since it was computed
            if snapshot is not None and self._probed == self._shown[:2]:
                if status.error is None:
                    self._message.value = ""
                self._take(by_part(snapshot, self._shown.layer), status.step or 0, str(status))
            else:
                self._runs.tell(str(status))

    @property
    def last_step(self) -> int | None:
        """Training step of the last snapshot; None before the first."""
        return self._runs.last_step

    def _take(self, parts: Mapping[str, GradientTensor], step: int, status: str) -> None:
        """Note a snapshot, and let the browser show it: no message is awaited."""
        tensor = self._part_of(parts)
        if tensor.shape != self._tensor.shape:
            self._show(parts, self._shown)
        self._parts = parts
        self._runs.append(self._shown, tensor, step, status)
        self._note_figures()
        self._note_run()

    def _part_of(self, parts: Mapping[str, GradientTensor]) -> GradientTensor:
        return parts[self._shown.part if self._shown.part in parts else next(iter(parts))]

    def _note_run(self) -> None:
        """Take note of what the run shows, if there is one."""
        if self._runs.current is not None:
            self._note_step(self._runs.current.shown)
            if self._beside[1] is not None:  # it was of one step
                self._beside = (None, None)
                self._stage.show_companion(None)

    def _note_step(self, step: int) -> None:
        """Take note of the step that the browser shows, or will."""
        run = self._runs.current
        if run is not None:
            step = run.nearest(step)
            self._tensor = run.tensor(step)
            self._cube = fitted(as_cube(self._tensor), self._budget)
        self._noted = step
        self.step = step

    def _model_source(self, method: str) -> ModelSource:
        if isinstance(self._source, ModelSource):
            return self._source
        raise ValueError(f"{method}() needs a model; this explorer shows an array or a recording")

    def _probe(self, model: Any) -> GradientSnapshot:
        source = self._model_source("live")
        if model is not source.model:
            raise ValueError(
                f"the model that trains must be the explorer's, {source.model.name!r}; received "
                f"{model.name!r}. Make a GradientExplorer of that one"
            )
        with self._lock:
            self._probed = self._shown[:2]
            return source.snapshot(self._shown.layer, self._shown.quantity)

    # -- a recording -----------------------------------------------------------------------------

    def _follow(self, *, follow: bool) -> None:
        """Show a recording from its beginning, and its new steps if asked."""
        self._read_new()
        if follow:
            self._follower = Follower(self._look, self._say)

    def _look(self) -> None:
        source = self._source
        if isinstance(source, RecordingSource) and source.recording.refresh():
            self._read_new()

    def _read_new(self) -> None:
        """Add the steps that were not read yet; where there are too many, evenly chosen ones."""
        source = self._source
        if not isinstance(source, RecordingSource) or not len(source.recording):
            return
        recording = source.recording
        with self._lock:
            if recording.times[0] != self._began:  # another one in its place
                self._runs.forget_all()
                self._began = float(recording.times[0])
            run = self._runs.current
            start = 0 if run is None else int(np.searchsorted(recording.steps, run.steps[-1])) + 1
            most = capacity_for(self._cube.values.nbytes, self._budget)
            places = [*range(start, len(recording), max(-(-(len(recording) - start) // most), 1))]
            if places and places[-1] != len(recording) - 1:
                places.append(len(recording) - 1)
            for place in places:
                tensor = source.read(place, self._shown.layer, self._shown.quantity)
                status = f"{len(recording):,} snapshots recorded"
                self._take({"": tensor}, int(recording.steps[place]), status)

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
        tensor, shown = parts[part], Shown(wanted.layer, wanted.quantity, part)
        cube = fitted(as_cube(tensor), self._budget)
        if self.view == "flow":
            self._companion(shown, tensor)  # before anything changes: the old picture stays
        self._parts, self._tensor, self._cube = parts, tensor, cube
        self._shown = shown
        self._noted = tensor.step
        self.step = tensor.step
        self.layer, self.quantity, self.part = self._shown
        self._bring_into_range()
        self._stage.show(tensor, cube)
        self.view = self.view if self.view in self._stage.views else next(iter(self._stage.views))
        # before the timeline, which shows another step as soon as it is on the page
        self._summary.value = summary_html(tensor) + left_out(tensor, cube)
        self._runs.turn_to(self._shown)
        self._note_run()
        self._turn_to_view()
        self._place_controls()
        self._message.value = ""

    def _turn_to_view(self) -> None:
        self._stage.turn_to(self.view)
        self._controls.offer(list(self._stage.views), self.view)
        if self.view == "flow":
            self._stage.show_companion(self._companion(self._shown, self._tensor))
        elif self._beside[0] != (self._shown, self._tensor):
            self._stage.show_companion(None)  # it was of another tensor
        if self.view == "weights":
            self._show_weights()
        self._note_figures()

    def _note_figures(self) -> None:
        figures = [*self._stage.figures, *self._runs.figures]
        if self.figures != figures:
            self.figures = figures

    def _prepare(self) -> None:
        """Let the views be whole that are filled when they are looked at."""
        if "flow" in self._stage.views:
            self._stage.show_companion(self._companion(self._shown, self._tensor))
        if "weights" in self._stage.views:
            self._show_weights()
            self._note_figures()

    def _show_weights(self) -> None:
        if self._weights_with is not self._tensor:
            layer = self._shown.layer
            values, gradients = (self._compute(layer, name) for name in WEIGHTS)
            self._stage.show_weights(values, gradients)
            self._weights_with = self._tensor
            self.others = self._stage.selections

    def _companion(self, shown: Shown, tensor: GradientTensor) -> GradientTensor | None:
        """The total gradient where the direct one is shown, and the other way round.

        None where there is a timeline: it would be of one step only.
        """
        layer, quantity, part = shown
        other = COMPANIONS.get(quantity)
        if other not in self._source.quantities(layer) or self._runs.has(shown):
            return None
        if self._beside[0] != (shown, tensor):
            found = self._compute(layer, other).get(part)
            fits = found is not None and found.shape[:2] == tensor.shape[:2]
            self._beside = ((shown, tensor), found if fits else None)
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
            self._say(error)
            self._place_controls()

    def _say(self, error: Exception) -> None:
        self._message.value = f"<b>{escape(type(error).__name__)}</b> {escape(str(error))}"

    # In these three, all is computed before the trait changes: a failure leaves it as it was.

    @validate("layer")
    def _validate_layer(self, proposal: Any) -> str:
        path = self._source.resolve(proposal["value"])
        if path != self._shown.layer:
            offered = self._source.quantities(path)
            quantity = self.quantity if self.quantity in offered else offered[0]
            parts = self._compute(path, quantity)
            with self._lock:
                self._show(parts, self._shown._replace(layer=path, quantity=quantity))
                self._read_new()
        return path

    @validate("quantity")
    def _validate_quantity(self, proposal: Any) -> str:
        quantity = str(proposal["value"])
        if quantity != self._shown.quantity:
            parts = self._compute(self._shown.layer, quantity)
            with self._lock:
                self._show(parts, self._shown._replace(quantity=quantity))
                self._read_new()
        return quantity

    @validate("part")
    def _validate_part(self, proposal: Any) -> str:
        part = check_part(proposal["value"], self._parts)
        if part != self._shown.part:
            self._show(self._parts, self._shown._replace(part=part))
        return part

    def _view_chosen(self, change: Any) -> None:
        if change["new"] is not None:
            self._ask({"view": list(self._stage.views)[change["new"]]})

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

    @validate("step")
    def _validate_step(self, proposal: Any) -> int | None:
        step, run = proposal["value"], self._runs.current
        return step if step == self._noted else check_step(step, run.steps if run else [])

    @observe("step")
    def _step_changed(self, change: Any) -> None:
        if change["new"] != self._noted:  # set in Python
            run = self._runs.current
            if run is not None:
                self._note_step(change["new"])
                run.turn(change["new"])

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
