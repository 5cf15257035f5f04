"""Rates of recurrences whose gradient is known, from the engine's numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import initializers, layers

from rnngrad_widgets import GradientEngine
from rnngrad_widgets.diagnosis.diagnose import diagnose
from rnngrad_widgets.diagnosis.gradient import GradientDiagnosis

B, T, F, UNITS = 16, 100, 4, 32
DOUBLE = "float64"


def numbers_of(layer: Any, quantity: str = "hidden_gradient") -> GradientDiagnosis:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((T, F), dtype=DOUBLE), layer, layers.Dense(1, dtype=DOUBLE)]
    )
    model.compile("sgd", "mse")
    random = np.random.default_rng(0)
    x, y = random.normal(size=(B, T, F)), random.normal(size=(B, 1))
    snapshot = GradientEngine(model).compute(x, y, quantities=[quantity, "output_gradient"])
    (found,) = [each for each in diagnose(snapshot).gradients if each.quantity == quantity]
    return found


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("a", [0.5, 0.9, 1.0, 1.1])
@pytest.mark.parametrize("backward", [False, True])
def test_scalar_recurrence(a: float, backward: bool) -> None:
    found = numbers_of(
        layers.SimpleRNN(
            1,
            activation="linear",
            dtype=DOUBLE,
            recurrent_initializer=initializers.Constant(a),
            go_backwards=backward,
        )
    )
    assert found.decay is not None
    assert found.decay.slope == pytest.approx(math.log(a), abs=1e-7)  # 0.9 in single precision
    assert found.decay.misfit < 1e-6
    assert found.growth == pytest.approx(a**99, rel=1e-5)


@pytest.mark.parametrize(("gain", "slope"), [(0.5, -0.6931), (1.0, 0.0), (1.5, 0.4055)])
def test_orthogonal_recurrence(gain: float, slope: float) -> None:
    orthogonal = initializers.Orthogonal(gain, seed=0)
    found = numbers_of(
        layers.SimpleRNN(UNITS, activation="linear", dtype=DOUBLE, recurrent_initializer=orthogonal)
    )
    assert found.decay is not None
    assert found.decay.slope == pytest.approx(slope, abs=5e-5)


@pytest.mark.parametrize(("bias", "slope"), [(0, -0.6931), (1, -0.3133), (5, -0.0067)])
def test_the_cell_of_an_lstm_whose_gates_read_nothing(bias: float, slope: float) -> None:
    """Its cell state is multiplied by the forget gate alone: sigmoid(bias)."""
    found = numbers_of(
        layers.LSTM(
            UNITS,
            dtype=DOUBLE,
            kernel_initializer="zeros",
            recurrent_initializer="zeros",
            unit_forget_bias=False,
            bias_initializer=by_gate(0.0, bias, 0.0, 0.0),
        ),
        "cell_gradient",
    )
    assert found.decay is not None
    assert found.decay.slope == pytest.approx(slope, abs=5e-5)
    assert found.decay.slope == pytest.approx(-math.log1p(math.exp(-bias)), abs=1e-8)


@pytest.mark.parametrize(
    ("kind", "slopes"),
    [
        (layers.SimpleRNN, {0.5: -0.714, 1.0: -0.094, 1.5: 0.036}),
        (layers.LSTM, {0.0: -0.460, 1.0: -0.188, 5.0: 0.037}),
        (layers.GRU, {0.0: -0.470, 1.0: -0.247, 5.0: -0.0066}),
    ],
)
def test_networks_as_keras_starts_them(kind: Any, slopes: dict[float, float]) -> None:
    """Rates by the gain of the recurrent kernel, or the bias of gate f or z, as once measured.

    Seeds differ by as much as 0.1, so five are averaged.
    """
    model = keras.Sequential([keras.Input((T, 1)), kind(UNITS), layers.Dense(1)])
    model.compile("sgd", "mse")
    engine, layer = GradientEngine(model), model.layers[0]
    random = np.random.default_rng(0)
    x, y = random.uniform(size=(B, T, 1)), random.normal(size=(B, 1))
    _, recurrent, bias = (weight.shape for weight in layer.weights)
    for setting, slope in slopes.items():
        found = []
        for seed in range(5):
            start = np.zeros(bias)
            kernels = [
                np.asarray(initializers.GlorotUniform(seed=seed)((1, recurrent[1]))),
                np.asarray(initializers.Orthogonal(seed=seed)(recurrent)),
            ]
            if kind is layers.SimpleRNN:
                kernels[1] = kernels[1] * setting
            else:
                gate = slice(UNITS, 2 * UNITS) if kind is layers.LSTM else slice(UNITS)
                start.reshape(-1, bias[-1])[0, gate] = setting
            layer.set_weights([*kernels, start])
            snapshot = engine.compute(x, y, quantities=["hidden_gradient", "output_gradient"])
            gradients = diagnose(snapshot).gradients
            (decay,) = (g.decay for g in gradients if g.quantity == "hidden_gradient")
            assert decay is not None
            found.append(decay.slope)
        assert np.mean(found) == pytest.approx(slope, abs=0.03)


def by_gate(*biases: float) -> Callable[..., np.ndarray]:
    return lambda shape, dtype=None: np.repeat(biases, UNITS).reshape(shape).astype(dtype)


def test_no_rate_where_the_loss_acts_at_every_step() -> None:
    """Of h_t = 0.9 h_(t-1) + x_t a line through ln(norm) would say -0.014."""
    model = keras.Sequential(
        [
            keras.Input((T, 1), dtype=DOUBLE),
            layers.SimpleRNN(
                1,
                activation="linear",
                dtype=DOUBLE,
                recurrent_initializer=initializers.Constant(0.9),
                return_sequences=True,
            ),
        ]
    )
    model.compile("sgd", "mse")
    random = np.random.default_rng(0)
    x, y = random.normal(size=(B, T, 1)), random.normal(size=(B, T, 1))
    quantities = ["hidden_gradient", "output_gradient", "reach"]
    total, _, reach = diagnose(GradientEngine(model).compute(x, y, quantities=quantities)).gradients
    assert (total.quantity, total.decay) == ("hidden_gradient", None)
    assert total.no_decay.startswith("the loss acts before the last timestep too")
    assert (reach.quantity, len(reach.reach)) == ("reach", 2)
    assert reach.decay is not None
    assert reach.decay.slope == pytest.approx(math.log(0.9), abs=1e-7)
