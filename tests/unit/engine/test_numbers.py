"""The engine's numbers against a hand-written unroll and against central differences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tensorflow as tf

from rnngrad_widgets.engine import GradientEngine

from .cases import CASES, Case, Problem, problem
from .unroll import Watcher, run_layer

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("float64")


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    assert found.shape == expected.shape
    assert np.abs(expected).max() > 0
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def central_differences(loss: Callable[[np.ndarray], float], at: np.ndarray) -> np.ndarray:
    gradient, step = np.zeros_like(at), 1e-5
    for position in np.ndindex(at.shape):
        nudge = np.zeros_like(at)
        nudge[position] = step
        gradient[position] = (loss(at + nudge) - loss(at - nudge)) / (2 * step)
    return gradient


def unrolled_output_gradient(made: Problem) -> tuple[np.ndarray, float]:
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        watcher = Watcher(tape)
        loss = made.loss(watcher)
    outputs = [seen[0] for name, seen in watcher.seen.items() if name.startswith("output")]
    return tf.concat(tape.gradient(loss, outputs), -1).numpy(), float(loss)


def output_differences(made: Problem) -> np.ndarray:
    returned, mask = run_layer(made.layer, tf.constant(made.x), made.mask)
    parts = returned if isinstance(returned, tuple) else (returned,)
    values = tf.concat(parts, -1).numpy()
    return central_differences(lambda y: float(made.after(tf.constant(y), mask)), values)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_output_gradient(case: Case) -> None:
    made = problem(case)
    engine = GradientEngine(made.model)
    snapshot = engine.compute(made.x, made.y, made.layer, sample_weight=made.sample_weight)
    (((path, quantity), tensor),) = snapshot.items()
    assert (path, quantity) == (made.layer.name, "output_gradient")

    unrolled, loss = unrolled_output_gradient(made)
    assert snapshot.loss == pytest.approx(loss, rel=1e-13)
    assert relative_error(tensor.values, unrolled) <= 1e-12
    assert relative_error(tensor.values, output_differences(made)) <= 1e-7

    halves = case.bidirectional in ("concat", None)
    assert tensor.directions == (("forward", "backward") if halves else ())
    assert tensor.dims == ("sample", "timestep", "channel")[:: 1 if case.sequences else 2]
