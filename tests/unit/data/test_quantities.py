"""The registry of quantities: what it says is what the engine computes and users read."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from rnngrad_widgets.data.quantities import (
    PLAIN,
    QUANTITIES,
    TRUNCATION_ERROR,
    WEIGHTS,
    quantity_of,
)

PAGE = Path(__file__).parents[3] / "docs/how-to/choose-a-quantity.md"


def test_the_documentation_lists_them_all_in_this_order() -> None:
    table = PAGE.read_text("utf-8").split("| quantity | what it is |")[1].split("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    assert [name for cell in cells for name in re.findall("`(.+?)`", cell)] == list(QUANTITIES)


def test_the_docstrings_of_the_engine_list_them_all() -> None:
    from rnngrad_widgets import GradientEngine  # noqa: PLC0415 - imports TensorFlow

    gradients = [name for name, known in QUANTITIES.items() if known.is_gradient]
    for method, names in ((GradientEngine.compute, QUANTITIES), (GradientEngine.check, gradients)):
        heads = re.findall("^ *((?:``[a-z_]+``(?:, )?)+)$", method.__doc__ or "", re.MULTILINE)
        listed = [name for head in heads for name in re.findall("``(.+?)``", head)]
        assert sorted(listed) == sorted(names), method.__name__


@pytest.mark.parametrize("quantity", QUANTITIES.values(), ids=lambda each: each.name)
def test_a_record_agrees_with_itself(quantity: object) -> None:
    assert quantity.is_gradient == quantity.name.endswith("_gradient")
    assert (
        quantity.needs_loss
        == quantity.by_magnitude
        == (quantity.is_gradient or quantity.of in ("reach", "cell_path"))
    )
    assert quantity.is_gradient == quantity.label.startswith("gradient w.r.t. ")
    assert quantity.symbol == quantity.noun.split()[-1]
    assert quantity_of(quantity.name) is quantity
    if quantity.companion == TRUNCATION_ERROR.name:
        assert quantity_of(quantity.companion) is TRUNCATION_ERROR
    elif quantity.companion:
        assert QUANTITIES[quantity.companion].companion == quantity.name


def test_labels_and_summaries_tell_the_quantities_apart() -> None:
    for words in ("label", "summary"):
        assert len({getattr(each, words) for each in QUANTITIES.values()}) == len(QUANTITIES)


def test_another_word_is_that_of_a_plain_array() -> None:
    assert quantity_of("") is quantity_of("entropy") is PLAIN
    assert PLAIN.by_magnitude
    assert not PLAIN.is_gradient


def test_the_axes_are_those_that_the_engine_returns() -> None:
    import keras  # noqa: PLC0415 - imports TensorFlow

    from rnngrad_widgets import GradientEngine  # noqa: PLC0415

    lstm = keras.layers.LSTM(3, return_sequences=True, name="lstm")
    model = keras.Sequential([keras.Input((4, 2)), lstm, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    engine = GradientEngine(model)
    assert engine.quantities("lstm") == tuple(QUANTITIES)
    snapshot = engine.compute(np.ones((2, 4, 2)), np.ones((2, 4, 1)), "lstm", tuple(QUANTITIES))
    for (_, name), tensor in snapshot.items():
        assert QUANTITIES[name].dims == (() if name in WEIGHTS else tensor.dims), name
    assert {name for _, name in snapshot} == set(QUANTITIES)
