"""The explorer and kinds of layers that are not a plain sequence of vectors."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from rnngrad_widgets import GradientEngine, GradientExplorer, diagnose
from rnngrad_widgets.data.plot_array import to_plot_array
from rnngrad_widgets.data.statistics import norms_over_channels
from rnngrad_widgets.data.tensor import NothingThereError

pytestmark = pytest.mark.usefixtures("open_widgets")

B, T = 3, 4
RNG = np.random.default_rng(31)
Y = RNG.normal(size=(B, 1)).astype("float32")
MASK = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [0, 1, 1, 0]], bool)
TIMED = ["heat map", "all samples", "curves", "flow", "histogram", "diagnosis", "weights"]


def compiled(inputs: Any, hidden: Any) -> Any:
    model = keras.Model(inputs, layers.Dense(1)(hidden))
    model.compile("sgd", "mse", run_eagerly=True)  # each explorer would trace it for seconds
    return model


def line(explorer: GradientExplorer) -> str:
    return unescape(re.sub("<[^>]*>", "", explorer.summary))


# -- axes of space ---------------------------------------------------------------------------------


def convolutional(rank: int, *, masked: bool, sequences: bool = True) -> tuple[Any, Any]:
    space = (4, 3, 2)[:rank]
    inputs, mask = keras.Input((T, *space, 2)), keras.Input((T,), dtype="bool")
    rnn = getattr(layers, f"ConvLSTM{rank}D")(
        3, 2, padding="same", return_sequences=sequences, name="rnn"
    )
    returned = rnn(inputs, mask=mask if masked else None)
    hidden = ops.reshape(returned, (-1, int(np.prod(returned.shape[1:]))))
    x = RNG.normal(size=(B, T, *space, 2)).astype("float32")
    if masked:
        return compiled([inputs, mask], hidden), [x, MASK]
    return compiled(inputs, hidden), x


@pytest.mark.one_case_in(4)
@pytest.mark.parametrize(("rank", "masked"), [(1, True), (2, False), (2, True), (3, False)])
def test_the_views_of_a_convolutional_layer(rank: int, masked: bool) -> None:
    model, x = convolutional(rank, masked=masked)
    explorer = GradientExplorer(model, x, Y)
    assert explorer.quantity == "output_gradient"
    for quantity in ("hidden_gradient", "cell_gradient", "input_gradient", "output_gradient"):
        explorer.quantity = quantity
        tensor = explorer.tensor
        assert list(explorer.view_stack.views) == TIMED
        assert (tensor.mask is not None) == masked
        expected = GradientEngine(model).compute(x, Y, "rnn", quantity)["rnn", quantity].values
        np.testing.assert_array_equal(tensor.values, expected)
        flat = expected.reshape(B, T, -1)
        np.testing.assert_array_equal(explorer.selection.tensor.array, flat)
        # The norm is over everything but sample and timestep.
        norms = np.sqrt((expected.astype("float64") ** 2).sum(axis=tuple(range(2, expected.ndim))))
        np.testing.assert_allclose(norms_over_channels(tensor)[..., 0], norms, rtol=1e-6)
        counted = np.where(MASK, norms, np.nan) if masked else norms
        median = np.nanmedian(counted, axis=0) / np.nanmax(counted)
        (found,) = diagnose(explorer).gradients
        assert found.not_reached == np.mean(median < 1e-8)
        for view in TIMED:
            explorer.view = view
        explorer.channel = flat.shape[-1] - 1
    companion = explorer.selection.companion.array
    assert companion is None or companion.shape == (B, T, 1)


def test_a_convolutional_layer_without_time() -> None:
    model, x = convolutional(2, masked=False, sequences=False)
    explorer = GradientExplorer(model, x, Y)
    assert explorer.quantity == "hidden_gradient"
    assert explorer.tensor.dims == ("sample", "timestep", "row", "column", "channel")
    explorer.quantity = "output_gradient"
    assert list(explorer.view_stack.views) == ["scatter", "histogram", "weights"]
    assert "3 × 4 × 3 × 3, no time axis" in line(explorer)
    assert "0 of 36 values zero in every sample" in line(explorer)


def test_both_directions_of_a_convolutional_layer() -> None:
    inputs = keras.Input((T, 4, 2))
    rnn = layers.ConvLSTM1D(3, 2, padding="same", return_sequences=True)
    both = layers.Bidirectional(rnn, name="rnn")
    model = compiled(inputs, layers.Flatten()(both(inputs)))
    x = RNG.normal(size=(B, T, 4, 2)).astype("float32")
    explorer = GradientExplorer(model, x, Y, quantity="hidden_gradient", reflect_half=True)
    tensor = explorer.tensor
    assert tensor.directions == ("forward", "backward")
    assert tensor.shape == (B, T, 4, 6)
    halves = [tensor.values[..., :3], tensor.values[..., 3:]]
    plot_array = to_plot_array(tensor)
    assert [(s.name, s.start) for s in plot_array.sections] == [("forward", 0), ("backward", 12)]
    for half, start in zip(halves, (0, 12), strict=True):
        rows = plot_array.values[..., start : start + 12]
        np.testing.assert_array_equal(rows, half.reshape(B, T, 12))
    norms = [np.linalg.norm(half.reshape(B, T, 12), axis=-1) for half in halves]
    np.testing.assert_allclose(norms_over_channels(tensor), np.stack(norms, -1), rtol=1e-6)
    for view in ("all samples", "curves", "flow", "histogram", "weights", "heat map"):
        explorer.view = view


# -- what is shown first ---------------------------------------------------------------------------


def encoder_and_decoder() -> tuple[Any, list[np.ndarray], np.ndarray]:
    source, target = keras.Input((T, 2)), keras.Input((T, 2))
    _, *states = layers.LSTM(3, return_state=True, name="encoder")(source)
    decoder = layers.LSTM(3, return_sequences=True, name="decoder")
    model = compiled([source, target], decoder(target, initial_state=states))
    x = [RNG.normal(size=(B, T, 2)).astype("float32") for _ in "12"]
    return model, x, RNG.normal(size=(B, T, 1)).astype("float32")


def test_an_encoder_of_which_only_the_states_go_on() -> None:
    model, x, y = encoder_and_decoder()
    explorer = GradientExplorer(model, x, y)
    assert (explorer.layer, explorer.quantity) == ("encoder", "hidden_gradient")
    expected = GradientEngine(model).compute(x, y, "encoder", "hidden_gradient")
    values = expected["encoder", "hidden_gradient"].values
    np.testing.assert_array_equal(explorer.tensor.values, values)
    assert np.abs(values).max() > 0
    for view in ("flow", "weights"):  # the flow has no direct gradient beside it
        explorer.view = view
    assert explorer.selection.companion.array is None
    explorer.refresh()
    readable = "from timestep 3 back, gradient "
    assert explorer.selection.tensor.told["samples"][0].startswith(readable)
    explorer.layer = "decoder"
    assert (explorer.quantity, explorer.message) == ("output_gradient", "")
    explorer.layer = "encoder"
    assert explorer.quantity == "hidden_gradient"


@pytest.mark.parametrize("sequences", [False, True])
def test_why_another_quantity_is_shown_is_said(sequences: bool) -> None:
    source = keras.Input((T, 2))
    _, state = layers.GRU(3, return_sequences=sequences, return_state=True, name="rnn")(source)
    explorer = GradientExplorer(compiled(source, state), RNG.normal(size=(B, T, 2)), Y)
    assert (explorer.quantity, explorer.tensor.shape) == ("hidden_gradient", (B, T, 3))
    told = unescape(explorer.message)
    why = "the loss does not depend on the output of layer 'rnn', so there is no output_gradient"
    assert told.startswith(why if sequences else "layer 'rnn' returns only its last output: this")
    explorer.refresh()
    assert unescape(explorer.message) == told
    with pytest.raises(NothingThereError, match=why):
        explorer.quantity = "output_gradient"
    explorer.quantity = "output"
    assert explorer.message == ""


def last() -> tuple[Any, np.ndarray]:
    inputs = keras.Input((T, 2))
    hidden = layers.GRU(4, return_sequences=True, name="first")(inputs)
    model = compiled(inputs, layers.SimpleRNN(T, name="last")(hidden))
    return model, RNG.normal(size=(B, T, 2)).astype("float32")


def test_without_a_sequence_the_hidden_state_is_shown_unless_asked() -> None:
    model, x = last()
    explorer = GradientExplorer(model, x, Y, "last")
    assert (explorer.quantity, explorer.tensor.shape) == ("hidden_gradient", (B, T, T))
    assert "the direct one is quantity 'output_gradient'" in unescape(explorer.message)
    explorer.view = (
        "flow"  # as many channels as timesteps: the direct gradient has no time all the same
    )
    assert explorer.selection.companion.array is None
    explorer.layer = "first"
    assert (explorer.quantity, explorer.message) == ("output_gradient", "")
    explorer.layer = "last"
    assert explorer.quantity == "hidden_gradient"
    explorer.quantity = "output_gradient"
    assert (next(iter(explorer.view_stack.views)), explorer.message) == ("scatter", "")
    explorer.layer, explorer.layer = "first", "last"  # asked for by now
    assert explorer.quantity == "output_gradient"
    asked = GradientExplorer(model, x, Y, "last", "output_gradient")
    assert (asked.quantity, asked.tensor.dims) == ("output_gradient", ("sample", "channel"))


def test_a_quantity_that_was_asked_for_is_not_replaced(open_widgets: dict[str, object]) -> None:
    model, x, y = encoder_and_decoder()
    with pytest.raises(NothingThereError, match="no output_gradient"):
        GradientExplorer(model, x, y, quantity="output_gradient")
    with pytest.raises(NothingThereError, match="no output_gradient"):
        GradientExplorer(model, x, y, "encoder", "output_gradient")
    assert open_widgets == {}
    explorer = GradientExplorer(model, x, y, "decoder", "output_gradient")
    explorer.layer = "encoder"  # chosen there: what it has, and why
    assert explorer.quantity == "hidden_gradient"
    assert "so there is no output_gradient" in explorer.message


@pytest.mark.long
def test_the_first_layer_that_the_loss_depends_on() -> None:
    inputs = keras.Input((T, 2))
    idle = layers.GRU(3, name="idle")(inputs)
    used = layers.GRU(3, name="used", return_sequences=True)(inputs)
    model = keras.Model(inputs, [layers.Dense(3)(idle), layers.Dense(1)(used)])
    model.compile("sgd", [None, "mse"])
    x = RNG.normal(size=(B, T, 2)).astype("float32")
    given = x, [np.zeros((B, 3)), np.zeros((B, T, 1))]
    explorer = GradientExplorer(model, *given)
    assert (explorer.layer, explorer.quantity) == ("used", "output_gradient")
    assert "does not depend on the states of layer 'idle'" in unescape(explorer.message)
    with pytest.raises(NothingThereError, match="layer 'idle', so there is no hidden_gradient"):
        GradientExplorer(model, *given, "idle")


# -- weights of a layer's own ----------------------------------------------------------------------


class Own(layers.Layer):
    """A cell with a scalar, a layer inside, and a weight that the loss does not depend on."""

    state_size = output_size = 3

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.norm = layers.LayerNormalization()

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], 6), name="kernel")
        self.scale = self.add_weight(shape=(), name="scale", initializer="ones")
        self.idle = self.add_weight(shape=(3,), name="idle", initializer="ones", trainable=False)
        self.norm.build((shape[0], 3))

    def call(self, inputs: Any, states: Any) -> Any:
        a, b = ops.split(inputs @ self.kernel, 2, axis=-1)
        h = self.norm(ops.tanh(a + self.scale * states[0]) + b)
        return h, [h]


def test_the_view_of_weights_shows_those_of_a_layers_own() -> None:
    inputs = keras.Input((T, 2))
    rnn = layers.RNN(Own(), return_sequences=True, name="rnn")
    model = compiled(inputs, rnn(inputs)[:, -1])
    explorer = GradientExplorer(model, RNG.normal(size=(B, T, 2)), Y, view="weights")
    names = [group.name for group in shown_weights(explorer)]
    assert names == ["kernel", "scale", "idle", "norm"]
    explorer.quantity = "weight"
    assert set(explorer.displayed.parts) == {"kernel", "scale", "idle", "norm/gamma", "norm/beta"}
    for part in explorer.displayed.parts:
        explorer.part = part
        assert explorer.tensor.layer == f"rnn/{part}"
    explorer.part = "scale"
    assert explorer.selection.tensor.array.shape == (1, 1, 1)
    assert line(explorer).split(" · ")[2:4] == ["1", "max |w| 1.0e0 at channel 0"]
    explorer.quantity = "weight_gradient"
    assert "idle" not in explorer.displayed.parts


def shown_weights(explorer: GradientExplorer) -> list[Any]:
    from rnngrad_widgets.views.weights import groups_of  # noqa: PLC0415

    values, gradients = (
        explorer.source.compute("rnn", name) for name in ("weight", "weight_gradient")
    )
    pages = explorer.view_stack.views["weights"].pages
    by_kind = {kind: len(group) for kind, group in pages.items()}
    groups = groups_of(values)
    assert by_kind == {"values": len(groups), "gradients": len(groups)}
    assert set(gradients) < set(values)
    idle = pages["gradients"][2].selection.tensor.array
    assert (idle.shape, idle.any()) == ((1, 3, 1), np.False_)
    return groups
