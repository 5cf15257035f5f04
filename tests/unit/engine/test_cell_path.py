"""The cell path of an LSTM, against a loop by hand in which the gates do not pass gradient on."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from rnngrad_widgets.engine import GradientEngine

if TYPE_CHECKING:
    from typing import Any

pytestmark = pytest.mark.usefixtures("float64", "unoptimised")

B, T, F, UNITS = 3, 7, 2, 3
MASK = np.array([[1] * 7, [1, 1, 0, 1, 0, 0, 0], [0, 0, 1, 1, 0, 1, 1]], bool)


def by_hand(layer: Any, x: Any, mask: Any, loss: Any) -> np.ndarray:
    """dL/dc_t where the hidden state passes no gradient on to the gates of the next timestep."""
    rnns = [layer.forward_layer, layer.backward_layer] if hasattr(layer, "merge_mode") else [layer]
    with tf.GradientTape(persistent=True) as tape:
        outputs, cells = zip(*(_run(tape, rnn, x, mask) for rnn in rnns), strict=True)
        total = loss(*outputs)
    found = []
    for seen in cells:
        parts = tape.gradient(total, [seen[t] for t in range(T)], unconnected_gradients="zero")
        values = np.stack(parts, 1)
        found.append(values if mask is None else np.where(mask[..., None], values, 0.0))
    return np.concatenate(found, -1)


def _run(tape: tf.GradientTape, rnn: Any, x: Any, mask: Any) -> tuple[Any, dict[int, Any]]:
    kernel, recurrent, bias = (tf.constant(w.numpy()) for w in rnn.cell.weights)
    h = c = output = tf.zeros((B, rnn.cell.units), tf.float64)
    outputs, cells = [], {}
    for t in reversed(range(T)) if rnn.go_backwards else range(T):
        i, f, g, o = tf.split(x[:, t] @ kernel + tf.stop_gradient(h) @ recurrent + bias, 4, axis=1)
        new = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        tape.watch(new)
        cells[t] = new
        state = tf.sigmoid(o) * tf.tanh(new)
        keep = True if mask is None else mask[:, t, None]
        skipped = tf.zeros_like(output) if rnn.zero_output_for_mask else output
        output = tf.where(keep, state, skipped)
        h, c = tf.where(keep, state, h), tf.where(keep, new, c)
        outputs.append(output)
    return (tf.stack(outputs, 1) if rnn.return_sequences else output), cells


KINDS = ["cell", "backwards", "sum", "ave", "two"]


@pytest.mark.one_case_in(3)
@pytest.mark.parametrize(
    ("kind", "sequences", "masked"),
    [
        *product(("lstm", "concat"), [False, True], [False, True]),
        *product(KINDS, [False, True], [True]),
        ("zero output", True, True),
        ("sizes", True, True),
        ("turned", True, True),
        ("turned", False, True),
    ],
)
def test_it_is_that_of_a_loop_whose_gates_pass_nothing_on(
    kind: str, sequences: bool, masked: bool
) -> None:
    settings = {"return_sequences": sequences, "zero_output_for_mask": kind == "zero output"}
    if kind == "cell":
        made = layers.RNN(layers.LSTMCell(UNITS), name="l", **settings)
    else:
        backwards = kind in ("backwards", "turned")
        made = layers.LSTM(UNITS, go_backwards=backwards, name="l", **settings)
    if kind in ("sizes", "turned"):
        sizes = kind == "sizes"
        other = layers.LSTM(UNITS + 2 * sizes, go_backwards=sizes, **settings)
        made = layers.Bidirectional(made, backward_layer=other, name="l")
    if kind in ("concat", "sum", "ave", "two"):
        made = layers.Bidirectional(made, merge_mode=None if kind == "two" else kind, name="l")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(B, T, F))
    inputs = hidden = keras.Input((T, F))
    if masked:
        x[~MASK] = 0.0
        hidden = layers.Masking()(hidden)
    returned = made(hidden)
    model = keras.Model(inputs, returned)
    model.run_eagerly = True  # the cell path is computed of arrays: tracing would only take time
    seeds = [rng.normal(size=part.shape[1:]) for part in keras.tree.flatten(model(x))]

    def of_outputs(*parts: Any) -> Any:
        return sum(tf.reduce_sum(p * s) for p, s in zip(parts, seeds, strict=True))

    def loss(model: Any, x: Any, *_: Any) -> Any:
        return of_outputs(*keras.tree.flatten(model(x)))

    merge = dict.fromkeys(("concat", "sizes", "turned"), lambda a, b: tf.concat([a, b], -1))
    merge["sum"] = tf.add
    merge["ave"] = lambda a, b: (a + b) / 2

    def merged(*parts: Any) -> Any:
        if len(parts) == 2 and sequences:
            parts = parts[0], parts[1][:, ::-1]
        return of_outputs(merge[kind](*parts)) if kind in merge else of_outputs(*parts)

    expected = by_hand(made, tf.constant(x), MASK if masked else None, merged)
    found = GradientEngine(model).compute(x, None, "l", ["cell_path", "cell_gradient"], loss=loss)
    assert {word for _, word in found} == {"cell_path", "cell_gradient"}
    keys = ["l/forward", "l/backward"] if kind in ("sizes", "turned") else ["l"]
    values = np.concatenate([found[key, "cell_path"].values for key in keys], -1)
    np.testing.assert_allclose(values, expected, rtol=1e-10, atol=1e-13)
    for key in keys:
        tensor, total = found[key, "cell_path"], found[key, "cell_gradient"]
        assert (tensor.dims, tensor.directions) == (total.dims, total.directions)
        assert np.abs(tensor.values - total.values).max() > 1e-3, "the gates have a part too"


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (layers.GRU, "an LSTM with Keras' own cell"),
        (layers.ConvLSTM1D, "an LSTM with Keras' own cell"),
        (lambda n, **k: layers.LSTM(n, activation="relu", **k), "activation='tanh'"),
        (lambda n, **k: layers.LSTM(n, return_state=True, **k), "return_state=True"),
        (lambda n, **k: layers.Bidirectional(layers.LSTM(n), merge_mode="mul", **k), "'mul'"),
    ],
)
def test_other_layers_say_why_they_have_none(layer: Any, reason: str) -> None:
    convolutional = layer is layers.ConvLSTM1D
    inputs = keras.Input((T, 4, F) if convolutional else (T, F))
    made = layer(UNITS, kernel_size=2, name="l") if convolutional else layer(UNITS, name="l")
    output = keras.tree.flatten(made(inputs))[0]
    model = keras.Model(inputs, output)
    model.compile("sgd", "mse")
    engine = GradientEngine(model)
    assert "cell_path" not in engine.quantities("l")
    with pytest.raises(ValueError, match=reason):
        engine.compute(np.ones((2, *inputs.shape[1:])), np.ones(1), "l", "cell_path")
