"""`ExplorerBase`: an explorer of any source; controls, views and timelines act on one record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from threading import RLock
from typing import TYPE_CHECKING, Any

from ipywidgets import Widget

from rnngrad_widgets.data.quantities import WEIGHTS
from rnngrad_widgets.data.tensor import GradientTensor
from rnngrad_widgets.data.wire import Precision
from rnngrad_widgets.diagnosis.loss_position import TOTAL
from rnngrad_widgets.diagnosis.shares import check_levels, check_threshold, share_in, share_text
from rnngrad_widgets.diagnosis.telling import Evidence
from rnngrad_widgets.explorer.displayed import Displayed, DisplayKey, TensorLoader
from rnngrad_widgets.explorer.options import DisplayOptions, check_options, with_defaults
from rnngrad_widgets.explorer.progress import ReachProgress
from rnngrad_widgets.explorer.recorded_run import RecordedRun
from rnngrad_widgets.explorer.run_status import RunStatus
from rnngrad_widgets.explorer.runs import Runs
from rnngrad_widgets.explorer.sheet import drawing_of, shown_of_displayed
from rnngrad_widgets.explorer.side_views import SideViews
from rnngrad_widgets.explorer.source import Source
from rnngrad_widgets.explorer.summary import left_out, summary_html
from rnngrad_widgets.explorer.teller import Teller
from rnngrad_widgets.explorer.text_lines import TextLines
from rnngrad_widgets.explorer.traits import ExplorerTraits
from rnngrad_widgets.explorer.validation import can_reflect, check_part
from rnngrad_widgets.figures.drawings import Sheet
from rnngrad_widgets.views.controls import Controls
from rnngrad_widgets.views.tensor_upload import new_selection
from rnngrad_widgets.views.view_stack import ViewStack
from rnngrad_widgets.widgets.figure import PlotFigure
from rnngrad_widgets.widgets.lifetime import LIFETIMES
from rnngrad_widgets.widgets.timeline import Snapshot

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack


class ExplorerBase(ExplorerTraits):
    """An explorer of any source; `GradientExplorer` says what the traits mean.

    Parameters
    ----------
    source
        Where the tensors come from.
    layer, quantity
        What is displayed first; None is what the source says.
    **options
        See `DisplayOptions`.

    Attributes
    ----------
    source
        As given.
    displayed
        What is displayed: layer, quantity and part, tensor and training step.
    controls, view_stack, runs
        The dropdowns and sliders; the views; the timelines.
    """

    def __init__(
        self,
        source: Source,
        layer: Any = None,
        quantity: str | None = None,
        **options: Unpack[DisplayOptions],
    ) -> None:
        chosen = with_defaults(**options)
        # everything that can fail comes first: no widget has been made when it does
        self._loader = TensorLoader(source, chosen["budget"])
        self.displayed = self._loader.open_first(layer, quantity)
        norm = check_options(chosen, self.displayed)
        self._lock = RLock()  # a callback or a follower may come in another thread than the cell
        selection = new_selection()
        self.controls = Controls(selection, source.layers(), self._choose, self._refresh_asked)
        self._lines = lines = TextLines(selection, lambda: self._choose("quantity", TOTAL))
        self._teller = Teller(source)
        self._teller.threshold = check_threshold(chosen["threshold"])
        self._teller.levels = check_levels(chosen["levels"])
        weighed = set(WEIGHTS) <= set(source.quantities(self.displayed.key.layer))
        source.progress = ReachProgress(self._say_progress)
        self.view_stack = ViewStack(selection, weights=weighed, choose=self._choose_shares)
        self.runs = Runs(selection, lines.summary, chosen["budget"], self._teller, self._sync_step)
        self._side = SideViews(
            source, self.view_stack, self._compute, self._computing, self.runs.has
        )
        self._recorded = RecordedRun(
            source,
            self.runs,
            self._lock,
            lambda: self.displayed,
            self.add_snapshot,
            self.show_error,
        )
        plots = (self.view_stack.box, self.runs.box)
        texts = (lines.summary, lines.finding, lines.message, lines.offer)
        boxes = (self.controls.box, *texts, *plots)
        super().__init__(boxes, selection=selection)
        self.controls.link(self, self.view_stack.box)
        self.runs.box.observe(self._timeline_placed, "children")
        self.threshold, self.levels = self._teller.shares
        self.cmap = chosen["cmap"]
        self._show(self.displayed)
        self._follow_selection()
        self.view_stack.box.observe(self._view_chosen, "selected_index")
        self.sample, self.channel = chosen["sample"], chosen["channel"]
        self.norm, self.reflect_half = norm, bool(chosen["reflect_half"])
        try:
            if chosen["view"] is not None:
                self.view = chosen["view"]
            self.title = chosen["title"]
            self.ylim, self.height = chosen["ylim"], chosen["height"]
        except Exception:
            self.close()  # no widget is left of one that was refused
            raise
        LIFETIMES.note_made(self)
        self._recorded.read_new()

    @classmethod
    def from_source(
        cls,
        source: Source,
        layer: Any = None,
        quantity: str | None = None,
        **options: Unpack[DisplayOptions],
    ) -> Self:
        """Explore any source, whatever arguments the constructor of the class takes.

        Parameters
        ----------
        source, layer, quantity, **options
            As for `ExplorerBase`.

        Returns
        -------
        ExplorerBase
            An explorer of this class.
        """
        explorer = cls.__new__(cls)
        ExplorerBase.__init__(explorer, source, layer, quantity, **options)
        return explorer

    @property
    def source(self) -> Source:
        """Where the tensors come from."""
        return self._loader.source

    @property
    def tensor(self) -> GradientTensor:
        """The tensor that is shown."""
        return self.displayed.tensor

    @property
    def summary(self) -> str:
        """The summary line of what is displayed, as HTML."""
        run = self.runs.current
        return str(self._lines.summary.value) if run is None else run.summary

    @property
    def message(self) -> str:
        """The line under the summary, as HTML: an error, or what is to be said of the batch."""
        return str(self._lines.message.value)

    @property
    def snapshots(self) -> list[Snapshot]:
        """The snapshots of the run that is shown; those that the budget leaves.

        What is still being read of a recording is waited for.
        """
        self._recorded.read_rest()
        return self.runs.current.snapshots if self.runs.current else []

    # -- what is displayed -------------------------------------------------------------------------

    def select(
        self, *, layer: Any = None, quantity: str | None = None, part: str | None = None
    ) -> None:
        """Display another layer, quantity or part of it; None leaves each as it is.

        All is computed before anything changes: what fails leaves the explorer as it was. Another
        layer opens with the quantity that is displayed, if that was chosen and the layer has it.

        Parameters
        ----------
        layer
            Path, name, index into ``model.layers`` or layer object.
        quantity
            The name of a quantity that the layer has, for instance ``"hidden_gradient"``.
        part
            Which tensor of a quantity that has several, by its label in the third dropdown.

        Raises
        ------
        ValueError
            If there is no such layer, quantity or part, or it cannot be computed.
        """
        self.check_open()
        before = self.displayed.key
        path = before.layer if layer is None else self.source.resolve(layer)
        word, parts = before.quantity, self.displayed.parts
        if quantity is not None and (path, quantity) != before[:2]:
            word, parts = quantity, self._compute(path, quantity)
            self._loader.quantity_is_chosen = True
        elif path != before.layer:
            with self._computing():
                word, parts = self._loader.open_layer(path, before.quantity)
        key = DisplayKey(path, word, before.part if part is None else check_part(part, parts))
        if key == before:
            return
        with self._lock, self._changing():
            self._show(self._loader.arrange(parts, key))
            if key[:2] != before[:2]:
                self._recorded.read_new()

    def refresh(self) -> None:
        """Compute again with the current weights; the old picture stays until then.

        Where there is a timeline, its last step. A recording is read on.

        Raises
        ------
        RuntimeError
            If the explorer was closed.
        """
        self.check_open()
        if self.source.has_snapshots:
            with self._lock:
                self.source.refresh()
            self._recorded.read_new()
        else:
            with self._lock:  # no snapshot of a callback may come in between
                key, run = self.displayed.key, self.runs.current
                parts = self._compute(key.layer, key.quantity)
                if run is None:
                    self._show(self._loader.arrange(parts, key))
                    return
                now, last = self.displayed.part_of(parts).step, run.steps[-1]
                step = last + 1 if now is None or now < last else now
                self.add_snapshot(parts, step, run.status)
        if self.runs.current is not None:
            self.step = self.runs.current.steps[-1]
        self.clear_message()

    def follow(self) -> None:
        """Show the snapshots that a recording gets from now on, until the explorer is closed.

        A failure is shown in the widget, and reading is tried again.
        """
        self.check_open()
        self._recorded.follow(self.clear_message)

    def follow_latest(self) -> None:
        """Show the latest step of the timeline, and each that comes, as *follow* on the page does.

        A timeline begins so. It ends where another step is chosen, here or on the page.

        Raises
        ------
        RuntimeError
            If the explorer was closed.
        """
        self.check_open()
        with self._lock:
            if self.runs.current is not None:
                self.runs.current.choose(None)
                self._carry("step")

    def _compute(self, layer: str, quantity: str) -> Mapping[str, GradientTensor]:
        with self._computing():
            return self.source.compute(layer, quantity)

    def _say_progress(self, words: str) -> None:
        if self.busy:  # not of what a callback computes
            self.busy = words

    @contextmanager
    def _computing(self) -> Iterator[None]:
        with self._lock, self._busy_with("Computing the gradient…"):
            self.source.progress = ReachProgress(self._say_progress)
            yield

    def _show(self, displayed: Displayed) -> None:
        if self.view == "flow":
            self._side.find_companion(displayed)  # before anything changes: the old picture stays
        with self._changing():
            self._show_all(displayed)

    def _show_all(self, displayed: Displayed) -> None:
        self.displayed = displayed
        tensor, plot_array = displayed.tensor, displayed.plot_array
        self.step = displayed.step
        self.layer, self.quantity, self.part = displayed.key
        self.has_halves = can_reflect(tensor)
        self._bring_into_range()
        self.view_stack.show(tensor, plot_array, self._teller.tell(tensor))
        self._fit_colours()
        if self.view not in self.view_stack.views:
            self.view = next(iter(self.view_stack.views))
        # before the timeline, which shows another step as soon as it is on the page
        self._lines.summary.value = summary_html(tensor) + left_out(tensor, plot_array)
        self.runs.show_run(displayed.key)
        self._sync_run()
        self._show_view()
        self._place_controls()
        self.clear_message()

    def _place_shares(self) -> None:
        levels = ", ".join(map(share_text, self.levels))
        self.view_stack.diagnosis.place(share_text(self.threshold), levels)

    def _show_view(self) -> None:
        self.view_stack.show_view(self.view)
        self.controls.offer(list(self.view_stack.views), self.view)
        if self.view == "flow":
            self._side.show_companion(self.displayed)
        else:
            self._side.hide_outdated_companion(self.displayed)
        if self.view == "weights":
            self._side.show_weights(self.displayed)
        self.weight_selections = self.view_stack.selections

    @property
    def figures(self) -> list[PlotFigure]:
        """The figures of the views that fit, and of the timeline."""
        return [*self.view_stack.figures, *self.runs.figures]

    def _prepare(self) -> None:
        """Compute the views that are otherwise computed when they are first looked at, read all."""
        self._recorded.read_rest()
        if "flow" in self.view_stack.views:
            self._side.show_companion(self.displayed)
        if "weights" in self.view_stack.views:
            self._side.show_weights(self.displayed)
            self.weight_selections = self.view_stack.selections

    def _prepare_figure(self) -> None:
        self._recorded.read_rest()

    def _sheet(self) -> Sheet:
        return self._sheet_of(self.view)

    def static_sheet(self) -> Sheet:
        """Return what the saved picture shows: of a view that is a table, the first view."""
        views = self.view_stack.views
        is_drawn = views[self.view].drawing is not None
        return self._sheet_of(self.view if is_drawn else next(iter(views)))

    def _sheet_of(self, name: str) -> Sheet:
        with self._lock:
            views, run = self.view_stack.views, self.runs.current
            drawn = [each for each, view in views.items() if view.drawing is not None]
            was_seen = self.dark is not None
            drawing = drawing_of(views[name], name, drawn, was_seen=was_seen)
            shown = shown_of_displayed(self.selection, self.displayed, run)
            return Sheet(
                replace(shown, cmap=self.cmap),
                drawing,
                None if run is None else run.drawing,
                self.title,
            )

    def _place_controls(self) -> None:
        displayed = self.displayed
        self._place_shares()
        self.controls.place(
            displayed.plot_array,
            self.source.quantities(displayed.key.layer),
            list(displayed.parts),
            displayed.key,
            can_reflect=can_reflect(displayed.tensor),
        )

    def _bring_into_range(self) -> None:
        selection, shape = self.selection, self.displayed.plot_array.values.shape
        selection.sample = min(selection.sample, shape[0] - 1)
        selection.channel = min(selection.channel, shape[-1] - 1)
        if not can_reflect(self.displayed.tensor):
            selection.reflect(False)

    def evidence(self) -> Evidence:
        """Return what is shown, and what must be known to read it: what `diagnose` asks for."""
        with self._lock:
            run = self.runs.current
            if run is not None:
                return run.evidence(run.nearest(self.displayed.step or 0))
            return self._teller.evidence(self.displayed.tensor)

    def _tell_again(self) -> None:
        with self._lock:
            self._teller.threshold, self._teller.levels = self.threshold, self.levels
            self.selection.threshold = self.threshold
            self._place_shares()
            if self.runs.current is not None:
                self.runs.current.tell_again()  # the browser shows that of the step it is at
            else:
                self.view_stack.tell(self._teller.tell(self.displayed.tensor))

    # -- messages, and the end ---------------------------------------------------------------------

    def clear_message(self) -> None:
        """Remove an error from the message line; notes on the batch stay."""
        only_last = self._loader.only_last(self.displayed)
        self._lines.say(*self.source.notes, self._loader.reason(self.displayed.key), only_last)
        self._lines.make_offer(bool(only_last))

    def show_error(self, error: BaseException) -> None:
        """Show an error under the summary."""
        self._lines.show_error(error)
        self._lines.make_offer(False)

    def _describe(self) -> str:
        key, shape = self.displayed.key, self.displayed.tensor.values.shape
        return ", ".join(filter(None, (key.layer, key.quantity, " x ".join(map(str, shape)))))

    def _detached_widgets(self) -> list[Widget]:
        return [
            self._lines.accept,
            *self.controls.detached_widgets,
            *self.view_stack.detached_widgets,
            *self.runs.detached_widgets,
        ]

    def _stop_threads(self) -> None:
        self._recorded.stop()

    # -- the timeline ------------------------------------------------------------------------------

    def prepare_run(self, precision: Precision | None) -> None:
        """Put a timeline for what is displayed on the page, before its first snapshot comes."""
        self.runs.precision = precision
        self.runs.prepare(self.displayed.key, self.displayed.tensor)

    def add_snapshot(
        self, parts: Mapping[str, GradientTensor], step: int, status: RunStatus | str = ""
    ) -> None:
        """Add a snapshot of what is displayed, and let the browser show it.

        No message is awaited.

        Parameters
        ----------
        parts
            The tensors by part.
        step
            Training step; later than the others, or the last one again. An earlier one, which
            another thread has overtaken, is left out.
        status
            How far the run is; words alone are of the whole run.
        """
        last = self.runs.current.steps[-1] if self.runs.current else step
        if step < last:
            return
        with self._changing():
            self._add_snapshot(parts, step, status)

    def _add_snapshot(
        self, parts: Mapping[str, GradientTensor], step: int, status: RunStatus | str
    ) -> None:
        tensor = self.displayed.part_of(parts)
        if tensor.shape != self.displayed.tensor.shape:
            self._show(self._loader.arrange(parts, self.displayed.key))
        self.displayed = replace(self.displayed, parts=parts)
        line = status if isinstance(status, RunStatus) else RunStatus(status)
        self.runs.append(self.displayed.key, tensor, step, line)
        self._sync_run()
        if self.view == "weights" and self.source.can_train:
            self._side.show_weights(self.displayed, self.source.compute)
            self.weight_selections = self.view_stack.selections

    def _timeline_placed(self, _change: Any) -> None:
        self.timeline = self.runs.timeline

    def _sync_run(self) -> None:
        """Follow the run that is shown, if there is one."""
        if self.runs.current is not None:
            self._sync_step(self.runs.current.shown)
            self._side.forget_companion()

    def _sync_step(self, step: int) -> None:
        """Follow the step that the browser shows, or will show."""
        run = self.runs.current
        if run is not None:
            step = run.nearest(step)
            whole = self.displayed.part_of(self.displayed.parts)  # of the latest step
            tensor = whole if whole.step == step else run.tensor(step)
            plot_array = self._loader.plot_array(tensor)
            # only now: another thread may have displayed something meanwhile
            self.displayed = replace(
                self.displayed, tensor=tensor, plot_array=plot_array, step=step
            )
            self.step = step
            if not self._lines.shows_error:
                self.clear_message()  # what was said may have been of another step

    # -- what a person asks for at the widget ------------------------------------------------------

    def _choose(self, name: str, value: str) -> None:
        with self._choosing():
            setattr(self, name, value)

    def _choose_shares(self, name: str, text: str) -> None:
        """Take a threshold or levels as a person typed them."""
        with self._choosing():
            try:
                if name == "threshold":
                    self.threshold = share_in(text)
                else:
                    self.levels = tuple(share_in(word) for word in text.split(","))
            finally:
                self._place_shares()

    def _refresh_asked(self) -> None:
        with self._choosing():
            self.refresh()

    def _view_chosen(self, change: Any) -> None:
        if change["new"] is not None:
            self._choose("view", list(self.view_stack.views)[change["new"]])

    @contextmanager
    def _choosing(self) -> Iterator[None]:
        """Be busy until it is done; an error is shown in the widget, beside what is displayed."""
        with self._answering("Computing…", self._take_back):
            try:
                yield
            except KeyboardInterrupt:
                self._take_back(KeyboardInterrupt("what was asked for was not computed"))
                raise

    def _take_back(self, error: BaseException) -> None:
        """Show why nothing came of what was asked for, and let the controls say what is shown."""
        self.show_error(error)
        self._place_controls()
