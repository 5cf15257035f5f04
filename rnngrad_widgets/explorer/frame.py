"""`PlotFrame`: the base of every widget here: a selection, and the plots that draw it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from typing import TYPE_CHECKING, Any

from ipywidgets import VBox, Widget, widget_serialization
from traitlets import Any as AnyTrait
from traitlets import Instance, List, Unicode, observe, validate

from rnngrad_widgets._version import __version__
from rnngrad_widgets.data.colours import check_cmap
from rnngrad_widgets.data.wire import Precision
from rnngrad_widgets.explorer.linking import Linking
from rnngrad_widgets.explorer.sheet import write_figure
from rnngrad_widgets.explorer.static_pictures import STATIC_PICTURES
from rnngrad_widgets.explorer.validation import check_title, check_ylim
from rnngrad_widgets.export.files import check_target
from rnngrad_widgets.export.html import MAX_SIZE, SavedPage, save_html
from rnngrad_widgets.export.page_frame import HEIGHT, TIMELINE_HEIGHT, PageFrame, frame_page
from rnngrad_widgets.export.page_frame import MAX_SIZE as MAX_PAGE_SIZE
from rnngrad_widgets.export.picture import save
from rnngrad_widgets.figures.drawings import Sheet
from rnngrad_widgets.figures.size import check_size
from rnngrad_widgets.tunnel.front_end import check_anywidget, current_display
from rnngrad_widgets.tunnel.inner_widgets import use_inner_comms
from rnngrad_widgets.views.colours import follows_theme, paint_with
from rnngrad_widgets.widgets.browser_module import BrowserView
from rnngrad_widgets.widgets.figure import PlotFigure
from rnngrad_widgets.widgets.lifetime import LIFETIMES
from rnngrad_widgets.widgets.reachable import close_widgets, reachable
from rnngrad_widgets.widgets.selection import Selection
from rnngrad_widgets.widgets.timeline import Snapshot
from rnngrad_widgets.widgets.traits import Bool, Int

if TYPE_CHECKING:
    from rnngrad_widgets.tunnel.tunnel import Tunnel

_NO_WIDGETS = """\
This is a widget of rnngrad_widgets, which is seen where the notebook runs in JupyterLab 4 or
Notebook 7 with this package and ipywidgets. save_html(path) writes a page that any browser
shows."""


class ValidatedAny(AnyTrait):
    """A trait whose validator sees every value; `Any` would let None pass."""

    allow_none = False


class PlotFrame(BrowserView, Linking, VBox):  # type: ignore[misc]  # ipywidgets has no types
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

    _tunnel: Tunnel | None = None

    cmap = Unicode("diverging")
    ylim = AnyTrait(None)

    def __new__(cls, *args: Any, **keywords: Any) -> PlotFrame:
        """Let its parts open as the front end needs it; one may have said so since the import."""
        use_inner_comms(lambda: current_display() == "anywidget")
        made: PlotFrame = super().__new__(cls, *args, **keywords)
        return made

    def save(
        self,
        path: str | PathLike[str],
        width: str | float | None = None,
        dpi: int | None = None,
    ) -> None:
        """Save what is shown: a figure for print, or a picture of the page.

        A path that ends in ``.pdf``, or a `width` or `dpi`, makes a figure for print, drawn by
        matplotlib without a browser; ``.png`` or ``.svg`` alone is a picture of what the browser
        shows, in the light theme.

        A figure has the chosen view, with labels in words and symbols, 8 pt text and no cursor,
        summary or controls; of a grid, the page that is shown. Maps are embedded as images, fonts
        as TrueType; all else is vectors. Where there is a timeline, it is under the view;
        ``GradientExplorer.from_array(explorer.tensor)`` is a step alone.

        For a picture, the browser is waited for. Where the widget is displayed more than once, the
        view that was made last is saved, of those in sight; the download menu saves the view that
        it is in.

        Parameters
        ----------
        path
            A file that ends in ``.pdf``, ``.png`` or ``.svg``; what is there is replaced.
        width
            Of the figure: ``"3.3in"``, ``"84mm"``, ``"8.4cm"``, ``"240pt"`` (of TeX), or a number
            of inches; None for 6.8 inches. Its height is that which the view needs.
        dpi
            Dots to the inch of a ``.png`` and of embedded images; None for 300.

        Raises
        ------
        ValueError
            If it ends otherwise, width or dpi are out of range, or the view is a table.
        TypeError
            If width or dpi are neither text nor numbers.
        ModuleNotFoundError
            If a figure is asked for and matplotlib is not installed.
        RuntimeError
            If the widget was closed, or, for a picture, no browser shows it or answers.
        OSError
            If the file cannot be written.
        """
        self.check_open()
        target = check_target(path)
        if target.suffix.lower() == ".pdf" or width is not None or dpi is not None:
            size = check_size(width, dpi)
            self._prepare_figure()
            write_figure(self._sheet(), target, size)
        else:
            save(self, target)

    @contextmanager
    def _busy_with(self, words: str) -> Iterator[None]:
        """Say what is computed; where a person asked for it, the browser waits to be told."""
        self.busy = words
        try:
            yield
        finally:
            self.busy = ""

    @contextmanager
    def _answering(self, words: str, failed: Callable[[Exception], None]) -> Iterator[None]:
        """Say what a person's question computes; `failed` shows why there is no answer."""
        with self._busy_with(words):
            try:
                yield
            except Exception as error:  # noqa: BLE001 - whatever it is, the person must see it
                failed(error)

    def _prepare_figure(self) -> None:
        """Read what a figure for print still needs."""

    @abstractmethod
    def _sheet(self) -> Sheet:
        """Return what a figure for print shows."""

    def static_sheet(self) -> Sheet:
        """Return what the picture shows that is saved with the notebook."""
        return self._sheet()

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

    def anywidget(self) -> Tunnel:
        """Return one anywidget that shows the live widget, where the extension is not.

        All of it works there: sliders, pointing, keys, views, what Python computes, live training,
        recordings that are followed, saving. The widget may be shown by itself too.

        Returns
        -------
        Tunnel
            The last line of a cell, or part of a layout. The same one for every call, until it is
            closed; closing the widget closes it.

        Raises
        ------
        ModuleNotFoundError
            If the package ``anywidget`` is not installed.
        RuntimeError
            If the widget was closed.
        """
        self.check_open()
        check_anywidget()
        from rnngrad_widgets.tunnel.tunnel import Tunnel  # noqa: PLC0415 - anywidget is an extra

        if self._tunnel is None or not self._tunnel.is_open:
            self._tunnel = Tunnel(self, lambda: STATIC_PICTURES.note_shown(self))
        return self._tunnel

    def show_page(
        self,
        height: int | None = None,
        *,
        precision: Precision = "float32",
        max_size: int = MAX_PAGE_SIZE,
    ) -> PageFrame:
        """Return what is shown as a page in a frame, for the output of a cell.

        It is the page that `save_html` writes: sliders, pointing and views work without a kernel,
        layer and quantity stay as they are. It needs no extension, and is saved with the notebook.

        Parameters
        ----------
        height
            Height of the frame in CSS pixels, 120 .. 10,000; None for enough for an explorer, with
            its timeline where there is one.
        precision
            As for `save_html`.
        max_size
            Largest page, in bytes: it is saved with the notebook.

        Returns
        -------
        PageFrame
            The last line of a cell, or what ``display`` takes.

        Raises
        ------
        ValueError
            If the page would be larger than ``max_size``, the height is out of range, the precision
            is unknown, or the widget was closed.
        TypeError
            If the height is no whole number.
        """
        self._prepare()
        usual = HEIGHT + TIMELINE_HEIGHT if self.snapshots else HEIGHT
        return frame_page(self, usual if height is None else height, precision, max_size)

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
        own = reachable([self, *self._detached_widgets()])
        if self._tunnel is not None and self._tunnel.comm is not None:
            own |= {self._tunnel, self._tunnel.layout}
        return own

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
        display = current_display()
        if display == "page":
            return self._page_bundle()
        if display == "anywidget":
            return self.anywidget()._repr_mimebundle_(**kwargs)
        STATIC_PICTURES.note_shown(self)
        shown = super()._repr_mimebundle_(**kwargs)
        # what is seen where widgets are not: on a code host, in a front end without ipywidgets
        return shown | {"text/plain": f"{self!r}\n{_NO_WIDGETS}"}

    def _page_bundle(self) -> dict[str, str]:
        try:
            return self.show_page()._repr_mimebundle_()
        except ValueError as error:  # nobody has called a function that could raise it
            return {"text/plain": f"{self!r} cannot be shown as a page: {error}"}

    def _display_(self) -> Any:
        """Return what marimo shows."""
        LIFETIMES.note_shown(self)
        return self.show_page() if current_display() == "page" else self.anywidget()

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
        paint_with(self.cmap, self.selection)
        for selection in self.weight_selections:
            paint_with(self._cmap_of_weights(), selection)

    def _cmap_of_weights(self) -> str:
        """Return the colour map of weights that are shown beside what is displayed."""
        return self.cmap
