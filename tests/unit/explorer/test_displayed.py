"""What is displayed and why, and what is computed once: without a widget."""

from __future__ import annotations

import pytest

from rnngrad_widgets.data.tensor import NothingThereError
from rnngrad_widgets.explorer.displayed import DisplayKey, TensorLoader
from rnngrad_widgets.explorer.side_views import Memo
from tests.unit.explorer.fake_source import FakeSource


def test_a_quantity_that_was_not_chosen_is_not_taken_to_another_layer() -> None:
    loader = TensorLoader(FakeSource(), 10**6)
    shown = loader.open_first(None, None)
    assert shown.key == ("lstm", "output_gradient", "")
    assert loader.open_layer("gru", "hidden_gradient")[0] == "gate_gradient"
    loader.quantity_is_chosen = True
    assert loader.open_layer("gru", "hidden_gradient")[0] == "hidden_gradient"
    assert loader.open_layer("gru", "cell_gradient")[0] == "gate_gradient", "it has no cell"


def test_why_a_chosen_quantity_is_not_shown_is_told_of_that_layer_alone() -> None:
    class Unread(FakeSource):
        def compute(self, layer: str, quantity: str):
            if (layer, quantity) == ("gru", "hidden_gradient"):
                raise NothingThereError("nothing reads the states")
            return super().compute(layer, quantity)

    loader = TensorLoader(Unread(), 10**6)
    loader.open_first("lstm", "hidden_gradient")
    assert loader.open_layer("gru", "hidden_gradient")[0] == "gate_gradient"
    assert loader.reason(DisplayKey("gru", "gate_gradient", "")) == "nothing reads the states"
    assert loader.reason(DisplayKey("lstm", "hidden_gradient", "")) == ""


def test_what_is_sent_fits_the_budget() -> None:
    sample = 4 * 7 * 6
    shown = TensorLoader(FakeSource(), 3 * sample).open_first("lstm", "output_gradient")
    assert shown.plot_array.values.shape == (3, 7, 6)
    assert shown.tensor.shape == (4, 7, 6)
    with pytest.raises(ValueError, match=rf"^one sample must fit .* Raise it: budget={sample}$"):
        TensorLoader(FakeSource(), sample - 1).open_first("lstm", "output_gradient")


def test_a_part_that_is_not_there_gives_way_to_the_first() -> None:
    source = FakeSource()
    loader = TensorLoader(source, 10**6)
    shown = loader.open_first("lstm", "output_gradient")
    newer = {"kernel": shown.tensor, "bias": source.made[0]}
    assert loader.arrange(newer, shown.key._replace(part="gone")).key.part == "kernel"
    assert loader.arrange(newer, shown.key._replace(part="bias")).key.part == "bias"
    assert shown.part_of(newer) is newer["kernel"]


def test_a_memo_computes_once_for_each_key() -> None:
    memo: Memo[str, int | None] = Memo()
    computed: list[str] = []

    def get(key: str) -> int | None:
        def compute() -> int | None:
            computed.append(key)
            return None if key == "b" else len(computed)

        return memo.get(key, compute)

    assert (memo.value, memo.holds("a")) == (None, False)
    assert [get(key) for key in "aabba"] == [1, 1, None, None, 3]
    assert (computed, memo.value) == (["a", "b", "a"], 3)
    assert (memo.holds("a"), memo.holds("b")) == (True, False)
    memo.clear()
    assert (memo.value, memo.holds("a")) == (None, False)
