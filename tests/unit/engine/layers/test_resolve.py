"""Which recurrent layers are found, how they are named, and how they are asked for."""

from __future__ import annotations

import re
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from rnngrad_widgets.engine import GradientEngine, RecurrentLayer


def plain() -> Any:
    return keras.Sequential(
        [
            keras.Input((6, 2)),
            layers.Dense(3, name="dense"),
            layers.LSTM(4, return_sequences=True, name="lstm"),
            layers.Bidirectional(layers.GRU(5), name="bi"),
            layers.Dense(1, name="out"),
        ]
    )


class Tower(layers.Layer):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rnns = [layers.GRU(2, return_sequences=True), layers.GRU(3)]
        self.by_name = {"a": layers.Dense(2)}

    def call(self, x: Any) -> Any:
        for rnn in self.rnns:
            x = rnn(x)
        return self.by_name["a"](x)


class TwoTowers(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.left = Tower()
        self.right = Tower()
        self._private = layers.SimpleRNN(2)
        self.head = layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.head(self.left(x) + self.right(x) + self._private(x))


def nested() -> Any:
    inner_in = keras.Input((6, 2))
    words = keras.Model(inner_in, layers.LSTM(3, name="word_rnn")(inner_in), name="words")
    outer_in = keras.Input((4, 6, 2))
    hidden = layers.TimeDistributed(words, name="td")(outer_in)
    hidden = layers.GRU(2, name="sentence_rnn")(hidden)
    return keras.Model(outer_in, layers.Dense(1)(hidden))


def test_what_a_dropdown_needs() -> None:
    assert GradientEngine(plain()).layers == (
        RecurrentLayer("lstm", "LSTM", 4, True, 1),
        RecurrentLayer("bi", "Bidirectional GRU", 5, False, 2),
    )


@pytest.mark.parametrize(
    ("made", "paths"),
    [
        (TwoTowers, ["left/rnns/0", "left/rnns/1", "right/rnns/0", "right/rnns/1", "_private"]),
        (nested, ["td/layer/word_rnn", "sentence_rnn"]),
    ],
)
def test_paths_are_stable_from_build_to_build(made: Any, paths: list[str]) -> None:
    for _ in range(2):
        assert [layer.path for layer in GradientEngine(made()).layers] == paths


def test_kinds() -> None:
    model = keras.Sequential(
        [
            layers.RNN(layers.LSTMCell(3), return_sequences=True),
            layers.RNN([layers.GRUCell(3), layers.SimpleRNNCell(2)], return_sequences=True),
            layers.Bidirectional(layers.LSTM(2, return_sequences=True)),
            layers.SimpleRNN(2),
        ]
    )
    kinds = [(layer.kind, layer.units) for layer in GradientEngine(model).layers]
    assert kinds == [
        ("RNN(LSTMCell)", 3),
        ("RNN(GRUCell, SimpleRNNCell)", 2),
        ("Bidirectional LSTM", 2),
        ("SimpleRNN", 2),
    ]


def test_a_layer_is_known_by_name_index_object_and_record() -> None:
    model = plain()
    engine = GradientEngine(model)
    bi = engine.layers[1]
    for choice in ("bi", 2, -2, np.int64(2), model.layers[2], bi):
        assert engine.resolve(choice) == bi


def test_a_bare_name_where_it_is_unique() -> None:
    assert GradientEngine(nested()).resolve("word_rnn").path == "td/layer/word_rnn"


LISTING = re.escape("recurrent layers: 'lstm' (1), 'bi' (2)")


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("lst", f"the model has no layer 'lst'; {LISTING}"),
        ("dense", f"layer 'dense' is not recurrent; {LISTING}"),
        (0, rf"layer 'dense' \(0\) is not recurrent; {LISTING}"),
        (4, f"layer index must be between -4 and 3; received 4; {LISTING}"),
        (1.5, f"layer must be a path, a name, an index or a layer; received 1.5; {LISTING}"),
        (layers.LSTM(2, name="other"), f"layer 'other' is not a layer of its own .*; {LISTING}"),
        (layers.Dense(2, name="d"), f"layer 'd' is not recurrent; {LISTING}"),
    ],
)
def test_an_unknown_layer_is_refused_with_the_list(choice: Any, message: str) -> None:
    engine = GradientEngine(plain())
    for ask in (engine.resolve, engine.quantities):
        with pytest.raises(ValueError, match=f"^{message}$"):
            ask(choice)


def test_an_ambiguous_name_is_refused() -> None:
    model = TwoTowers()
    name = "0"
    with pytest.raises(ValueError, match="layer '0' is ambiguous: it names 'left/rnns/0', 'right"):
        GradientEngine(model).resolve(name)


def test_a_model_without_recurrent_layers() -> None:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1, name="dense")])
    engine = GradientEngine(model)
    assert engine.layers == ()
    with pytest.raises(ValueError, match="'dense' is not recurrent; the model has no recurrent"):
        engine.resolve("dense")
    model.compile(loss="mse")
    with pytest.raises(ValueError, match=r"the model must have a recurrent layer: .*; it has none"):
        engine.compute(np.ones((2, 3)), np.ones((2, 1)))
