"""How a front end shows widgets: by the extension, by one anywidget, or as a page in the output."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Literal, get_args

Display = Literal["extension", "anywidget", "page"]
"""``"extension"``: an ordinary widget. ``"anywidget"``: all of it carried by one anywidget.
``"page"``: a page in the output, without a kernel."""

DISPLAYS: tuple[Display, ...] = get_args(Display)

VARIABLE = "RNNGRAD_DISPLAY"

_chosen: Display | None = None


def display_as(display: Display | None) -> None:
    """Choose how widgets are shown from now on, where what is found out does not fit.

    Without it, they are shown by the extension, and by one anywidget in Colab, Kaggle, Databricks,
    marimo and Panel, which load no extension. The environment variable ``RNNGRAD_DISPLAY`` chooses
    for all notebooks. Make the widget after this: one that is there already stays as it is.

    Parameters
    ----------
    display
        ``"extension"``: JupyterLab 4, Notebook 7, nbclassic, Voila and VS Code, where this package
        is installed for the front end. ``"anywidget"``: wherever an anywidget is shown. ``"page"``:
        a page in the output, whose sliders work without a kernel. None: find out.

    Raises
    ------
    ValueError
        If it is none of these.
    ModuleNotFoundError
        If an anywidget is chosen and ``anywidget`` is not installed.
    """
    global _chosen  # noqa: PLW0603 - as global as the front end
    if display is not None:
        _check(display, "display_as takes")
    if display == "anywidget":
        check_anywidget()
    _chosen = display


def current_display() -> Display:
    """Return how widgets are shown now.

    Raises
    ------
    ValueError
        If the environment variable has another value.
    """
    if _chosen is not None:
        return _chosen
    variable = os.environ.get(VARIABLE, "")
    if variable:
        return _check(variable, f"the environment variable {VARIABLE} takes")
    if _has_no_extensions():
        return "anywidget" if find_spec("anywidget") is not None else "page"
    return "extension"


def check_anywidget() -> None:
    """Refuse what needs the package ``anywidget``.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed.
    """
    if find_spec("anywidget") is None:
        raise ModuleNotFoundError(
            "an anywidget needs the package anywidget, which is not installed: "
            "pip install 'rnngrad-widgets[anywhere]'"
        )


def is_marimo() -> bool:
    """Tell whether this runs in a notebook of marimo."""
    marimo = sys.modules.get("marimo")
    return marimo is not None and bool(marimo.running_in_notebook())


def _check(display: str, rule: str) -> Display:
    for each in DISPLAYS:
        if display == each:
            return each
    names = ", ".join(map(repr, DISPLAYS))
    raise ValueError(f"{rule} one of {names}; received {display!r}. Leave it out to find out")


def _has_no_extensions() -> bool:
    """Tell whether this is a kernel of a front end that loads no extension of the user's."""
    return (
        is_marimo()
        or "google.colab" in sys.modules
        or "KAGGLE_KERNEL_RUN_TYPE" in os.environ
        or "DATABRICKS_RUNTIME_VERSION" in os.environ
        or ("panel.io.ipywidget" in sys.modules and "ipykernel.zmqshell" not in sys.modules)
    )
