"""Docstrings in the reference: signatures of classes, and the numbers of references."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_LABEL = re.compile(r"\[R[0-9a-f]+-(\d+)\]")


def sign_by_init(
    _app: Sphinx, what: str, _name: str, obj: Any, _options: Any, signature: str, returned: str
) -> tuple[str, str] | None:
    """Write the arguments of ``__init__``: those of widgets have a ``__new__`` that takes all."""
    if what != "class" or "**keywords" not in signature:
        return None
    own = inspect.signature(obj.__init__)
    bare = [
        each.replace(annotation=each.empty)
        for each in own.parameters.values()
        if each.name != "self"
    ]
    return str(own.replace(parameters=bare, return_annotation=own.empty)), returned


def number_references(_app: Sphinx, doctree: nodes.document, _docname: str) -> None:
    """Write [1] where numpydoc wrote a name that is unique in the whole reference.

    It does so itself in documents of reStructuredText, not where docstrings are part of Markdown.
    """
    for text in list(doctree.findall(nodes.Text)):
        if _LABEL.search(text):
            text.parent.replace(text, nodes.Text(_LABEL.sub(r"[\1]", text)))


def setup(app: Sphinx) -> dict[str, Any]:
    """Take part in the build."""
    app.connect("autodoc-process-signature", sign_by_init)
    app.connect("doctree-resolved", number_references)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
