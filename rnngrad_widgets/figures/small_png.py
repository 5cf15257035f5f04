"""A figure as a small PNG, which says in its first bytes whose picture it is."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

from rnngrad_widgets.figures.draw import draw_figure, own_style
from rnngrad_widgets.figures.size import DEFAULT_WIDTH, Size

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rnngrad_widgets.figures.drawings import Sheet

RESOLUTIONS = (110, 85, 65, 50)
"""Dots to the inch, of which the finest is taken that is small enough."""

KEYWORD = b"rnngrad_widgets"

_HEAD = 33
"""Bytes of the signature and of the chunk IHDR, which comes first (PNG specification, 5.6)."""


def small_png(sheet: Sheet, most_bytes: int, owner: str) -> bytes:
    """Draw a figure in 256 colours.

    Parameters
    ----------
    sheet
        What goes into it.
    most_bytes
        How large the file may be. Resolution is given up for it, down to 50 dots to the inch; a
        heat map of noise has then some 40 kB.
    owner
        ASCII text that the first chunk after the header holds, under the keyword
        ``rnngrad_widgets``. It is at a multiple of three bytes, so that it is found in base64 too.

    Returns
    -------
    bytes
        The content of the file.
    """
    content = b""
    with own_style():
        figure = draw_figure(sheet, Size(DEFAULT_WIDTH, RESOLUTIONS[0]), exact=False)
        for dpi in RESOLUTIONS:
            content = _owned(_in_256_colours(figure, dpi), owner.encode("ascii"))
            if len(content) <= most_bytes:
                break
    return content


def _in_256_colours(figure: Figure, dpi: int) -> bytes:
    drawn, small = BytesIO(), BytesIO()
    figure.savefig(drawn, format="png", dpi=dpi, pil_kwargs={"compress_level": 1})
    picture = Image.open(drawn).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(small, "png")
    return small.getvalue()


def _owned(content: bytes, owner: bytes) -> bytes:
    """Put a chunk of text behind the header (PNG specification, 11.3.3.2)."""
    chunk = b"tEXt" + KEYWORD + b"\0" + owner
    length, check = struct.pack(">I", len(chunk) - 4), struct.pack(">I", zlib.crc32(chunk))
    return content[:_HEAD] + length + chunk + check + content[_HEAD:]
