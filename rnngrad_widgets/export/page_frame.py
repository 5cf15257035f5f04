"""A saved page in the output of a cell: alive without a kernel, where widgets are not shown."""

from __future__ import annotations

import operator
from html import escape
from typing import Any

from ipywidgets import DOMWidget

from rnngrad_widgets.data.wire import Precision
from rnngrad_widgets.export.html import megabytes, page_of

MAX_SIZE = 20_000_000
"""Largest page in an output, in bytes: it is saved with the notebook."""

HEIGHT = 860
"""Height of the frame in CSS pixels, enough for an explorer; it scrolls what is higher."""

TIMELINE_HEIGHT = 250
"""What a timeline takes."""

_FRAME = (
    '<iframe srcdoc="{page}" sandbox="allow-scripts allow-downloads" title="{title}" '
    'style="display: block; width: 100%; height: {height}px; border: 0"></iframe>\n'
    '<div style="font: 11px sans-serif; opacity: 0.7">{note}</div>'
)


class PageFrame:
    """What ``show_page`` returns: a page in a frame, shown where it is the last line of a cell.

    Attributes
    ----------
    size
        Bytes of the page.
    """

    def __init__(self, page: bytes, title: str, height: int) -> None:
        self.size = len(page)
        self._html = _FRAME.format(
            page=escape(page.decode("utf-8")), title=escape(title), height=height, note=self._note()
        )

    def _note(self) -> str:
        return (
            f"A page without a kernel, {megabytes(self.size)}, saved with the notebook. "
            "Sliders and views work; layer and quantity stay as they are."
        )

    def _repr_html_(self) -> str:
        return self._html

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        return {"text/html": self._html, "text/plain": repr(self)}

    def __repr__(self) -> str:
        """Name the page and its size."""
        return f"<page without a kernel: {megabytes(self.size)}>"


def frame_page(widget: DOMWidget, height: int, precision: Precision, max_size: int) -> PageFrame:
    """Return the page of a widget in a frame; its method ``show_page`` says what each means."""
    pixels = _pixels(height)
    page = page_of(widget, None, precision, max_size)
    title = str(getattr(widget, "title", "")) or "Gradients"
    return PageFrame(page, title, pixels)


def _pixels(height: int) -> int:
    try:
        pixels = operator.index(height)
    except TypeError:
        pixels = None
    if pixels is None or isinstance(height, bool):
        raise TypeError(
            f"height must be a number of pixels or None; received {type(height).__name__}. "
            "For instance: 600"
        )
    if not 120 <= pixels <= 10_000:
        raise ValueError(
            f"height must be 120 .. 10,000 pixels; received {height}. Leave it out for {HEIGHT}"
        )
    return pixels
