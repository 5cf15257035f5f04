"""The lines of text of an explorer: what is displayed, what it says, what must be said of it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from ipywidgets import HTML, Button, VBox

from rnngrad_widgets.widgets.readout import Readout
from rnngrad_widgets.widgets.selection import Selection


class TextLines:
    """The summary line, the finding, and under them a message, which is mostly empty.

    Parameters
    ----------
    selection
        What the finding is of.
    accept
        Called when the offer is clicked.

    Attributes
    ----------
    summary
        HTML that `summary_html` makes.
    finding
        What is told of the chosen sample and of the batch; it follows the selection.
    message
        An error, or notes on the batch.
    shows_error
        Whether the message is an error.
    offer, accept
        A box, and the button for the total gradient, which is in it where the direct one says
        nothing of early timesteps.
    """

    def __init__(self, selection: Selection, accept: Callable[[], None]) -> None:
        self.summary = HTML().add_class("rnngrad-summary")
        self.finding = Readout(selection=selection, kind="finding")
        self.message = HTML().add_class("rnngrad-message")
        self.accept = Button(
            description="Show the total gradient",
            tooltip="∂L/∂h at every timestep, through the layer's own recurrence (BPTT)",
        )
        # without a kernel the page has no other gradient
        self.accept.add_class("rnngrad-kernel")
        self.accept.on_click(lambda _: accept())
        self.offer = VBox().add_class("rnngrad-offer")
        self.shows_error = False
        self.make_offer(False)

    def make_offer(self, there: bool) -> None:
        """Show the button, or hide it."""
        self.offer.children = (self.accept,) if there else ()

    def say(self, *notes: str) -> None:
        """Show notes in the message line; empty ones are left out."""
        self.shows_error = False
        self.message.value = escape(" · ".join(filter(None, notes)))

    def show_error(self, error: BaseException) -> None:
        """Show an error in the message line."""
        self.shows_error = True
        self.message.value = f"<b>{escape(type(error).__name__)}</b> {escape(str(error))}"
