"""Tables of words that read well in a terminal and in a notebook."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from html import escape


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return lines of aligned columns."""
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def html_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    below: Sequence[str] = (),
    alarms: Collection[int] = (),
) -> str:
    """Return a table and the lines below it, as HTML; all words are escaped.

    Parameters
    ----------
    header, rows
        The words of the cells.
    below
        Lines.
    alarms
        The rows whose last cell is in bold.
    """
    head = "".join(f"<th>{escape(word)}</th>" for word in header)
    tags = ["strong" if place in alarms else "span" for place in range(len(rows))]
    body = "".join(map(_html_row, rows, tags))
    lines = "".join(f"<div>{escape(line)}</div>" for line in below)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{lines}"


def _html_row(row: Sequence[str], tag: str) -> str:
    *cells, last = (escape(word) for word in row)
    columns = "".join(f"<td>{cell}</td>" for cell in cells)
    return f"<tr>{columns}<td><{tag}>{last}</{tag}></td></tr>"
