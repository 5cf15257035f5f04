"""The comm of a widget whose messages go through tunnels (rnngrad_widgets/tunnel)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from weakref import WeakSet

from comm.base_comm import BaseComm


class Carrier(Protocol):
    """What brings messages to browsers."""

    def carry(self, comm_id: str, data: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        """Send a message of a comm."""

    def carry_close(self, comm_id: str) -> None:
        """Send that a comm is closed."""


class InnerComm(BaseComm):
    """A comm that no kernel knows; ipywidgets uses it as any other.

    Parameters
    ----------
    comm_id
        Its id, where a browser has opened it.
    ordinary
        The comm that the widget had before; what it sends goes there too.
    """

    def __init__(self, comm_id: str | None = None, ordinary: Any = None) -> None:
        if ordinary is not None:
            comm_id = ordinary.comm_id
        super().__init__(target_name="jupyter.widget", comm_id=comm_id, primary=False)
        self.carriers: WeakSet[Carrier] = WeakSet()
        self.ordinary = ordinary

    def publish_msg(
        self,
        msg_type: str,  # noqa: ARG002 - the interface's name
        data: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[Any] | None = None,
        **_keys: Any,
    ) -> None:
        """Send a message to all browsers that have the widget."""
        if self.ordinary is not None:
            self.ordinary.send(data, metadata, buffers)
        for carrier in list(self.carriers):
            carrier.carry(self.comm_id, data or {}, buffers or ())

    def close(self, *_options: Any, **_keys: Any) -> None:
        """Close the comm in all browsers."""
        if self._closed:
            return
        self._closed = True
        if self.ordinary is not None:
            self.ordinary.close()
        for carrier in list(self.carriers):
            carrier.carry_close(self.comm_id)

    def handle_msg(self, message: Any) -> None:
        """Take a message of a browser; IPython's events are triggered for that of the tunnel."""
        if self._msg_callback is not None:
            self._msg_callback(message)
