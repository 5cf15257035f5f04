"""What an explorer tells of its gradient: the same as `diagnose`, for each sample and each step."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
from keras import layers

from rnngrad_widgets import GradientExplorer, diagnose
from rnngrad_widgets.data.norm import SelectionError
from rnngrad_widgets.data.tensor import SEQUENCE, GradientTensor
from rnngrad_widgets.diagnosis.loss_position import DIRECT, TOTAL
from rnngrad_widgets.explorer.run_status import RunStatus
from tests.unit.explorer.fake_source import FakeSource, explore

if TYPE_CHECKING:
    from ipywidgets import Text

pytestmark = pytest.mark.usefixtures("open_widgets")

B, T, C = 9, 40, 3
LAGS = np.arange(T)[::-1]
RATES = np.linspace(0.5, 0.9, B)[:, None]
FALLING = (RATES**LAGS)[..., None] * np.ones(C)
UNKNOWN = "no decay can be read here: whether the loss acts before the last timestep is not known"


def told(explorer: GradientExplorer) -> dict[str, Any]:
    """What the browser is told."""
    found: dict[str, Any] = explorer.selection.tensor.told
    return found


def agree(explorer: GradientExplorer, what: dict[str, Any]) -> None:
    """Check that something told is what `diagnose` says of the explorer now."""
    table = diagnose(explorer).table
    assert what["header"] == [*table.header]
    assert what["rows"] == [[*row] for row in table.rows]
    assert what["lines"] == table.below


def boxes(explorer: GradientExplorer) -> list[Text]:
    """Where threshold and levels are typed."""
    found: list[Text] = list(explorer.view_stack.diagnosis.box.children[0].children)
    return found


def test_each_sample_has_its_sentence_and_the_panel_is_what_diagnose_says() -> None:
    explorer = GradientExplorer.from_array(FALLING)
    found = told(explorer)
    agree(explorer, found)
    assert len(found["samples"]) == B
    for sample, factor in ((0, 0.5), (8, 0.9)):
        first = int(np.argmax(factor ** np.arange(T) < np.exp(-1)))
        assert f"below 37 % within {first} timesteps" in found["samples"][sample]
    assert "diagnosis" in explorer.view_stack.views
    explorer.view = "diagnosis"
    assert [box.value for box in boxes(explorer)] == ["1e-8", "1/e, 1e-3"]


def test_samples_beyond_the_budget_are_not_told_of() -> None:
    explorer = GradientExplorer.from_array(FALLING, budget=4 * T * C * 4)
    assert len(told(explorer)["samples"]) == 4
    assert told(explorer)["batch"].startswith(f"median of {B} samples: ")
    agree(explorer, told(explorer))
    explorer.threshold = 1e-5
    assert len(told(explorer)["samples"]) == 4


def test_threshold_and_levels_are_traits_and_arguments() -> None:
    explorer = GradientExplorer.from_array(FALLING, threshold=1e-3, levels=[0.5])
    assert (explorer.threshold, explorer.levels) == (1e-3, (0.5,))
    assert explorer.selection.threshold == 1e-3
    assert told(explorer)["header"][4:] == ["reach at 50 %", "not reached"]
    agree(explorer, told(explorer))
    explorer.levels = (0.1, 0.01)
    explorer.threshold = np.float64(0.25)
    assert told(explorer)["header"][4:6] == ["reach at 10 %", "reach at 1 %"]
    assert "are below 2.5e-1 of the strongest" in told(explorer)["samples"][0]
    assert explorer.selection.threshold == 0.25
    agree(explorer, told(explorer))
    assert diagnose(explorer).levels == (0.1, 0.01)
    assert diagnose(explorer, levels=(0.5,), threshold=1e-8).to_dict() == (
        diagnose(FALLING.astype("float32"), levels=(0.5,)).to_dict()
    ), "what is asked for comes first"


@pytest.mark.parametrize(
    ("trait", "value", "rule"),
    [
        ("threshold", 0, r"^threshold must be between 0 and 1; received 0\. For instance: 1e-8$"),
        ("threshold", 1.0, r"^threshold must be between 0 and 1; received 1\.0\."),
        ("threshold", "a", r"^threshold must be a number; received 'a'\."),
        ("threshold", None, r"^threshold must be a number; received None\."),
        ("levels", (0.5, 2), r"^levels must each be between 0 and 1; received 2\."),
        ("levels", "0.5", r"^levels must be numbers between 0 and 1; received '0.5'\."),
        ("levels", (), r"^levels must be 1 to 8 numbers; received 0\."),
    ],
)
def test_other_values_are_refused_and_change_nothing(
    trait: str, value: Any, rule: str, open_widgets: dict[str, object]
) -> None:
    with pytest.raises(SelectionError, match=rule):
        GradientExplorer.from_array(FALLING, **{trait: value})
    assert not open_widgets
    explorer = GradientExplorer.from_array(FALLING, threshold=1e-5)
    before = (explorer.threshold, explorer.levels, told(explorer))
    with pytest.raises(SelectionError, match=rule):
        setattr(explorer, trait, value)
    assert (explorer.threshold, explorer.levels, told(explorer)) == before
    agree(explorer, told(explorer))


def test_they_can_be_typed_and_what_is_no_share_is_said_and_taken_back() -> None:
    explorer = GradientExplorer.from_array(FALLING)
    threshold, levels = boxes(explorer)
    threshold.value = "1e-4"
    levels.value = "50 %, 1/e, 0.01"
    assert (explorer.threshold, explorer.levels) == (1e-4, (0.5, np.exp(-1), 0.01))
    assert levels.value == "0.5, 1/e, 0.01"
    agree(explorer, told(explorer))
    for box, wrong, message in (
        (threshold, "2", "threshold must be between 0 and 1; received 2.0"),
        (threshold, "1e-4, 1e-5", "a share must be a number between 0 and 1; received"),
        (levels, "half", "a share must be a number between 0 and 1; received"),
        (levels, "", "a share must be a number between 0 and 1; received"),
    ):
        box.value = wrong
        assert message in explorer.message
        assert (threshold.value, levels.value) == ("1e-4", "0.5, 1/e, 0.01")
        assert (explorer.threshold, explorer.levels) == (1e-4, (0.5, np.exp(-1), 0.01))


class Falling(FakeSource):
    """The total gradient of a layer that falls by a rate that rises with the step."""

    def __init__(self, *, loss_acts_last: bool = True) -> None:
        super().__init__()
        direct = np.ones((B, T, C))
        if loss_acts_last:
            direct[:, :-1] = 0
        self._direct = {("l", DIRECT): GradientTensor(direct, SEQUENCE, "l", DIRECT)}

    def compute(self, layer: str, quantity: str) -> dict[str, GradientTensor]:
        del layer, quantity
        return {"": self.at(0)}

    def at(self, step: int) -> GradientTensor:
        values = FALLING ** (1 + step / 10)
        tensor = GradientTensor(values, SEQUENCE, "l", TOTAL, step=step)
        self.note_reasons(tensor, self._direct)
        return tensor


def test_each_snapshot_is_told_of_as_diagnose_does_when_it_is_shown() -> None:
    source = Falling()
    explorer = explore(source, "lstm", TOTAL, budget=4 * B * T * C * 4)
    for step in (10, 20, 30):
        explorer.add_snapshot({"": source.at(step)}, step, RunStatus(""))
    assert "below 37 % within 1 timestep" in explorer.snapshots[0].told["samples"][0]
    assert len({each.told["samples"][8] for each in explorer.snapshots}) == 3
    for change in ({}, {"threshold": 1e-4, "levels": (0.2,)}):
        for trait, value in change.items():
            setattr(explorer, trait, value)
        for snapshot in explorer.snapshots:
            explorer.step = snapshot.step
            assert diagnose(explorer).gradients[0].decay is not None
            agree(explorer, snapshot.told)


def test_a_loss_at_every_timestep_is_told_of_every_step() -> None:
    source = Falling(loss_acts_last=False)
    explorer = explore(source, "lstm", TOTAL)
    explorer.add_snapshot({"": source.at(10)}, 10, RunStatus(""))
    why = "the loss acts before the last timestep too; the quantity reach tells it"
    expected = f"no decay can be read here: {why}"
    assert explorer.snapshots[0].told["batch"] == told(explorer)["batch"] == expected
    assert explorer.snapshots[0].told["samples"][0].startswith("65 % of timesteps (0 .. 25)")
    agree(explorer, explorer.snapshots[0].told)


def test_snapshots_out_of_sight_are_told_of_anew_when_they_are_looked_at() -> None:
    source = Falling()
    explorer = explore(source, "lstm", TOTAL)
    explorer.add_snapshot({"": source.at(10)}, 10, RunStatus(""))
    (snapshot,) = explorer.snapshots
    explorer.layer = "gru"
    explorer.threshold = 0.3
    assert "below 3e-1" not in str(snapshot.told)
    explorer.layer = "lstm"
    assert "are below 3e-1 of the strongest" in snapshot.told["samples"][0]


def test_the_direct_gradient_comes_with_the_total_one_and_is_asked_for_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inputs = keras.Input((5, 2))
    hidden = layers.SimpleRNN(3, return_sequences=True, name="all")(inputs)
    model = keras.Model(inputs, layers.Dense(1)(layers.SimpleRNN(3, name="last")(hidden)))
    model.compile("sgd", "mse", run_eagerly=True)
    x, y = np.ones((2, 5, 2), "float32"), np.ones((2, 1), "float32")
    explorer = GradientExplorer(model, x, y, "last", TOTAL)
    asked = []
    compute = explorer.source._engine.compute

    def noted(*args: Any, **kwargs: Any) -> Any:
        asked.append(kwargs["quantities"])
        return compute(*args, **kwargs)

    monkeypatch.setattr(explorer.source._engine, "compute", noted)
    assert told(explorer)["samples"][0].startswith("from timestep 4 back, gradient ")
    agree(explorer, told(explorer))
    assert asked == [], "what is diagnosed is there"
    explorer.update(step=1)
    assert asked == [(TOTAL, DIRECT)]
    assert explorer.snapshots[0].told["batch"].startswith("median of 2 samples: from timestep 4")
    explorer.layer = "all"
    assert "the loss acts before the last timestep too" in told(explorer)["batch"]
    assert list(explorer.displayed.parts) == [""], "the direct gradient is no part of it"


def test_what_says_nothing_over_time_has_no_findings() -> None:
    explorer = GradientExplorer.from_array(FALLING[:, 0])
    assert told(explorer)["samples"] == []
    assert "diagnosis" not in explorer.view_stack.views


def test_where_the_loss_acts_is_not_known_of_a_tensor_alone() -> None:
    explorer = explore(FakeSource(), "lstm", TOTAL)
    assert told(explorer)["batch"].startswith(UNKNOWN)


def test_where_the_loss_reads_the_last_timestep_only_the_total_gradient_is_offered() -> None:
    inputs = keras.Input((6, 2))
    first = layers.SimpleRNN(3, return_sequences=True, name="first")(inputs)
    second = layers.SimpleRNN(3, return_sequences=True, name="second")(first)
    model = keras.Model(inputs, layers.Dense(1)(second[:, -1]))
    model.compile("sgd", "mse", run_eagerly=True)
    x, y = np.ones((2, 6, 2), "float32"), np.ones((2, 1), "float32")
    explorer = GradientExplorer(model, x, y, "second")
    assert explorer.quantity == DIRECT, "this stays what it opens with"
    assert "what layer 'second' returns at the last timestep only" in unescape(explorer.message)
    offer, button = explorer._lines.offer, explorer._lines.accept
    assert offer.children == (button,)
    explorer.layer = "first"
    assert (explorer.message, offer.children) == ("", ())
    explorer.layer = "second"
    explorer.threshold = 1e-5  # is no reason to say anything else
    assert offer.children == (button,)
    button.click()
    assert (explorer.quantity, explorer.busy) == (TOTAL, "")
    assert (explorer.message, offer.children) == ("", ())
    explorer.quantity = DIRECT
    explorer.show_error(ValueError("wrong"))
    assert offer.children == ()
