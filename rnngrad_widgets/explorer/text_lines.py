"""The lines of text of an explorer: what is displayed, what it says, what must be said of it."""

from __future__ import annotations

from html import escape

from ipywidgets import HTML

from rnngrad_widgets.widgets.readout import Readout
from rnngrad_widgets.widgets.selection import Selection


class TextLines:
    """The summary line, the finding, and under them a message, which is mostly empty.

    Parameters
    ----------
    selection
        What the finding is of.

    Attributes
    ----------
    summary
        HTML that `summary_html` makes.
    finding
        What is told of the chosen sample and of the batch; it follows the selection.
    message
        An error, or notes on the batch.
    """

    def __init__(self, selection: Selection) -> None:
        self.summary = HTML().add_class("rnngrad-summary")
        self.finding = Readout(selection=selection, kind="finding")
        self.message = HTML().add_class("rnngrad-message")

    def say(self, *notes: str) -> None:
        """Show notes in the message line; empty ones are left out."""
        self.message.value = escape(" · ".join(filter(None, notes)))

    def show_error(self, error: BaseException) -> None:
        """Show an error in the message line."""
        self.message.value = f"<b>{escape(type(error).__name__)}</b> {escape(str(error))}"
