"""Widgets that are in tunnels from the start, beside libraries that watch new widgets too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ipywidgets import IntSlider, Widget

from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.widgets.inner_comm import InnerComm
from rnngrad_widgets.widgets.reachable import reachable

CALLBACK = "_widget_construction_callback"

pytestmark = pytest.mark.usefixtures("by_anywidget", "open_widgets")


class Recorder:
    """Records new widgets as Solara does: over and over it becomes the first that is called."""

    def __init__(self) -> None:
        self.recorded: list[Any] = []
        self._before: Callable[[Any], None] | None = None

    def start(self) -> None:
        current = getattr(Widget, CALLBACK)
        if current != self._record:
            self._before = current
            Widget.on_widget_constructed(self._record)

    def _record(self, widget: Any) -> None:
        self.recorded.append(widget)
        if self._before is not None:
            self._before(widget)


def test_a_library_that_records_new_widgets_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Widget, CALLBACK, None)
    recorder = Recorder()
    for _ in range(3):
        recorder.start()
        slider = IntSlider()
        explorer = GradientExplorer.from_array(np.zeros((2, 3, 1), "float32"))
        other = IntSlider()
        assert slider in recorder.recorded
        assert other in recorder.recorded
        assert not isinstance(slider.comm, InnerComm)
        assert not isinstance(other.comm, InnerComm)
        for each in reachable([explorer]):
            assert isinstance(each.comm, InnerComm), each
            assert each.comm.ordinary is None, each
