"""`GradientEngine.check`: it passes what is right, and finds what is wrong."""

from __future__ import annotations

import random
import threading
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from keras import layers, ops

from rnngrad_widgets.data.check_table import CheckRow, CheckTable
from rnngrad_widgets.engine import GradientEngine
from rnngrad_widgets.engine.differentiation.probe_points import ProbePoint
from rnngrad_widgets.engine.tracing import state_probes
from tests.unit.engine.tracing import test_cells as cells
from tests.unit.engine.tracing.test_cells import FEATURES, RNG, SAMPLES, TIMESTEPS, UNITS, Own

pytestmark = pytest.mark.usefixtures("unoptimised")
double = pytest.mark.usefixtures("float64")

X = RNG.normal(size=(SAMPLES, TIMESTEPS, FEATURES))
SEQUENCES = {"return_sequences": True}


def sequential(*stack: Any, library: Any = keras, x: Any = X, **settings: Any) -> Any:
    model = library.Sequential([library.Input(x.shape[1:]), *stack, library.layers.Dense(1)])
    model.compile("sgd", "mse", **settings)
    return model


def targets(model: Any, x: Any = X) -> np.ndarray:
    return RNG.normal(size=model(x).shape)


def check(model: Any, x: Any = X, **settings: Any) -> CheckTable:
    return GradientEngine(model).check(x, targets(model, x), **settings)


def verdicts(table: CheckTable, quantity: str = "") -> set[bool | None]:
    return {row.passed for row in table if quantity in row.quantity}


def all_pass(table: CheckTable, closely: float = 1e-7) -> None:
    assert len(table) > 0
    assert verdicts(table) == {True}, repr(table)
    assert max(row.error for row in table if row.error is not None) < closely, repr(table)


# -- what is right passes ------------------------------------------------------------------------

LAYERS = [
    [layers.LSTM, {**SEQUENCES}],
    [layers.GRU, {"reset_after": False, "use_bias": False}],
    [layers.GRU, {"go_backwards": True, **SEQUENCES}],
    [layers.SimpleRNN, {"unroll": True, "go_backwards": True, **SEQUENCES}],
]


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


@double
@pytest.mark.parametrize(("unroll", "eagerly"), [(True, False), (False, True), (True, True)])
def test_a_stack_of_cells_passes_in_loops_that_are_not_traced(unroll: bool, eagerly: bool) -> None:
    stack = [layers.LSTMCell(3), layers.GRUCell(2)]
    model = sequential(layers.RNN(stack, unroll=unroll, name="rnn", **SEQUENCES))
    model.run_eagerly = eagerly
    table = check(model, quantities=["hidden_gradient", "gate_gradient"])
    all_pass(table)
    assert {row.layer for row in table} == {"rnn/0", "rnn/1"}


@double
@pytest.mark.parametrize("unroll", [False, True])
def test_a_cell_that_is_in_its_stack_twice_passes(unroll: bool) -> None:
    cell = layers.GRUCell(FEATURES)
    model = sequential(layers.RNN([cell, cell], unroll=unroll, name="rnn", **SEQUENCES))
    table = check(model, quantities=["hidden_gradient", "gate_gradient"])
    all_pass(table)
    assert {row.layer for row in table} == {"rnn/0", "rnn/1"}


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


# -- what is wrong is found ------------------------------------------------------------------------


class Copied(Own):
    """Hands on a copy of its output: an `Identity` operation."""

    def call(self, inputs: Any, states: Any) -> Any:
        h = self.next(inputs, states[0])
        return h, [tf.identity(h)]


class Function(Own):
    """Its call is a function of its own, which returns its state twice."""

    @tf.function
    def inner(self, inputs: Any, state: Any) -> Any:
        h = self.next(inputs, state)
        return h, tf.reshape(h, (-1, UNITS))

    def call(self, inputs: Any, states: Any) -> Any:
        h, state = self.inner(inputs, states[0])
        return h, [state]


class Joined(Own):
    """One state of two pieces, both of which its output is made from."""

    def __init__(self) -> None:
        super().__init__()
        self.state_size = [2 * UNITS]

    def call(self, inputs: Any, states: Any) -> Any:
        h, c = ops.split(states[0], 2, axis=-1)
        new = self.next(inputs, h)
        c = 0.5 * c + new * new
        h = ops.tanh(c) * new
        return h, [ops.concatenate([h, c], -1)]


@double
@pytest.mark.parametrize("cls", [Copied, Function, Joined])
def test_states_that_are_other_tensors_than_the_output(
    cls: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = cells.model_of(cls())
    all_pass(check(model))

    def as_handed_on(state: Any, before: Any) -> list[ProbePoint]:
        del before
        return [ProbePoint(state, lambda probe: probe)]

    monkeypatch.setattr(state_probes, "find_probe_points", as_handed_on)
    table = check(model)
    assert [row.quantity for row in table.failures] == ["hidden_gradient"]
    assert table.failures[0].error > 1e-3
    assert not table.passed
    assert verdicts(table, "input") == verdicts(table, "weight") == {True}


class Delayed(Own):
    """Its state is joined from a new one and a piece of the old one, which the step reads too."""

    def __init__(self) -> None:
        super().__init__()
        self.state_size = [2 * UNITS]

    def call(self, inputs: Any, states: Any) -> Any:
        before, earlier = ops.split(states[0], 2, axis=-1)
        h = self.next(inputs, before + 0.5 * earlier)
        return h, [ops.concatenate([h, before], -1)]


class KeepingInputs(Own):
    """Its state is joined from a new one and the input, which the next step reads."""

    def __init__(self) -> None:
        super().__init__()
        self.state_size = [UNITS + FEATURES]

    def call(self, inputs: Any, states: Any) -> Any:
        h, last = states[0][:, :UNITS], states[0][:, UNITS:]
        h = self.next(inputs - 0.7 * last, h)
        return h, [ops.concatenate([h, inputs], -1)]


@double
@pytest.mark.parametrize("cls", [Delayed, KeepingInputs])
def test_check_agrees_with_nudges_of_one_number_after_the_other(cls: Any) -> None:
    """What is handed on from before a step was read as what it was; only its copy is moved."""

    class Moved(cls):  # type: ignore[misc]
        def call(self, inputs: Any, states: Any) -> Any:
            _, [state] = super().call(inputs, states)
            state = self.made("", state)
            return state[:, :UNITS], [state]

    cell = Moved()
    model = cells.model_of(cell)
    y = targets(model)
    engine = GradientEngine(model)
    right = engine.compute(X, y, "rnn", "hidden_gradient")
    tensor = right["rnn", "hidden_gradient"]
    slopes = cells.difference(model, cell, X, y, "", tensor.shape)
    object.__setattr__(tensor, "values", slopes)
    engine.compute = lambda *_, **__: right  # type: ignore[method-assign]
    all_pass(engine.check(X, y, "rnn", "hidden_gradient"), closely=1e-7)


class WrongDerivative(Own):
    """Squares its state, and says that the derivative is half of what it is."""

    def call(self, inputs: Any, states: Any) -> Any:
        @tf.custom_gradient
        def square(value: Any) -> Any:
            return value * value, lambda upstream: upstream * value

        h = square(self.next(inputs, states[0]))
        return h, [h]


@double
@pytest.mark.parametrize("eagerly", [False, True])
def test_a_custom_gradient_that_is_not_the_derivative_is_found(eagerly: bool) -> None:
    model = cells.model_of(WrongDerivative())
    model.run_eagerly = eagerly
    table = check(model, quantities=["output_gradient", "input_gradient", "weight_gradient"])
    assert verdicts(table, "output") == {True}  # behind the mistake
    assert verdicts(table, "input") == verdicts(table, "weight") == {False}
    assert "FAILED" in repr(table)


@double
@pytest.mark.parametrize(
    ("layer", "quantity"),
    [
        ("rnn", "output_gradient"),
        ("rnn", "hidden_gradient"),
        ("rnn", "cell_gradient"),
        ("rnn", "gate_gradient"),
        ("rnn", "input_gradient"),
        ("rnn/cell", "initial_state_gradient"),
        ("rnn/recurrent_kernel", "weight_gradient"),
    ],
)
def test_each_gradient_is_found_where_one_timestep_or_row_is_wrong(
    layer: str, quantity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = GradientEngine(sequential(layers.LSTM(UNITS, name="rnn", **SEQUENCES)))
    right = engine.compute

    def wrong(*args: Any, **kwargs: Any) -> Any:
        snapshot = right(*args, **kwargs)
        values = np.array(snapshot[layer, quantity].values)
        values[:, 0] *= 1.05
        object.__setattr__(snapshot[layer, quantity], "values", values)
        return snapshot

    monkeypatch.setattr(engine, "compute", wrong)
    table = engine.check(X, RNG.normal(size=(SAMPLES, TIMESTEPS, 1)))
    assert [(row.layer, row.quantity) for row in table.failures] == [(layer, quantity)]
    assert verdicts(table) == {True, False}


@double
def test_a_gradient_of_zero_is_found_where_it_is_none() -> None:
    class Stopped(Own):
        def call(self, inputs: Any, states: Any) -> Any:
            h = self.next(inputs, ops.stop_gradient(states[0]))
            return h, [h]

    inputs = keras.Input((TIMESTEPS, FEATURES))
    rnn = layers.RNN(Stopped(), name="rnn")(inputs)
    model = keras.Model(inputs, layers.Dense(1)(rnn))
    model.compile("sgd", "mse")
    (row,) = check(model, quantities="hidden_gradient")
    assert row.passed is False
    assert row.error == np.inf  # all of the first timesteps, which do have an influence


# -- what cannot be checked says why ---------------------------------------------------------------


@double
def test_a_state_that_is_computed_twice_is_not_checked() -> None:
    class Twice(Own):
        def call(self, inputs: Any, states: Any) -> Any:
            return self.next(inputs, states[0]), [self.next(inputs, states[0])]

    (row,) = check(cells.model_of(Twice()), quantities="hidden_gradient")
    assert row.passed is None
    assert row.error is None
    assert row.reason == "a timestep computes its value more than once"


def test_gradients_that_vanish_below_the_precision_of_the_loss() -> None:
    small = keras.initializers.RandomNormal(stddev=0.02)
    rnn = layers.SimpleRNN(UNITS, recurrent_initializer=small, name="rnn")
    x = RNG.normal(size=(SAMPLES, 12, FEATURES))
    model = sequential(rnn, x=x)
    (row,) = check(model, x, quantities="hidden_gradient")
    assert row.passed
    assert "too small for the loss to tell in the first" in row.reason
    assert row.reason.endswith("third of the timesteps; use float64")
    tiny = sequential(layers.SimpleRNN(UNITS, name="rnn"), layers.Rescaling(1e-9))
    (row,) = check(tiny, quantities="input_gradient")
    assert row.passed is None
    assert row.reason == "it is too small for the loss to tell; use float64"


@double
def test_a_loss_that_differs_from_run_to_run_or_is_nan() -> None:
    noise = layers.Lambda(lambda h: h + tf.random.normal([], dtype=h.dtype))
    noisy = sequential(layers.GRU(2, name="rnn"), noise)
    table = check(noisy, quantities=["output_gradient", "input_gradient"])
    assert [row.reason for row in table] == [
        "the loss differs from run to run, by random numbers whose seed is no variable"
    ] * 2
    table = check(sequential(layers.GRU(2, name="rnn")), np.full(X.shape, np.nan))
    assert {row.reason for row in table} == {"the loss is nan"}
    assert not table.passed


@double
def test_lengths_that_are_known_only_when_the_model_runs() -> None:
    def shortened(x: Any) -> Any:
        return tf.boolean_mask(x, tf.constant([True, True, False, True]), axis=1)

    cut = layers.Lambda(shortened, output_shape=(None, FEATURES))
    table = check(sequential(cut, layers.GRU(2, name="rnn")))
    reasons = {row.quantity: row.reason for row in table if row.passed is None}
    assert reasons.keys() == {"hidden_gradient", "gate_gradient", "input_gradient"}
    assert "must be known when the model is called; it is (2, any, 2)" in reasons["input_gradient"]
    assert verdicts(table, "weight") == verdicts(table, "output") == {True}


# -- calls -----------------------------------------------------------------------------------------


@double
def test_what_is_asked_for_is_checked() -> None:
    model = sequential(
        layers.GRU(2, name="one", **SEQUENCES),
        layers.RNN(cells.Wrapper(), name="two"),
    )
    every = {(row.layer, row.quantity) for row in check(model)}
    assert {("one", "gate_gradient"), ("two/inner/kernel", "weight_gradient")} <= every
    assert ("two", "gate_gradient") not in every
    table = check(model, layers=["two", "one"], quantities="hidden_gradient")
    assert [row.layer for row in table] == ["two", "one"]
    assert verdicts(table) == verdicts(table, "hidden_gradient") == {True}
    dataset = tf.data.Dataset.from_tensor_slices((X, targets(model))).batch(1)
    all_pass(GradientEngine(model).check(dataset, layers="one", quantities="weight_gradient"))

    def other(model: Any, x: Any, y: Any, sample_weight: Any, training: bool) -> Any:
        del y
        return tf.reduce_sum(model(x, training=training) * sample_weight[:, None])

    settings: dict[str, Any] = {"layers": "two", "quantities": "weight_gradient"}
    table = check(model, loss=other, sample_weight=np.array([1.0, 3.0]), **settings)
    all_pass(table)
    expected = float(np.sum(model(X)[:, 0] * [1.0, 3.0]))
    assert table.loss == pytest.approx(expected, rel=1e-12)


@double
def test_the_model_and_all_seeds_stay_as_they_are() -> None:
    model = sequential(layers.LSTM(UNITS, dropout=0.5, name="rnn"), layers.Dropout(0.5))
    y = targets(model)
    model.train_on_batch(X, y)
    held = [*model.variables, *model.optimizer.variables]
    before = [variable.numpy() for variable in held]
    namespaces = [dict(vars(layer)) for layer in (*model.layers, model.get_layer("rnn").cell)]
    np.random.seed(5)  # noqa: NPY002 - the global one is what must not be touched
    random.seed(5)
    tf.random.set_seed(5)
    drawn = np.random.random(), random.random(), float(tf.random.uniform([]))  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    random.seed(5)
    tf.random.set_seed(5)
    first = GradientEngine(model).check(X, y, training=True, seed=1)
    again = np.random.random(), random.random(), float(tf.random.uniform([]))  # noqa: NPY002
    assert again == drawn
    for variable, value in zip(held, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    for layer, names in zip((*model.layers, model.get_layer("rnn").cell), namespaces, strict=True):
        assert all(vars(layer)[name] is value for name, value in names.items())
        assert vars(layer).keys() == names.keys()
    assert GradientEngine(model).check(X, y, training=True, seed=1) == first
    other = GradientEngine(model).check(X, y, training=True, seed=2)
    assert [row.error for row in other] != [row.error for row in first]


def test_values_and_models_without_layers_are_refused() -> None:
    model = sequential(layers.GRU(2, name="rnn"))
    engine = GradientEngine(model)
    with pytest.raises(ValueError, match="must be gradients to be checked; received 'output'"):
        engine.check(X, targets(model), quantities=["input_gradient", "output"])
    with pytest.raises(ValueError, match="quantities must name at least one quantity"):
        engine.check(X, targets(model), quantities=[])
    with pytest.raises(ValueError, match="the model must have a recurrent layer; it has none"):
        check(sequential())
    with pytest.raises(ValueError, match="must be compiled"):
        GradientEngine(keras.Sequential([keras.Input((4, 2)), layers.GRU(2)])).check(X, X)


def test_a_model_that_another_thread_trains_is_refused() -> None:
    model = sequential(layers.GRU(2, name="rnn"))
    y = targets(model)
    in_fit, checked = threading.Event(), threading.Event()

    class Waiting(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            del batch, logs
            in_fit.set()
            checked.wait(60)

    training = threading.Thread(
        target=model.fit, args=(X, y), kwargs={"verbose": 0, "callbacks": [Waiting()]}
    )
    training.start()
    try:
        assert in_fit.wait(60)
        with pytest.raises(RuntimeError, match="must stand still to be checked; another thread"):
            GradientEngine(model).check(X, y)
    finally:
        checked.set()
        training.join()
    assert GradientEngine(model).check(X, y).passed


# -- the table -------------------------------------------------------------------------------------

ROWS = (
    CheckRow("lstm", "output_gradient", 2.5e-11, 1e-6, "float64", passed=True),
    CheckRow("<b>", "hidden_gradient", 0.25, 1e-6, "float64", passed=False),
    CheckRow("lstm/kernel", "weight_gradient", None, 1e-6, "float64", None, "no <reason>"),
)


def test_the_table_reads_in_a_terminal() -> None:
    assert repr(CheckTable(ROWS, 0.5, ("left out: it",))).splitlines() == [
        "layer        quantity         relative error  tolerance",
        "lstm         output_gradient  2.5e-11         1e-06 (float64)  passed",
        "<b>          hidden_gradient  2.5e-01         1e-06 (float64)  FAILED",
        "lstm/kernel  weight_gradient                  1e-06 (float64)  not checked: no <reason>",
        "1 passed, 1 FAILED, 1 not checked, at a loss of 0.5",
        "left out: it",
    ]
    assert repr(CheckTable(())).splitlines()[-1] == "nothing to check"


def test_the_table_reads_in_a_notebook() -> None:
    html = CheckTable(ROWS, 0.5, ("<i>",))._repr_html_()
    assert "<td>&lt;b&gt;</td><td>hidden_gradient</td><td>2.5e-01</td>" in html
    assert "<strong>FAILED</strong>" in html
    assert "not checked: no &lt;reason&gt;" in html
    assert "<div>1 passed, 1 FAILED, 1 not checked, at a loss of 0.5</div>" in html
    assert "<div>&lt;i&gt;</div>" in html
    assert "<b>" not in html
    assert "<i>" not in html


def test_the_table_is_a_sequence_with_a_verdict() -> None:
    table = CheckTable(ROWS)
    assert len(table) == 3
    assert table[0] is ROWS[0]
    assert table[1:] == ROWS[1:]
    assert list(table) == list(ROWS)
    assert table.failures == ROWS[1:2]
    assert table.unchecked == ROWS[2:]
    assert not table.passed
    assert CheckTable(ROWS[::2]).passed
    assert not CheckTable(ROWS[2:]).passed
