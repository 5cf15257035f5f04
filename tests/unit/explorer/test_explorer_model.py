"""The explorer of a real Keras model shows what the engine computes, and leaves the model alone."""

from __future__ import annotations

import re
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from rnngrad_widgets import (
    GradientEngine,
    GradientExplorer,
    diagnose,
    get_rnn_gradients,
    show_weights,
)

pytestmark = pytest.mark.usefixtures("open_widgets")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 9, 3)).astype(np.float32)
Y = RNG.normal(size=(4, 2)).astype(np.float32)
SHAPES = {"lstm": (4, 9, 6), "both": (4, 9, 10), "last": (4, 5)}


@pytest.fixture(scope="module")
def model() -> Any:
    """One model for all tests, run eagerly: every explorer would trace its layers for seconds."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((9, 3)),
            layers.LSTM(6, return_sequences=True, name="lstm"),
            layers.Bidirectional(layers.GRU(5, return_sequences=True), name="both"),
            layers.SimpleRNN(5, name="last"),
            layers.Dense(2, name="dense"),
        ]
    )
    model.compile("adam", "mse", run_eagerly=True)
    model.fit(X, Y, epochs=1, verbose=0)
    return model


def weights(model: Any) -> list[np.ndarray]:
    """All numbers of a model: weights, and the optimizer's."""
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)]


@pytest.mark.parametrize("layer", list(SHAPES))
def test_values_are_those_of_the_engine(model: Any, layer: str) -> None:
    explorer = GradientExplorer(model, X, Y, layer, "output_gradient")
    expected = get_rnn_gradients(model, X, Y, layer_name=layer)
    assert expected.shape == SHAPES[layer]
    assert np.abs(expected).max() > 0
    np.testing.assert_array_equal(explorer.tensor.values, expected)
    np.testing.assert_array_equal(explorer.selection.tensor.array, expected)
    assert (explorer.layer, explorer.step) == (layer, int(model.optimizer.iterations))


@pytest.mark.parametrize("layer", ["both", 1, "object"])
def test_a_layer_is_named_counted_or_given(model: Any, layer: Any) -> None:
    if layer == "object":
        layer = model.layers[1]
    explorer = GradientExplorer(model, X, Y, layer, reflect_half=True)
    assert (explorer.layer, explorer.reflect_half) == ("both", True)
    assert explorer.tensor.directions == ("forward", "backward")


def test_the_options_of_the_loss_are_passed_on(model: Any) -> None:
    sample_weight = np.array([0, 1, 2, 0], np.float32)
    explorer = GradientExplorer(model, X, Y, sample_weight=sample_weight)
    assert explorer.layer == "lstm"
    expected = get_rnn_gradients(model, X, Y, 0, sample_weight=sample_weight)
    np.testing.assert_array_equal(explorer.tensor.values, expected)
    assert not explorer.tensor.values[[0, 3]].any()


def absolute(y_true: Any, y_pred: Any) -> Any:
    return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize(
    "options",
    [{"class_weight": {0: 3.0, 1: 0.5}}, {"loss": absolute}, {"training": True}],
    ids=["class_weight", "loss", "training"],
)
def test_every_option_reaches_each_quantity(model: Any, options: dict[str, Any]) -> None:
    explorer = GradientExplorer(model, X, Y, "last", "hidden_gradient", **options)
    expected = get_rnn_gradients(model, X, Y, layer="last", quantity="hidden_gradient", **options)
    np.testing.assert_array_equal(explorer.tensor.values, expected)
    explorer.quantity = "input_gradient"
    expected = get_rnn_gradients(model, X, Y, layer="last", quantity="input_gradient", **options)
    np.testing.assert_array_equal(explorer.tensor.values, expected)
    explorer.update(step=10**6)
    np.testing.assert_array_equal(explorer.snapshots[-1].array, expected)


def test_weights_take_the_same_options(model: Any) -> None:
    options: dict[str, Any] = {"class_weight": {0: 3.0, 1: 0.5}, "loss": absolute, "steps": 1}
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(3)
    shown = show_weights(model, "last", data, **options)
    found = shown.weight_selections[0].tensor.array[0].T
    expected = get_rnn_gradients(model, data, layer="last", quantity="weight_gradient", **options)
    rows = [expected["bias"][None], expected["recurrent_kernel"], expected["kernel"]]
    np.testing.assert_array_equal(found, np.concatenate(rows))
    plain = get_rnn_gradients(model, X[:3], Y[:3], layer="last", quantity="weight_gradient")
    assert not np.allclose(expected["kernel"], plain["kernel"])
    assert np.abs(found).max() > 0
    # computed once, so that a generator serves as well; how much of it that is stands beside it
    batches = ((X[i : i + 2], Y[i : i + 2]) for i in (0, 2))
    shown = show_weights(model, "last", batches, steps=2)
    assert shown.children[-1].value == "4 samples from 2 batches: generator"
    of_all = get_rnn_gradients(model, X, Y, layer="last", quantity="weight_gradient")
    found = shown.weight_selections[0].tensor.array[0].T
    np.testing.assert_allclose(found[0], of_all["bias"], rtol=1e-5)


def test_a_dataset_says_how_much_of_it_is_shown(model: Any) -> None:
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(3)
    explorer = GradientExplorer(model, data)
    assert explorer.tensor.shape == (4, 9, 6)
    assert explorer.message == "4 samples from 2 batches: Dataset"
    first = GradientExplorer(model, data, steps=1)
    expected = get_rnn_gradients(model, X[:3], Y[:3], 0)
    np.testing.assert_allclose(first.tensor.values, expected, rtol=1e-6)
    for change in (lambda: None, first.refresh, lambda: first.set_trait("layer", "last")):
        change()
        assert first.message.startswith("3 samples from 1 batch: Dataset")
    with pytest.raises(ValueError, match=r"steps must bound a .* steps=1 takes its first"):
        GradientExplorer(model, data.repeat())
    with pytest.raises(TypeError, match=r"x must be one batch .*received a generator; take one"):
        GradientExplorer(model, ((X, Y) for _ in range(3)), steps=1)


def test_values_of_a_model_that_is_not_compiled() -> None:
    plain = keras.Sequential([keras.Input((9, 3)), layers.LSTM(2, name="rnn")])
    explorer = GradientExplorer(plain, X, quantity="hidden_state")
    np.testing.assert_allclose(explorer.tensor.values[:, -1], plain(X).numpy(), rtol=1e-5)
    assert explorer.tensor.loss is None
    with pytest.raises(ValueError, match="must be compiled"):
        explorer.quantity = "hidden_gradient"
    assert explorer.quantity == "hidden_state"


def test_what_is_noted_of_the_batch_is_said_and_stays(model: Any) -> None:
    x = X.copy()
    x[1, 0, 0] = np.nan
    explorer = GradientExplorer(model, x, Y)
    for change in (lambda: None, explorer.refresh, lambda: explorer.set_trait("layer", "both")):
        change()
        assert explorer.message == "x holds 1 NaN or Inf value"
    assert GradientExplorer(model, X, Y).message == ""


def test_switching_layers(model: Any) -> None:
    explorer = GradientExplorer(model, X, Y, "both", "output_gradient", sample=3, channel=9)
    labels = [label for label, _ in explorer.controls.layer.options]
    assert labels == ["lstm  LSTM 6", "both  GRU 2 × 5", "last  SimpleRNN 5"]
    explorer.controls.layer.value = "last"
    np.testing.assert_array_equal(
        explorer.tensor.values, get_rnn_gradients(model, X, Y, layer_name="last")
    )
    assert (explorer.sample, explorer.channel) == (3, 4)
    explorer.layer = 0
    assert (explorer.layer, explorer.controls.layer.value) == ("lstm", "lstm")
    assert explorer.tensor.shape == SHAPES["lstm"]


def test_refresh_after_fit_shows_the_weights_of_now(model: Any) -> None:
    explorer = GradientExplorer(model, X, Y)
    before, step = explorer.tensor.values.copy(), explorer.step
    model.fit(X, Y, epochs=3, verbose=0)
    np.testing.assert_array_equal(explorer.tensor.values, before)
    assert explorer.step == step
    explorer.refresh()
    assert explorer.step == step + 3
    assert not np.allclose(explorer.tensor.values, before)
    np.testing.assert_array_equal(explorer.tensor.values, get_rnn_gradients(model, X, Y, 0))


def test_the_model_is_not_changed(model: Any) -> None:
    before = weights(model)
    explorer = GradientExplorer(model, X, Y)
    explorer.layer = "both"
    explorer.refresh()
    explorer.close()
    for old, new in zip(before, weights(model), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X, Y, "dense"), "'dense' is not recurrent; recurrent layers: 'lstm' .*'both'.*'last'"),
        ((X, Y, "lst"), "no layer 'lst'; recurrent layers: 'lstm'"),
        ((X, Y, 7), "index must be between -4 and 3; received 7; recurrent layers: 'lstm'"),
        ((X, Y, None, "no_such"), "quantity|quantities"),
        ((X[..., :2], Y), r"\(samples, 9, 3\); received \(4, 9, 2\)"),
        ((X, Y[:2]), "received 4 in x and 2 in y"),
        ((X[:0], Y[:0]), "at least one sample"),
    ],
)
def test_arguments_that_do_not_fit(
    model: Any, arguments: tuple[Any, ...], message: str, open_widgets: dict[str, object]
) -> None:
    before = weights(model)
    with pytest.raises(ValueError, match=message):
        GradientExplorer(model, *arguments)
    assert open_widgets == {}
    for old, new in zip(before, weights(model), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_model_that_cannot_be_explored(open_widgets: dict[str, object]) -> None:
    uncompiled = keras.Sequential([keras.Input((9, 3)), layers.LSTM(2)])
    with pytest.raises(ValueError, match="must be compiled"):
        GradientExplorer(uncompiled, X, Y)
    with pytest.raises(TypeError, match=r"must be a keras\.Model"):
        GradientExplorer(X, X, Y)
    plain = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    plain.compile("sgd", "mse")
    told = r"the model must have a recurrent layer: .*; it has none\. GradientExplorer.from_array"
    with pytest.raises(ValueError, match=told):
        GradientExplorer(plain, X[:, 0], Y)
    assert open_widgets == {}


def test_a_model_that_can_no_longer_be_explored_is_told_in_the_widget(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    explorer = GradientExplorer(model, X, Y, "both")
    monkeypatch.setattr(model, "compiled", False)
    explorer.controls.refresh.click()
    assert "must be compiled" in explorer.message
    assert (explorer.layer, explorer.tensor.shape) == ("both", SHAPES["both"])


def test_what_is_shown_can_be_diagnosed(model: Any) -> None:
    explorer = GradientExplorer(model, X, Y, "last", "hidden_gradient")
    found = diagnose(explorer)
    both = ["hidden_gradient", "output_gradient"]
    assert found == diagnose(GradientEngine(model).compute(X, Y, "last", both))
    assert found.gradients[0].decay is not None
    explorer.layer = "lstm"
    (of_shown,) = diagnose(explorer).gradients
    assert of_shown == diagnose(GradientEngine(model).compute(X, Y, "lstm", both)).gradients[0]
    assert of_shown.no_decay.startswith("the loss acts before the last timestep too")
    explorer.quantity = "input_gradient"
    assert diagnose(explorer).gradients[0].no_decay == of_shown.no_decay, "known of it too"
    explorer.quantity = "output_gradient"
    assert len(diagnose(explorer).gradients) == 1
    plain = GradientExplorer.from_array(explorer.tensor.values)
    assert diagnose(plain) == diagnose(explorer.tensor.values)


def test_a_reach_has_its_timesteps_and_colours(model: Any) -> None:
    explorer = GradientExplorer(model, X, Y, layer="lstm", quantity="reach")
    expected = GradientEngine(model).compute(X, Y, "lstm", "reach")["lstm", "reach"]
    np.testing.assert_array_equal(explorer.tensor.values, expected.values)
    shown = explorer.selection.tensor
    assert list(shown.row_labels) == [*map(str, expected.loss_timesteps), "rest"]
    assert shown.rows == "loss timestep"
    plain = re.sub("<[^>]*>", "", explorer.summary)
    assert re.search(r"max \|R\| \S+ at sample \d+, timestep \d+, loss timestep \d+", plain)
    assert "what a timestep of the loss contributes" in shown.told["batch"]
    assert (explorer.cmap, explorer.selection.log_colours) == ("sequential", True)
    explorer.view = "weights"  # these have signs
    assert [each.log_colours for each in explorer.weight_selections] == [False, False]
    explorer.quantity = "hidden_gradient"
    assert (explorer.cmap, list(shown.row_labels)) == ("diverging", [])


def test_the_timesteps_of_the_loss_are_arguments(model: Any) -> None:
    explorer = GradientExplorer(
        model, X, Y, "lstm", "hidden_gradient", loss_timesteps=[0, -1], by="output"
    )
    explorer.quantity = "reach"
    expected = GradientEngine(model).compute(
        X, Y, "lstm", "reach", loss_timesteps=[0, -1], by="output"
    )["lstm", "reach"]
    assert explorer.tensor.loss_timesteps == (0, X.shape[1] - 1)
    np.testing.assert_array_equal(explorer.tensor.values, expected.values)


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"by": "loos"}, "by must be 'loss', 'output' or None; received 'loos'"),
        ({"loss_timesteps": 0}, "loss_timesteps must be None, a number n of at least 1"),
        ({"loss_timesteps": []}, "loss_timesteps must name at least one timestep"),
    ],
)
def test_no_choice_of_timesteps_is_refused_at_once(
    model: Any, options: dict[str, Any], rule: str
) -> None:
    with pytest.raises(ValueError, match=rule):
        GradientExplorer(model, X, Y, "lstm", "hidden_gradient", **options)


def test_what_truncation_loses_is_beside_a_reach(model: Any) -> None:
    explorer = GradientExplorer(model, X, Y, "lstm", "reach", loss_timesteps=[0], view="flow")
    errors = GradientEngine(model).truncation_error(X, Y, "lstm")
    companion = explorer.selection.companion
    assert (companion.columns, companion.name) == ("k", "error of truncated BPTT")
    by_k = [np.nan, *errors[:-1]]
    np.testing.assert_allclose(companion.array, np.reshape(by_k, (1, -1, 1)), rtol=1e-6)
    explorer.quantity = "hidden_gradient"
    assert (companion.columns, companion.name) == ("timestep", "direct output gradient")


@pytest.mark.parametrize("cmap", ["viridis", "sequential"])
def test_colours_that_were_chosen_stay(model: Any, cmap: str) -> None:
    explorer = GradientExplorer(model, X, Y, layer="lstm", quantity="reach", cmap=cmap)
    assert explorer.cmap == cmap
    explorer.quantity = "hidden_gradient"
    assert explorer.cmap == cmap


def test_how_far_a_reach_is_is_told_in_the_widget(
    model: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    explorer = GradientExplorer(model, np.tile(X, (60, 1, 1)), np.tile(Y, (60, 1)), layer="lstm")
    said: list[str] = []
    explorer.observe(lambda change: said.append(change["new"]), "busy")
    explorer.quantity = "reach"
    count = len(explorer.tensor.loss_timesteps)
    told = re.compile(rf"Computing: \d of {count} timesteps of the loss…")
    assert any(told.fullmatch(words) for words in said)
    assert said[-1] == ""
    assert capsys.readouterr().out == ""
