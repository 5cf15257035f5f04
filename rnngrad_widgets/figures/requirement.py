"""Whether figures can be drawn: matplotlib is an extra."""

from __future__ import annotations

from importlib.util import find_spec

INSTALL = 'pip install "rnngrad-widgets[figures]"'


def has_matplotlib() -> bool:
    """Tell whether matplotlib is there; it is not imported."""
    return find_spec("matplotlib") is not None


def check_matplotlib() -> None:
    """Check that matplotlib is there; it is not imported.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed.
    """
    if not has_matplotlib():
        raise ModuleNotFoundError(
            f"matplotlib draws figures for print, and is not installed: {INSTALL}",
            name="matplotlib",
        )
