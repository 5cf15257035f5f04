"""The two lines of text of an explorer: what is displayed, and what must be said of it."""

from __future__ import annotations

from html import escape

from ipywidgets import HTML


class TextLines:
    """The summary line, and under it a message, which is mostly empty.

    Attributes
    ----------
    summary
        HTML that `summary_html` makes.
    message
        An error, or notes on the batch.
    """

    def __init__(self) -> None:
        self.summary = HTML().add_class("rnngrad-summary")
        self.message = HTML().add_class("rnngrad-message")

    def say(self, *notes: str) -> None:
        """Show notes in the message line; empty ones are left out."""
        self.message.value = escape(" · ".join(filter(None, notes)))

    def show_error(self, error: BaseException) -> None:
        """Show an error in the message line."""
        self.message.value = f"<b>{escape(type(error).__name__)}</b> {escape(str(error))}"
