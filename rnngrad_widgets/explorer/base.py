"""`ExplorerBase`: what an explorer shows, and how it turns to something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from html import escape
from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from ipywidgets import HTML, Widget
from traitlets import Unicode, observe, validate

from rnngrad_widgets.data.norm import Norm, check_norm
from rnngrad_widgets.data.plot_array import PlotArray, to_plot_array, truncate_to_budget
from rnngrad_widgets.data.quantities import WEIGHTS, quantity_of
from rnngrad_widgets.data.tensor import GradientTensor, NothingThereError
from rnngrad_widgets.data.thinning import BUDGET
from rnngrad_widgets.explorer.frame import PlotFrame, ValidatedAny
from rnngrad_widgets.explorer.runs import Runs
from rnngrad_widgets.explorer.sources import (
    ModelSource,
    RecordingSource,
    Source,
    opened,
)
from rnngrad_widgets.explorer.summary import left_out, summary_html
from rnngrad_widgets.explorer.validation import (
    can_reflect,
    check_index,
    check_part,
    check_reflect,
    check_step,
    check_view,
    check_ylim,
)
from rnngrad_widgets.views.colours import check_cmap
from rnngrad_widgets.views.controls import Controls
from rnngrad_widgets.views.stage import ViewStack
from rnngrad_widgets.views.tensor_upload import new_selection
from rnngrad_widgets.widgets.lifetime import close_earlier_runs
from rnngrad_widgets.widgets.traits import Bool, Int

if TYPE_CHECKING:
    from rnngrad_widgets.widgets.timeline import Snapshot

Compute = Callable[[str, str], Mapping[str, GradientTensor]]


class DisplayKey(NamedTuple):
    """What is shown: the values of the three dropdowns."""

    layer: str
    quantity: str
    part: str


class InitialSelection(NamedTuple):
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


class ExplorerBase(PlotFrame):
    """A source, what is shown of it, and the traits, dropdowns and views that choose it.

    `GradientExplorer` says what they mean, and makes one.
    """

    layer = ValidatedAny("")
    quantity = Unicode("")
    part = Unicode("")
    sample = Int(0)
    channel = Int(0)
    norm = ValidatedAny("auto")
    reflect_half = Bool(False)
    view = Unicode("")
    _shown: DisplayKey
    _parts: Mapping[str, GradientTensor]
    _tensor: GradientTensor
    _plot_array: PlotArray
    step = ValidatedAny(None)

    def _start(
        self,
        source: Source,
        layer: Any,
        quantity: str | None,
        first: InitialSelection | None = None,
        style: Style | None = None,
        budget: int = BUDGET,
    ) -> None:
        first, style = first or InitialSelection(), style or Style()
        # everything that can fail comes first: no widget has been made when it does
        path, shown, parts, why = opened(source, layer, quantity)
        part = next(iter(parts))
        plot_array = truncate_to_budget(to_plot_array(parts[part]), budget)
        check_index("sample", first.sample, plot_array.values.shape[0])
        check_index("channel", first.channel, plot_array.values.shape[-1])
        check_reflect(first.reflect_half, parts[part])
        norm = check_norm(first.norm)
        check_cmap(style.cmap)
        check_ylim(style.ylim)
        self._budget = budget
        self._source = source
        self._asked = quantity is not None
        self._why = {(path, shown): why}
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
        self._stage = ViewStack(selection, weights=weighed)
        self._runs = Runs(selection, self._summary, budget, self._note_step)
        plots = (self._stage.box, self._runs.box)
        boxes = (self._controls.box, self._summary, self._message, *plots)
        super().__init__(boxes, selection=selection)
        self._controls.link(self, self._stage.box)
        self._show(parts, DisplayKey(path, shown, part))
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

    @property
    def snapshots(self) -> list[Snapshot]:
        """The snapshots of the run that is shown; those that the budget leaves."""
        return self._runs.current.snapshots if self._runs.current else []

    def refresh(self) -> None:
        """Compute again, at the weights of now; the old picture stays until then.

        Where there is a timeline, its last step. A recording is read on.

        Raises
        ------
        RuntimeError
            If the explorer was closed.
        """
        if self.comm is None:
            raise RuntimeError("the explorer must be open; it was closed. Make it anew")
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
        self._clear_message()

    def _detached_widgets(self) -> list[Widget]:
        return [
            *self._controls.detached_widgets,
            *self._stage.detached_widgets,
            *self._runs.detached_widgets,
        ]

    # -- computing and showing ---------------------------------------------------------------------

    def _compute(self, layer: str, quantity: str) -> Mapping[str, GradientTensor]:
        with self._computing():
            return self._source.compute(layer, quantity)

    @contextmanager
    def _computing(self) -> Iterator[None]:
        with self._lock:  # an observer may run in another thread than the cell
            self.busy = "Computing the gradient…"
            try:
                yield
            finally:
                self.busy = ""

    def _open(self, path: str) -> tuple[str, Mapping[str, GradientTensor]]:
        """Compute what another layer is shown by: the quantity that was asked for, if it has it."""
        if self._asked and self.quantity in self._source.quantities(path):
            try:
                return self.quantity, self._compute(path, self.quantity)
            except NothingThereError as error:
                why = str(error)
        else:
            why = ""
        with self._computing():
            _, quantity, parts, instead = opened(self._source, path, None)
        self._why[path, quantity] = why or instead
        return quantity, parts

    def _show(self, parts: Mapping[str, GradientTensor], wanted: DisplayKey) -> None:
        part = wanted.part if wanted.part in parts else next(iter(parts))
        tensor, shown = parts[part], DisplayKey(wanted.layer, wanted.quantity, part)
        plot_array = truncate_to_budget(to_plot_array(tensor), self._budget)
        if self.view == "flow":
            self._companion(shown, tensor)  # before anything changes: the old picture stays
        self._parts, self._tensor, self._plot_array = parts, tensor, plot_array
        self._shown = shown
        self._noted = tensor.step
        self.step = tensor.step
        self.layer, self.quantity, self.part = self._shown
        self._bring_into_range()
        self._stage.show(tensor, plot_array)
        self.view = self.view if self.view in self._stage.views else next(iter(self._stage.views))
        # before the timeline, which shows another step as soon as it is on the page
        self._summary.value = summary_html(tensor) + left_out(tensor, plot_array)
        self._runs.turn_to(self._shown)
        self._note_run()
        self._turn_to_view()
        self._place_controls()
        self._clear_message()

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

    def _show_weights(self, compute: Compute | None = None) -> None:
        """Fill the view of the weights, at the weights of now."""
        if self._weights_with is not self._tensor:
            layer, compute = self._shown.layer, compute or self._compute
            values, gradients = (compute(layer, name) for name in WEIGHTS)
            self._stage.show_weights(values, gradients)
            self._weights_with = self._tensor
            self.others = self._stage.selections

    def _companion(self, shown: DisplayKey, tensor: GradientTensor) -> GradientTensor | None:
        """The total gradient where the direct one is shown, and the other way round.

        None where there is a timeline: it would be of one step only.
        """
        layer, quantity, part = shown
        other = quantity_of(quantity).companion
        if other not in self._source.quantities(layer) or self._runs.has(shown):
            return None
        if self._beside[0] != (shown, tensor):
            try:
                found = self._compute(layer, other).get(part)
            except NothingThereError:  # of an encoder, only the states go on
                found = None
            timed = (t is not None and "timestep" in t.dims for t in (found, tensor))
            fits = all(timed) and found is not None and found.shape[:2] == tensor.shape[:2]
            self._beside = ((shown, tensor), found if fits else None)
        return self._beside[1]

    def _place_controls(self) -> None:
        self._placing = True
        try:
            quantities = self._source.quantities(self._shown.layer)
            self._controls.fit(self._plot_array, quantities, list(self._parts))
            self._controls.order.layout.display = None if can_reflect(self._tensor) else "none"
            self._controls.choose(*self._shown)
        finally:
            self._placing = False

    def _bring_into_range(self) -> None:
        selection, shape = self.selection, self._plot_array.values.shape
        selection.sample = min(selection.sample, shape[0] - 1)
        selection.channel = min(selection.channel, shape[-1] - 1)
        if not can_reflect(self._tensor):
            selection.reflect(False)

    # -- the timeline ------------------------------------------------------------------------------

    def _take(self, parts: Mapping[str, GradientTensor], step: int, status: str) -> None:
        """Note a snapshot, and let the browser show it: no message is awaited."""
        tensor = self._part_of(parts)
        if tensor.shape != self._tensor.shape:
            self._show(parts, self._shown)
        self._parts = parts
        self._runs.append(self._shown, tensor, step, status)
        self._note_figures()
        self._note_run()
        if self.view == "weights" and isinstance(self._source, ModelSource):
            self._show_weights(self._source.compute)

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
            self._plot_array = truncate_to_budget(to_plot_array(self._tensor), self._budget)
        self._noted = step
        self.step = step

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
            most = self._runs.prepare(self._shown, self._tensor).capacity
            places = [*range(start, len(recording), max(-(-(len(recording) - start) // most), 1))]
            if places and places[-1] != len(recording) - 1:
                places.append(len(recording) - 1)
            count = int(recording.skipped.sum())
            skipped = f" · {count:,} skipped" if count else ""
            for place in places:
                tensor = source.read(place, self._shown.layer, self._shown.quantity)
                status = f"{len(recording):,} snapshots recorded{skipped}"
                self._take({"": tensor}, int(recording.steps[place]), status)

    # -- traits: checked here, kept in the selection, moved by the browser -------------------------

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
        self.busy = "Computing…"  # the browser waits to hear of it
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
        finally:
            self.busy = ""

    def _clear_message(self) -> None:
        """Let only what is to be said of the batch, and of what is shown, stand."""
        why = self._why.get(self._shown[:2], "")
        self._message.value = escape(" · ".join(filter(None, (*self._source.notes, why))))

    def _say(self, error: Exception) -> None:
        self._message.value = f"<b>{escape(type(error).__name__)}</b> {escape(str(error))}"

    # In these three, all is computed before the trait changes: a failure leaves it as it was.

    @validate("layer")
    def _validate_layer(self, proposal: Any) -> str:
        path = self._source.resolve(proposal["value"])
        if path != self._shown.layer:
            quantity, parts = self._open(path)
            with self._lock:
                self._show(parts, self._shown._replace(layer=path, quantity=quantity))
                self._read_new()
        return path

    @validate("quantity")
    def _validate_quantity(self, proposal: Any) -> str:
        quantity = str(proposal["value"])
        if quantity != self._shown.quantity:
            parts = self._compute(self._shown.layer, quantity)
            self._asked = True
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
        return check_index("sample", proposal["value"], self._plot_array.values.shape[0])

    @validate("channel")
    def _validate_channel(self, proposal: Any) -> int:
        return check_index("channel", proposal["value"], self._plot_array.values.shape[-1])

    @validate("step")
    def _validate_step(self, proposal: Any) -> int | None:
        step, run = proposal["value"], self._runs.current
        if isinstance(step, np.integer):
            step = int(step)
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
