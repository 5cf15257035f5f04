"""`GradientEngine.check` passes what is right."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tf_keras
from keras import layers, ops

from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine import nudged_cells as cells
from tests.unit.engine.checking.checks import (
    SEQUENCES,
    X,
    all_pass,
    check,
    double,
    sequential,
    verdicts,
)
from tests.unit.engine.nudged_cells import FEATURES, RNG, SAMPLES, TIMESTEPS, UNITS, Copied

pytestmark = pytest.mark.usefixtures("unoptimised")

LAYERS = [
    [layers.LSTM, {**SEQUENCES}],
    [layers.GRU, {"reset_after": False, "use_bias": False}],
    [layers.GRU, {"go_backwards": True, **SEQUENCES}],
    [layers.SimpleRNN, {"unroll": True, "go_backwards": True, **SEQUENCES}],
]


@pytest.mark.one_case_in(2)
@double
@pytest.mark.parametrize(("layer", "settings"), LAYERS)
def test_layers_pass(layer: Any, settings: dict[str, Any]) -> None:
    table = check(sequential(layer(UNITS, name="rnn", **settings)))
    all_pass(table)
    engine = GradientEngine(sequential(layer(UNITS, name="rnn", **settings)))
    offered = {word for word in engine.quantities("rnn") if word.endswith("_gradient")}
    assert {row.quantity for row in table} == offered
    assert {row.dtype for row in table} == {"float64"}
    assert table.passed
    assert not table.failures
    assert not table.unchecked


@double
def test_masked_halves_and_stacked_cells_pass() -> None:
    x = np.where(RNG.random((SAMPLES, TIMESTEPS, 1)) > 0.4, X, 0.0)
    model = sequential(
        layers.Masking(),
        layers.Bidirectional(layers.GRU(UNITS, **SEQUENCES), name="bi"),
        layers.RNN([layers.LSTMCell(3), layers.SimpleRNNCell(2)], name="stack"),
        x=x,
    )
    table = check(model, x)
    all_pass(table)
    assert {"bi/backward/kernel", "stack/0/hidden", "stack/1"} <= {row.layer for row in table}


@double
def test_layers_that_are_shared_stepped_repeated_or_keep_states_pass() -> None:
    inputs = keras.Input(batch_shape=X.shape)
    shared, cell = layers.LSTM(2, return_state=True, name="shared"), layers.GRUCell(2, name="cell")
    first, h, c = shared(inputs)
    second, *_ = shared(inputs * 2.0, initial_state=[h, c])
    state = first
    for timestep in range(3):
        state, _ = cell(inputs[:, timestep], [state])
    windows = layers.TimeDistributed(layers.GRU(2, name="inner"), name="each")
    pairs = windows(ops.reshape(inputs, (SAMPLES, 2, 2, FEATURES)))
    kept = layers.SimpleRNN(2, stateful=True, name="kept")(inputs)
    outputs = layers.Dense(1)(ops.concatenate([second, state, pairs[:, 0] * pairs[:, 1], kept], -1))
    model = keras.Model(inputs, outputs)
    model.compile("sgd", "mse")
    model.predict(X, verbose=0)
    table = check(model)
    all_pass(table)
    keys = {(row.layer, row.quantity) for row in table}
    assert ("shared[1]/cell", "initial_state_gradient") in keys
    assert ("cell", "hidden_gradient") in keys
    assert ("each/layer", "gate_gradient") in keys


@pytest.mark.one_case_in(6)
@double
@pytest.mark.parametrize(
    "name",
    [
        *("Peephole", "Readout", "LayerNormalised", "Conditional"),
        *("Several", "Attending", "Wrapper"),
    ],
)
def test_cells_of_ones_own_pass(name: str) -> None:
    cls = getattr(cells, name)
    table = check(cells.model_of(cls(UNITS) if name == "Peephole" else cls()))
    all_pass(table)
    assert {"hidden_gradient", "initial_state_gradient"} <= {row.quantity for row in table}


@double
def test_eager_loops_pass() -> None:
    all_pass(check(cells.model_of(Copied()), quantities=["hidden_gradient", "weight_gradient"]))
    model = cells.model_of(Copied())
    model.run_eagerly = True
    before = [weight.numpy() for weight in model.weights]
    table = check(model, quantities=["hidden_gradient", "input_gradient", "weight_gradient"])
    all_pass(table)
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)


@pytest.mark.one_case_in(6)
@double
@pytest.mark.parametrize(("unroll", "eagerly"), [(True, False), (False, True), (True, True)])
def test_a_stack_of_cells_passes_in_loops_that_are_not_traced(unroll: bool, eagerly: bool) -> None:
    stack = [layers.LSTMCell(3), layers.GRUCell(2)]
    model = sequential(layers.RNN(stack, unroll=unroll, name="rnn", **SEQUENCES))
    model.run_eagerly = eagerly
    table = check(model, quantities=["hidden_gradient", "gate_gradient"])
    all_pass(table)
    assert {row.layer for row in table} == {"rnn/0", "rnn/1"}


@pytest.mark.one_case_in(2)
@double
@pytest.mark.parametrize("unroll", [False, True])
def test_a_cell_that_is_in_its_stack_twice_passes(unroll: bool) -> None:
    cell = layers.GRUCell(FEATURES)
    model = sequential(layers.RNN([cell, cell], unroll=unroll, name="rnn", **SEQUENCES))
    table = check(model, quantities=["hidden_gradient", "gate_gradient"])
    all_pass(table)
    assert {row.layer for row in table} == {"rnn/0", "rnn/1"}


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("mask", [False, True])
def test_models_of_tf_keras_pass(mask: bool) -> None:
    before = tf_keras.backend.floatx()
    tf_keras.backend.set_floatx("float64")
    try:
        kinds = tf_keras.layers
        stack = [kinds.Masking()] if mask else []
        rnn = kinds.Bidirectional(kinds.LSTM(2)) if mask else kinds.GRU(2, unroll=True)
        model = sequential(*stack, rnn, library=tf_keras)
        x = np.where(cells.MASK[..., None], X, 0.0) if mask else X
        inside = ["hidden_gradient", "cell_gradient", "initial_state_gradient", "weight_gradient"]
        all_pass(check(model, x, quantities=inside if mask else None))
    finally:
        tf_keras.backend.set_floatx(before)


def test_dropout_is_the_same_in_every_evaluation() -> None:
    rnn = layers.LSTM(UNITS, dropout=0.3, recurrent_dropout=0.3, name="rnn", **SEQUENCES)
    model = sequential(rnn, layers.Dropout(0.5))
    table = check(model, training=True)
    assert verdicts(table) == {True, None}
    (gates,) = table.unchecked
    assert gates.quantity == "gate_gradient"
    assert "another loss" in gates.reason
    assert "without dropout" in gates.reason


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize(
    ("policy", "dtype"), [("float32", "float32"), ("mixed_float16", "float16")]
)
def test_single_and_half_precision_pass_with_a_tolerance_of_theirs(policy: str, dtype: str) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = sequential(layers.LSTM(UNITS, name="a", **SEQUENCES), layers.GRU(UNITS, name="b"))
    finally:
        keras.config.set_dtype_policy(before)
    table = check(model)
    all_pass(table, closely=0.1)
    assert {row.dtype for row in table} == {dtype}
    assert {row.tolerance for row in table} == {{"float32": 1e-2, "float16": 0.1}[dtype]}
