"""Total derivatives by a tape around Keras' own eager loops: the engine has no part in them."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def watched(cell: Any, tape: tf.GradientTape, seen: list[Any], state: int) -> Iterator[None]:
    """Let a tape watch a state that a cell returns, and the output where it is that state."""
    original = cell.call

    def call(*args: Any, **kwargs: Any) -> Any:
        output, new = original(*args, **kwargs)
        alone = not isinstance(new, (list, tuple))
        states = [new] if alone else list(new)
        old, states[state] = states[state], tf.identity(states[state])
        tape.watch(states[state])
        seen.append(states[state])
        return states[state] if output is old else output, states[0] if alone else states

    cell.__dict__["call"] = call
    try:
        yield
    finally:
        del cell.__dict__["call"]


def state_gradients(model: Any, cells: list[Any], x: Any, y: Any, *, state: int = 0) -> list[Any]:
    """Differentiate a model's loss by a state of each of the cells, (samples, timesteps, ...).

    In the order in which the timesteps are processed. A cell that a layer loops over is called
    once before the loop starts; that call is left out, as nothing depends on it.
    """
    seen: list[list[Any]] = [[] for _ in cells]
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape, ExitStack() as s:
        for cell, found in zip(cells, seen, strict=True):
            s.enter_context(watched(cell, tape, found, state))
        loss = model.compute_loss(x, y, model(x))
    gradients = [tape.gradient(loss, found) for found in seen]
    return [np.stack([g for g in found if g is not None], axis=1) for found in gradients]


def weight_slopes(model: Any, variable: Any, x: Any, y: Any, step: float = 1e-5) -> np.ndarray:
    """Differentiate a model's loss by a weight, entry by entry, by central differences."""
    kept = np.array(variable.numpy())
    found = np.zeros(kept.shape)
    for position in np.ndindex(*kept.shape):
        losses = []
        for sign in (1.0, -1.0):
            nudged = kept.copy()
            nudged[position] += sign * step
            variable.assign(nudged)
            losses.append(float(model.compute_loss(x, y, model(x))))
        found[position] = (losses[0] - losses[1]) / (2 * step)
    variable.assign(kept)
    return found
