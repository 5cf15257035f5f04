"""`Comparison`: the widget of several experiments, and what may be claimed of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from ipywidgets import HTML, Button, HBox, Label, VBox, Widget, register
from traitlets import Unicode, observe, validate

from rnngrad_widgets.comparison.matching import MATCHED_BY
from rnngrad_widgets.data.plot_array import PlotArray
from rnngrad_widgets.data.quantities import quantity_of
from rnngrad_widgets.data.summary import summary_of
from rnngrad_widgets.diagnosis.words import level_words
from rnngrad_widgets.explorer.compared_live import LiveRun
from rnngrad_widgets.explorer.compared_maps import ComparedMaps
from rnngrad_widgets.explorer.compared_recordings import ComparedRecordings
from rnngrad_widgets.explorer.compared_steps import ComparedSteps, steps_words
from rnngrad_widgets.explorer.explorer import GradientExplorer
from rnngrad_widgets.explorer.frame import PlotFrame, ValidatedAny
from rnngrad_widgets.explorer.validation import check_one_of, check_rows, check_step
from rnngrad_widgets.figures.drawings import Compared, Sheet
from rnngrad_widgets.figures.shown import Shown
from rnngrad_widgets.views.panel import Pager
from rnngrad_widgets.views.run_lines import RunLinesView
from rnngrad_widgets.views.shared_timeline import SharedTimelineView
from rnngrad_widgets.views.tensor_upload import new_selection
from rnngrad_widgets.widgets.figure import PlotFigure
from rnngrad_widgets.widgets.lifetime import LIFETIMES
from rnngrad_widgets.widgets.run_stack import ALIGNED_BY, RunStack, RunTable
from rnngrad_widgets.widgets.timeline import Snapshot

if TYPE_CHECKING:
    from rnngrad_widgets.callbacks.base import OnError
    from rnngrad_widgets.callbacks.live import LiveGradients
    from rnngrad_widgets.callbacks.schedule import Every
    from rnngrad_widgets.comparison.differences import Claim
    from rnngrad_widgets.explorer.compared_run import ComparedRun
    from rnngrad_widgets.explorer.joining import Joining

_NOTHING = Shown(PlotArray(np.zeros((1, 1, 1), np.float32), "lag", "run"))
_NOTE = "lines: medians over samples, with quartiles; thin lines: repeats"


@register
class Comparison(PlotFrame):
    """The gradients of several experiments by lag, their numbers, and what may be claimed of them.

    Made by `compare`. What `table`, `findings` and `claims` say is of the training step that is
    shown, where runs have several.

    Attributes
    ----------
    align
        What the gradients are laid one over the other by: ``"lag"``, timesteps before the last one,
        or ``"timestep"``.
    step
        The training step that is chosen; None where no run has several. The latest one is followed
        until another is set; `follow_latest`, or *follow* on the page, goes on. One that is
        still to be read is waited for.
    matched_by
        What stands beside each other: ``"step"``, the last snapshot of each run at or before the
        step, or ``"loss"``, the one whose loss (the mean of five snapshots) is nearest to that of
        the base.
    title, height
        As for every widget of plots.
    """

    align = Unicode("lag")
    step = ValidatedAny(None)
    matched_by = Unicode("step")

    def __init__(
        self,
        members: Sequence[ComparedRun],
        base: str,
        shares: tuple[float, tuple[float, ...]],
        left_out: Sequence[str] = (),
        joining: Joining | None = None,
    ) -> None:
        self._members = list(members)
        self._left_out = left_out
        self._joining = joining
        self._base = base
        self._quantity = members[0].quantity
        self._lives: dict[str, LiveRun] = {}
        self._trouble = ""
        self._stack = RunStack(selection=new_selection())
        self._directions = members[0].directions
        self._views = [
            RunLinesView(
                self._stack,
                base,
                _heading(self._quantity, direction),
                is_readable=not any(curve.reason for each in members for curve in each.given),
                can_align=self._quantity != "reach",
            )
            for direction in self._directions
        ]
        level = level_words(min(shares[1]))
        self._timeline = SharedTimelineView(self._stack, self._names.index(base), level)
        self._steps = ComparedSteps(members, base, shares, self._timeline.model)
        self._lock = self._steps.lock
        self._recordings = ComparedRecordings(members, self._lock, self._steps_came)
        self._sentences = (
            HTML().add_class("rnngrad-diagnosis-table").add_class("rnngrad-run-findings")
        )
        self._table = RunTable(stack=self._stack, note=_NOTE).add_class("rnngrad-comparison")
        self._pager = Pager(self._stack)
        self._paged = Label()
        self._pages = HBox([self._paged, self._pager.box]).add_class("rnngrad-run-pages")
        self._tell_table()
        for member in members:
            member.show_given()
        self._place_runs()
        plots = VBox([*(view.box for view in self._views), self._timeline.box])
        self._boxes = [
            self._sentences,
            self._pages,
            plots.add_class("rnngrad-plots"),
            self._table,
            self._maps_button(),
        ]
        super().__init__(self._boxes, selection=self._stack.selection)
        self._timeline.model.observe(self._step_chosen, ["step", "follow", "matched_by"])
        self._stack.observe(self._align_chosen, "align")
        self._write_findings()
        LIFETIMES.note_made(self)
        self._recordings.begin()

    @property
    def _names(self) -> list[str]:
        return list(dict.fromkeys(member.key.name for member in self._members))

    def _place_runs(self) -> None:
        """Let everything on the page have the runs that there are."""
        names, directions = self._names, len(self._directions)
        groups = [names.index(member.key.name) for member in self._members]
        base = names.index(self._base)
        # first: rows without a name are not drawn
        self._stack.runs = [member.tensor for member in self._members]
        for row, view in enumerate(self._views):
            rows = [group if i == row else -1 for group in groups for i in range(directions)]
            view.fit(rows, names, base)
        with self._table.hold_sync():
            self._table.names, self._table.groups, self._table.base = names, groups, base
        self._pager.fit(len(names))
        self._paged.value = (
            f"{RunStack.PER_PAGE} of {len(names)} experiments at a time, and the base:"
        )
        self._pages.layout.display = None if len(names) > RunStack.PER_PAGE else "none"

    # -- what there is to say ----------------------------------------------------------------------

    @property
    def claims(self) -> dict[str, Claim | None]:
        """For each name but the base ``"further"``, ``"less far"`` or None: no claim."""
        return self._steps.numbers.claims

    @property
    def findings(self) -> tuple[str, ...]:
        """One sentence for each name but the base, in each direction of the layer.

        Then one for each recording that was found and is not compared, with the reason, and one
        that names those from before norms were stored, if there are any.
        """
        return (*self._steps.numbers.findings, *self._remarks)

    @property
    def _remarks(self) -> tuple[str, ...]:
        older = [member.key.words for member in self._members if not member.has_norms]
        return (*self._left_out, *_computed(older))

    @property
    def table(self) -> list[dict[str, Any]]:
        """The numbers of `diagnose` for each run and direction, with its name and repeat."""
        runs: list[dict[str, Any]] = self._steps.numbers.to_dict()["runs"]
        return runs

    @property
    def base(self) -> str:
        """The name that the others are compared with."""
        return self._base

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers, claims and findings, as JSON can hold them."""
        return self._steps.numbers.to_dict() | {"findings": list(self.findings)}

    # -- small multiples ---------------------------------------------------------------------------

    def maps(self, rows: int | None = None) -> ComparedMaps:
        """Return small heat maps of all runs: one sample, one range of colours, one cursor.

        Of models with their current weights, of recordings at their last step. Where one of them is
        a summary, which has no channels, norms over channels are shown of all. A click on a map and
        the button below open one as a full explorer.

        Parameters
        ----------
        rows
            Rows of maps; None for as many as fit best.

        Returns
        -------
        ComparedMaps
            A widget of its own.

        Raises
        ------
        RuntimeError
            If the comparison was closed.
        ValueError
            If `rows` is not as above, or a gradient cannot be computed or read.
        """
        self.check_open()
        words = self._quantity or "hidden_gradient"

        members = list(self._members)  # others may join meanwhile

        def open_run(index: int) -> GradientExplorer:
            member = members[index]
            source = member.experiment.explored(member.path, words)
            chosen = (member.path, words) if source.layers() else (None, None)
            return GradientExplorer.from_source(source, *chosen, title=member.key.words)

        tensors = [member.experiment.tensor(member.path, words) for member in members]
        if any(tensor.norms_over for tensor in tensors):
            tensors = [summary_of(tensor) or tensor for tensor in tensors]
        names = [member.key.words for member in members]
        return ComparedMaps(tensors, names, open_run, check_rows(rows))

    def _maps_button(self) -> Button:
        button = Button(description="Heat maps", tooltip="small heat maps of all runs")
        button.on_click(lambda _: self._show_maps())
        return button.add_class("rnngrad-kernel").add_class("rnngrad-open-run")

    def _show_maps(self) -> None:
        """Put the maps below the comparison, in the place of those that are there."""
        with self._answering("Computing the gradients…", lambda error: self._tell(str(error))):
            maps = self.maps()
            self._tell("")
            if self._maps is not None:
                self._maps.close()
            self._maps = maps
            self.children = [*self._boxes, maps]

    def _tell(self, trouble: str) -> None:
        """Show with the findings why there are no maps; empty where there is no trouble."""
        with self._lock:
            self._trouble = trouble
            self._write_findings()

    _maps: ComparedMaps | None = None

    # -- while models train ------------------------------------------------------------------------

    def live(
        self,
        name: str,
        every: Every = 10,
        *,
        repeat: int = 0,
        max_overhead: float | None = 0.05,
        on_error: OnError = "warn",
    ) -> LiveGradients:
        """Make a callback for ``fit`` of one of the models, which shows it as training goes on.

        Several models are seen to learn side by side, one after the other or in turn: each has a
        callback of its own.

        Parameters
        ----------
        name, repeat
            Of the model.
        every, max_overhead, on_error
            As for `GradientExplorer.live`.

        Returns
        -------
        LiveGradients
            A callback for ``fit``.

        Raises
        ------
        RuntimeError
            If the comparison was closed.
        ValueError
            If there is no such model, or an argument is not as above.
        """
        self.check_open()
        own = [member for member in self._members if member.key.name == name]
        if not own:
            raise ValueError(f"name must be one of {self._names}; received {name!r}")
        if isinstance(repeat, bool) or repeat not in range(len(own)):
            raise ValueError(f"repeat must be in 0 .. {len(own) - 1}; received {repeat!r}")
        member = own[int(repeat)]
        live = self._lives.get(str(member.key)) or LiveRun(
            member, self._lock, lambda: self.comm is not None, self._steps_came
        )
        callback = live.callback(every, max_overhead=max_overhead, on_error=on_error)
        self._lives[str(member.key)] = live
        self._steps_came()
        return callback

    def follow(self) -> None:
        """Show the steps that recordings get from now on, until the comparison is closed.

        Where folders or patterns are compared, as ``"runs/*"``, recordings that come there join:
        each has a name of its own and the next colour, or is the next repeat of its name. One that
        cannot be compared with the others is named in the findings.

        A failure is shown in the widget, and reading is tried again.

        Raises
        ------
        RuntimeError
            If the comparison was closed.
        ValueError
            If nothing that is compared is a recording.
        """
        self.check_open()
        if not self._recordings.are_there:
            raise ValueError(
                "follow() needs recordings; none of the sources is one. compare('runs/*') takes "
                "them, live(name) shows a model that trains here"
            )
        if self._joining is None:
            self._recordings.follow()
        else:
            self._recordings.follow(self._let_join)

    def follow_latest(self) -> None:
        """Show the latest step of each run, and each that comes, as *follow* on the page does.

        A comparison begins so. It ends where another step is chosen, here or on the page.

        Raises
        ------
        RuntimeError
            If the comparison was closed.
        """
        self.check_open()
        self._steps.follow_latest()

    def _let_join(self) -> None:
        """Compare recordings that have come where others were found."""
        if self._joining is None:
            return
        runs, left_out = self._joining.look()  # reads: others may act meanwhile
        with self._lock:
            if left_out == self._left_out and not runs:
                return
            self._left_out = left_out
            if runs:
                self._take_in(runs)
            self._write_findings()
        self._recordings.add(runs)

    def _take_in(self, runs: Sequence[ComparedRun]) -> None:
        header = self._table.header
        self._members += runs
        self._steps.add(runs)
        repeated = {run.key.name for run in runs if run.key.is_one_of_several}
        for member in self._members:
            if member.key.name in repeated:  # the first one had no like before
                member.key = member.key._replace(is_one_of_several=True)
            member.share(len(self._members))
        self._tell_table()
        for run in runs:
            run.show_given()
        self._place_runs()
        if self._table.header != header:  # their rows have other columns
            for member in self._members:
                member.tell_again()

    def _prepare(self) -> None:
        self._recordings.read_rest()

    def _stop_threads(self) -> None:
        self._recordings.stop()

    def _steps_came(self) -> None:
        """Take note that a run has another step."""
        with self._lock:
            if self._steps.place():
                self._timeline.box.layout.display = None
                self._tell_table()
                for member in self._members:
                    member.tell_again()
            self._follow_steps()

    def _follow_steps(self) -> None:
        """Say what there is to say of the steps that are shown."""
        self._is_following = True
        try:
            self.step = self._steps.chosen
        finally:
            self._is_following = False
        self._write_findings()

    _is_following = False  # when the step is where the slider is, not set by a user

    @validate("step")
    def _validate_step(self, proposal: Any) -> int | None:
        step: int | None = proposal["value"]
        if self._is_following:
            return step
        with self._lock:
            known = self._steps.known
        if step not in known:  # it may be among those that are read behind
            self._recordings.read_rest()
        with self._lock:
            return check_step(step, self._steps.known)

    @observe("step")
    def _step_set(self, change: Any) -> None:
        if not self._is_following:
            self._steps.choose(change["new"])

    def _step_chosen(self, _change: Any) -> None:
        self.matched_by = MATCHED_BY[self._timeline.model.matched_by]
        with self._lock:
            self._follow_steps()

    @validate("matched_by")
    def _validate_matched(self, proposal: Any) -> str:
        return check_one_of("matched_by", proposal["value"], MATCHED_BY)

    @observe("matched_by")
    def _matched_set(self, change: Any) -> None:
        self._timeline.model.matched_by = MATCHED_BY.index(change["new"])

    # -- what is drawn -----------------------------------------------------------------------------

    @validate("align")
    def _validate_align(self, proposal: Any) -> str:
        known = ALIGNED_BY[: 1 if self._quantity == "reach" else 2]
        return check_one_of("align", proposal["value"], known)

    @observe("align")
    def _align_set(self, change: Any) -> None:
        self._stack.align = ALIGNED_BY.index(change["new"])

    def _align_chosen(self, change: Any) -> None:
        self.align = ALIGNED_BY[change["new"]]

    @property
    def figures(self) -> list[PlotFigure]:
        """The figures of the views, and of the timeline."""
        lines = [figure for view in self._views for figure in view.figures]
        return [*lines, *(self._timeline.figures if self._steps.are_there else ())]

    @property
    def snapshots(self) -> list[Snapshot]:
        """The snapshots of all runs, which belong to the widget."""
        return self._steps.snapshots

    def _tell_table(self) -> None:
        """Let each run tell its rows, as the table has them now."""
        runs = self._steps.given

        def tell(curves: Sequence[Any]) -> dict[str, Any]:
            reaches = (curve.numbers.reach for curve in curves)
            lags = [min(own, key=lambda each: each.level).lag if own else None for own in reaches]
            return {"rows": [list(runs.cells(curve)) for curve in curves], "reach": lags}

        for member in self._members:
            member.tell = tell
        self._table.header = list(runs.header)

    def _write_findings(self) -> None:
        lines = [*self._steps.numbers.findings]
        if len(self._names) == 1:
            lines.append("a second experiment is needed for a comparison")
        lines += [*self._remarks, *self._recordings.troubles, *filter(None, [self._trouble])]
        if shown := self._steps.shown:
            lines.insert(0, f"Of training {steps_words(shown)}:")
        self._sentences.value = "".join(f"<p>{escape(line)}</p>" for line in lines)

    def _sheet(self) -> Sheet:
        by_timestep = self.align == "timestep"
        numbers = self._steps.numbers
        drawing = Compared(numbers, self._quantity, self._views[0].is_absolute, by_timestep)
        return Sheet(_NOTHING, drawing, title=self.title)

    def _detached_widgets(self) -> list[Widget]:
        own = [
            self._stack,
            self._pager.link,
            *(widget for view in self._views for widget in view.detached_widgets),
        ]
        return [*own, *(each for member in self._members for each in member.detached_widgets)]

    def _describe(self) -> str:
        return ", ".join(self._table.names)


def _heading(quantity: str, direction: str) -> str:
    known = quantity_of(quantity)
    name = known.summary if quantity else "norm"
    return f"{name[0].upper()}{name[1:]}{f', {direction}' if direction else ''}"


def _computed(names: Sequence[str]) -> Iterator[str]:
    """Say of which recordings norms are computed, if of any."""
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        yield (
            f"{', '.join(names[:3])}{more}: recorded before norms were stored; they are computed "
            "from the arrays"
        )
