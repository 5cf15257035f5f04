"""What executes code in a notebook: runs of cells, and messages of the browser to widgets."""

from __future__ import annotations

from typing import NamedTuple

from IPython import get_ipython


class Execution(NamedTuple):
    """What executes code: one run of a cell, or one message of the browser to a widget.

    Attributes
    ----------
    place
        The first session of a notebook, and the id of the cell or of the widget.
    message
        The id of the message that asked for it.
    in_cell
        Whether that is a cell.
    """

    place: tuple[str, str]
    message: str
    in_cell: bool


class Executions:
    """Which execution of a place is the latest, across pages that are loaded again."""

    def __init__(self) -> None:
        self._latest: dict[tuple[str, str], str] = {}  # message by place
        self._first_sessions: dict[str, str] = {}  # of the notebook, by session of a page
        self._notebooks: dict[str, str] = {}  # first session, by path

    def current(self) -> Execution | None:
        """Return what executes this code; None outside a notebook."""
        shell = get_ipython()
        if shell is None or not hasattr(shell, "get_parent"):
            return None
        parent = shell.get_parent()
        cell = parent.get("metadata", {}).get("cellId")
        place = cell or parent.get("content", {}).get("comm_id")
        if place is None:
            return None
        header = parent.get("header", {})
        # Copies of a notebook have the same cells; each has a session of its own.
        session = str(header.get("session"))
        where = self._first_sessions.get(session, session), str(place)
        return Execution(where, str(header.get("msg_id")), in_cell=bool(cell))

    def note(self, execution: Execution) -> None:
        """Remember that this is the latest execution of its place."""
        self._latest[execution.place] = execution.message

    def note_page(self, notebook: str, session: str) -> None:
        """Remember which notebook a page shows: loaded again, it has another session.

        A notebook that was renamed is the same one; another may have its old path.

        Parameters
        ----------
        notebook
            Path of the notebook.
        session
            What the page's messages name as theirs.
        """
        first = self._first_sessions.get(session)
        if first is not None and self._notebooks.get(notebook) != first:
            before = [path for path, each in self._notebooks.items() if each == first]
            for path in before:
                del self._notebooks[path]
        self._first_sessions[session] = self._notebooks.setdefault(notebook, first or session)

    def is_latest(self, execution: Execution) -> bool:
        """Tell whether its place has not been executed again: its output is still there."""
        return self._latest.get(execution.place) == execution.message
