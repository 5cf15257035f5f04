"""`RunStatus`: how far a run is, as its timeline says it."""

from __future__ import annotations

from typing import NamedTuple

from rnngrad_widgets.callbacks.status import joined, snapshots


class RunStatus(NamedTuple):
    """What is said of a run beside its timeline; the browser shows it, and never reads it.

    Parameters
    ----------
    text
        How far the run is: what comes before the number of snapshots.
    step
        The training step that the words are of; None where they are of the whole run. Where an
        earlier step is shown, the browser says that they are of the latest one.
    rest
        What comes after the number of snapshots.
    of
        How many snapshots there are, where that is known better than by counting what came.
    """

    text: str = ""
    step: int | None = None
    rest: str = ""
    of: int = 0

    def line(self, kept: int, came: int) -> str:
        """Write the line of a timeline that keeps so many of the snapshots that came."""
        number, most = snapshots(kept), max(came, self.of)
        if kept < most:
            number = f"{kept:,} of {snapshots(most)} in the timeline"
        return joined(self.text, number, self.rest)
