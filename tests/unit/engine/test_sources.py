"""What quantities are made of, from calls that were recorded by hand."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from rnngrad_widgets.engine.calls import LayerCall
from rnngrad_widgets.engine.layers import find_recurrent
from rnngrad_widgets.engine.quantities import Source, Taken, sources

B, T = 2, 4


def taken(rnn: Any, *calls: LayerCall) -> Taken:
    model = keras.Sequential([keras.Input((T, 2)), rnn])
    (target,) = find_recurrent(model)
    return Taken(target, calls)


def call(outputs: list[Any], mask: Any = None) -> LayerCall:
    return LayerCall(tuple(outputs), (), mask, (), T)


def tensors(*sizes: int) -> list[Any]:
    return [tf.zeros((B, T, size)) for size in sizes]


@pytest.mark.parametrize("quantity", ["output", "output_gradient"])
@pytest.mark.parametrize("count", [2, 3])
def test_nested_outputs_have_a_tensor_each(quantity: str, count: int) -> None:
    rnn = layers.RNN(layers.GRUCell(3), return_sequences=True, name="rnn")
    mask = tf.constant(np.eye(B, T, dtype=bool))
    outputs = tensors(*range(3, 3 + count))
    found = sources(taken(rnn, call(outputs, mask)), [quantity])
    assert [source.layer for source in found] == [f"rnn/{i}" for i in range(count)]
    assert [source.tensors for source in found] == [((output,),) for output in outputs]
    for source in found:
        assert source.dims == ("sample", "timestep", "channel")
        assert (source.directions, len(source.masks)) == ((), 1)


def test_nested_outputs_of_both_directions() -> None:
    rnn = layers.GRU(3, return_sequences=True)
    apart = layers.Bidirectional(rnn, merge_mode=None, name="rnn")
    a, b, c, d = tensors(3, 2, 3, 5)
    found = sources(taken(apart, call([a, b, c, d])), ["output"])
    assert [source.layer for source in found] == ["rnn/0", "rnn/1"]
    assert [source.tensors for source in found] == [((a,), (c,)), ((b,), (d,))]
    assert [source.directions for source in found] == [("forward", "backward"), ()]


def test_nested_outputs_of_a_layer_that_is_called_twice() -> None:
    rnn = layers.RNN(layers.GRUCell(3), return_sequences=True, name="rnn")
    first, second = tensors(3, 2), tensors(3, 2)
    found = sources(taken(rnn, call(first), call(second)), ["output_gradient"])
    keys = [(source.layer, source.tensors) for source in found]
    assert keys == [
        (f"rnn[{place}]/{leaf}", ((outputs[leaf],),))
        for place, outputs in enumerate((first, second))
        for leaf in (0, 1)
    ]


def test_a_weight_that_is_not_trained_may_be_left_out() -> None:
    rnn = layers.GRU(3, name="rnn")
    made = taken(rnn, call(tensors(3)))
    rnn.trainable = False
    held = {id(variable): tf.convert_to_tensor(variable) for variable in rnn.weights}
    found: list[Source] = sources(Taken(made.target, made.calls, held), ["weight_gradient"])
    assert [source.optional for source in found] == [True] * 3
    rnn.trainable = True
    found = sources(Taken(made.target, made.calls, held), ["weight_gradient", "weight"])
    assert [source.optional for source in found] == [False] * 6
