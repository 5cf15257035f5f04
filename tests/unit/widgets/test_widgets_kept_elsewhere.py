"""The list of open widgets, where another library keeps them in one of its own."""

from __future__ import annotations

from collections import UserDict
from typing import Any

import pytest
from ipywidgets import IntSlider

from rnngrad_widgets.widgets.inner_comm import InnerComm
from rnngrad_widgets.widgets.open_widgets import _Widgets

pytestmark = pytest.mark.usefixtures("open_widgets")


class ByUser(UserDict[str, Any]):
    """Keeps the widgets of each user apart, as Solara does."""

    def __init__(self) -> None:
        self.of: dict[str, dict[str, Any]] = {"ann": {}, "bob": {}}
        self.user = "ann"

    @property
    def data(self) -> dict[str, Any]:  # type: ignore[override]  # UserDict's is an attribute
        return self.of[self.user]


def test_each_user_sees_only_own_widgets() -> None:
    kept = ByUser()
    widgets = _Widgets(kept)
    sliders = {user: IntSlider() for user in kept.of}
    for user, slider in sliders.items():
        kept.user = user
        widgets[slider.model_id] = slider
    for user, slider in sliders.items():
        kept.user = user
        assert list(widgets.values()) == [slider]
        assert dict(widgets.everything()) == {slider.model_id: slider}
    inner = IntSlider()
    inner.comm = InnerComm()
    widgets["inner"] = inner
    assert inner not in widgets.values()
    assert widgets.everything()["inner"] is inner
    del widgets["inner"]
    assert len(kept.of["bob"]) == 1
