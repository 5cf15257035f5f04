"""Every quantity of every recurrent layer of published architectures, by finite differences.

The differences come from Keras itself in eager mode, with one layer's ``call`` (or its cells')
replaced by one that adds a nudge: the engine has no part in them.
"""

from __future__ import annotations

import warnings
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine.architectures import ARCHITECTURES, FIRST, RNG, B, attention_translation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.usefixtures("float64", "unoptimised")
KERAS = tuple(int(part) for part in keras.__version__.split(".")[:2])
GRADIENTS = ("output_gradient", "hidden_gradient", "input_gradient", "weight_gradient")
FINE = (1e-5, 1e-6)
COARSE = {"speech_with_ctc": (1e-2, 2e-3)}
"""Step and tolerance; TensorFlow computes the CTC loss in single precision."""


@pytest.mark.one_case_in(16)
@pytest.mark.parametrize("made", ARCHITECTURES, ids=lambda made: made.__name__)
def test_architecture(made: Callable[[], Any]) -> None:
    RNG.bit_generator.state = FIRST
    if made is attention_translation and KERAS < (3, 7):
        pytest.skip("Keras before 3.7 cannot hand masks through attention in a functional model")
    model, x, y, paths = made()
    engine = GradientEngine(model)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "left out of the snapshot: .* so there is no output_grad")
        snapshot = engine.compute(x, y, quantities=GRADIENTS)
    assert [layer.path for layer in engine.layers] == paths
    x, y = keras.tree.map_structure(tf.convert_to_tensor, (x, y))
    check = Check(model, x, y, snapshot, *COARSE.get(made.__name__, FINE))
    assert snapshot.loss == pytest.approx(check.loss(), rel=1e-12 if check.fine else 1e-5)
    before = [variable.numpy() for variable in model.variables]
    for path in paths:
        layer = layer_at(model, path)
        check.around(path, layer)
        check.hidden(path, layer)
        check.weights(path, layer)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


@dataclass
class Check:
    """Compare a snapshot with differences of the loss, in random directions."""

    model: Any
    x: Any
    y: Any
    snapshot: Any
    step: float
    tolerance: float

    @property
    def fine(self) -> bool:
        return (self.step, self.tolerance) == FINE

    def loss(self) -> float:
        mapping = [(v, v.value) for v in self.model.trainable_variables]
        with keras.StatelessScope(mapping, collect_losses=True):
            predicted = self.model(self.x, training=False)
            return float(self.model.compute_loss(self.x, self.y, predicted))

    def slope(self, nudged: Callable[[float], Any]) -> float:
        found = []
        for sign in (1.0, -1.0):
            with nudged(sign * self.step):
                found.append(self.loss())
        return (found[0] - found[1]) / (2 * self.step)

    def compare(self, gradients: Any, ways: Any, nudged: Callable[[float], Any]) -> None:
        parts = np.concatenate([np.ravel(g * way) for g, way in zip(gradients, ways, strict=True)])
        assert np.abs(parts).sum() > 0
        assert abs(self.slope(nudged) - parts.sum()) <= self.tolerance * np.abs(parts).sum()

    def around(self, path: str, layer: Any) -> None:
        """Check what goes into a layer and what comes out, in all of its calls."""
        calls = list(dict.fromkeys(key for key, _ in self.snapshot if key.split("[")[0] == path))
        for which in ("input", "output"):
            if (calls[0], f"{which}_gradient") not in self.snapshot:
                # Only the states that the layer returns are used.
                shape = self.snapshot[path, "hidden_gradient"].shape[::2]
                assert self.slope(partial(nudged_call, layer, which, [np.ones(shape)])) == 0
                continue
            found = [self.snapshot[key, f"{which}_gradient"].values for key in calls]
            ways = [WAYS.normal(size=values.shape) for values in found]
            by_call = [step for way in ways for step in steps(path, way)]
            self.compare(found, ways, partial(nudged_call, layer, which, by_call))

    def hidden(self, path: str, layer: Any) -> None:
        """Check the hidden states of a layer that has one tensor and one cell."""
        rnns = [layer]
        if isinstance(layer, keras.layers.Bidirectional):
            rnns = [layer.forward_layer, layer.backward_layer]
        if (path, "hidden_gradient") not in self.snapshot:
            return
        found = self.snapshot[path, "hidden_gradient"].values
        way = WAYS.normal(size=found.shape)
        self.compare([found], [way], partial(nudged_cells, rnns, steps(path, way)))

    def weights(self, path: str, layer: Any) -> None:
        found = [
            tensor.values
            for (key, quantity), tensor in self.snapshot.items()
            if quantity == "weight_gradient" and key.startswith(path + "/")
        ]
        assert [w.shape for w in layer.weights] == [values.shape for values in found]
        ways = [WAYS.normal(size=values.shape) for values in found]
        self.compare(found, ways, partial(nudged_weights, layer.weights, ways))


def steps(path: str, way: np.ndarray) -> np.ndarray:
    """Split an array by the calls of a layer: the steps of a TimeDistributed are samples of it."""
    count = len(way) // B if path.startswith("td/") else 1
    return np.moveaxis(way.reshape(len(way) // count, count, *way.shape[1:]), 1, 0)


WAYS = np.random.default_rng(0)


@contextmanager
def replaced(layer: Any, call: Callable[..., Any]) -> Iterator[None]:
    layer.__dict__["call"] = call
    try:
        yield
    finally:
        del layer.__dict__["call"]


def nudged_call(layer: Any, which: str, ways: list[Any], step: float) -> Any:
    """Add to the input or output of a layer, in another direction in each call."""
    original, left = layer.call, iter(ways)

    def call(first: Any, *args: Any, **kwargs: Any) -> Any:
        nudge = step * next(left)
        if which == "input":
            return original(first + nudge, *args, **kwargs)
        returned = original(first, *args, **kwargs)
        if isinstance(returned, (list, tuple)):
            return (returned[0] + nudge, *returned[1:])
        return returned + nudge

    return replaced(layer, call)


def nudged_cells(rnns: list[Any], way: np.ndarray, step: float) -> ExitStack:
    """Add to the hidden state of cells whose output is that state, in one call after the other."""
    stack = ExitStack()
    for rnn, half in zip(rnns, np.split(way, len(rnns), axis=-1), strict=True):
        stack.enter_context(replaced(rnn.cell, nudged_cell(rnn, step * half)))
    return stack


def nudged_cell(rnn: Any, nudge: np.ndarray) -> Callable[..., Any]:
    # The loop calls the cell once before it starts; others may call it afterwards.
    timesteps = [*range(nudge.shape[2])][:: -1 if rnn.go_backwards else 1]
    places = [place for call in nudge for place in (0.0, *(call[:, t] for t in timesteps))]
    original, left = rnn.cell.call, iter(places)

    def call(*args: Any, **kwargs: Any) -> Any:
        output, states = original(*args, **kwargs)
        more = next(left, 0.0)
        if isinstance(states, (list, tuple)):
            return output + more, [states[0] + more, *states[1:]]
        return output + more, states + more

    return call


@contextmanager
def nudged_weights(weights: Any, ways: list[Any], step: float) -> Iterator[None]:
    kept = [weight.numpy() for weight in weights]
    for weight, value, way in zip(weights, kept, ways, strict=True):
        weight.assign(value + step * way)
    yield
    for weight, value in zip(weights, kept, strict=True):
        weight.assign(value)


def layer_at(model: Any, path: str) -> Any:
    """Follow a path by layer names, attributes, indices and keys."""
    found: Any = model
    for name in path.split("/"):
        if isinstance(found, (list, tuple)):
            found = found[int(name)]
        elif isinstance(found, dict):
            found = found[name]
        else:
            held = {layer.name: layer for layer in getattr(found, "layers", [])}
            found = held[name] if name in held else getattr(found, name)
    return found
