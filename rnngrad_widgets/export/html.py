"""One HTML page with a widget in it, alive without a kernel and without a network.

``python -m rnngrad_widgets.html widgets.js`` writes the script that such a page runs, for
``jupyter nbconvert --to html --HTMLExporter.widget_renderer_url=widgets.js``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from ipywidgets import DOMWidget, Widget
from ipywidgets.embed import add_resolved_links
from ipywidgets.widgets.widget import _remove_buffers

from rnngrad_widgets._version import __version__
from rnngrad_widgets.data.wire import Precision, check_precision, encode
from rnngrad_widgets.export.bundle import licences, renderer
from rnngrad_widgets.export.files import write_whole
from rnngrad_widgets.widgets.control_link import ControlLink
from rnngrad_widgets.widgets.open_widgets import all_widgets
from rnngrad_widgets.widgets.reachable import reachable_with_snapshots
from rnngrad_widgets.widgets.tensor import Tensor
from rnngrad_widgets.widgets.timeline import Snapshot

MAX_SIZE = 100_000_000
PIECE = 500_000

# Nothing is loaded from anywhere, and no script runs but ours.
POLICY = (
    "default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; form-action 'none'; base-uri 'none'"
)

UNSEEN = ' class="rnngrad-unseen"'
"""Of a heading that is for screen readers only: they find their way by headings."""

PAGE = """\
<!DOCTYPE html>
<html lang="en" class="rnngrad-page"{theme}>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="rnngrad_widgets {version}">
<title>{title}</title>
</head>
<body>
<main>
{heading}<noscript>
<style>.rnngrad-wait {{ display: none }}</style>
<p>This page draws with JavaScript, which is off here. In JupyterLab, press <b>Trust HTML</b> above;
elsewhere allow scripts, or open the file in a browser of its own.</p>
</noscript>
<p class="rnngrad-wait">This page draws with JavaScript: it takes a moment.</p>
<script type="application/vnd.jupyter.widget-view+json">{view}</script>
</main>
<footer>{footer}</footer>
<script type="text/plain" id="licences">
{licences}
</script>
{state}
<script>{script}</script>
</body>
</html>
"""


@dataclass(frozen=True)
class SavedPage:
    """A page that was written: where it is, and how large; usable wherever a path is.

    Attributes
    ----------
    path
        The file.
    size
        Its bytes.
    """

    path: Path
    size: int

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"{self.path} ({megabytes(self.size)})"


def save_html(
    widget: DOMWidget,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    precision: Precision = "float32",
    max_size: int = MAX_SIZE,
) -> SavedPage:
    """Write one file that shows the widget in any browser, from disk, without a network.

    What works in the browser alone works there too. Path, options, result and errors are those of
    the method ``save_html`` of an explorer, which says what they mean.

    Parameters
    ----------
    widget
        What to show, with all that it refers to.

    Raises
    ------
    TypeError
        If it is no widget that can be shown.
    """
    target = _target(path)
    page = page_of(widget, title, precision, max_size)
    write_whole(target, page)
    return SavedPage(target, len(page))


# -- the page -------------------------------------------------------------------------------------


def page_of(widget: DOMWidget, title: str | None, precision: Precision, max_size: int) -> bytes:
    """Return the page of a widget; `save_html` says what the arguments and errors are."""
    if not isinstance(widget, DOMWidget):
        raise TypeError(
            f"the widget must be one that is shown; received {type(widget).__name__}. "
            "Pass a GradientExplorer, for instance"
        )
    if widget.comm is None:
        raise ValueError("the widget must be open; it was closed. Make it anew, then save it")
    if title is not None and not isinstance(title, str):
        raise TypeError(f"title must be text or None; received {type(title).__name__}")
    check_precision(precision)
    script, notices = renderer(), licences()
    models = _models(widget, precision)
    buffers = [buffer for model in models.values() for buffer in model.get("buffers", ())]
    # before the arrays become text: base64 writes three bytes as four letters
    size = sum(-(-buffer["data"].nbytes // 3) * 4 for buffer in buffers)
    _check_size(size + len(script) + len(notices), precision, max_size)
    for buffer in buffers:
        buffer["data"] = base64.b64encode(buffer["data"]).decode("ascii")
    state = {"version_major": 2, "version_minor": 0, "state": models}
    rounded = " Values are rounded to bfloat16: 1/256 at most." if precision == "bfloat16" else ""
    today = datetime.now().astimezone().date()
    name = title or getattr(widget, "title", "") or "Gradients"
    page = PAGE.format(
        policy=POLICY.format(digest=_digest(script)),
        theme=_theme(widget),
        version=escape(__version__),
        title=escape(name),
        heading=f"<h1{'' if title else UNSEEN}>{escape(name)}</h1>\n",
        view=_json(widget.get_view_spec()),
        footer=f"Saved on {today} with rnngrad_widgets {escape(__version__)}.{rounded}",
        licences=notices.replace("<", "&lt;"),
        state=_in_pieces(_json(state)),
        script=script,
    ).encode("utf-8", "xmlcharrefreplace")
    _check_size(len(page), precision, max_size)
    return page


def _theme(widget: DOMWidget) -> str:
    """Return the notebook's theme, if one has shown the widget; else the system's rules.

    The browser tells Python its theme for this: what CSS calls ``light-dark()`` follows the
    page's ``color-scheme``.
    """
    dark = getattr(widget, "dark", None)
    return "" if dark is None else f' style="color-scheme: {"dark" if dark else "light"}"'


def _models(widget: DOMWidget, precision: Precision) -> dict[str, dict[str, Any]]:
    """Return states of the widget, of all it refers to and of the links between, by model id."""
    found = reachable_with_snapshots(widget)
    links = [
        each
        for each in all_widgets()
        if isinstance(each, ControlLink) and {each.selection, each.control} <= found
    ]
    models = {each.model_id: _state(each, precision) for each in (*found, *links)}
    add_resolved_links(models, drop_defaults=False)
    return models


def _state(widget: Widget, precision: Precision) -> dict[str, Any]:
    state = widget.get_state(drop_defaults=False)
    if isinstance(widget, Tensor | Snapshot) and widget.array is not None:
        state["array"] = encode(widget.array, precision)
    state, paths, buffers = _remove_buffers(state)
    embedded: dict[str, Any] = {
        "model_name": state["_model_name"],
        "model_module": state["_model_module"],
        "model_module_version": state["_model_module_version"],
        "state": state,
    }
    if buffers:
        embedded["buffers"] = [
            {"path": path, "encoding": "base64", "data": memoryview(buffer).cast("B")}
            for path, buffer in zip(paths, buffers, strict=True)
        ]
    return embedded


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def _json(value: object) -> str:
    # no text of a user can end the script element
    return json.dumps(value, separators=(",", ":")).replace("<", r"\u003c")


def _in_pieces(text: str) -> str:
    """Cut into script elements, which the page joins: WebKit takes long for long ones."""
    pieces = (text[start : start + PIECE] for start in range(0, len(text), PIECE))
    return "\n".join(
        f'<script type="text/plain" class="rnngrad-state">{piece}</script>' for piece in pieces
    )


def _check_size(size: int, precision: Precision, max_size: int) -> None:
    if size > max_size:
        half = "save with precision='bfloat16', half the size, " if precision == "float32" else ""
        raise ValueError(
            f"the page must not be larger than max_size, {megabytes(max_size)}; it would take "
            f"{megabytes(size)}. Explore fewer samples, {half}or pass max_size={size + 1_000_000}"
        )


def megabytes(size: int) -> str:
    """Return a number of bytes in words."""
    return f"{size / 1e6:.1f} MB"


# -- the file -------------------------------------------------------------------------------------


def _target(path: str | os.PathLike[str]) -> Path:
    target = Path(path).expanduser().resolve()
    if target.is_dir():
        raise IsADirectoryError(
            f"the path must name a file; received the folder {target}. "
            f"For instance: {target / 'gradients.html'}"
        )
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"the folder of the file must exist; received {target}. Make {target.parent} first"
        )
    return target


# -- the script of a saved notebook ----------------------------------------------------------------


def main() -> None:
    """Write the script to the file that the command line names."""
    Path(sys.argv[1]).write_text(renderer(), "utf-8")
