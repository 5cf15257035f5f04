"""The explorer in Solara."""

import solara
from shown import make_explorer


@solara.component
def Page() -> None:
    """Show the explorer of a session."""
    explorer = solara.use_memo(make_explorer, [])
    solara.display(explorer.anywidget())
