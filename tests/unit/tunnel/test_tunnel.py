"""What goes through a tunnel: all of it, in order, and nothing beside it."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any
from weakref import ref

import comm
import ipywidgets
import numpy as np
import pytest

from rnngrad_widgets import GradientExplorer, compare
from rnngrad_widgets.data.tensor import SEQUENCE, GradientTensor
from rnngrad_widgets.data.wire import encode
from rnngrad_widgets.tunnel import tunnel as tunnel_module
from rnngrad_widgets.widgets.inner_comm import InnerComm
from rnngrad_widgets.widgets.open_widgets import all_widgets
from rnngrad_widgets.widgets.reachable import reachable
from rnngrad_widgets.widgets.timeline import ARRAYS, Snapshot
from tests.unit.tunnel.page import Page

if TYPE_CHECKING:
    from numpy.typing import NDArray

VIEWS = ["heat map", "all samples", "curves", "flow", "histogram"]

pytestmark = pytest.mark.usefixtures("by_anywidget", "open_widgets")


def an_array(seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((5, 30, 8)).astype("float32")


@pytest.fixture
def explorer() -> GradientExplorer:
    return GradientExplorer.from_array(an_array())


def test_only_the_anywidget_is_on_the_ordinary_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    make = comm.create_comm

    def note(**options: Any) -> Any:
        opened.append(options["data"]["state"]["_model_name"])
        return make(**options)

    monkeypatch.setattr(comm, "create_comm", note)
    explorer = GradientExplorer.from_array(an_array())
    assert opened == []
    explorer.anywidget()
    explorer.view = "all samples"
    explorer.cmap = "bwr"
    assert set(opened) <= {"WidgetModel", "LayoutModel", "AnyModel"}
    assert len(opened) <= 3


def test_a_page_gets_all_that_the_explorer_refers_to(explorer: GradientExplorer) -> None:
    page = Page(explorer.anywidget())
    assert page.root == explorer.model_id
    assert page.states.keys() >= {each.model_id for each in reachable([explorer])}
    tensor = explorer.selection.tensor
    sent, expected = page.states[tensor.model_id]["array"], encode(tensor.array, "float32")
    assert bytes(sent["data"]) == bytes(expected["data"])
    assert any(state["_model_name"] == "ControlLinkModel" for state in page.states.values())


def test_a_page_is_kept_up_to_date_whatever_is_set(explorer: GradientExplorer) -> None:
    tunnel = explorer.anywidget()
    page = Page(tunnel)
    generator = np.random.default_rng(1)
    for _ in range(40):
        explorer.sample = int(generator.integers(5))
        explorer.channel = int(generator.integers(8))
        explorer.view = str(
            generator.choice(["heat map", "all samples", "curves", "flow", "histogram"])
        )
        explorer.norm = (-float(generator.uniform(0.5, 2)), 2.5)
        explorer.title = f"title {generator.integers(9)}"
    now = tunnel.states()["models"]
    assert page.states.keys() == now.keys()
    for model_id, opened in now.items():
        for name, value in opened["state"].items():
            if name not in GradientExplorer.LINKABLE or model_id != explorer.model_id:
                assert page.states[model_id][name] == value, (opened["model_name"], name)


def test_a_second_page_gets_what_is_there_now(explorer: GradientExplorer) -> None:
    tunnel = explorer.anywidget()
    Page(tunnel)
    explorer.sample = 3
    late = Page(tunnel)
    assert late.states[explorer.selection.model_id]["sample"] == 3
    explorer.channel = 2
    assert late.states[explorer.selection.model_id]["channel"] == 2
    assert tunnel.states()["next"] == tunnel.last + 1


def test_what_a_person_does_arrives_and_is_acknowledged(explorer: GradientExplorer) -> None:
    page = Page(explorer.anywidget())
    page.send(explorer.selection, {"sample": 4}, "page-7")
    assert explorer.sample == 4
    assert page.handled == ["page-7"]
    echo = next(each for each in page.messages if each["data"]["method"] == "echo_update")
    assert echo["parent"] == "page-7"
    explorer.sample = 1
    assert page.messages[-1]["parent"] is None


def test_a_message_that_fails_is_acknowledged_too(
    explorer: GradientExplorer, caplog: pytest.LogCaptureFixture
) -> None:
    page = Page(explorer.anywidget())
    explorer.observe(lambda _change: 1 / 0, "sample")
    page.send(explorer.selection, {"sample": 2})
    assert "division by zero" in caplog.text
    assert page.handled == ["page-1"]


def test_a_snapshot_comes_although_nothing_refers_to_it(explorer: GradientExplorer) -> None:
    page = Page(explorer.anywidget())
    other = GradientExplorer.from_array(an_array(1))
    known = set(page.states)
    snapshot = Snapshot("float32", timeline_id=explorer.selection.model_id, array=an_array())
    assert set(page.states) - known == {snapshot.model_id}
    Snapshot("float32", timeline_id=other.selection.model_id, array=an_array())
    assert set(page.states) - known == {snapshot.model_id}


def test_a_page_asks_for_arrays_through_the_tunnel(explorer: GradientExplorer) -> None:
    page = Page(explorer.anywidget())
    snapshot = Snapshot("float32", timeline_id=explorer.selection.model_id, array=an_array())
    data = {"model_ids": [snapshot.model_id]}
    page.ask({"kind": "open", "comm": "asked", "target": ARRAYS, "data": data, "id": "page-1"})
    answer, closing = [each for each in page.messages if each.get("comm") == "asked"][:2]
    assert answer["data"]["model_id"] == snapshot.model_id
    assert bytes(answer["buffers"][0]) == an_array().tobytes()
    assert closing["closed"]


def test_a_missed_message_is_made_up_for(explorer: GradientExplorer) -> None:
    tunnel = explorer.anywidget()
    sent: list[dict[str, Any]] = []
    tunnel.comm.send = lambda data, **_options: sent.append(data)
    tunnel._received(None, {"kind": "states"}, [])
    assert sent[0]["state"]["inner"]["root"] == explorer.model_id


def test_a_server_that_keeps_traits_keeps_a_few_messages(
    explorer: GradientExplorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = an_array().nbytes
    monkeypatch.setattr(tunnel_module, "HELD_BYTES", 3 * size)
    tunnel = explorer.anywidget()
    kept: dict[str, list[Any]] = {}

    def send(data: dict[str, Any], buffers: list[Any], **_options: Any) -> None:
        for name in data["state"]:
            kept[name] = [
                buffer
                for path, buffer in zip(data["buffer_paths"], buffers, strict=True)
                if path[0] == name
            ]

    tunnel.comm.send = send
    for step in range(8):
        tensor = GradientTensor(an_array(step), SEQUENCE, step=step)
        explorer.add_snapshot({"": tensor}, step, f"step {step}")
    held = [memoryview(each).nbytes for buffers in kept.values() for each in buffers]
    assert held == [size] * 3


def test_a_widget_that_a_person_makes_in_a_callback_is_not_in_the_tunnel(
    explorer: GradientExplorer,
) -> None:
    made: list[ipywidgets.Widget] = []
    explorer.observe(lambda _change: made.append(ipywidgets.IntSlider()), "sample")
    page = Page(explorer.anywidget())
    page.send(explorer.selection, {"sample": 2})
    assert not isinstance(made[0].comm, InnerComm)
    assert isinstance(explorer.children[0].comm, InnerComm)


def test_closing_closes_all_of_it(explorer: GradientExplorer) -> None:
    tunnel = explorer.anywidget()
    explorer.close()
    assert tunnel.comm is None
    assert [each for each in all_widgets() if isinstance(each.comm, InnerComm)] == []


def test_a_tunnel_that_is_closed_leaves_the_explorer(explorer: GradientExplorer) -> None:
    first = explorer.anywidget()
    assert explorer.anywidget() is first
    first.close()
    explorer.sample = 2
    second = explorer.anywidget()
    assert second is not first
    assert Page(second).states[explorer.selection.model_id]["sample"] == 2


def test_the_library_is_the_same_for_all_until_it_is_closed(explorer: GradientExplorer) -> None:
    library = explorer.anywidget().library
    assert GradientExplorer.from_array(an_array()).anywidget().library is library
    library.close()
    again = GradientExplorer.from_array(an_array()).anywidget().library
    assert again is not library
    assert again.script == library.script


def test_what_nothing_refers_to_is_collected() -> None:
    explorer = ref(GradientExplorer.from_array(an_array()))
    found = explorer()
    assert found is not None
    found.anywidget()
    found.close()
    del found
    gc.collect()
    assert explorer() is None


def test_a_comparison_goes_through_too() -> None:
    comparison = compare({"a": an_array(0), "b": an_array(1)})
    page = Page(comparison.anywidget())
    comparison.align = "timestep"
    comparison.maps()
    assert page.states.keys() == comparison.anywidget().states()["models"].keys()


def test_two_linked_explorers_know_their_link(explorer: GradientExplorer) -> None:
    other = GradientExplorer.from_array(an_array(1))
    pages = [Page(each.anywidget()) for each in (explorer, other)]
    link = explorer.link(other, "sample")
    assert all(link.model_id in page.states for page in pages)


class TestAnExplorerThatTheExtensionShows:
    """One that is on the ordinary wire already, and is shown by an anywidget too."""

    @pytest.fixture
    def ordinary(self, by_anywidget: None) -> GradientExplorer:  # noqa: ARG002 - undone after it
        from rnngrad_widgets import display_as  # noqa: PLC0415

        display_as("extension")
        return GradientExplorer.from_array(an_array())

    def test_both_are_told(
        self, ordinary: GradientExplorer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        page = Page(ordinary.anywidget())
        assert isinstance(ordinary.selection.comm, InnerComm)
        sent: list[Any] = []
        wire = ordinary.selection.comm.ordinary
        monkeypatch.setattr(wire, "send", lambda data, *_others: sent.append(data))
        ordinary.sample = 2
        assert page.states[ordinary.selection.model_id]["sample"] == 2
        assert sent[0]["state"] == {"sample": 2}

    def test_it_keeps_its_ids(self, ordinary: GradientExplorer) -> None:
        before = ordinary.selection.model_id
        ordinary.anywidget()
        assert ordinary.selection.model_id == before
