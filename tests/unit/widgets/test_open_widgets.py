"""The widgets that ipywidgets goes through while a cell makes more, and who is told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from comm import get_comm_manager
from ipywidgets import HTML, Widget

from rnngrad_widgets.widgets.open_widgets import CONTROL
from rnngrad_widgets.widgets.open_widgets import open_widgets as all_open

if TYPE_CHECKING:
    from collections.abc import Callable


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


class Page:
    """A page that asks for the state of all widgets, as far as its comm is concerned."""

    def __init__(self) -> None:
        self.states: list[set[str]] = []
        self.ask: Callable[[dict[str, Any]], None]
        get_comm_manager().targets[CONTROL](self, {"metadata": {"version": "1.0.0"}})

    def on_msg(self, callback: Callable[[dict[str, Any]], None]) -> None:
        self.ask = callback

    def send(self, data: dict[str, Any], **_buffers: object) -> None:
        self.states.append(set(data["states"]))


@pytest.mark.usefixtures("open_widgets")
def test_each_of_two_pages_is_answered() -> None:
    first = Page()
    second = Page()  # in another subshell, before the first one is answered
    request = {"content": {"data": {"method": "request_states"}}}
    one = HTML()
    first.ask(request)
    another = HTML()
    second.ask(request)
    (told_first,), (told_second,) = first.states, second.states
    assert {one.model_id, another.model_id} & told_first == {one.model_id}
    assert {one.model_id, another.model_id} & told_second == {one.model_id, another.model_id}
