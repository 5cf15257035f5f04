"""A page that has got an anywidget, as far as messages are concerned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ipywidgets.widgets.widget import _put_buffers, _remove_buffers

from rnngrad_widgets.tunnel.tunnel import TURNS, Tunnel

PREFIX = "IPY_MODEL_"


class Page:
    """Keeps the states of all models, and refuses what a browser could not do."""

    def __init__(self, tunnel: Tunnel) -> None:
        self.tunnel = tunnel
        self.handled: list[str] = []
        self.messages: list[dict[str, Any]] = []
        self.numbers: list[int] = []
        inner = tunnel.get_state("inner")["inner"]
        self.root = inner["root"]
        self.states = {each: dict(opened["state"]) for each, opened in inner["models"].items()}
        self.check_references(list(self.states.values()))
        tunnel.comm.send = self.receive

    def receive(
        self, data: dict[str, Any], _metadata: object = None, buffers: list[Any] | None = None
    ) -> None:
        """Take what comes over the comm of the anywidget."""
        if data["method"] == "custom":
            self.handled.append(data["content"]["handled"])
            return
        state = {each: value for each, value in data["state"].items() if each != "inner"}
        _put_buffers(state, data["buffer_paths"], buffers)
        if "last" not in state:
            return
        number = state["last"]
        message = state[f"message{number % TURNS}"]
        assert message["number"] == number
        assert not self.numbers or number == self.numbers[-1] + 1
        self.numbers.append(number)
        self.messages.append(message)
        for model_id, opened in message.get("opened", {}).items():
            assert model_id not in self.states, "a widget is opened once"
            self.states[model_id] = dict(opened["state"])
        self.check_references(list(self.states.values()) if "opened" in message else [])
        self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("closed"):
            del self.states[message["comm"]]
        elif message.get("data", {}).get("method") in ("update", "echo_update"):
            state = message["data"]["state"]
            _put_buffers(state, message["data"]["buffer_paths"], message.get("buffers", []))
            self.check_references(state)
            self.states[message["comm"]].update(state)

    def check_references(self, value: Any) -> None:
        """Refuse a reference to a model that is not there."""
        if isinstance(value, str) and value.startswith(PREFIX):
            assert value.removeprefix(PREFIX) in self.states
        elif isinstance(value, Mapping):
            for item in value.values():
                self.check_references(item)
        elif isinstance(value, list | tuple):
            for item in value:
                self.check_references(item)

    def send(self, widget: Any, state: dict[str, Any], message_id: str = "page-1") -> None:
        """Send what a person has changed."""
        state, paths, buffers = _remove_buffers(state)
        data = {"method": "update", "state": state, "buffer_paths": paths}
        content = {"kind": "message", "comm": widget.model_id, "data": data, "id": message_id}
        self.ask(content, buffers)

    def ask(self, content: dict[str, Any], buffers: list[Any] | None = None) -> None:
        """Send a message of the page over the comm of the anywidget."""
        message = {"content": {"data": {"method": "custom", "content": content}}}
        self.tunnel._handle_msg({**message, "buffers": buffers or []})
