"""Models without variables yet: built as ``fit`` would, and left as they are where that fails."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnngrad_widgets.engine import GradientEngine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

tf_keras = pytest.importorskip("tf_keras")
pytestmark = pytest.mark.usefixtures("unoptimised")

RNG = np.random.default_rng(2)
X = RNG.normal(size=(8, 5, 2)).astype("float32")
Y = RNG.normal(size=(8, 5, 1)).astype("float32")
LIBRARIES = pytest.mark.parametrize("library", [keras, tf_keras], ids=["keras", "tf_keras"])


def example(library: Any, *first: Any) -> Any:
    library.backend.clear_session()  # the names of layers count up
    library.utils.set_random_seed(5)
    layers = library.layers
    stack = [layers.LSTM(3, return_sequences=True, name="rnn"), layers.Dense(1, name="head")]
    model = library.Sequential([*first, *stack], name="example")
    model.compile("sgd", "mse")
    return model


def look(model: Any, samples: int = 8) -> Any:
    return GradientEngine(model).compute(X[:samples], Y[:samples])


def attributes(model: Any) -> list[list[str]]:
    return [sorted(vars(layer)) for layer in model._flatten_layers()]


@LIBRARIES
def test_an_unbuilt_model_takes_any_batch_size_again_and_again(library: Any) -> None:
    model = example(library)
    engine = GradientEngine(model)
    for samples in (8, 8, 3, 1):
        snapshot = engine.compute(X[:samples], Y[:samples])
        assert snapshot["rnn", "output_gradient"].shape == (samples, 5, 3)
        loss = model.evaluate(X[:samples], Y[:samples], verbose=0)
        assert snapshot.loss == pytest.approx(loss, rel=1e-5)


def use(model: Any, how: str) -> None:
    if how == "train_on_batch":
        model.train_on_batch(X, Y)
    elif how == "predict":
        model.predict(X, verbose=0)
    elif how == "call":
        model(X)
    elif how == "build":
        model.build(X.shape)


@pytest.mark.one_case_in(12)
@LIBRARIES
@pytest.mark.parametrize("how", ["train_on_batch", "predict", "call", "build", "Input"])
def test_other_batch_sizes_that_evaluate_takes(library: Any, how: str) -> None:
    first = [library.Input(batch_shape=X.shape)] if how == "Input" else []
    model = example(library, *first)
    use(model, how)
    for samples in (8, 3, 1):
        try:
            expected = model.evaluate(X[:samples], Y[:samples], verbose=0)
        except (ValueError, tf.errors.InvalidArgumentError):
            with pytest.raises(ValueError, match="x"):
                look(model, samples)
            continue
        assert look(model, samples).loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.one_case_in(2)
# Keras 3.15 saves variables in a way that numpy warns of.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@LIBRARIES
def test_it_is_as_fit_makes_it(library: Any, tmp_path: Path) -> None:
    looked = example(library)
    look(looked)
    initial = looked.get_weights()
    fitted = example(library)  # anew with the same seed, which tf_keras draws from in a build
    fitted.optimizer.learning_rate = 0.0
    fitted.fit(X, Y, verbose=0)
    for ours, theirs in zip(initial, fitted.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert looked.built
    assert looked.input_shape == fitted.input_shape == (None, 5, 2)
    assert looked.get_config() == fitted.get_config()
    assert [layer.built for layer in looked.layers] == [layer.built for layer in fitted.layers]

    looked.save(tmp_path / "looked.keras")
    loaded = library.models.load_model(tmp_path / "looked.keras")
    assert loaded.input_shape == (None, 5, 2)
    np.testing.assert_array_equal(loaded(X[:3]).numpy(), looked(X[:3]).numpy())
    assert library.models.clone_model(looked).input_shape == (None, 5, 2)

    history = looked.fit(X, Y, epochs=2, verbose=0, shuffle=False).history
    never = example(library)
    assert history == never.fit(X, Y, epochs=2, verbose=0, shuffle=False).history
    assert attributes(looked) == attributes(never)


def test_it_is_exported_as_a_model_that_fit_built(tmp_path: Path) -> None:
    model = example(keras)
    look(model)
    model.export(tmp_path / "exported")
    exported = tf.saved_model.load(tmp_path / "exported")
    np.testing.assert_allclose(exported.serve(X[:3]).numpy(), model(X[:3]).numpy(), rtol=1e-6)


@pytest.mark.one_case_in(2)
@LIBRARIES
def test_generators_of_python_and_numpy_end_where_fit_leaves_them(library: Any) -> None:
    def states() -> tuple[Any, str]:
        return random.getstate(), str(np.random.get_state())  # noqa: NPY002

    looked = example(library)
    look(looked)
    looked.fit(X, Y, verbose=0, shuffle=False)
    after = states()
    example(library).fit(X, Y, verbose=0, shuffle=False)
    assert after == states()
    built = example(library, library.Input((5, 2)))
    before = states()
    look(built)
    assert before == states()


class Subclassed(keras.Model):
    """Make its layers in `build`."""

    error: BaseException | None = None

    def build(self, shape: Any) -> None:
        self.rnn = keras.layers.GRU(3, return_sequences=True)
        self.rnn.build(shape)
        self.scale = keras.Variable(2.0, name="scale")
        self.head = keras.layers.Dense(1)
        self.head.build((*shape[:-1], 3))
        self.built = True

    def call(self, x: Any) -> Any:
        if self.error is not None:
            raise self.error
        return self.head(self.rnn(x)) * self.scale


class Scaling(keras.layers.Layer):
    """Make a variable in `build`, not by ``add_weight``."""

    def build(self, shape: Any) -> None:
        self.scale = keras.Variable(np.ones(shape[-1], "float32"), name="scale")

    def call(self, x: Any) -> Any:
        return x * self.scale


def subclassed() -> Any:
    keras.utils.set_random_seed(5)
    model = Subclassed()
    model.compile("sgd", "mse")
    return model


def stateful() -> Any:
    keras.utils.set_random_seed(5)
    layers = keras.layers
    model = keras.Sequential([layers.LSTM(3, return_sequences=True, stateful=True)])
    model.add(layers.Dense(1))
    model.compile("sgd", "mse")
    return model


def scaling() -> Any:
    return example(keras, Scaling())


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("make", [subclassed, stateful, scaling])
def test_models_that_need_more_than_shapes(make: Callable[[], Any]) -> None:
    looked = make()
    assert look(looked).loss > 0
    expected = make().fit(X, Y, epochs=2, batch_size=8, verbose=0, shuffle=False).history
    assert looked.fit(X, Y, epochs=2, batch_size=8, verbose=0, shuffle=False).history == expected


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("make", [lambda: example(keras), lambda: example(tf_keras), stateful])
def test_a_batch_that_does_not_fit_leaves_it_unbuilt(make: Callable[[], Any]) -> None:
    looked = make()
    before = attributes(looked)
    with pytest.raises(ValueError, match="x must fit the model"):
        GradientEngine(looked).compute(X[:, 0], Y)
    assert attributes(looked) == before
    assert not looked.built
    assert not any(layer.weights for layer in looked.layers)
    keras.utils.set_random_seed(5)  # the build that failed drew from it
    history = looked.fit(X, Y, batch_size=8, verbose=0, shuffle=False).history
    never = make()
    keras.utils.set_random_seed(5)
    assert history == never.fit(X, Y, batch_size=8, verbose=0, shuffle=False).history


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("error", [ZeroDivisionError("oops"), KeyboardInterrupt()])
def test_a_call_that_raises_leaves_it_unbuilt(error: BaseException) -> None:
    looked, never = subclassed(), subclassed()
    looked.error = error
    with pytest.raises((ValueError, KeyboardInterrupt)):
        look(looked)
    assert not looked.built
    assert not looked.weights
    looked.error = None
    assert "rnn" not in vars(looked)
    keras.utils.set_random_seed(5)
    expected = never.fit(X, Y, verbose=0, shuffle=False).history
    keras.utils.set_random_seed(5)
    assert looked.fit(X, Y, verbose=0, shuffle=False).history == expected


@LIBRARIES
def test_another_length_after_it_was_built(library: Any) -> None:
    model = example(library, library.Input((None, 2)))
    longer = np.concatenate([X, X], axis=1)
    look(model)
    snapshot = GradientEngine(model).compute(longer, np.concatenate([Y, Y], axis=1))
    assert snapshot["rnn", "output_gradient"].shape == (8, 10, 3)


@pytest.mark.one_case_in(4)
@pytest.mark.parametrize("first", [(), (keras.Input((5, 2)),)], ids=["unbuilt", "Input"])
@pytest.mark.parametrize("timesteps", [4, 7])
def test_a_sequential_takes_another_length_than_it_was_built_with_as_fit_does(
    first: tuple[Any, ...], timesteps: int
) -> None:
    model = example(keras, *first)
    model.fit(X, Y, verbose=0)
    x = RNG.normal(size=(8, timesteps, 2)).astype("float32")
    y = RNG.normal(size=(8, timesteps, 1)).astype("float32")
    snapshot = GradientEngine(model).compute(
        x, y, quantities=["weight_gradient", "hidden_gradient"]
    )
    assert snapshot["rnn", "hidden_gradient"].shape == (8, timesteps, 3)
    assert model.input_shape == (None, 5, 2)
    before = [weight.numpy() for weight in model.layers[-2].trainable_weights]
    model.optimizer.learning_rate = 1.0
    assert model.evaluate(x, y, verbose=0) == pytest.approx(snapshot.loss, rel=1e-5)
    model.train_on_batch(x, y)  # in Keras 3.5 it returns the mean since the last fit
    for old, new, name in zip(
        before,
        model.layers[-2].trainable_weights,
        ("kernel", "recurrent_kernel", "bias"),
        strict=True,
    ):
        found = snapshot[f"rnn/{name}", "weight_gradient"].values
        np.testing.assert_allclose(found, old - new.numpy(), rtol=1e-3, atol=1e-6)


def test_other_features_and_tokens_than_a_sequential_was_built_with() -> None:
    with pytest.raises(ValueError, match=r"built for, \(samples, 5, 2\); received \(8, 4, 1\)"):
        GradientEngine(example(keras, keras.Input((5, 2)))).compute(X[:, :4, :1], Y[:, :4])
    tokens = RNG.integers(9, size=(8, 7))
    model = example(keras, keras.Input((5,)), keras.layers.Embedding(9, 2))
    snapshot = GradientEngine(model).compute(tokens, np.zeros((8, 7, 1)))
    assert snapshot["rnn", "output_gradient"].shape == (8, 7, 3)
