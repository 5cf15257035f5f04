"""Whatever `fit` takes as x, y and weights: the loss is that of `evaluate` for the same thing."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import tf_keras
from scipy import sparse

from rnngrad_widgets.engine import GradientEngine

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("unoptimised")

RNG = np.random.default_rng(5)
X = RNG.normal(size=(4, 3, 2))
Y = np.array([0.0, 1.0, 3.0, 7.0])
W = np.array([1.0, 2.0, 0.5, 3.0])
LIBRARIES = [keras, tf_keras]


def made(library: Any, loss: Any = None, outputs: int = 1, *, eagerly: bool = False) -> Any:
    """A compiled model; by default with a loss for which (4,) and (4, 1) differ in Keras 3."""
    library.utils.set_random_seed(3)

    class Plain(library.losses.Loss):  # type: ignore[misc]
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return tf.reduce_mean((tf.cast(y_true, y_pred.dtype) - y_pred) ** 2, -1)

    inputs = library.Input((3, 2))
    hidden = library.layers.SimpleRNN(2, name="rnn")(inputs)
    heads = [library.layers.Dense(1, name=f"head_{i}")(hidden) for i in range(outputs)]
    model = library.Model(inputs, heads[0] if outputs == 1 else heads)
    model.compile("sgd", Plain() if loss is None else loss, run_eagerly=eagerly)
    return model


def evaluated(library: Any, x: Any, y: Any) -> float:
    """What Keras itself says of a new model: one that saw other ranks forgets them."""
    logs = made(library, eagerly=True).evaluate(x, y, verbose=0, return_dict=True)
    return float(logs["loss"])


@cache
def of_a_column(library: Any) -> float:
    return evaluated(library, X, Y[:, None])


class Labelled:
    """An array of another kind, as of polars or PyTorch: numpy can read it."""

    def __init__(self, values: np.ndarray) -> None:
        self._values = values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self._values, dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._values.shape

    @property
    def dtype(self) -> Any:
        return self._values.dtype

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, i: Any) -> Any:
        return self._values[i]


TARGETS: dict[str, Callable[[], Any]] = {
    "1-D": lambda: Y,
    "2-D": lambda: Y[:, None],
    "float32": lambda: Y.astype("float32"),
    "integers": lambda: Y.astype(int),
    "booleans": lambda: Y > 1,
    "Series": lambda: pd.Series(Y),
    "Series with an index": lambda: pd.Series(Y.astype(int), index=[7, 3, 1, 9]),
    "DataFrame": lambda: pd.DataFrame({"y": Y}),
    "tensor": lambda: tf.constant(Y),
    "tf.Variable": lambda: tf.Variable(Y),
    "read by numpy": lambda: Labelled(Y),
}


@pytest.mark.one_case_in(4)
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("kind", TARGETS)
def test_targets(library: Any, kind: str) -> None:
    y = TARGETS[kind]()
    found = GradientEngine(made(library)).compute(X, y).loss
    assert found == pytest.approx(evaluated(library, X, y), rel=1e-6)
    column = of_a_column(library)
    if kind in ("Series", "DataFrame", "2-D"):
        assert found == pytest.approx(column, rel=1e-6)
    if kind == "1-D" and library is keras:
        assert found != pytest.approx(column, rel=1e-3)


def test_a_variable_of_keras() -> None:
    x, y = keras.Variable(X), keras.Variable(Y)
    snapshot = GradientEngine(made(keras)).compute(x, y)
    assert snapshot.loss == pytest.approx(evaluated(keras, x, y), rel=1e-6)
    plain = GradientEngine(made(keras)).compute(X, Y)
    for key, tensor in plain.items():
        np.testing.assert_array_equal(snapshot[key].values, tensor.values)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_series_changes_the_gradient_as_it_changes_training(library: Any) -> None:
    model = made(library)
    found = GradientEngine(model).compute(X, pd.Series(Y), quantities="weight_gradient")
    before = model.get_layer("rnn").get_weights()
    model.fit(X, pd.Series(Y), verbose=0)
    after = model.get_layer("rnn").get_weights()
    for name, old, new in zip(("kernel", "recurrent_kernel", "bias"), before, after, strict=True):
        gradient = found[f"rnn/{name}", "weight_gradient"].values
        np.testing.assert_allclose((old - new) / 0.01, gradient, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("given", "array"),
    [
        (X.tolist(), X),
        (X.astype("float16"), X.astype("float16")),
        (tf.constant(X), X),
        (list(X[:, 0, 0]), X[:, 0, 0]),
    ],
    ids=["lists", "float16", "tensor", "list of numpy scalars"],
)
def test_inputs(library: Any, given: Any, array: np.ndarray) -> None:
    library.utils.set_random_seed(3)
    inputs = library.Input(array.shape[1:] or (1,))
    hidden = inputs if array.ndim == 3 else library.layers.Reshape((1, 1))(inputs)
    model = library.Model(inputs, library.layers.SimpleRNN(1)(hidden))
    model.compile("sgd", "mse", run_eagerly=True)
    engine = GradientEngine(model)
    (found,), (expected,) = (
        engine.compute(x, list(Y), quantities="hidden_gradient").values() for x in (given, array)
    )
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.loss == pytest.approx(model.evaluate(array, Y, verbose=0), rel=1e-6)


def test_columns_of_a_frame() -> None:
    frame = pd.DataFrame({"a": Y, "b": W.astype("float32"), "c": [True, False, True, True]})
    inputs = keras.Input((3,))
    hidden = keras.layers.SimpleRNN(2)(keras.layers.Reshape((3, 1))(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
    model.compile("sgd", "mse")
    numbers = frame.astype("float64")
    found = GradientEngine(model).compute(numbers, Y).loss
    assert found == pytest.approx(model.evaluate(numbers, Y, verbose=0), rel=1e-6)
    # columns of numbers and booleans are an array of objects; the advice is followed
    with pytest.raises(ValueError, match=r"x must hold numbers.*np\.asarray\(x, 'float32'\)"):
        GradientEngine(model).compute(frame, Y)
    assert GradientEngine(model).compute(np.asarray(frame, "float32"), Y).loss == found


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_sparse_matrix(library: Any) -> None:
    matrix = sparse.csr_matrix(np.where(np.abs(X.reshape(4, 6)) > 0.7, X.reshape(4, 6), 0))
    for dense_input in (True, False):
        library.utils.set_random_seed(3)
        inputs = library.Input((6,), sparse=not dense_input)
        hidden = library.layers.Reshape((3, 2))(library.layers.Dense(6)(inputs))
        model = library.Model(inputs, library.layers.Dense(1)(library.layers.SimpleRNN(2)(hidden)))
        model.compile("sgd", "mse", run_eagerly=not dense_input)
        found = GradientEngine(model).compute(matrix, Y, quantities="hidden_gradient")
        again = GradientEngine(model).compute(matrix[:3], Y[:3], quantities="hidden_gradient")
        assert found.loss == pytest.approx(model.evaluate(matrix, Y, verbose=0), rel=1e-5)
        ((_, three),), ((_, four),) = again.items(), found.items()
        np.testing.assert_allclose(three.values * 3, four.values[:3] * 4, rtol=1e-4, atol=1e-7)


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("weight", [W, pd.Series(W), list(W), W[:, None]], ids=type)
def test_sample_weights(library: Any, weight: Any) -> None:
    found = GradientEngine(made(library, "mse")).compute(X, Y[:, None], sample_weight=weight).loss
    fed = np.asarray(weight) if isinstance(weight, list) else weight
    model = made(library, "mse", eagerly=True)
    expected = model.fit(X, Y[:, None], sample_weight=fed, verbose=0).history["loss"][0]
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("library", LIBRARIES)
def test_one_weight_a_sample_counts_for_every_output(library: Any) -> None:
    y = [Y[:, None], -Y[:, None]]
    model = made(library, "mse", 2, eagerly=True)
    found = GradientEngine(model).compute(X, y, sample_weight=W).loss
    expected = model.fit(X, y, sample_weight=W, verbose=0).history["loss"][0]
    assert found == pytest.approx(expected, rel=1e-6)
    assert found != pytest.approx(GradientEngine(model).compute(X, y).loss)


def test_a_loss_of_the_models_own_gets_weights_for_every_output_as_in_fit() -> None:
    class Own(keras.Model):  # type: ignore[misc]
        def compute_loss(self, _: Any, y: Any, y_pred: Any, weight: Any, **__: Any) -> Any:
            parts = zip(y, y_pred, weight, strict=True)
            return sum(tf.reduce_sum(w * (a - b)[:, 0]) for a, b, w in parts)

    plain = made(keras, "mse", 2)
    model = Own(plain.inputs, plain.outputs)
    model.compile("sgd", "mse", run_eagerly=True)
    y = [Y[:, None], -Y[:, None]]
    found = GradientEngine(model).compute(X, y, sample_weight=W).loss
    expected = model.fit(X, y, sample_weight=W, verbose=0).history["loss"][0]
    assert found == pytest.approx(expected, rel=1e-5)


def test_weights_of_timesteps_for_several_outputs_are_refused() -> None:
    y = [Y[:, None], -Y[:, None]]
    engine = GradientEngine(made(keras, "mse", outputs=2))
    with pytest.raises(ValueError, match=r"one weight a sample, or nested as y; .*\(4, 2\)"):
        engine.compute(X, y, sample_weight=np.ones((4, 2)))
    assert engine.compute(X, y, sample_weight=[W, W]).loss is not None


# -- advice, followed as it is written -----------------------------------------------------------


def test_lists_of_different_lengths() -> None:
    inputs = keras.Input((None,))
    hidden = keras.layers.Embedding(9, 2, mask_zero=True)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.SimpleRNN(2)(hidden)))
    model.compile("sgd", "mse")
    engine = GradientEngine(model)
    lists = [[1, 2, 3], [4], [5, 6], [7]]
    advice = r"lists of different lengths; .*pad_sequences\(\.\.\., padding='post'\)"
    with pytest.raises(ValueError, match=advice):
        engine.compute(lists, Y)
    arrays = np.empty(4, object)
    arrays[:] = [np.array(item) for item in lists]
    with pytest.raises(ValueError, match=r"array of sequences, dtype object; .*pad_sequences"):
        engine.compute(arrays, Y)
    with pytest.raises(ValueError, match=r"1 inputs; received 4; .*np\.stack\(x\), padded if"):
        engine.compute(list(arrays), Y)
    padded = keras.utils.pad_sequences(lists, padding="post")
    (tensor,) = engine.compute(padded, Y).values()
    assert tensor.mask is None or tensor.mask.tolist()[1] == [True, False, False]


class Indexed:
    """A data set of PyTorch's kind: one sample at a time."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, i: int) -> Any:
        return X[i], Y[i]


def test_what_is_no_array() -> None:
    engine = GradientEngine(made(keras, "mse"))
    with pytest.raises(ValueError, match=r"x must be .*array.*test_arguments\.Indexed"):
        engine.compute(Indexed(), Y)
    with pytest.raises(ValueError, match="x must hold at least one array; received none"):
        engine.compute([None], Y)


@pytest.mark.parametrize("library", LIBRARIES)
def test_any_number_of_samples_that_evaluate_takes(library: Any) -> None:
    fixed = {"batch_shape": (1, 3, 2)} if library is keras else {"shape": (3, 2), "batch_size": 1}
    inputs = library.Input(**fixed)
    hidden = library.layers.SimpleRNN(2)(inputs)
    model = library.Model(inputs, library.layers.Dense(1)(hidden))
    model.compile("sgd", "mse")
    engine = GradientEngine(model)
    for samples in (4, 1, 3):
        x, y = X[:samples], Y[:samples]
        found = engine.compute(x, y, quantities="hidden_gradient").loss
        assert found == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-5)
