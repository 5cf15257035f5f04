"""`PlotFrame`: the base of every widget here: a selection, and the plots that draw it."""

from __future__ import annotations

from os import PathLike
from typing import Any

from ipywidgets import VBox, Widget, widget_serialization
from traitlets import Any as AnyTrait
from traitlets import Instance, List, Unicode, observe, validate

from rnngrad_widgets._version import __version__
from rnngrad_widgets.data.wire import Precision
from rnngrad_widgets.explorer.validation import check_title, check_ylim
from rnngrad_widgets.export.html import MAX_SIZE, SavedPage, save_html
from rnngrad_widgets.export.picture import save
from rnngrad_widgets.views.colours import check_cmap, follows_theme, paint_with
from rnngrad_widgets.widgets.browser_module import BrowserView
from rnngrad_widgets.widgets.figure import PlotFigure
from rnngrad_widgets.widgets.lifetime import LIFETIMES
from rnngrad_widgets.widgets.reachable import close_widgets, reachable
from rnngrad_widgets.widgets.selection import Selection
from rnngrad_widgets.widgets.timeline import Snapshot
from rnngrad_widgets.widgets.traits import Bool, Int

_NO_WIDGETS = """\
This is a widget of rnngrad_widgets, which is seen where the notebook runs in JupyterLab 4 or
Notebook 7 with this package and ipywidgets. save_html(path) writes a page that any browser
shows."""


class ValidatedAny(AnyTrait):
    """A trait whose validator sees every value; `Any` would let None pass."""

    allow_none = False


class PlotFrame(BrowserView, VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A widget of plots that draw one selection.

    Attributes
    ----------
    title
        Text above the plots; empty for none.
    cmap
        ``"diverging"`` (blue negative, red positive, in the theme's colours), ``"sequential"``
        (log10 of the magnitude, over eight decades), ``"bwr"``, or the name of a bqplot colour
        scheme, for instance ``"RdBu"``.
    ylim
        Ends (low, high) of the value axes of curves and scatters; None fits them to the values.
    height
        Height of the plots in CSS pixels, 120 .. 10,000; None for the usual one. The width is that
        of the page; ``layout.width`` sets it.
    """

    _model_name = Unicode("PlotFrameModel").tag(sync=True)
    _view_name = Unicode("PlotFrame").tag(sync=True)

    selection = Instance(Selection).tag(sync=True, **widget_serialization)
    weight_selections = List(Instance(Selection)).tag(sync=True, **widget_serialization)
    version = Unicode(__version__).tag(sync=True)
    themed = Bool(True).tag(sync=True)
    dark = Bool(None, allow_none=True).tag(sync=True)  # the notebook's theme: the browser says it
    range_mode = Bool(False).tag(sync=True)
    busy = Unicode("").tag(sync=True)
    title = Unicode("").tag(sync=True)
    height = Int(None, allow_none=True, min=120, max=10_000).tag(sync=True)

    cmap = Unicode("diverging")
    ylim = AnyTrait(None)

    def save(self, path: str | PathLike[str]) -> None:
        """Save what is shown as a picture, in the light theme, and wait for the browser.

        Where the widget is displayed more than once, the view that was made last is saved, of those
        in sight; the download menu saves the view that it is in.

        Parameters
        ----------
        path
            A file that ends in ``.png`` or ``.svg``; what is there already is replaced.

        Raises
        ------
        ValueError
            If it ends otherwise.
        RuntimeError
            If no browser shows the widget, or it does not answer.
        OSError
            If the file cannot be written.
        """
        self.check_open()
        save(self, path)

    def save_html(
        self,
        path: str | PathLike[str],
        *,
        title: str | None = None,
        precision: Precision = "float32",
        max_size: int = MAX_SIZE,
    ) -> SavedPage:
        """Write what is shown to one HTML file that works from disk, without kernel or network.

        Sliders, pointing and views work there; layer and quantity stay as they are. The page has
        the theme of the notebook; before one has shown the widget, the reader's. A file that is
        there already is replaced.

        Parameters
        ----------
        path
            The file; its folder must exist.
        title
            A heading, and the title of the browser's window.
        precision
            ``"float32"``, or ``"bfloat16"`` for half the size: every decade, each value rounded by
            at most 1/256 of itself.
        max_size
            Largest file to write, in bytes.

        Returns
        -------
        SavedPage
            The path and the size in bytes.

        Raises
        ------
        ValueError
            If the file would be larger than ``max_size``, the precision is unknown, or the widget
            was closed.
        OSError
            If the folder does not exist, the path is a folder, or the file cannot be written.
        """
        self._prepare()
        return save_html(self, path, title=title, precision=precision, max_size=max_size)

    def _prepare(self) -> None:
        """Compute what the widget still needs to work without a kernel."""

    def close(self) -> None:
        """Close the widget and every widget it made, in Python and in the browser."""
        if self.comm is None:
            return  # closed before, or never opened because an argument was refused
        self._stop_threads()
        close_widgets(self.own_widgets() - {self})
        super().close()

    def own_widgets(self) -> set[Widget]:
        """Return the widgets that are closed with it, itself too."""
        return reachable([self, *self._detached_widgets()])

    def __repr__(self) -> str:
        """Name the widget in one line; what it displays is seen."""
        state = "closed" if self.comm is None else self._describe()
        return f"<{type(self).__name__}: {state}>"

    def _describe(self) -> str:
        """Say in a few words what the widget displays."""
        array = self.selection.tensor.array
        return "empty" if array is None else " x ".join(map(str, array.shape))

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        LIFETIMES.note_shown(self)
        shown = super()._repr_mimebundle_(**kwargs)
        # what is seen where widgets are not: on a code host, in a front end without ipywidgets
        return shown | {"text/plain": f"{self!r}\n{_NO_WIDGETS}"}

    def check_open(self) -> None:
        """Refuse what needs a widget that is open.

        Raises
        ------
        RuntimeError
            If it was closed.
        """
        if self.comm is None:
            raise RuntimeError("the widget must be open; it was closed. Make it anew")

    def _stop_threads(self) -> None:
        """Stop threads that act on the widget."""

    @property
    def figures(self) -> list[PlotFigure]:
        """The figures of the views."""
        return []

    @property
    def snapshots(self) -> list[Snapshot]:
        """The snapshots of a run, which belong to the widget although it does not refer to them."""
        return []

    def _detached_widgets(self) -> list[Widget]:
        """Return widgets that were made here and may not be children at the moment."""
        return []

    @validate("title")
    def _validate_title(self, proposal: Any) -> str:
        return check_title(proposal["value"])

    @validate("ylim")
    def _validate_ylim(self, proposal: Any) -> tuple[float, float] | None:
        return check_ylim(proposal["value"])

    @observe("ylim")
    def _ylim_changed(self, change: Any) -> None:
        self.selection.ylim = change["new"]

    @validate("cmap")
    def _validate_cmap(self, proposal: Any) -> str:
        return check_cmap(proposal["value"])

    @observe("cmap", "weight_selections")
    def _paint(self, _change: Any) -> None:
        self.themed = follows_theme(self.cmap)  # first: colours that come are for the theme, or not
        for selection in (self.selection, *self.weight_selections):
            paint_with(self.cmap, selection)
