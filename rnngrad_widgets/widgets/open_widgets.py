"""The widgets that ipywidgets keeps alive, by model id.

A page that is loaded again asks for the state of all widgets. While a cell runs, a subshell
answers: in another thread, which fails where the cell makes a widget meanwhile, as live training
does for every snapshot ("dictionary changed size during iteration"). Then no widget of the page
comes back. So the thread gets a copy to go through.
"""

from __future__ import annotations

from collections.abc import ValuesView
from typing import TYPE_CHECKING, Any

from ipywidgets.widgets import widget as ipywidgets

if TYPE_CHECKING:
    from collections.abc import MutableMapping


class _Widgets(dict[str, Any]):
    """Widgets that may be gone through in one thread while another one opens and closes some."""

    def values(self) -> ValuesView[Any]:  # type: ignore[override]
        """Return the widgets that are open now."""
        return ValuesView(self.copy())


ipywidgets._instances = _Widgets(ipywidgets._instances)  # noqa: SLF001 - there is no public way


def open_widgets() -> MutableMapping[str, Any]:
    """Return the widgets that ipywidgets keeps alive, by model id."""
    found: MutableMapping[str, Any] = ipywidgets._instances  # noqa: SLF001
    return found
