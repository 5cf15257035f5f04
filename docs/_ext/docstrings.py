"""Docstrings in the reference: signatures of classes, links, and the numbers of references."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

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


def find_class(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element
) -> nodes.Element | None:
    """Link a class, or a method of it, that a docstring of any module names without its module."""
    target: str = node.get("reftarget", "")
    if node.get("refdomain") != "py" or not target[:1].isupper():
        return None
    domain = env.domains.python_domain
    found = [name for name in domain.objects if name.endswith(f".{target}")]
    if len(found) != 1:
        return None
    node["reftarget"] = found[0]
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", found[0], node, content)


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
    app.connect("missing-reference", find_class)
    app.connect("doctree-resolved", number_references)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
