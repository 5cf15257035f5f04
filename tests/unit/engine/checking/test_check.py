"""`GradientEngine.check`: what it checks, and what it leaves alone."""

from __future__ import annotations

import random
import threading
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine import nudged_cells as cells
from tests.unit.engine.checking.checks import (
    SEQUENCES,
    X,
    all_pass,
    check,
    double,
    sequential,
    targets,
    verdicts,
)
from tests.unit.engine.nudged_cells import UNITS

pytestmark = pytest.mark.usefixtures("unoptimised")


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
    with pytest.raises(ValueError, match=r"the model must have a recurrent layer: .*; it has none"):
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
