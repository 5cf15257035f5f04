"""Layers that run a loop of their own or are run again, or of which only the states go on."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from keras import layers

from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine.own_cells import (
    FEATURES,
    FORMS,
    PLAIN,
    SAMPLES,
    TIMESTEPS,
    UNITS,
    assert_close,
    assert_total,
    loss_by_hand,
    plain_step,
)

pytestmark = pytest.mark.usefixtures("float64", "unoptimised")

RNG = np.random.default_rng(12)
X = RNG.normal(size=(SAMPLES, TIMESTEPS, FEATURES))
Y = RNG.normal(size=(SAMPLES, TIMESTEPS, 1))


class OwnLoop(layers.RNN):
    """Loops over its cell by itself."""

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None) -> Any:  # noqa: ARG002
        states = [tf.zeros((tf.shape(sequences)[0], UNITS), sequences.dtype)]
        outputs = []
        for t in range(sequences.shape[1]):
            output, states = self.cell(sequences[:, t], states)
            outputs.append(output)
        return tf.stack(outputs, 1)


class TwiceRNN(layers.RNN):
    """Runs Keras' loop twice over the same sequence."""

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None) -> Any:
        first = super().call(sequences, initial_state, mask)
        return first + super().call(0.5 * sequences, initial_state, mask)


class TwiceLSTM(layers.LSTM):
    """Runs Keras' loop over the sequence and over what it made of it."""

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None) -> Any:
        first = super().call(sequences, initial_state, mask)
        return first * super().call(sequences[:, ::-1], initial_state, mask)


class SkipsLSTM(layers.LSTM):
    """Does not run its loop at all."""

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None) -> Any:  # noqa: ARG002
        return tf.tanh(tf.matmul(sequences, self.cell.kernel))[..., : self.units]


OWN_LOOPS: dict[str, Any] = {
    "own loop": lambda: OwnLoop(PLAIN.layer(), return_sequences=True, name="own"),
    "twice": lambda: TwiceRNN(PLAIN.layer(), return_sequences=True, name="own"),
    "twice an LSTM": lambda: TwiceLSTM(3, return_sequences=True, name="own"),
    "never": lambda: SkipsLSTM(3, return_sequences=True, name="own"),
}


@pytest.mark.one_case_in(6)
@pytest.mark.parametrize("form", ["loop", "eager"])
@pytest.mark.parametrize("name", OWN_LOOPS)
def test_a_layer_with_a_call_of_its_own(name: str, form: str) -> None:
    own, gru = OWN_LOOPS[name](), layers.GRU(3, return_sequences=True, name="gru")
    model = keras.Sequential([keras.Input((TIMESTEPS, FEATURES)), own, gru, layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=form == "eager")
    engine = GradientEngine(model)
    reason = (
        "layer 'own' must run its loop over time once in each call to have a {}; "
        "its own call does not; ask for output_gradient"
    )
    inside = ["hidden_gradient", "hidden_state"]
    words = [*inside, "output_gradient", "input_gradient", "weight_gradient"]
    with pytest.warns(UserWarning, match=reason.format("hidden_gradient")):
        snapshot = engine.compute(X, Y, quantities=words)
    assert not [key for key in snapshot if key[0].startswith("own") and key[1] in inside]
    assert {("gru", word) for word in words[:-1]} <= set(snapshot)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x := tf.constant(X))
        hidden = own(x)
        tape.watch(hidden)
        loss = tf.reduce_mean((model.layers[-1](gru(hidden)) - Y) ** 2)
    assert snapshot.loss == pytest.approx(float(loss), rel=1e-12)
    assert_close(snapshot["own", "output_gradient"].values, tape.gradient(loss, hidden).numpy())
    assert_close(snapshot["own", "input_gradient"].values, tape.gradient(loss, x).numpy())
    kernel = tape.gradient(loss, own.cell.kernel.value)
    assert_close(snapshot["own/kernel", "weight_gradient"].values, kernel.numpy())
    for word in inside:
        with pytest.raises(ValueError, match=reason.format(word)):
            engine.compute(X, Y, "own", word)
    followed = engine.compute(X, Y, "own", "output_gradient")  # as the message says
    assert list(followed) == [("own", "output_gradient")]


def test_a_call_of_its_own_that_runs_the_loop_once_is_looked_into() -> None:
    class Scaled(layers.RNN):  # type: ignore[misc]
        def call(self, sequences: Any, initial_state: Any = None, mask: Any = None) -> Any:
            return 2.0 * super().call(sequences, initial_state, mask)

    rnn = Scaled(PLAIN.layer(), return_sequences=True, name="rnn")
    model = keras.Sequential([keras.Input((TIMESTEPS, FEATURES)), rnn, layers.Dense(1)])
    model.compile("sgd", "mse")
    snapshot = GradientEngine(model).compute(X, Y, quantities="hidden_gradient")

    def doubled(w: Any, x: Any, states: Any, tap: Any) -> Any:
        h, states = plain_step(w, x, states, tap)
        return 2.0 * h, states

    assert_total(snapshot, loss_by_hand(model, [doubled], X, Y), {"rnn": ("",)})


# --- only the states go on


def answers(library: Any, form: str, *, sequences: bool) -> tuple[Any, str]:
    """Return what an encoder's hidden gradient is, and why it has no output gradient."""
    library.utils.set_random_seed(5)
    settings = dict(FORMS[form])
    eagerly = settings.pop("run_eagerly", False)
    kinds = library.layers
    encoder = kinds.LSTM(
        3, return_state=True, return_sequences=sequences, name="encoder", **settings
    )
    source, target = library.Input((TIMESTEPS, FEATURES)), library.Input((TIMESTEPS, FEATURES))
    _, *states = encoder(source)
    decoded = kinds.LSTM(3, return_sequences=True)(target, initial_state=states)
    model = library.Model([source, target], kinds.Dense(1)(decoded))
    model.compile("sgd", "mse", run_eagerly=eagerly)
    engine = GradientEngine(model)
    x = [X.astype("float32"), X.astype("float32")]
    words = ["output_gradient", "hidden_gradient", "cell_gradient"]
    with pytest.warns(UserWarning, match="the loss does not depend on the output of") as warned:
        snapshot = engine.compute(x, Y.astype("float32"), "encoder", words)
    assert set(snapshot) == {("encoder", word) for word in words[1:]}
    with pytest.raises(ValueError, match="so there is no output_gradient"):
        engine.compute(x, Y.astype("float32"), "encoder", "output_gradient")
    return snapshot, str([str(warning.message) for warning in warned])


@pytest.mark.one_case_in(6)
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("library", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_an_output_that_nothing_reads_is_refused_in_every_form(
    library: Any, sequences: bool
) -> None:
    expected, also = answers(library, "loop", sequences=sequences)
    for form in ("unrolled", "eager", "eager unrolled"):
        found, said = answers(library, form, sequences=sequences)
        assert said == also
        for key, tensor in expected.items():
            assert_close(found[key].values, tensor.values, 1e-5)


@pytest.mark.skipif(not hasattr(keras, "RematScope"), reason="this Keras has no keras.RematScope")
def test_layers_that_are_recomputed_in_the_backward_pass() -> None:
    def made() -> Any:
        keras.utils.set_random_seed(4)
        model = keras.Sequential(
            [layers.Input((5, 2)), layers.GRU(3, return_sequences=True), layers.Dense(1)]
        )
        model.compile("sgd", "mse", run_eagerly=True)  # in a graph Keras cannot train them
        return model

    x, y = RNG.normal(size=(4, 5, 2)), RNG.normal(size=(4, 5, 1))
    quantities = ["output_gradient", "hidden_gradient", "gate", "input_gradient", "weight_gradient"]
    with keras.RematScope(mode="full"):
        recomputed = made()
    marks = [layer._remat_mode for layer in recomputed.layers]
    engine = GradientEngine(recomputed)
    found = engine.compute(x, y, quantities=quantities)
    assert engine.check(x, y, quantities=quantities[:2]).passed
    assert [layer._remat_mode for layer in recomputed.layers] == marks
    assert all(mark is not None for mark in marks)
    expected = GradientEngine(made()).compute(x, y, quantities=quantities)
    assert [quantity for _, quantity in found] == [quantity for _, quantity in expected]
    for one, other in zip(found.values(), expected.values(), strict=True):
        assert_close(one.values, other.values)
    assert float(recomputed.train_on_batch(x, y)) == pytest.approx(found.loss, rel=1e-12)
