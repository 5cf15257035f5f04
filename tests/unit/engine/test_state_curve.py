"""The state curve of a layer, against Jacobians of Keras' own cells by a tape, and theory."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from rnngrad_widgets import GradientExplorer, show_features_1D
from rnngrad_widgets.engine import GradientEngine

if TYPE_CHECKING:
    from typing import Any

    from rnngrad_widgets.data.state_curve import StateCurve

pytestmark = pytest.mark.usefixtures("unoptimised")

B, T, F, UNITS = 3, 7, 2, 3
MASK = np.array([[1] * 7, [1, 1, 0, 1, 0, 0, 0], [0, 0, 1, 1, 0, 1, 1]], bool)


def by_hand(rnn: Any, x: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Return ||dh_T/dh_t||, one channel of h_T after the other, through the cell that Keras has."""
    cell, dtype = rnn.cell, rnn.compute_dtype
    order = range(T)[::-1] if rnn.go_backwards else range(T)
    sizes = tf.nest.flatten(cell.state_size)
    state = [tf.zeros((B, size), dtype) for size in sizes]
    seen: dict[int, Any] = {}
    with tf.GradientTape(persistent=True) as tape:
        for t in order:
            new = tf.nest.flatten(cell(tf.constant(x[:, t], dtype), state)[1])
            keep = tf.constant(np.ones(B, bool) if mask is None else mask[:, t])[:, None]
            state = [tf.where(keep, *pair) for pair in zip(new, state, strict=True)]
            tape.watch(state[0])
            seen[t] = state[0]
        channels = [tf.reduce_sum(state[0][:, c]) for c in range(cell.units)]
    squares = np.zeros((B, T))
    for channel in channels:
        found = tape.gradient(channel, [seen[t] for t in range(T)])
        squares += np.stack([np.sum(np.square(g), axis=-1) for g in found], axis=1)
    return np.sqrt(squares if mask is None else np.where(mask, squares, np.nan))


def random_model(library: Any, layer: Any, *, masked: bool = False) -> tuple[Any, np.ndarray]:
    """Return a model of a layer with weights of no special form, not compiled, and a batch."""
    rng = np.random.default_rng(0)
    dense = [library.layers.Masking()] if masked else []
    model = library.Sequential([library.layers.Input((T, F)), *dense, layer])
    model.set_weights([rng.normal(size=w.shape) * 0.8 for w in model.get_weights()])
    model.run_eagerly = True  # to trace it would take most of the time
    x = rng.normal(size=(B, T, F))
    if masked:
        x[~MASK] = 0.0
    return model, x.astype(layer.compute_dtype)


CELLS = {
    "lstm": lambda k: k.LSTM(UNITS, name="r"),
    "gru": lambda k: k.GRU(UNITS, name="r"),
    "gru before": lambda k: k.GRU(UNITS, reset_after=False, return_sequences=True, name="r"),
    "gru, no bias": lambda k: k.GRU(UNITS, use_bias=False, name="r"),
    "simple, backwards": lambda k: k.SimpleRNN(UNITS, go_backwards=True, name="r"),
    "lstm, backwards": lambda k: k.LSTM(UNITS, go_backwards=True, name="r"),
    "cell": lambda k: k.RNN(k.LSTMCell(UNITS), name="r"),
    "hard": lambda k: k.LSTM(
        UNITS, recurrent_activation="hard_sigmoid", activation="sigmoid", name="r"
    ),
    "relu": lambda k: k.GRU(
        UNITS, recurrent_activation="hard_sigmoid", activation="relu", name="r"
    ),
    "linear": lambda k: k.LSTM(UNITS, activation=None, name="r"),
}


@pytest.mark.one_case_in(2)
@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("name", "masked"), [("lstm", False), *((name, True) for name in CELLS)])
def test_it_is_the_norm_of_the_jacobian(name: str, masked: bool) -> None:
    rnn = CELLS[name](keras.layers)
    model, x = random_model(keras, rnn, masked=masked)
    curve = GradientEngine(model).state_curve(x, cotangents=UNITS)
    expected = by_hand(rnn, x, MASK if masked else None)
    np.testing.assert_allclose(curve.values, expected, rtol=1e-10)
    assert (curve.layer, curve.direction, curve.cotangents) == ("r", "", UNITS)


@pytest.mark.parametrize("name", ["lstm", "gru", "gru before", "hard", "relu"])
def test_it_is_that_of_tf_keras_too(name: str) -> None:
    rnn = CELLS[name](tf_keras.layers)
    model, x = random_model(tf_keras, rnn, masked=name == "lstm")
    found = GradientEngine(model).state_curve(x).values
    np.testing.assert_allclose(found, by_hand(rnn, x, MASK if name == "lstm" else None), rtol=1e-4)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("other", "turned"), [(UNITS, False), (UNITS + 1, False), (UNITS, True)])
def test_each_half_of_a_bidirectional_has_its_own(other: int, turned: bool) -> None:
    k = keras.layers
    first, second = k.LSTM(UNITS, go_backwards=turned), k.LSTM(other, go_backwards=not turned)
    layer = k.Bidirectional(first, backward_layer=second, name="r")
    model, x = random_model(keras, layer, masked=True)
    engine = GradientEngine(model)
    for direction in ("forward", "backward"):
        curve = engine.state_curve(x, direction=direction)
        expected = by_hand(getattr(layer, f"{direction}_layer"), x, MASK)
        np.testing.assert_allclose(curve.values, expected, rtol=1e-10)
        assert curve.direction == direction
    with pytest.raises(ValueError, match="choose direction='forward' or direction='backward' of"):
        engine.state_curve(x)


def linear(recurrent: np.ndarray, timesteps: int, samples: int = 2, **settings: Any) -> Any:
    """Return the curve of h_t = h_(t-1) U + x_t."""
    units = len(recurrent)
    rnn = keras.layers.SimpleRNN(units, activation="linear", use_bias=False, **settings)
    model = keras.Sequential([keras.Input((timesteps, units)), rnn])
    rnn.set_weights([np.eye(units), recurrent])
    return GradientEngine(model), np.ones((samples, timesteps, units), "float32")


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("factor", "trend"), [(0.3, "falls"), (0.9, "falls"), (1.0, "stays"), (1.1, "grows")]
)
def test_a_linear_recurrence_of_a_thousand_timesteps(factor: float, trend: str) -> None:
    units = 12
    orthogonal = np.linalg.qr(np.random.default_rng(0).normal(size=(units, units))).Q
    for matrix, vectors in ((np.full((1, 1), factor), 1), (factor * orthogonal, 5)):
        engine, x = linear(matrix, 1000)
        curve = engine.state_curve(x, cotangents=vectors)
        expected = math.log10(len(matrix)) / 2 + np.arange(1000)[::-1] * math.log10(factor)
        # 0.3^999 is far below the least double
        np.testing.assert_allclose(curve.log10_values, np.stack([expected] * 2), atol=1e-10)
        assert curve.lyapunov_exponent == pytest.approx(math.log(factor), abs=1e-13)
        assert curve.trend == trend
        if factor != 1:
            per_decade = math.log(10) / abs(math.log(factor))
            assert curve.steps_per_decade == pytest.approx(per_decade)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("bias", [0, 1, 5])
def test_an_lstm_whose_cell_state_alone_goes_on(bias: float) -> None:
    """Without recurrent kernel dh_T/dh_t is 0, and the cell state falls by its forget gate."""
    rnn = keras.layers.LSTM(4, use_bias=True)
    model = keras.Sequential([keras.Input((50, 2)), rnn])
    model.run_eagerly = True
    biases = np.concatenate([np.full(4, 0.3), np.full(4, bias), np.full(4, 0.3), np.zeros(4)])
    rnn.set_weights([np.zeros((2, 16)), np.zeros((4, 16)), biases])
    curve = GradientEngine(model).state_curve(np.ones((2, 50, 2)))
    assert np.isneginf(curve.log10_values[:, :-1]).all()
    np.testing.assert_allclose(curve.values[:, -1], 2.0)
    expected = -math.log1p(math.exp(-bias))
    np.testing.assert_allclose(curve.lyapunov_exponents, [expected] * 2, rtol=1e-10)


@pytest.fixture(scope="module")
def chaotic() -> tuple[Any, np.ndarray]:
    """Return a SimpleRNN(64) in single precision, whose states do not settle, and a batch."""
    rng = np.random.default_rng(0)
    rnn = keras.layers.SimpleRNN(64, return_sequences=True)
    model = keras.Sequential([keras.Input((100, 2)), rnn])
    weights = [rng.normal(size=w.shape) for w in rnn.get_weights()]
    rnn.set_weights([weights[0], weights[1] * 1.5 / math.sqrt(64), weights[2] * 0.1])
    return model, rng.normal(size=(32, 100, 2)).astype("float32")


def test_an_estimate_is_near_the_norm(chaotic: tuple[Any, np.ndarray]) -> None:
    """Of 32 Gaussian vectors, measured before: within 0.80 and 1.16 of the norm at lag 99."""
    model, x = chaotic
    engine = GradientEngine(model)
    exact = engine.state_curve(x, cotangents=64)
    estimates = [engine.state_curve(x, seed=seed) for seed in range(3)]
    ratios = np.stack([each.values / exact.values for each in estimates])
    assert estimates[0].cotangents == 32
    np.testing.assert_allclose(ratios[..., -1], 1, rtol=1e-5)  # orthogonal vectors: exact
    assert (ratios[..., 0] > 0.75).all()
    assert (ratios[..., 0] < 1.25).all()
    assert 0.05 < ratios[..., 0].std() < 0.1  # of Gaussian vectors 0.125
    assert np.mean(ratios[..., 0] ** 2) == pytest.approx(1, abs=0.04)
    assert not np.array_equal(*(each.values for each in estimates[:2]))
    np.testing.assert_array_equal(engine.state_curve(x, seed=1).values, estimates[1].values)


def test_the_exponent_is_the_first_one_of_adjoint_qr(chaotic: tuple[Any, np.ndarray]) -> None:
    model, x = chaotic
    curve = GradientEngine(model).state_curve(x)
    states, kernel = model(x).numpy().astype(float), model.layers[0].get_weights()[1]
    for sample in range(4):
        # of all directions at once, with the transient left out, in double precision
        q, logs = np.linalg.qr(np.random.default_rng(1).normal(size=(64, 64))).Q, []
        for t in range(99, 0, -1):
            q, r = np.linalg.qr((kernel * (1 - states[sample, t] ** 2)) @ q)
            logs.append(np.log(np.abs(np.diag(r))))
        first = np.mean(logs[10:], axis=0).max()
        assert curve.lyapunov_exponents[sample] == pytest.approx(first, abs=0.03)


def test_it_needs_nothing_and_changes_nothing() -> None:
    """No targets, no loss, no random numbers but its own; what it returns can be drawn."""
    engine, x = linear(np.diag([0.5, 0.9]), 20)
    np.random.seed(3)  # noqa: NPY002 - the global state is what must stay
    tf.random.set_seed(3)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    told: list[tuple[int, int]] = []
    curve = engine.state_curve(x, 0, cotangents=1, progress=lambda *p: told.append(p))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    drawn = tf.random.uniform([2]).numpy()
    tf.random.set_seed(3)
    np.testing.assert_array_equal(tf.random.uniform([2]).numpy(), drawn)
    assert told[-1] == (2, 2)
    show_features_1D(curve.log10_values, dims=("sample", "timestep"))
    GradientExplorer.from_array(curve.values[..., None])
    dataset = tf.data.Dataset.from_tensor_slices((x, x)).batch(2)
    np.testing.assert_array_equal(engine.state_curve(dataset, cotangents=1).values, curve.values)


@pytest.mark.usefixtures("float64")
def test_many_samples_are_carried_back_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rnn = keras.layers.GRU(UNITS, name="r")
    model, x = random_model(keras, rnn, masked=True)
    engine = GradientEngine(model)
    whole: StateCurve = engine.state_curve(x, cotangents=2)
    monkeypatch.setattr("rnngrad_widgets.engine.state_jacobians.curve._AT_ONCE", 7)
    told: list[int] = []
    parts = engine.state_curve(x, cotangents=2, progress=lambda done, _: told.append(done))
    np.testing.assert_allclose(parts.values, whole.values, rtol=1e-12)
    assert told == [0, 1, 2, 3]


def test_what_has_no_number_has_none() -> None:
    engine, x = linear(np.full((1, 1), 0.5), 5)
    curve = engine.state_curve(x)
    np.testing.assert_allclose(curve.values[0], 0.5 ** np.arange(5)[::-1], rtol=1e-6)
    assert math.isnan(curve.lyapunov_exponent)
    assert curve.trend == "none"
    assert repr(curve).endswith("2 samples, 5 timesteps: no Lyapunov exponent can be read")
    engine, x = linear(np.full((1, 1), 0.5), 1)
    np.testing.assert_allclose(engine.state_curve(x).values, [[1], [1]])

    nilpotent = np.array([[0, 1.0], [0, 0]])  # after two timesteps nothing is left
    curve = linear(nilpotent, 10)[0].state_curve(np.ones((2, 10, 2)))
    np.testing.assert_array_equal(curve.values[:, :8], 0)
    assert curve.lyapunov_exponent == -math.inf
    assert curve.steps_per_decade == 0
    assert "falls to exactly 0" in repr(curve)
    written = json.loads(json.dumps(curve.to_dict(), allow_nan=False))
    assert written["log10_values"][0][:8] == [None] * 8
    assert written["lyapunov_exponents"] == [None, None]

    curve = linear(np.full((1, 1), np.nan), 10)[0].state_curve(np.ones((2, 10, 1)))
    assert np.isnan(curve.values[:, :-1]).all()
    assert math.isnan(curve.lyapunov_exponent)


def test_a_sample_that_is_masked_out_has_no_curve() -> None:
    model, x = random_model(keras, keras.layers.GRU(UNITS, name="r"), masked=True)
    x[1] = 0.0
    curve = GradientEngine(model).state_curve(x)
    assert np.isnan(curve.values[1]).all()
    assert math.isnan(curve.lyapunov_exponents[1])
    assert np.isfinite(curve.values[0]).all()


def test_it_says_how_fast_it_falls() -> None:
    curve = linear(np.full((1, 1), 0.1), 20, name="rnn")[0].state_curve(np.ones((2, 20, 1)))
    assert repr(curve) == (
        "state curve of rnn, 2 samples, 20 timesteps: largest Lyapunov exponent -2.3 per step, "
        "falls: 1 steps per decade"
    )
    written = curve.to_dict()
    assert written["steps_per_decade"] == pytest.approx(1)
    assert written["trend"] == "falls"
    assert json.dumps(written, allow_nan=False)


K = keras.layers


@pytest.mark.parametrize(
    ("layer", "arguments", "message"),
    [
        (K.LSTM(2, name="r"), {"cotangents": 0}, "cotangents must be .*, at least 1; received 0"),
        (K.LSTM(2, name="r"), {"cotangents": True}, "whole number, at least 1; received True"),
        (K.LSTM(2, name="r"), {"cotangents": 2.5}, "whole number, at least 1; received 2.5"),
        (K.LSTM(2, name="r"), {"seed": -1}, "seed must be a whole number, at least 0"),
        (K.LSTM(2, name="r"), {"direction": "forward"}, "'r' is a LSTM.* leave it out"),
        (
            K.GRU(2, activation="softsign", name="r"),
            {},
            "activation must be one of hard_sigmoid, linear, relu, sigmoid, tanh, .* softsign",
        ),
        (K.LSTM(2, recurrent_activation="elu", name="r"), {}, "recurrent_activation must be one"),
        (K.RNN([K.LSTMCell(2), K.GRUCell(2)], name="r"), {}, r"'r' is a RNN\(LSTMCell, GRUCell"),
        (
            K.Bidirectional(K.LSTM(2), backward_layer=K.GRU(2, go_backwards=True), name="r"),
            {"direction": "forward"},
            "of one kind, with Keras' own cell; 'r' is a Bidirectional LSTM",
        ),
        (
            K.Bidirectional(K.LSTM(2), name="r"),
            {"direction": "both"},
            "choose direction='forward' or direction='backward' of 'r'.* received 'both'",
        ),
    ],
)
def test_others_are_refused(layer: Any, arguments: dict[str, Any], message: str) -> None:
    model = keras.Sequential([keras.Input((T, F)), layer])
    with pytest.raises(ValueError, match=message):
        GradientEngine(model).state_curve(np.ones((2, T, F), "float32"), **arguments)


def test_one_layer_is_chosen_which_is_called_once() -> None:
    inputs = keras.Input((T, F))
    shared = K.GRU(F, return_sequences=True, name="a")
    model = keras.Model(inputs, K.GRU(2, name="b")(shared(shared(inputs))))
    engine, x = GradientEngine(model), np.ones((2, T, F), "float32")
    with pytest.raises(ValueError, match="choose one layer with layer=; the model has 2: 'a', 'b'"):
        engine.state_curve(x)
    with pytest.raises(ValueError, match="that the model calls once; it calls 'a' 2 times"):
        engine.state_curve(x, "a")
