"""The list of open widgets, where another library keeps them in one of its own."""

from __future__ import annotations

from collections import UserDict
from typing import Any

import pytest
from ipywidgets import IntSlider

from rnngrad_widgets.widgets.inner_comm import InnerComm
from rnngrad_widgets.widgets.open_widgets import _Widgets

pytestmark = pytest.mark.usefixtures("open_widgets")


def test_each_user_sees_only_own_widgets() -> None:
    of: dict[str, dict[str, Any]] = {"ann": {}, "bob": {}}
    kept: UserDict[str, Any] = UserDict()  # of the user whose turn it is, as Solara's
    widgets = _Widgets(kept)
    sliders = {user: IntSlider() for user in of}
    for user, slider in sliders.items():
        kept.data = of[user]
        widgets[slider.model_id] = slider
    for user, slider in sliders.items():
        kept.data = of[user]
        assert list(widgets.values()) == [slider]
        assert dict(widgets) == {slider.model_id: slider}
    inner = IntSlider(comm=InnerComm())
    widgets["inner"] = inner
    assert inner not in widgets.values()
    assert widgets["inner"] is inner
    del widgets["inner"]
    assert len(of["bob"]) == 1
