"""`ExplorerTraits`: the two-way traits of an explorer: checked here, moved by the browser."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from ipywidgets import widget_serialization
from traitlets import Instance, TraitError, Unicode, observe, validate

from rnngrad_widgets.data.norm import Norm, check_norm
from rnngrad_widgets.data.statistics import THRESHOLD
from rnngrad_widgets.data.tensor import REACH
from rnngrad_widgets.diagnosis.shares import LEVELS, check_levels, check_threshold
from rnngrad_widgets.explorer.frame import PlotFrame, ValidatedAny
from rnngrad_widgets.explorer.selecting import SelectingAny, SelectingText
from rnngrad_widgets.explorer.validation import (
    check_index,
    check_reflect,
    check_shares,
    check_step,
    check_view,
)
from rnngrad_widgets.widgets.timeline import Timeline
from rnngrad_widgets.widgets.traits import Bool, Int

if TYPE_CHECKING:
    from rnngrad_widgets.explorer.displayed import Displayed
    from rnngrad_widgets.explorer.runs import Runs
    from rnngrad_widgets.explorer.source import Source
    from rnngrad_widgets.views.view_stack import ViewStack

SEQUENTIAL_CMAP = "sequential"
"""The colour map of log10 of the magnitude."""

SHARED = ["sample", "channel", "reflect_half"]
"""Traits of the same name and meaning in explorer and selection."""


class ExplorerTraits(PlotFrame):
    """The traits of an explorer; `GradientExplorer` says what they mean.

    The selection keeps what the browser draws; the traits here are the same facts, checked and with
    the names and values that users know.
    """

    _model_name = Unicode("ExplorerModel").tag(sync=True)

    timeline = Instance(Timeline, allow_none=True).tag(sync=True, **widget_serialization)
    """The one that is shown."""
    has_halves = Bool(False).tag(sync=True)
    """Whether there is something to reflect."""

    LINKABLE = ("sample", "channel", "norm", "reflect_half", "step")

    layer = SelectingAny("")
    quantity = SelectingText("")
    part = SelectingText("")
    sample = Int(0).tag(sync=True)
    channel = Int(0).tag(sync=True)
    norm = ValidatedAny("auto").tag(sync=True)
    reflect_half = Bool(False).tag(sync=True)
    view = Unicode("")
    step = ValidatedAny(None).tag(sync=True)
    threshold = ValidatedAny(THRESHOLD)
    levels = ValidatedAny(LEVELS)

    _coloured_for_reach = False
    _linear_cmap = "diverging"  # the last one without log10
    displayed: Displayed
    view_stack: ViewStack
    runs: Runs
    _raised: list[Exception] | None = None  # by observers, while several traits change

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Let traits change together: what observers raise is raised when all have changed."""
        if self._raised is not None:
            yield
            return
        self._raised = raised = list[Exception]()
        try:
            yield
        finally:
            self._raised = None
        if raised:
            raise raised[0]

    def notify_change(self, change: Any) -> None:
        """Tell observers; what they raise waits until the explorer is as it must be."""
        try:
            super().notify_change(change)
        except Exception as error:
            if self._raised is None:
                raise
            self._raised.append(error)

    # -- what the explorer does about them ---------------------------------------------------------

    @property
    @abstractmethod
    def source(self) -> Source:
        """Where the tensors come from."""

    @abstractmethod
    def select(
        self, *, layer: Any = None, quantity: str | None = None, part: str | None = None
    ) -> None:
        """Display another layer, quantity or part of it; the traits of these names call it."""

    @abstractmethod
    def _show_view(self) -> None:
        """Put the view of the trait in front."""

    @abstractmethod
    def _tell_again(self) -> None:
        """Tell what there is to say with the threshold and the levels of the traits."""

    @abstractmethod
    def _sync_step(self, step: int) -> None:
        """Follow the step that the browser shows, or will show."""

    # -- set in the browser ------------------------------------------------------------------------

    def _follow_selection(self) -> None:
        selection = self.selection

        def follow(change: Any) -> None:
            name = change["name"]
            try:
                if name in SHARED:
                    self.set_trait(name, change["new"])
                else:
                    self.set_trait("norm", selection.chosen_norm)
            except TraitError:
                selection.set_trait(name, change["old"])  # the two never differ
                raise

        selection.observe(follow, [*SHARED, "norm", "auto"])
        selection.observe(self._follow_log, "log_colours")

    def _follow_log(self, change: Any) -> None:
        """Take the colour map that the button stands for: ours with log10, or the one before."""
        if change["new"] != (self.cmap == SEQUENTIAL_CMAP):
            self.cmap = SEQUENTIAL_CMAP if change["new"] else self._linear_cmap

    @observe("cmap")
    def _cmap_changed(self, change: Any) -> None:
        if change["new"] != SEQUENTIAL_CMAP:
            self._linear_cmap = change["new"]

    def _fit_colours(self) -> None:
        """Colour a reach by log10, unless other colours were chosen: it has all magnitudes."""
        is_reach = self.displayed.tensor.dims == REACH
        if is_reach and self.cmap == "diverging":
            self._coloured_for_reach, self.cmap = True, SEQUENTIAL_CMAP
        elif not is_reach and self._coloured_for_reach:
            self._coloured_for_reach = False
            if self.cmap == SEQUENTIAL_CMAP:
                self.cmap = "diverging"

    def _cmap_of_weights(self) -> str:
        """Keep signs where only a reach, which has none, made the colours those of log10."""
        of_reach = self._coloured_for_reach and self.cmap == SEQUENTIAL_CMAP
        return "diverging" if of_reach else super()._cmap_of_weights()

    # -- set in Python -----------------------------------------------------------------------------

    @validate("layer")
    def _validate_layer(self, proposal: Any) -> str:
        return self.source.resolve(proposal["value"])

    @validate("view")
    def _validate_view(self, proposal: Any) -> str:
        self.check_open()  # views make widgets when they are first looked at
        return check_view(proposal["value"], self.view_stack.views)

    @observe("view")
    def _view_changed(self, change: Any) -> None:
        try:
            self._show_view()
        except BaseException:
            # what it needs could not be computed: the view before, if that is not why it is shown
            if change["old"] in self.view_stack.views and change["old"] != self.view:
                self.view = change["old"]
            raise

    @validate("sample")
    def _validate_sample(self, proposal: Any) -> int:
        return check_index("sample", proposal["value"], self.displayed.plot_array.values.shape[0])

    @validate("channel")
    def _validate_channel(self, proposal: Any) -> int:
        return check_index("channel", proposal["value"], self.displayed.plot_array.values.shape[-1])

    @validate("step")
    def _validate_step(self, proposal: Any) -> int | None:
        step, shown = proposal["value"], self.displayed.step
        if step is shown is None or (isinstance(step, (int, np.integer)) and step == shown):
            return shown
        return check_step(step, [snapshot.step for snapshot in self.snapshots])

    @observe("step")
    def _step_changed(self, change: Any) -> None:
        if change["new"] != self.displayed.step:  # set in Python
            run = self.runs.current
            if run is not None:
                self._sync_step(change["new"])
                run.show_step(change["new"])
                self._carry("step")

    @validate("threshold")
    def _validate_threshold(self, proposal: Any) -> float:
        return check_shares(check_threshold, proposal["value"])

    @validate("levels")
    def _validate_levels(self, proposal: Any) -> tuple[float, ...]:
        return check_shares(check_levels, proposal["value"])

    @observe("threshold", "levels")
    def _shares_changed(self, _change: Any) -> None:
        self._tell_again()

    @validate("norm")
    def _validate_norm(self, proposal: Any) -> Norm:
        return check_norm(proposal["value"])

    @validate("reflect_half")
    def _validate_reflect(self, proposal: Any) -> bool:
        return check_reflect(proposal["value"], self.displayed.tensor)

    @observe("sample", "channel")
    def _index_changed(self, change: Any) -> None:
        name = change["name"]
        setattr(self.selection, name, change["new"])
        if not self.selection.is_told(name):
            self._carry(name)

    @observe("norm")
    def _norm_changed(self, change: Any) -> None:
        self.selection.choose_norm(change["new"])
        if not self.selection.is_told("norm", "auto"):
            self._carry("norm")

    @observe("reflect_half")
    def _reflect_changed(self, change: Any) -> None:
        self.selection.reflect(change["new"])
        if not self.selection.is_told("reflect_half", "order_index"):
            self._carry("reflect_half")

    # -- linked with another explorer --------------------------------------------------------------

    def _linked_value(self, name: str) -> Any:
        if name != "step":
            return getattr(self, name)
        run = self.runs.current
        return None if run is None else run.chosen

    def _show_linked(self, name: str, value: Any) -> None:
        shape = self.displayed.plot_array.values.shape
        if name in ("sample", "channel"):
            setattr(self, name, min(value, shape[0 if name == "sample" else -1] - 1))
        elif name == "reflect_half":
            self.reflect_half = value and self.has_halves
        elif name == "norm":
            self.norm = value
        elif self.runs.current is not None:
            self.runs.current.choose(value)
