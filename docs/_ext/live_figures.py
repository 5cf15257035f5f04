"""Live figures: the page that a widget displays becomes a file of the site, shown in a frame.

A cell whose last line is a widget displays a page of ``save_html`` in a frame (``RNNGRAD_DISPLAY``
is "page"), which holds the page itself: two megabytes in each document. Here it is written beside
the documents, where a browser loads it when the reader comes to it.
"""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.util.osutil import relative_uri

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FOLDER = "_figures"

_SHOWN = re.compile(
    r'<iframe srcdoc="(?P<page>[^"]*)" sandbox="(?P<sandbox>[^"]*)" title="(?P<title>[^"]*)" '
    r'style="[^"]*height: (?P<height>\d+)px[^"]*"></iframe>'
)

_FRAME = (
    '<iframe class="live-figure" src="{address}" loading="lazy" sandbox="{sandbox}" '
    'title="{title}" style="height: {height}px"></iframe>\n'
)


def move_to_files(app: Sphinx, doctree: nodes.document) -> None:
    """Write the pages that a document displays to files, and show these."""
    if app.builder.format != "html":
        return
    docname = app.env.docname
    number = 0
    for node in list(doctree.findall(nodes.raw)):
        shown = _SHOWN.search(node.astext())
        if shown is None:
            continue
        number += 1
        name = f"{docname.replace('/', '-')}-{number}.html"
        folder = Path(app.outdir, FOLDER)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(unescape(shown["page"]), "utf-8")
        here = app.builder.get_target_uri(docname)
        frame = _FRAME.format(
            address=relative_uri(here, f"{FOLDER}/{name}"),
            sandbox=shown["sandbox"],
            title=shown["title"],
            height=shown["height"],
        )
        node.replace_self(nodes.raw("", frame, format="html"))


def drop_widgets(app: Sphinx, _doctree: nodes.document) -> None:
    """Leave the states of widgets out of a document: its pages have them."""
    NbMetadataCollector.get_js_files(app.env, app.env.docname).pop("ipywidgets_state", None)


def setup(app: Sphinx) -> dict[str, Any]:
    """Take part in the build."""
    app.connect("doctree-read", drop_widgets)
    app.connect("doctree-read", move_to_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
