"""`RunStatus`: how far a run is, as its timeline says it."""

from __future__ import annotations

from typing import NamedTuple


class RunStatus(NamedTuple):
    """The status line of a run, and what the browser must know of it to show it.

    Parameters
    ----------
    text
        Shown as it is; the browser never reads it.
    step
        The training step that the text is of; None where it is of the whole run. Where an earlier
        step is shown, the browser says that the text is of the latest one.
    """

    text: str = ""
    step: int | None = None
