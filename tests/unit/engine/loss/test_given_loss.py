"""Another loss than the model's own, weights of classes, and values that need no loss."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.engine import GradientEngine

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("unoptimised")

RNG = np.random.default_rng(6)
X = RNG.normal(size=(4, 3, 2)).astype("float32")
Y = np.array([[0.0], [1.0], [1.0], [2.0]], "float32")
W = np.array([1.0, 2.0, 0.5, 3.0], "float32")
LIBRARIES = [keras, tf_keras]


def made(library: Any, loss: Any = "mae", cls: Any = None, **settings: Any) -> Any:
    """A regularised model; `loss` False leaves it uncompiled."""
    library.utils.set_random_seed(3)
    inputs = library.Input((3, 2))
    penalty = settings.pop("penalty", "l2")
    rnn = library.layers.SimpleRNN(2, name="rnn", recurrent_regularizer=penalty)
    outputs = library.layers.Dense(settings.pop("units", 1))(rnn(inputs))
    model = (cls or library.Model)(inputs, outputs)
    if loss is not False:
        model.compile("sgd", loss, **settings)
    return model


def squared(y_true: Any, y_pred: Any) -> Any:
    return tf.reduce_mean((y_true - y_pred) ** 2, axis=-1)


GIVEN: dict[str, Callable[[Any], Any]] = {
    "name": lambda _: "mse",
    "object": lambda library: library.losses.MeanSquaredError(),
    "function of Keras": lambda library: library.losses.mean_squared_error,
    "own function": lambda _: squared,
    "list": lambda _: ["mse"],
}


@pytest.mark.one_case_in(4)
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("form", GIVEN)
def test_it_stands_in_for_the_compiled_one(library: Any, form: str) -> None:
    loss = GIVEN[form](library)
    asked = {"quantities": ["hidden_gradient", "weight_gradient"], "sample_weight": W}
    found = GradientEngine(made(library)).compute(X, Y, loss=loss, **asked)
    expected = GradientEngine(made(library, "mse")).compute(X, Y, **asked)
    assert found.loss == pytest.approx(expected.loss, rel=1e-6)
    for key, tensor in expected.items():
        np.testing.assert_allclose(found[key].values, tensor.values, rtol=1e-5, atol=1e-7)
    recompiled = made(library, loss, run_eagerly=True)
    trained = recompiled.fit(X, Y, sample_weight=W, verbose=0).history["loss"][0]
    assert found.loss == pytest.approx(trained, rel=1e-6)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_value_for_each_sample_is_minimised_by_its_sum_and_told_by_its_mean_as_in_fit(
    library: Any,
) -> None:
    loss = library.losses.MeanSquaredError(reduction="none")
    model = made(library, False, penalty=None)
    found = GradientEngine(model).compute(X, Y, quantities="weight_gradient", loss=loss)
    before = model.get_layer("rnn").get_weights()
    assert found.loss == pytest.approx(float(np.mean((np.array(model(X)) - Y) ** 2)), rel=1e-5)
    model.compile("sgd", library.losses.MeanSquaredError(reduction="none"))
    model.fit(X, Y, verbose=0)
    after = model.get_layer("rnn").get_weights()
    for name, old, new in zip(("kernel", "recurrent_kernel", "bias"), before, after, strict=True):
        gradient = found[f"rnn/{name}", "weight_gradient"].values
        np.testing.assert_allclose((old - new) / 0.01, gradient, rtol=1e-2, atol=1e-3)


def test_a_function_of_keras_with_options() -> None:
    for loss in (keras.losses.huber, keras.losses.binary_crossentropy, keras.losses.tversky):
        found = GradientEngine(made(keras, False)).compute(X, Y, loss=loss)
        expected = GradientEngine(made(keras, loss)).compute(X, Y)
        assert found.loss == pytest.approx(expected.loss, rel=1e-6)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_loss_for_each_output(library: Any) -> None:
    inputs = library.Input((3, 2))
    hidden = library.layers.SimpleRNN(2, name="rnn")(inputs)
    heads = {name: library.layers.Dense(1, name=name)(hidden) for name in "ab"}
    model = library.Model(inputs, heads)
    losses = {"a": "mse", "b": library.losses.MeanAbsoluteError()}
    y = {"a": Y, "b": -Y}
    found = GradientEngine(model).compute(X, y, loss=losses).loss
    model.compile("sgd", losses)
    assert found == pytest.approx(GradientEngine(model).compute(X, y).loss, rel=1e-6)


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_same_loss_is_traced_once(library: Any) -> None:
    calls = []

    class Counted(library.Model):  # type: ignore[misc,name-defined]
        def call(self, *args: Any, **kwargs: Any) -> Any:
            calls.append(1)
            return super().call(*args, **kwargs)

    engine = GradientEngine(made(library, cls=Counted))
    calls.clear()
    runs = []

    def counted(y_true: Any, y_pred: Any) -> Any:
        runs.append(1)
        return squared(y_true, y_pred)

    first = engine.compute(X, Y, loss=counted).loss
    assert engine.compute(X[:2], Y[:2], loss=counted).loss != first
    assert runs == [1, 1]  # the pass, and the model as it is, which it is held against
    assert len(calls) == 2
    one, other = (engine.compute(X, Y, loss="".join(["m", "se"])) for _ in range(2))
    assert one.loss == other.loss == first
    assert len(calls) == 4  # the same two of the second loss, which is traced once too


def with_two(model: Any, y: Any, sample_weight: Any) -> Any:
    raise AssertionError(model, y, sample_weight)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ("mean_square", "a loss of Keras .* or a function .*; received 'mean_square'"),
        (5, r"loss must be a function loss\(model, x, y, sample_weight, training\).*received 5"),
        (with_two, r"received with_two\(model: .*, y: .*, sample_weight: .*\)"),
        (lambda: 0, r"received <lambda>\(\)"),
        (keras.losses.Huber, r"received the class Huber; make one of it: Huber\(\.\.\.\)"),
    ],
)
def test_what_is_no_loss(loss: Any, message: str) -> None:
    engine = GradientEngine(made(keras))
    with pytest.raises(ValueError, match=message):
        engine.compute(X, Y, loss=loss)


@pytest.mark.parametrize(
    ("value", "told"), [(None, "None"), ("low", "'low'"), ({"a": 1.0}, r"\{'a': 1.0\}")]
)
@pytest.mark.parametrize("eagerly", [False, True])
def test_a_loss_that_returns_no_number(value: Any, told: str, eagerly: bool) -> None:
    engine = GradientEngine(made(keras, run_eagerly=eagerly))
    message = (
        r"^the given loss must fit the model and the batch; .*: TypeError: loss must return a "
        f"number, or one for each sample; it returned {told}; return"
    )
    with pytest.raises(ValueError, match=message):
        engine.compute(X, Y, loss=lambda *_: value)


def test_a_loss_that_compares_needs_targets() -> None:
    with pytest.raises(ValueError, match="loss='mse' compares with y; received y=None"):
        GradientEngine(made(keras)).compute(X, loss="mse")


def examples(where: str) -> tuple[str, str]:
    """The functions of an example, and the call after them."""
    if where == "page":
        page = Path(__file__).parents[4] / "docs/how-to/your-own-loop.md"
        cells = page.read_text(encoding="utf-8").split("```{code-cell} ipython3\n")
        functions, explored = (cell.split("```")[0].strip() for cell in cells[1:3])
        return functions, explored.splitlines()[-1]
    doc = GradientEngine.compute.__doc__
    assert doc is not None
    *definitions, last = doctest.DocTestParser().get_examples(doc)
    return "\n".join(example.source for example in definitions), last.source


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("where", ["page", "docstring"])
def test_the_examples(library: Any, where: str) -> None:
    functions, call = examples(where)
    names: dict[str, Any] = {"tf": tf, "GradientExplorer": GradientExplorer}
    exec(functions, names)
    library.utils.set_random_seed(3)
    inputs = library.Input((8, 2))
    hidden = library.layers.LSTM(2, return_sequences=True, name="lstm")(inputs)
    classes = library.Model(inputs, library.layers.Dense(3)(hidden[:, -1]))
    steps = library.Model(inputs, library.layers.Dense(2)(hidden))
    outputs = library.Model(inputs, [steps.outputs[0], classes.outputs[0]])
    x = RNG.normal(size=(4, 8, 2)).astype("float32")
    y = RNG.normal(size=(4, 8, 2)).astype("float32")
    names |= {"x": x, "y": None, "model": classes, "engine": GradientEngine(classes)}
    found = eval(call, names)
    tensor = found.tensor if where == "page" else found["lstm", "hidden_gradient"]
    kernel = classes.layers[-1].get_weights()[0]
    assert tensor.quantity == "hidden_gradient"
    np.testing.assert_allclose(tensor.values[:, -1], np.tile(kernel[:, 2], (4, 1)), rtol=1e-5)
    engine = GradientEngine(steps)
    values = engine.compute(x, y, loss=names["timestep_5"])["lstm", "output_gradient"].values
    predicted, kernel = np.array(steps(x)), steps.layers[-1].get_weights()[0]
    expected = (predicted - y)[:, 5] / 4 @ kernel.T  # a mean over 4 samples of 2 features
    np.testing.assert_allclose(values[:, 5], expected, rtol=1e-4, atol=1e-7)
    assert not values[:, [0, 1, 2, 3, 4, 6, 7]].any()
    both = GradientEngine(outputs).compute(x, [y, Y], loss=names["second_output"])
    error = np.array(outputs(x)[1]) - Y
    assert both.loss == pytest.approx(float((error**2).mean()), rel=1e-5)


# -- values ----------------------------------------------------------------------------------------


class OwnStep(keras.Model):
    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


class OwnStep2(tf_keras.Model):
    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("why", ["not compiled", "no y", "own train_step", "no loss"])
@pytest.mark.parametrize("eagerly", [False, True])
def test_values_need_no_loss(library: Any, why: str, eagerly: bool) -> None:
    own = OwnStep if library is keras else OwnStep2
    if why == "not compiled":
        model = made(library, False)
        model.run_eagerly = eagerly
    else:
        cls = own if why == "own train_step" else None
        model = made(library, None if why == "no loss" else "mse", cls, run_eagerly=eagerly)
    engine = GradientEngine(model)
    quantities = ["output", "hidden_state", "weight"]
    snapshot = engine.compute(X, Y if why == "own train_step" else None, quantities=quantities)
    rnn = model.get_layer("rnn")
    np.testing.assert_allclose(snapshot["rnn", "output"].values, np.array(rnn(X)), rtol=1e-5)
    np.testing.assert_allclose(
        snapshot["rnn", "hidden_state"].values[:, -1], np.array(rnn(X)), rtol=1e-5
    )
    if why == "no loss":  # what is regularised is all that training would descend by
        squares = float(np.sum(rnn.get_weights()[1] ** 2))
        assert snapshot.loss == pytest.approx(0.01 * squares, rel=1e-5)
    else:
        assert snapshot.loss is None
        assert snapshot["rnn", "output"].loss is None
    if why in ("not compiled", "own train_step"):
        with pytest.raises(ValueError, match=r"must be compiled|own train_step"):
            engine.compute(X, Y, quantities=["output", "output_gradient"])


def test_a_loss_that_is_known_is_told() -> None:
    engine = GradientEngine(made(keras, "mse"))
    assert engine.compute(X, Y, quantities="output").loss == engine.compute(X, Y).loss


class Reconstructs(keras.Model):
    def compute_loss(self, x: Any, y: Any, y_pred: Any, *_: Any, **__: Any) -> Any:
        assert y is None
        return tf.reduce_sum(y_pred) + tf.reduce_sum(x)


def test_a_model_with_a_loss_of_its_own_needs_no_y() -> None:
    engine = GradientEngine(made(keras, "mse", Reconstructs))
    loss = engine.compute(X).loss
    assert loss is not None
    assert engine.compute(X, quantities="output").loss == loss


def test_a_dataset_alone() -> None:
    engine = GradientEngine(made(keras, "mse"))
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)
    assert engine.compute(data).loss == engine.compute(X, Y).loss
    only_x = tf.data.Dataset.from_tensor_slices(X).batch(2)
    snapshot = engine.compute(only_x, quantities="hidden_state")
    assert snapshot["rnn", "hidden_state"].shape == (4, 3, 2)
    assert snapshot.loss is None


# -- weights of classes ----------------------------------------------------------------------------

ONE_HOT = np.eye(3, dtype="float32")[[0, 1, 1, 2]]
WEIGHTS = {0: 3.0, 1: 0.5, 2: 2.0}


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("y", "loss", "units"),
    [
        (Y, "mse", 1),
        (Y[:, 0].astype(int), "sparse_categorical_crossentropy", 3),
        (ONE_HOT, "categorical_crossentropy", 3),
    ],
    ids=["column", "numbers", "one-hot"],
)
def test_weights_of_classes(library: Any, y: Any, loss: str, units: int) -> None:
    model = made(library, loss, units=units, run_eagerly=True)
    found = GradientEngine(model).compute(X, y, class_weight=WEIGHTS)
    plain = GradientEngine(model).compute(X, y).loss
    history = model.fit(X, y, class_weight=WEIGHTS, verbose=0).history
    assert found.loss == pytest.approx(history["loss"][0], rel=1e-6)
    assert found.loss != pytest.approx(plain, rel=1e-2)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_class_for_each_timestep(library: Any) -> None:
    library.utils.set_random_seed(3)
    y = np.array([[0, 1, 2], [1, 1, 0], [2, 2, 2], [0, 0, 1]])[..., None]
    inputs = library.Input((3, 2))
    hidden = library.layers.SimpleRNN(2, return_sequences=True)(inputs)
    model = library.Model(inputs, library.layers.Dense(3)(hidden))
    loss = library.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, run_eagerly=True)
    found = GradientEngine(model).compute(X, y, class_weight=WEIGHTS).loss
    data = tf.data.Dataset.from_tensor_slices((X, y)).batch(4)
    expected = model.fit(data, class_weight=WEIGHTS, shuffle=False, verbose=0).history["loss"][0]
    assert found == pytest.approx(expected, rel=1e-6)


def test_weights_of_classes_of_a_dataset() -> None:
    engine = GradientEngine(made(keras, "mse"))
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)
    assert (
        engine.compute(data, class_weight=WEIGHTS).loss
        == engine.compute(X, Y, class_weight=WEIGHTS).loss
    )


def test_a_class_without_a_weight() -> None:
    model = made(keras, "mse", run_eagerly=True)
    found = GradientEngine(model).compute(X, Y, class_weight={1: 4.0}).loss
    expected = model.train_on_batch(X, Y, class_weight={1: 4.0})
    assert found == pytest.approx(float(expected), rel=1e-6)
    engine = GradientEngine(made(tf_keras, "mse"))
    with pytest.raises(ValueError, match=r"a weight for every class, from 0 on .*\{1: 4\.0\}"):
        engine.compute(X, Y, class_weight={1: 4.0})
    with pytest.raises(ValueError, match=r"a weight for every class of y; received \{0: 1\.0"):
        engine.compute(X, Y, class_weight={0: 1.0, 1: 4.0})


def test_both_kinds_of_weights() -> None:
    model = made(tf_keras, "mse", run_eagerly=True)
    found = GradientEngine(model).compute(X, Y, class_weight=WEIGHTS, sample_weight=W).loss
    expected = model.train_on_batch(X, Y, class_weight=WEIGHTS, sample_weight=W)
    assert found == pytest.approx(float(expected), rel=1e-6)
    engine = GradientEngine(made(keras, "mse"))
    with pytest.raises(ValueError, match="cannot be given together; received both; multiply"):
        engine.compute(X, Y, class_weight=WEIGHTS, sample_weight=W)
    multiplied = W * [WEIGHTS[int(number)] for number in Y[:, 0]]  # as the message says
    expected = engine.model.train_on_batch(X, Y, sample_weight=multiplied)
    fresh = GradientEngine(made(keras, "mse"))
    found = fresh.compute(X, Y, sample_weight=multiplied).loss
    assert found == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize(
    ("y", "class_weight", "message"),
    [
        (None, WEIGHTS, "class_weight needs y, the classes; received y=None"),
        ([Y], WEIGHTS, "for a model with one output; received a y of 1 arrays"),
        (Y, [1.0, 2.0], r"must be a dict of a weight for each class.*received \[1\.0, 2\.0\]"),
        (Y, {}, r"must be a dict .*; received \{\}"),
    ],
)
def test_weights_of_classes_that_do_not_fit(y: Any, class_weight: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GradientEngine(made(keras, "mse")).compute(X, y, class_weight=class_weight)
