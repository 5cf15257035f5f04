"""Models around cells of one's own, and their total derivatives by hand.

A cell is written twice: for Keras, in either library, and as a step of a recurrence that an eager
tape watches. The step hands every new state to a `tap` and goes on with what that returns, so that
all that reads the state's value reads the watched one: what a total derivative means.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from tests.unit.engine.unroll import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.engine.unroll import Tap

SAMPLES, TIMESTEPS, FEATURES, UNITS = 3, 5, 2, 4

FORMS: dict[str, dict[str, bool]] = {
    "loop": {},
    "unrolled": {"unroll": True},
    "eager": {"run_eagerly": True},
    "eager unrolled": {"unroll": True, "run_eagerly": True},
}
"""The ways in which a model trains: a loop in a graph, steps in a graph, steps in eager mode."""


@dataclass(frozen=True)
class OwnCell:
    """A cell of one's own.

    Parameters
    ----------
    call
        Of the layer: ``call(self, inputs, states)``.
    step
        By hand: ``step(weights, inputs, states, tap)`` returns the output and the new states;
        ``tap(name, state)``.
    state_size
        As Keras wants it.
    weights
        Shapes of further weights, None for the number of features.
    pieces
        What `step` calls the state, or the pieces that it is put together of.
    function
        Whether the call is a ``tf.function``.
    """

    call: Callable[..., Any]
    step: Callable[..., Any]
    state_size: Any = UNITS
    weights: dict[str, tuple[int | None, ...]] = field(default_factory=dict)
    pieces: tuple[str, ...] = ("",)
    function: bool = False

    def layer(self, library: Any = keras) -> Any:
        own = self

        class Own(library.layers.Layer):  # type: ignore[misc,name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.state_size = own.state_size
                self.output_size = UNITS

            def build(self, shape: Any) -> None:
                shapes = {"kernel": (None, UNITS), "recurrent": (UNITS, UNITS), **own.weights}
                for name, sizes in shapes.items():
                    known = tuple(size or int(shape[-1]) for size in sizes)
                    setattr(self, name, self.add_weight(name=name, shape=known))
                self.built = True

            call = tf.function(own.call) if own.function else own.call

        return Own()


def next_state(w: Any, x: Any, h: Any) -> Any:
    """Take the step that most of the cells share, with a cell's weights or with those by hand."""
    kernel, recurrent = (
        (w["kernel"], w["recurrent"]) if isinstance(w, dict) else (w.kernel, w.recurrent)
    )
    return tf.tanh(tf.matmul(x, kernel) + tf.matmul(h, recurrent))


def plain_step(w: Any, x: Any, states: Any, tap: Any) -> Any:
    h = tap("", next_state(w, x, states[0]))
    return h, [h]


def plain_call(self: Any, x: Any, states: Any) -> Any:
    h = next_state(self, x, states[0])
    return h, [h]


PLAIN = OwnCell(plain_call, plain_step)


def model_of(
    cells: Any, library: Any = keras, *, run_eagerly: bool = False, **settings: Any
) -> Any:
    """Make a compiled model of a recurrent layer, ``"rnn"``, and a Dense head."""
    layers = library.layers
    rnn = layers.RNN(cells, return_sequences=True, name="rnn", **settings)
    model = library.Sequential([library.Input((TIMESTEPS, FEATURES)), rnn, layers.Dense(1)])
    model.compile(library.optimizers.SGD(1.0), "mse", run_eagerly=run_eagerly)
    return model


def loss_by_hand(model: Any, steps: list[Any], x: np.ndarray, y: np.ndarray) -> Any:
    """Return the loss of a `model_of` as a function of a tap, each of its cells by its step."""
    rnn, head = model.layers[-2:]
    cells = getattr(rnn.cell, "cells", [rnn.cell])
    head_kernel, head_bias = (tf.constant(np.asarray(w)) for w in head.weights)
    weights = [weights_by_name(cell) for cell in cells]

    def loss(tap: Tap) -> Any:
        states = [
            [tf.zeros((len(x), *np.ravel(n)), x.dtype) for n in _sizes(cell.state_size)]
            for cell in cells
        ]
        outputs = []
        for t in range(x.shape[1]):
            through = tf.constant(x[:, t])
            for i, (step, w) in enumerate(zip(steps, weights, strict=True)):

                def named(name: str, value: Any, t: int = t, i: int = i) -> Any:
                    place = [str(i)] if len(cells) > 1 else []
                    return tap("/".join([*place, *filter(None, [name])]), t, value)

                through, states[i] = step(w, through, states[i], named)
            outputs.append(through)
        return tf.reduce_mean((tf.stack(outputs, 1) @ head_kernel + head_bias - y) ** 2)

    return loss


def _sizes(state_size: Any) -> list[Any]:
    return list(state_size) if isinstance(state_size, list) else [state_size]


def weights_by_name(layer: Any) -> dict[str, Any]:
    return {w.name.split("/")[-1].split(":")[0]: tf.constant(np.asarray(w)) for w in layer.weights}


def derivatives(loss: Callable[[Tap], Any]) -> tuple[float, dict[str, np.ndarray]]:
    """Differentiate a loss by all that it taps; by name, (samples, timesteps, ...)."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        watcher = Watcher(tape)
        value = loss(watcher)
    seen = {(name, t): v for name, at in watcher.seen.items() for t, v in sorted(at.items())}
    found = tape.gradient(value, seen, unconnected_gradients="zero")
    by_name = defaultdict(list)
    for (name, _), gradient in found.items():
        by_name[name].append(gradient)
    return float(value), {name: np.stack(parts, 1) for name, parts in by_name.items()}


def slope(loss: Callable[[Tap], Any], name: str, way: np.ndarray) -> float:
    """Return the central difference of a loss by a tapped value that goes `way`, over time."""

    def nudged(step: float) -> float:
        return float(loss(lambda at, t, v: v + step * way[:, t] if at == name else v))

    return (nudged(1e-5) - nudged(-1e-5)) / 2e-5


def assert_close(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-12) -> None:
    """Compare relatively to the largest value, which must not be zero."""
    assert found.shape == expected.shape
    size = np.abs(expected).max()
    assert size > 1e-6
    assert np.abs(found - expected).max() <= tolerance * size


def assert_total(
    snapshot: Any,
    loss: Callable[[Tap], Any],
    names: dict[str, tuple[str, ...]],
    tolerance: float = 1e-12,
) -> None:
    """Hold hidden gradients against the tape, and against central differences.

    Parameters
    ----------
    names
        What `loss` calls the states, or the pieces of a state, by the path of their tensor.
    """
    value, expected = derivatives(loss)
    assert abs(snapshot.loss - value) <= tolerance * abs(value)
    for path, pieces in names.items():
        found = snapshot[path, "hidden_gradient"].values
        assert_close(found, np.concatenate([expected[name] for name in pieces], -1), tolerance)
        start = 0
        for name in pieces:
            width = expected[name].shape[-1]
            part = found[..., start : start + width]
            way = np.random.default_rng(0).normal(size=part.shape)
            terms = way * part
            assert abs(slope(loss, name, way) - terms.sum()) <= 1e-7 * np.abs(terms).sum()
            start += width


def own_name(variable: Any) -> str:
    """Return the name of a variable of either Keras, without its place in the model."""
    return str(variable.name).split("/")[-1].split(":")[0]
