"""What truncated backpropagation through time loses, against truncating it by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.engine import GradientEngine
from rnngrad_widgets.engine.tracing import truncation_pass

if TYPE_CHECKING:
    from typing import Any

pytestmark = pytest.mark.usefixtures("float64", "unoptimised")

B, T, F = 3, 6, 2


def by_hand(rnn: Any, head: Any, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Carry the loss of each timestep back k timesteps only: the state before is a constant."""
    inputs = x[:, ::-1] if rnn.go_backwards else x
    states = [rnn.cell.get_initial_state(B)]
    for t in range(T):
        states.append(rnn.cell(tf.constant(inputs[:, t]), states[-1])[1])
    kernel = rnn.cell.kernel
    errors, gradients = [], []
    for k in range(1, T + 1):
        gradient = np.zeros(kernel.shape)
        for u in range(T):
            first = max(u - k + 1, 0)
            with tf.GradientTape() as tape:
                state = [tf.constant(np.array(part)) for part in keras.tree.flatten(states[first])]
                for t in range(first, u + 1):
                    output, state = rnn.cell(tf.constant(inputs[:, t]), state)
                loss = tf.reduce_sum((head(output) - y[:, u]) ** 2) / y.size
            gradient += tape.gradient(loss, kernel.value).numpy()
        gradients.append(gradient)
    errors = [np.linalg.norm(gradients[-1] - g) for g in gradients]
    return np.array(errors) / np.linalg.norm(gradients[-1])


@pytest.mark.one_case_in(12)
@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize(
    "rnn",
    [
        lambda: layers.LSTM(3, return_sequences=True, name="r"),
        lambda: layers.GRU(3, return_sequences=True, name="r"),
        lambda: layers.GRU(3, return_sequences=True, reset_after=False, name="r"),
        lambda: layers.SimpleRNN(3, return_sequences=True, go_backwards=True, name="r"),
    ],
)
def test_it_is_what_truncating_by_hand_loses(rnn: Any, eagerly: bool) -> None:
    made, head = rnn(), layers.Dense(2)
    model = keras.Sequential([keras.Input((T, F)), made, head])
    model.compile("sgd", "mse", run_eagerly=eagerly)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(B, T, F)), rng.normal(size=(B, T, 2))
    expected = by_hand(made, head, x, y)
    engine = GradientEngine(model)
    # of a layer that runs backwards, by its output: the loss's timesteps are in another order
    found = engine.truncation_error(x, y, "r", by="output")
    np.testing.assert_allclose(found, expected, atol=1e-10)
    assert found.shape == (T,)
    assert found[0] > 1e-3
    assert found[-1] == 0.0
    if not made.go_backwards:
        np.testing.assert_allclose(engine.truncation_error(x, y), expected, atol=1e-10)


def test_long_sequences_and_many_samples() -> None:
    """Of h = a h + x, with x = 1 and the loss sum(h): at lag k the kernel has (T - k) a^k."""
    count, a = 50, 0.9
    rnn = layers.SimpleRNN(1, activation="linear", use_bias=False, return_sequences=True)
    model = keras.Sequential([keras.Input((count, 1)), rnn])
    rnn.set_weights([np.ones((1, 1)), np.full((1, 1), a)])
    model.compile("sgd", lambda _, predicted: tf.reduce_sum(predicted))
    x = np.ones((30, count, 1))
    found = GradientEngine(model).truncation_error(x, x)
    by_lag = (count - np.arange(count)) * a ** np.arange(count)
    np.testing.assert_allclose(found, 1 - np.cumsum(by_lag) / by_lag.sum(), atol=1e-12)


def test_of_a_gradient_of_zero_nothing_is_said() -> None:
    model = keras.Sequential(
        [keras.Input((T, F)), layers.LSTM(3, return_sequences=True), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    model.layers[-1].set_weights([np.zeros((3, 1)), np.zeros(1)])
    found = GradientEngine(model).truncation_error(np.ones((2, T, F)), np.ones((2, T, 1)))
    assert np.isnan(found).all()


@pytest.mark.parametrize(
    ("stack", "message"),
    [
        ([layers.Bidirectional(layers.LSTM(3), name="r")], "'r' is a Bidirectional LSTM"),
        ([layers.RNN([layers.LSTMCell(2), layers.GRUCell(2)], name="r")], "the cell of 'r' is not"),
        (
            [layers.LSTM(3, return_sequences=True, name="a"), layers.LSTM(3, name="b")],
            "choose one layer with layer=; the model has 2: 'a', 'b'",
        ),
    ],
)
def test_others_are_refused(stack: list[Any], message: str) -> None:
    model = keras.Sequential([keras.Input((T, F)), *stack])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=message):
        GradientEngine(model).truncation_error(np.ones((2, T, F)), np.ones((2, 6)))


@pytest.mark.long
def test_what_takes_too_much_memory_is_refused_before_it_is_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = keras.Sequential([keras.Input((T, F)), layers.LSTM(3, return_sequences=True)])
    model.compile("sgd", "mse")
    monkeypatch.setattr(truncation_pass, "MOST_BYTES", 1_000)
    told: list[int] = []
    with pytest.raises(ValueError, match=r"all 6 timesteps .* 1,000 bytes; they take 6,912; hand"):
        GradientEngine(model).truncation_error(
            np.ones((2, T, F)), np.ones((2, T, 3)), progress=lambda done, _: told.append(done)
        )
    assert told == []


def test_of_a_layer_that_is_called_twice_it_is_not_known() -> None:
    inputs, rnn = keras.Input((T, F)), layers.SimpleRNN(3, return_sequences=True, name="r")
    model = keras.Model(inputs, layers.Dense(1)(rnn(inputs) + rnn(2 * inputs)))
    model.compile("sgd", "mse", run_eagerly=True)
    x, y = np.ones((B, T, F)), np.ones((B, T, 1))
    rule = "known of a layer that is called once; 'r' is called 2 times"
    with pytest.raises(truncation_pass.NoTruncationError, match=rule):
        GradientEngine(model).truncation_error(x, y, "r")
    explorer = GradientExplorer(model, x, y, "r", "reach", loss_timesteps=[2], view="flow")
    assert explorer.selection.companion.array is None, "nothing to show beside it"
