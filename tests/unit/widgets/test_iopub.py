"""The kernel keeps messages for a server that is slow."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from rnngrad_widgets.widgets import iopub

if TYPE_CHECKING:
    from collections.abc import Callable


def kernel_with(socket: object) -> Callable[[], object]:
    """Make IPython's shell of a kernel whose messages leave by a socket."""
    thread = SimpleNamespace(socket=socket, schedule=lambda act: act())
    return lambda: SimpleNamespace(kernel=SimpleNamespace(iopub_thread=thread))


@pytest.mark.parametrize(
    ("before", "after"), [(1000, iopub.WAITING), (0, 0), (10**6, 10**6)], ids=str
)
def test_the_limit_is_raised_and_never_lowered(
    before: int, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = SimpleNamespace(sndhwm=before)
    monkeypatch.setattr(iopub, "get_ipython", kernel_with(socket))
    iopub.keep_messages()
    assert socket.sndhwm == after


@pytest.mark.parametrize("shell", [lambda: None, SimpleNamespace, kernel_with(SimpleNamespace())])
def test_without_such_a_kernel_nothing_is_done(
    shell: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(iopub, "get_ipython", shell)
    iopub.keep_messages()
