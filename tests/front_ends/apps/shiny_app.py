"""The explorer in Shiny for Python."""

from typing import Any

from shiny import App, ui
from shinywidgets import output_widget, render_widget
from shown import make_explorer


def serve(input: Any, output: Any, session: Any) -> None:  # noqa: A002, ARG001 - Shiny's names
    """Show the explorer of a session."""

    @render_widget
    def explorer() -> Any:
        return make_explorer().anywidget()


app = App(ui.page_fluid(output_widget("explorer", height="1000px")), serve)
