"""The scripts that show widgets in a page without a kernel, from what is installed."""

from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path

CHECKOUT = Path(__file__).parents[1] / "nbextension"


def renderer() -> str:
    """Return one script that shows the widgets whose state it finds, when the document is there.

    Raises
    ------
    FileNotFoundError
        If a part of it is not installed.
    """
    return f"({_library('rnngradPage.start();')})();\n"


def module() -> str:
    """Return the same as a module for the tunnel, which finds it in its default export.

    Raises
    ------
    FileNotFoundError
        If a part of it is not installed.
    """
    return f"export default ({_for_tunnels()})();\n"


def anywidget_code(*, with_library: bool) -> str:
    """Return the module that is the code of the anywidget.

    Parameters
    ----------
    with_library
        Whether what `module` returns is in it.

    Raises
    ------
    FileNotFoundError
        If a part of it is not installed.
    """
    code = _built("anywidget.js").read_text("utf-8")
    return f"const rnngradLibrary = {_for_tunnels()};\n{code}" if with_library else code


def _for_tunnels() -> str:
    # what modules put into the document's head is for shadow roots
    library = _library("rnngradPage.takeStyles(before); return rnngradPage;")
    return f"() => {{\nconst before = new Set(document.head.children);\nreturn ({library})();\n}}"


def _library(end: str) -> str:
    """Return a function that runs all scripts, and then `end`."""
    # scales, which widgets look for in bqscales, are in bqplot's file: see module-manager.ts
    modules = {
        "bqplot": _installed("bqplot", "share/jupyter/nbextensions/bqplot/index.js"),
        "rnngrad-widgets": _built("index.js"),
    }
    parts = [_built("page.js").read_text("utf-8")]
    for name, path in modules.items():
        # an AMD file calls `define` without its name: each gets one that knows it
        source = path.read_text("utf-8")
        parts.append(f"(function (define) {{\n{source}\n}})(rnngradPage.defineAs('{name}'));")
    parts.append(end)
    script = "\n".join(parts)
    # what would end the script element, or hide its end; either occurs in strings only
    script = re.sub("<(?=/script|!--)", r"\\x3C", script, flags=re.IGNORECASE)
    # A page may have a loader of its own. A library that found its `define`, or a `module`, would
    # hand itself to that loader, and not to the code that needs it here.
    return f"function (define, require, exports, module) {{\n{script}\n}}"


def licences() -> str:
    """Return the licences of all code in `renderer`: each text once, with its packages."""
    packages: dict[str, list[str]] = {}
    for text in _built("page.licenses.txt").read_text("utf-8").split("\n\f\n"):
        names, _, terms = text.partition("\n")
        packages.setdefault(terms.strip(), []).append(names)
    for name in ("bqplot", "bqscales"):  # whose scales are in bqplot's file
        own = _installed(name, ".dist-info/licenses/LICENSE", ".dist-info/LICENSE")
        packages.setdefault(own.read_text("utf-8").strip(), []).append(name)
        others = _installed(name, f"labextensions/{name}/static/third-party-licenses.json")
        for package in json.loads(others.read_text("utf-8"))["packages"]:
            terms = package["extractedText"].strip() or package["licenseId"]
            packages.setdefault(terms, []).append(package["name"])
    return "\n\n".join(
        f"{', '.join(sorted(set(names)))}:\n\n{terms}" for terms, names in packages.items()
    )


def _installed(distribution: str, *endings: str) -> Path:
    for file in metadata.files(distribution) or ():
        if file.as_posix().endswith(endings):
            return Path(str(file.locate()))
    raise FileNotFoundError(
        f"{endings[0]} of {distribution} must be installed; it is not in the record of its "
        f"files. Install it anew: pip install --force-reinstall {distribution}"
    )


def _built(name: str) -> Path:
    """Return the path of a file of ours: where a checkout builds it, else where pip installs it."""
    path = CHECKOUT / name
    if path.exists():
        return path
    try:
        return _installed("rnngrad-widgets", f"share/jupyter/nbextensions/rnngrad-widgets/{name}")
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}; or run make js in a checkout") from None
