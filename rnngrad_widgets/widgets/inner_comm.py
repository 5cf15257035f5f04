"""The comm of a widget whose messages go through tunnels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol
from uuid import uuid4
from weakref import WeakSet


class Carrier(Protocol):
    """What brings messages to browsers."""

    def carry(self, comm_id: str, data: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        """Send a message of a comm."""

    def carry_close(self, comm_id: str) -> None:
        """Send that a comm is closed."""


class InnerComm:
    """A comm that no kernel knows; ipywidgets uses it as any other.

    Parameters
    ----------
    ordinary
        The comm that the widget had before; what it sends goes there too.
    """

    def __init__(self, ordinary: Any = None) -> None:
        self.comm_id: str = uuid4().hex if ordinary is None else ordinary.comm_id
        self.carriers: WeakSet[Carrier] = WeakSet()
        self.ordinary = ordinary
        self._receive: Callable[[Mapping[str, Any]], None] = _ignore

    def on_msg(self, receive: Callable[[Mapping[str, Any]], None]) -> None:
        """Set what receives messages of browsers; the ordinary comm has it already."""
        self._receive = receive

    def send(
        self,
        data: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[Any] | None = None,
    ) -> None:
        """Send a message to all browsers that have the widget."""
        if self.ordinary is not None:
            self.ordinary.send(data, metadata, buffers)
        for carrier in list(self.carriers):
            carrier.carry(self.comm_id, data or {}, buffers or ())

    def close(self) -> None:
        """Close the comm in all browsers."""
        if self.ordinary is not None:
            self.ordinary.close()
        for carrier in list(self.carriers):
            carrier.carry_close(self.comm_id)
        self.carriers.clear()

    def handle_msg(self, message: Mapping[str, Any]) -> None:
        """Take a message of a browser."""
        self._receive(message)


def _ignore(_message: Mapping[str, Any]) -> None:
    """Take a message that nothing waits for."""
