"""The widgets that ipywidgets goes through while a cell makes more."""

from __future__ import annotations

from typing import Any

from ipywidgets import HTML, Widget

from rnngrad_widgets.widgets.open_widgets import open_widgets as all_open


class OpensAnother(HTML):
    """A widget that another thread is faster than: there is one more when its state is read."""

    def get_state(self, *arguments: Any, **options: Any) -> Any:
        HTML()
        return super().get_state(*arguments, **options)


def test_the_state_of_all_widgets_is_had_while_others_are_opened(
    open_widgets: dict[str, object],
) -> None:
    widgets = [OpensAnother(), OpensAnother()]
    before = set(open_widgets)
    state = Widget.get_manager_state()["state"]
    assert set(state) == before > {each.model_id for each in widgets}
    assert len(open_widgets) > len(before)


def test_a_widget_that_is_closed_is_not_gone_through(open_widgets: dict[str, object]) -> None:
    kept, closed = HTML("kept"), HTML("closed")
    closed.close()
    assert kept in all_open().values()
    assert closed not in all_open().values()
    assert all_open() is open_widgets
