"""Arrays of snapshots on their way to pages that are loaded again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from comm import get_comm_manager
from ipywidgets import Widget

from rnngrad_widgets.widgets import open_widgets
from rnngrad_widgets.widgets.timeline import ARRAYS, Snapshot


class Comm:
    """What a page has opened; notes what is sent to it."""

    def __init__(self) -> None:
        self.sent: list[tuple[dict[str, Any], bytes]] = []
        self.is_open = True

    def send(self, data: dict[str, Any], buffers: list[memoryview]) -> None:
        assert self.is_open
        (buffer,) = buffers
        self.sent.append((data, bytes(buffer)))

    def close(self) -> None:
        self.is_open = False


def take(step: int, **options: Any) -> Snapshot:
    array = np.full((1, 2, 3), step, np.float32)
    return Snapshot("float32", number=step, step=step, array=array, **options)


@pytest.fixture
def request_of_the_kernel(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The message that the kernel answers, as ipykernel has it; any is of a cell at first."""
    message: dict[str, Any] = {"content": {"code": "1 + 1"}}
    shell = SimpleNamespace(kernel=SimpleNamespace(get_parent=lambda: message))
    monkeypatch.setattr(open_widgets, "get_ipython", lambda: shell)
    return message


@pytest.mark.usefixtures("open_widgets")
def test_the_state_of_all_widgets_is_without_arrays(request_of_the_kernel: dict[str, Any]) -> None:
    snapshot = take(3)
    assert snapshot.get_state()["array"]["shape"] == [1, 2, 3]
    request_of_the_kernel["content"] = {"data": {"method": "request_states"}}
    state = snapshot.get_state()
    assert "array" not in state
    assert state["step"] == 3
    assert snapshot.get_state("array")["array"] is not None
    assert "buffers" not in Widget.get_manager_state()["state"][snapshot.model_id]


@pytest.mark.usefixtures("open_widgets")
def test_pages_without_a_kernel_have_the_arrays() -> None:
    snapshot = take(3)
    (buffer,) = Widget.get_manager_state()["state"][snapshot.model_id]["buffers"]
    assert buffer["path"] == ["array", "data"]


@pytest.mark.usefixtures("open_widgets")
def test_arrays_are_sent_in_the_order_that_is_asked_for() -> None:
    first, second, closed = take(1), take(2), take(3)
    ids = [second.model_id, closed.model_id, "of another kernel", first.model_id]
    closed.close()
    comm = Comm()
    get_comm_manager().targets[ARRAYS](comm, {"content": {"data": {"model_ids": ids}}})
    assert [data["model_id"] for data, _ in comm.sent] == [second.model_id, first.model_id]
    for (data, buffer), step in zip(comm.sent, (2, 1), strict=True):
        values = np.frombuffer(buffer, data["dtype"]).reshape(data["shape"])
        np.testing.assert_array_equal(values, np.full((1, 2, 3), step))
    assert not comm.is_open
