"""Linked explorers: what Python says, makes equal and carries over; the browser does the rest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np
import pytest
import traitlets

from rnngrad_widgets import GradientExplorer, compare, show_features_2D, show_features_hist
from rnngrad_widgets.data.tensor import SEQUENCE, GradientTensor
from tests.unit.explorer.fake_source import FakeSource, explore

if TYPE_CHECKING:
    from collections.abc import Callable


MANY, FEW = (5, 7, 6), (3, 4, 5)


def made(shape: tuple[int, ...] = MANY, **options: Any) -> GradientExplorer:
    return GradientExplorer.from_array(np.ones(shape), **options)


def shown(explorer: GradientExplorer) -> dict[str, Any]:
    return {name: getattr(explorer, name) for name in explorer.LINKABLE}


def run(*steps: int) -> GradientExplorer:
    explorer = explore(FakeSource())
    for step in steps:
        tensor = GradientTensor(np.full((4, 7, 6), step), SEQUENCE, "lstm", "output_gradient")
        explorer.add_snapshot({"": tensor}, step)
    return explorer


# -- what is linked --------------------------------------------------------------------------------


def test_the_other_begins_with_what_this_one_shows() -> None:
    a = made(sample=3, channel=4, norm=(-2, 1), reflect_half=True)
    b = made(sample=1, norm=(0, 1))
    link = a.link(b)
    assert shown(b) == shown(a)
    assert link.names == ["sample", "channel", "norm", "reflect_half", "step"]
    assert (a.links, b.links) == ([link], [link])
    assert repr(link) == "<FrameLink: sample, channel, norm, reflect_half, step>"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sample", 2),
        ("channel", 3),
        ("norm", (-3.0, 3.0)),
        ("norm", "auto"),
        ("reflect_half", True),
    ],
)
def test_what_is_set_in_python_is_carried_over_both_ways(name: str, value: object) -> None:
    a, b = made(norm=(0, 1)), made(norm=(0, 1))
    a.link(b, name)
    setattr(b, name, value)
    assert getattr(a, name) == value
    assert shown(a) == shown(made(norm=(0, 1))) | {name: value}


def test_what_the_browser_says_is_not_carried_over_here() -> None:
    # it does so itself, and says both: a value from here would be late, and move a slider back
    a, b = made(), made()
    a.link(b)
    for state in (
        {"sample": 3},
        {"channel": 2},
        {"norm": [0, 2], "auto": False},
        {"reflect_half": True, "order_index": 1},
    ):
        a.selection.set_state(state)
    assert shown(a) == {
        "sample": 3,
        "channel": 2,
        "norm": (0, 2),
        "reflect_half": True,
        "step": None,
    }
    assert shown(b) == shown(made())


def test_what_an_observer_sets_is_carried_over() -> None:
    a, b = made(), made()
    a.link(b)
    a.observe(lambda change: setattr(a, "channel", change["new"] + 1), "sample")
    a.selection.set_state({"sample": 3})
    assert (a.channel, b.channel, b.sample) == (4, 4, 0)


def test_fewer_samples_show_the_last_and_do_not_move_the_others() -> None:
    a, few, c = made(sample=1), made(FEW), made()
    a.link(few, "sample", "channel")
    few.link(c, "sample", "channel")
    a.sample, a.channel = 4, 5
    assert [(each.sample, each.channel) for each in (a, few, c)] == [(4, 5), (2, 4), (4, 5)]
    c.sample = 1
    assert [each.sample for each in (a, few, c)] == [1, 1, 1]


def test_what_has_no_halves_is_not_reflected() -> None:
    a, b = made(), made(FEW)
    a.link(b)
    a.reflect_half = True
    assert (a.reflect_half, b.reflect_half) == (True, False)
    assert (a.has_halves, b.has_halves) == (True, False)


def test_steps_are_the_nearest_and_the_latest_is_followed_in_both() -> None:
    a, b = run(10, 20, 30), run(12, 24, 36)
    a.link(b, "step")
    assert (a.step, b.step) == (30, 36)
    a.step = 20
    assert (a.step, b.step) == (20, 24)
    assert (a.runs.current.chosen, b.runs.current.chosen) == (20, 24)
    b.step = 12
    assert (a.step, b.step) == (10, 12)
    # what the browser chose
    b.timeline.set_state({"follow": True})
    assert (a.step, b.step) == (10, 36)
    c = run(1, 2)
    b.link(c)
    assert (c.step, c.timeline.follow) == (2, True)


def test_the_latest_is_followed_again() -> None:
    a, b = run(10, 20, 30), run(12, 24, 36)
    a.link(b, "step")
    for chosen in (10, 30):  # the latest one itself, chosen after another one, stays too
        a.step = chosen
        assert (a.timeline.follow, b.timeline.follow) == (False, False)
    a.follow_latest()
    assert (a.step, b.step) == (30, 36)
    assert (a.timeline.follow, b.timeline.follow) == (True, True)
    tensor = GradientTensor(np.ones((4, 7, 6)), SEQUENCE, "lstm", "output_gradient")
    a.add_snapshot({"": tensor}, 40)
    assert (a.step, a.tensor.values[0, 0, 0]) == (40, 1)
    without = made()
    without.follow_latest()  # there is no timeline, which begins so
    without.close()
    with pytest.raises(RuntimeError, match="the widget must be open; it was closed"):
        without.follow_latest()


def test_steps_that_come_do_not_move_the_other() -> None:
    a, b = run(10, 20), run(10, 20)
    a.link(b)
    b.step = 10
    tensor = GradientTensor(np.ones((4, 7, 6)), SEQUENCE, "lstm", "output_gradient")
    a.add_snapshot({"": tensor}, 30)
    assert (a.step, b.step) == (10, 10)
    without = explore(FakeSource())
    a.link(without)
    a.step = 20
    assert without.timeline is None
    assert without.step == 1  # of what is displayed: there is no timeline


def test_figures_have_a_norm_to_link() -> None:
    a, b = made(norm=(-1, 2)), show_features_2D(np.ones(FEW))
    assert a.link(b).names == ["norm"]
    assert b.norm == (-1, 2)
    b.norm = "auto"
    assert a.norm == "auto"
    b.selection.set_state({"norm": [0, 4], "auto": False})
    assert (b.norm, a.norm) == ((0, 4), "auto")


# -- the wire --------------------------------------------------------------------------------------


def test_jslink_takes_the_traits_of_sliders() -> None:
    a, b, slider = made(), made(), ipywidgets.IntSlider()
    for name in a.LINKABLE:
        ipywidgets.jslink((a, name), (b, name))
    ipywidgets.jslink((a, "sample"), (slider, "value"))
    traitlets.link((a, "view"), (b, "view"))
    a.view = "flow"
    assert b.view == "flow"


def test_no_message_says_them(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = made(), made()
    a.link(b)
    sent: list[set[str]] = []
    for each in (a, b):
        monkeypatch.setattr(each, "_send", lambda msg, **_: sent.append(set(msg["state"])))
    a.sample, a.norm, a.reflect_half = 2, (0, 1), True
    assert sent == []
    with a.hold_sync():
        a.channel, a.title = 3, "said"
    assert sent == [{"title"}]


# -- lifetimes -------------------------------------------------------------------------------------


def test_a_link_ends_with_either_or_by_itself() -> None:
    a, b, c = made(), made(), made()
    first, second = a.link(b), b.link(c)
    first.unlink()
    assert (a.links, b.links, c.links) == ([], [second], [second])
    a.sample = 4
    assert b.sample == 0
    first.unlink()  # again: nothing to do
    c.close()
    assert b.links == []
    assert second.comm is None
    assert repr(second) == "<FrameLink: closed>"
    b.sample = 2


def test_the_same_link_again_replaces_the_first() -> None:
    a, b = made(), made()
    first, other = a.link(b, "sample", "channel"), a.link(b, "norm")
    again = b.link(a, "channel", "sample")
    assert first.comm is None
    assert a.links == b.links == [other, again]


# -- what is refused -------------------------------------------------------------------------------

A_STRANGER = "link takes another widget of rnngrad_widgets; received IntSlider"
UNKNOWN = (
    "link takes traits that both have in the browser, ['sample', 'channel', 'norm', "
    "'reflect_half', 'step']; received "
)


@pytest.mark.parametrize(
    ("link", "kind", "words"),
    [
        (lambda a, _: a.link(a), ValueError, "another widget than this one; received <GradientExp"),
        (lambda a, _: a.link(ipywidgets.IntSlider()), TypeError, A_STRANGER),
        (lambda a, b: a.link(b, "sampel"), ValueError, UNKNOWN + "'sampel'"),
        (lambda a, b: a.link(b, "sample", 3), ValueError, UNKNOWN + "3"),
        (
            lambda a, b: a.link(b, "layer"),
            ValueError,
            UNKNOWN + "'layer'. In the kernel: traitlets.link((a, 'layer'), (b, 'layer'))",
        ),
        (
            lambda a, _: a.link(show_features_hist(np.ones(FEW)), "sample"),
            ValueError,
            "link takes traits that both have in the browser, ['norm']; received 'sample'",
        ),
        (
            lambda a, _: a.link(compare({"one": np.ones(MANY)})),
            ValueError,
            "link takes traits that both have in the browser, []; received none",
        ),
    ],
)
def test_what_cannot_be_linked(
    link: Callable[..., object], kind: type[Exception], words: str
) -> None:
    a, b = made(sample=2), made()
    with pytest.raises(kind, match=re.escape(words)):
        link(a, b)
    assert (a.links, b.links, b.sample) == ([], [], 0)


@pytest.mark.parametrize("closed", [0, 1])
def test_a_closed_explorer_is_not_linked(closed: int) -> None:
    both = [made(), made()]
    both[closed].close()
    with pytest.raises(RuntimeError, match="must be open; it was closed"):
        both[0].link(both[1])
    assert both[1 - closed].links == []
