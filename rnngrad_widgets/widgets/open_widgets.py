"""The widgets that ipywidgets keeps alive, by model id, and pages that ask for their state.

A page that is loaded again asks for the state of all widgets. While a cell runs, a subshell
answers, in another thread, which ipywidgets does not expect. The thread fails where the cell makes
a widget meanwhile, as live training does for every snapshot ("dictionary changed size during
iteration"): so it gets a copy to go through. And of two pages that are loaded at once, each with a
subshell, one would get the answers to both: ipywidgets answers in the comm that was opened last.
Here each page is answered in its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, ValuesView
from typing import Any

from comm import get_comm_manager
from IPython import get_ipython
from ipywidgets.widgets import widget as ipywidgets

from rnngrad_widgets.widgets.inner_comm import InnerComm


class _Widgets(MutableMapping[str, Any]):
    """Widgets that may be gone through in one thread while another one opens and closes some.

    Parameters
    ----------
    kept
        What kept them before. It goes on to: Solara's keeps the widgets of each user apart.
    """

    def __init__(self, kept: MutableMapping[str, Any]) -> None:
        self._kept = kept

    def __getitem__(self, model_id: str) -> Any:
        return self._kept[model_id]

    def __setitem__(self, model_id: str, widget: Any) -> None:
        self._kept[model_id] = widget

    def __delitem__(self, model_id: str) -> None:
        del self._kept[model_id]

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._kept))  # no other thread comes between while it is copied

    def values(self) -> ValuesView[Any]:
        """Return the widgets that are open now and have a comm that the front end knows.

        It is for pages that ask for the state of all, and for Panel, which opens comms for all.
        """
        return dict(enumerate(filter(_is_on_wire, _in(self)))).values()


def _in(widgets: Mapping[str, Any]) -> list[Any]:
    """Return the widgets that are still there when they are looked up."""
    found = [widgets.get(model_id) for model_id in widgets]
    return [each for each in found if each is not None]


def _is_on_wire(widget: Any) -> bool:
    return not isinstance(widget.comm, InnerComm) or widget.comm.ordinary is not None


def is_asked_for_states() -> bool:
    """Tell whether this answers a page that asks for the state of all widgets."""
    kernel = getattr(get_ipython(), "kernel", None)
    message = {} if kernel is None else kernel.get_parent()
    data: dict[str, Any] = message.get("content", {}).get("data", {})
    return data.get("method") == "request_states"


ipywidgets._instances = _Widgets(ipywidgets._instances)  # noqa: SLF001 - there is no public way


CONTROL = "jupyter.widget.control"
"""The comm target in which pages ask for the state of all widgets."""


def _open_control(comm: Any, message: dict[str, Any]) -> None:
    class Control(ipywidgets.Widget):  # type: ignore[misc]  # ipywidgets has no types
        """A class for each comm: ipywidgets keeps the comm in the class."""

    Control.handle_control_comm_opened(comm, message)


get_comm_manager().register_target(CONTROL, _open_control)


def open_widgets() -> _Widgets:
    """Return the widgets that ipywidgets keeps alive, by model id."""
    found: _Widgets = ipywidgets._instances  # noqa: SLF001
    return found


def all_widgets() -> list[Any]:
    """Return the widgets that are open now, those in tunnels too."""
    return _in(open_widgets())
