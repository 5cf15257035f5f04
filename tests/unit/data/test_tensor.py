"""`GradientTensor` and `GradientSnapshot`: frozen arrays that know what they are."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest

from rnngrad_widgets import GradientSnapshot, GradientTensor
from rnngrad_widgets.data.tensor import NO_TIME, REACH, SEQUENCE

BOTH = ("forward", "backward")
VALUES = np.arange(24.0).reshape(2, 3, 4)


def test_values_are_kept_without_a_copy_and_cannot_be_written() -> None:
    values, mask = VALUES.copy(), np.ones((2, 3), bool)
    tensor = GradientTensor(values, SEQUENCE, mask=mask)
    assert np.shares_memory(tensor.values, values)
    assert np.shares_memory(tensor.mask, mask)
    for array in (tensor.values, tensor.mask):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    values[0, 0, 0] = 7  # the array that was given stays its owner's
    with pytest.raises(FrozenInstanceError):
        tensor.values = VALUES


@pytest.mark.parametrize("word", ["<img src=x onerror=alert(1)>", "", "x" * 41, "a&b", "a\n", 3])
@pytest.mark.parametrize("what", ["dims", "directions", "gates", "quantity"])
def test_names_are_words(what: str, word: object) -> None:
    if what == "quantity" and word == "":
        return  # a plain array has none
    names = word if what == "quantity" else ("sample", "timestep", word)[-3:]
    given = {"dims": SEQUENCE, what: names}
    with pytest.raises(
        ValueError, match=f"{what} must be words: .*; received {re.escape(repr(word))}"
    ):
        GradientTensor(VALUES, **given)


AXES: dict[str, tuple[dict[str, Any], str]] = {
    "names": ({"dims": NO_TIME}, r"received 2 names .* for an array of shape \(2, 3, 4\)"),
    "no axis": ({"values": np.float32(1), "dims": ()}, "at least one axis; received 0 names"),
    "twice": ({"dims": ("sample", "channel", "channel")}, "must differ from one another"),
    "order": ({"dims": ("channel", "timestep", "sample")}, "begin with 'sample', then 'timestep'"),
    "sample last": ({"dims": ("row", "channel", "sample")}, "must begin with 'sample'; received"),
    "timestep late": ({"dims": ("row", "channel", "timestep")}, "must begin with 'timestep'"),
    "one direction": (
        {"directions": ("forward",)},
        "two, none, or 'backward' alone; received .'forward',.",
    ),
    "odd halves": ({"values": VALUES[..., :3], "directions": BOTH}, "divide the channels evenly"),
    "gates": ({"gates": ("i", "f", "o")}, "received 0 directions and 3 gates for shape .2, 3, 4."),
    "both": ({"values": VALUES[..., :2], "directions": BOTH, "gates": BOTH}, "2 directions and 2"),
    "many gates": ({"gates": tuple("abcde")}, "5 gates"),
    "mask of floats": ({"mask": np.ones((2, 3))}, "boolean, .* received dtype float64"),
    "other mask": ({"mask": np.ones((3, 2), bool)}, r"received shape \(3, 2\) for .'sample': 2"),
    "mask with an axis": ({"mask": np.ones((2, 3, 1), bool)}, r"received shape \(2, 3, 1\)"),
    "no time": (
        {"values": VALUES[0], "dims": NO_TIME, "mask": np.ones((3, 4), bool)},
        "a mask must be .samples, timesteps. of the values",
    ),
    "complex": ({"values": VALUES * 1j}, "must hold real numbers; received dtype complex128"),
    "texts": ({"values": VALUES.astype(str)}, "must hold real numbers; received dtype <U"),
}


@pytest.mark.parametrize("what", AXES)
def test_a_tensor_is_what_views_take_for_granted(what: str) -> None:
    given, rule = AXES[what]
    kind = TypeError if "real numbers" in rule else ValueError
    with pytest.raises(kind, match=rule):
        GradientTensor(**{"values": VALUES, "dims": SEQUENCE, **given})


@pytest.mark.parametrize(
    ("shape", "given"),
    [
        ((2, 3, 4), {"directions": BOTH, "gates": BOTH}),
        ((2, 4, 3, 5), {"dims": ("sample", "channel", "row", "column"), "gates": tuple("ifco")}),
        ((2, 3), {"dims": ("timestep", "channel")}),
        ((2, 3), {"dims": ("sample", "timestep"), "mask": np.ones((2, 3), bool)}),
        ((5,), {"dims": ("channel",)}),
    ],
)
def test_other_tensors_are_taken(shape: tuple[int, ...], given: dict[str, Any]) -> None:
    assert GradientTensor(**{"values": np.ones(shape), "dims": SEQUENCE, **given}).shape == shape


def test_words_of_other_languages_and_lists_are_taken() -> None:
    tensor = GradientTensor(VALUES, ["sample", "timestep", "größe 1.a-b_c"], gates=["忘", "ж"])
    assert tensor.dims[-1] == "größe 1.a-b_c"
    assert tensor.gates == ("忘", "ж")


def test_numpy_takes_it_as_the_array_it_is() -> None:
    tensor = GradientTensor(VALUES, SEQUENCE)
    assert tensor.shape == (2, 3, 4)
    assert np.asarray(tensor) is tensor.values
    assert np.max(tensor) == 23
    assert np.asarray(tensor, dtype="float32").dtype == np.float32
    copied = np.array(tensor)
    copied[0] = 0
    np.testing.assert_array_equal(tensor.values, VALUES)


def test_repr_says_what_it_is() -> None:
    tensor = GradientTensor(VALUES, SEQUENCE, "lstm", "output_gradient")
    axes = "(sample: 2, timestep: 3, channel: 4)"
    assert repr(tensor) == f"<GradientTensor lstm output_gradient {axes} float64>"
    assert repr(GradientTensor(VALUES, SEQUENCE)) == f"<GradientTensor array {axes} float64>"


@pytest.fixture
def snapshot() -> GradientSnapshot:
    tensors = {
        (layer, quantity): GradientTensor(VALUES, SEQUENCE, layer, quantity)
        for layer in ("encoder/lstm", "gru")
        for quantity in ("output_gradient", "hidden_gradient")
    }
    return GradientSnapshot(tensors, loss=0.5, step=3, aliases={"lstm": "encoder/lstm"})


def test_a_snapshot_is_looked_up_by_layer_and_quantity(snapshot: GradientSnapshot) -> None:
    assert snapshot["gru", "hidden_gradient"].quantity == "hidden_gradient"
    assert snapshot["lstm", "output_gradient"] is snapshot["encoder/lstm", "output_gradient"]
    assert (snapshot.loss, snapshot.step, len(snapshot)) == (0.5, 3, 4)
    assert next(iter(snapshot)) == ("encoder/lstm", "output_gradient")
    assert ("lstm", "output_gradient") in snapshot
    assert ("lstm", "weight") not in snapshot


@pytest.mark.parametrize("key", [("lstm", "weight"), ("ls", "output_gradient"), "gru", 3])
def test_what_a_snapshot_does_not_hold(snapshot: GradientSnapshot, key: object) -> None:
    with pytest.raises(KeyError, match=r"the snapshot holds \[\('encoder/lstm', 'output_gradient'"):
        snapshot[key]
    assert key not in snapshot
    assert snapshot.get(key) is None


def test_a_snapshot_cannot_be_written(snapshot: GradientSnapshot) -> None:
    with pytest.raises(TypeError):
        snapshot.tensors["gru", "output_gradient"] = None
    with pytest.raises(FrozenInstanceError):
        snapshot.loss = 1


@pytest.mark.parametrize(
    ("dims", "timesteps"),
    [
        (REACH, (0, 1)),
        (REACH, (0, 1, 2, 3)),
        (REACH, (0, 2, 1)),
        (REACH, (0, 1, 1)),
        (REACH, (-1, 0, 1)),
        (SEQUENCE, (0, 1, 2)),
        (SEQUENCE, (0,)),
    ],
)
def test_wrong_timesteps_of_the_loss_are_refused(
    dims: tuple[str, ...], timesteps: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="loss_timesteps must rise, one less than there are"):
        GradientTensor(np.zeros((2, 5, 4)), dims, loss_timesteps=timesteps)


def test_timesteps_of_the_loss_are_one_less_than_their_axis() -> None:
    tensor = GradientTensor(np.zeros((2, 5, 4)), REACH, loss_timesteps=(0, 2, 7))
    assert tensor.loss_timesteps == (0, 2, 7)
    assert GradientTensor(np.zeros((2, 5, 4)), REACH).loss_timesteps == ()
