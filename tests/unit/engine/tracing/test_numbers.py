"""The engine's numbers against a hand-written unroll and against central differences."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tensorflow as tf

from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine.cases import CASES, TIMESTEPS, Case, Problem, problem
from tests.unit.engine.unroll import Watcher, run_layer

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rnngrad_widgets.data.tensor import GradientSnapshot, GradientTensor

pytestmark = [
    pytest.mark.usefixtures("float64", "unoptimised"),
    pytest.mark.parametrize("case", CASES, ids=str),
    pytest.mark.one_case_in(8),
]

NAMES = {
    "hidden_gradient": ["hidden"],
    "cell_gradient": ["cell"],
    "gate_gradient": ["gate", "gate_zr", "gate_h"],
    "hidden_state": ["hidden_state"],
    "cell_state": ["cell_state"],
}
"""What the unroll calls the values behind a quantity."""

ELSEWHERE = {
    "output_gradient",
    "output",
    "weight_gradient",
    "weight",
    "initial_state_gradient",  # in test_initial.py, as "gate"
    "gate",
    "reach",
    "cell_path",  # in test_cell_path.py
}
"""Quantities that `test_everything_over_time_is_as_unrolled` leaves to other tests."""


@dataclass(frozen=True)
class Solved:
    """A case with the engine's answer and what the unroll saw."""

    made: Problem
    snapshot: GradientSnapshot
    loss: float
    values: dict[str, dict[int, Any]]
    gradients: dict[str, dict[int, Any]]
    tape: Any

    def sequence(self, tensor: GradientTensor) -> np.ndarray:
        """What the unroll has for a tensor with a time axis."""
        label = tensor.layer.removeprefix(self.made.layer.name).removeprefix("/")
        label = f"{label}/" if label else ""
        directions = [f"{d}/" for d in _halves(tensor)] or [""]
        if tensor.quantity == "input_gradient":
            directions, names, label = self._directions(), ["input"], ""
        else:
            names = [f"{label}{name}" for name in NAMES[tensor.quantity]]
        found = self.gradients if tensor.quantity.endswith("_gradient") else self.values
        parts = [
            [_over_time(found[d + name]) for name in names if d + name in found] for d in directions
        ]
        if tensor.quantity == "input_gradient":  # both directions read the same input
            return np.sum([part for (part,) in parts], axis=0)
        return np.concatenate([np.concatenate(part, -1) for part in parts], -1)

    def _directions(self) -> list[str]:
        return ["forward/", "backward/"] if hasattr(self.made.layer, "forward_layer") else [""]


def _halves(tensor: GradientTensor) -> tuple[str, ...]:
    return tensor.directions if len(tensor.directions) == 2 else ()


def _over_time(found: dict[int, Any]) -> np.ndarray:
    return np.stack([found[t] for t in sorted(found)], 1)


@cache
def solve_by_name(name: str) -> Solved:
    (case,) = (case for case in CASES if str(case) == name)
    made = problem(case)
    engine = GradientEngine(made.model)
    offered = engine.quantities(made.layer)
    words = [word for word in offered if word not in ("reach", "cell_path")]
    snapshot = engine.compute(made.x, made.y, made.layer, words, sample_weight=made.sample_weight)
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        watcher = Watcher(tape)
        loss = made.loss(watcher)
    gradients = {
        name: dict(
            zip(
                seen,
                tape.gradient(loss, list(seen.values()), unconnected_gradients="zero"),
                strict=True,
            )
        )
        for name, seen in watcher.seen.items()
    }
    return Solved(made, snapshot, float(loss), dict(watcher.seen), gradients, tape)


def solve(case: Case) -> Solved:
    return solve_by_name(str(case))


def assert_close(found: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    assert found.shape == expected.shape
    size = np.abs(expected).max()
    assert size > 0
    assert np.abs(found - expected).max() / size <= tolerance


def assert_slope(found: float, parts: np.ndarray) -> None:
    """Compare a central difference with the terms of a sum, which may cancel."""
    assert abs(found - parts.sum()) <= 1e-7 * np.abs(parts).sum()


def tensors(solved: Solved, *quantities: str) -> list[GradientTensor]:
    return [t for (_, quantity), t in solved.snapshot.items() if quantity in quantities]


def test_loss_and_output(case: Case) -> None:
    solved = solve(case)
    assert solved.snapshot.loss == pytest.approx(solved.loss, rel=1e-13)
    gradient, output = tensors(solved, "output_gradient", "output")
    for tensor, seen in ((gradient, solved.gradients), (output, solved.values)):
        parts = [part[0] for name, part in seen.items() if name.startswith("output")]
        assert_close(tensor.values, np.concatenate(parts, -1), 1e-12)
        halves = case.bidirectional in ("concat", None)
        assert tensor.directions == (("forward", "backward") if halves else ())
        assert tensor.dims == ("sample", "timestep", "channel")[:: 1 if case.sequences else 2]


def test_a_backward_layer_says_so_where_the_order_is_that_of_its_input(case: Case) -> None:
    solved = solve(case)
    backward = getattr(solved.made.layer, "go_backwards", False)
    for tensor in tensors(solved, "hidden_gradient", "gate", "input_gradient", "cell_state"):
        assert (tensor.directions == ("backward",)) == backward


def test_output_gradient_is_the_central_difference(case: Case) -> None:
    made = solve(case).made
    returned, mask = run_layer(made.layer, tf.constant(made.x), made.mask)
    parts = returned if isinstance(returned, tuple) else (returned,)
    at = tf.concat(parts, -1).numpy()
    expected = central_differences(lambda y: float(made.after(tf.constant(y), mask)), at)
    (tensor,) = tensors(solve(case), "output_gradient")
    assert_close(tensor.values, expected, 1e-7)


def central_differences(loss: Callable[[np.ndarray], float], at: np.ndarray) -> np.ndarray:
    gradient, step = np.zeros_like(at), 1e-5
    for position in np.ndindex(at.shape):
        nudge = np.zeros_like(at)
        nudge[position] = step
        gradient[position] = (loss(at + nudge) - loss(at - nudge)) / (2 * step)
    return gradient


def test_everything_over_time_is_as_unrolled(case: Case) -> None:
    solved = solve(case)
    found = tensors(solved, *NAMES, "input_gradient")
    offered = GradientEngine(solved.made.model).quantities(solved.made.layer)
    assert {t.quantity for t in found} == set(offered) - ELSEWHERE
    for tensor in found:
        if tensor.quantity == "cell_state" and "GRU" in case.kind.split(",")[0]:
            continue
        assert_close(tensor.values, solved.sequence(tensor), 1e-12)
        assert (tensor.mask is None) == (solved.made.mask is None)
        if tensor.mask is not None:
            np.testing.assert_array_equal(tensor.mask, solved.made.mask)


@pytest.mark.one_case_in(40)
def test_reach_is_as_unrolled_and_adds_up(case: Case) -> None:
    solved, timesteps = solve(case), np.arange(TIMESTEPS)
    turned = bool(case.settings.get("go_backwards", False))
    rows = timesteps if case.sequences else timesteps[:1] if turned else timesteps[-1:]
    names = [name for name in solved.values if name.startswith("output")]
    outputs = [solved.values[name][0] for name in names]
    by_output = [solved.gradients[name][0] for name in names]
    made = solved.made
    # to trace all of them takes minutes
    made.model.run_eagerly = CASES.index(case) % 8 > 0
    try:
        snapshot = GradientEngine(made.model).compute(
            made.x, made.y, made.layer, "reach", sample_weight=made.sample_weight, by="output"
        )
    finally:
        made.model.run_eagerly = False
    found = list(snapshot.values())
    assert len(found) >= (2 if case.bidirectional != "no" else 1)
    for tensor in found:
        label = tensor.layer.removeprefix(solved.made.layer.name).removeprefix("/")
        name = "/".join(filter(None, (label, "hidden")))
        hidden = [solved.values[name][t] for t in timesteps]
        contributions = []
        for row in rows:
            at = timesteps[::-1][row] if turned else row
            kept = (timesteps == at)[:, None].astype(float) if case.sequences else 1.0
            seeds = [gradient * kept for gradient in by_output]
            parts = solved.tape.gradient(outputs, hidden, seeds, unconnected_gradients="zero")
            contributions.append(np.stack(parts, 1))
        expected = np.moveaxis(np.linalg.norm(contributions, axis=-1), 0, -1)
        first = not case.sequences and "backward" in tensor.directions  # it is processed last
        assert tensor.loss_timesteps == ((0,) if first else tuple(rows))
        assert tensor.dims == ("sample", "timestep", "loss_timestep")
        assert_close(tensor.values[..., :-1], expected, 1e-12)
        assert not tensor.values[..., -1].any()
        assert_close(np.sum(contributions, 0), _over_time(solved.gradients[name]), 1e-10)


def test_masked_timesteps_are_exactly_zero(case: Case) -> None:
    for tensor in tensors(solve(case), "hidden_gradient", "cell_gradient", "gate_gradient"):
        if tensor.mask is not None:
            assert not tensor.values[~tensor.mask].any()
            assert tensor.values[tensor.mask].any()


def test_weight_gradients_are_as_unrolled(case: Case) -> None:
    solved = solve(case)
    found = tensors(solved, "weight_gradient")
    assert found
    for tensor in found:
        name = tensor.layer.removeprefix(solved.made.layer.name + "/")
        assert_close(tensor.values, solved.gradients[name][0].numpy(), 1e-12)
        value = solved.snapshot[tensor.layer, "weight"]
        np.testing.assert_array_equal(value.values, solved.values[name][0])
        assert len(tensor.gates) in (1, 3, 4)
        assert tensor.shape[-1] % len(tensor.gates) == 0


def test_gate_gradients_add_up_to_the_bias_gradient(case: Case) -> None:
    solved = solve(case)
    path = solved.made.layer.name
    for tensor in tensors(solved, "gate_gradient"):
        total = tensor.values.sum((0, 1))
        for d in _halves(tensor) or ("",):
            part = tensor.layer.removeprefix(path).removeprefix("/")
            key = "/".join(filter(None, (path, d, part, "bias")))
            if case.settings.get("use_bias", True):
                bias = solved.snapshot[key, "weight_gradient"].values
                # The first row of a GRU's bias with reset_after=True is that of the input.
                half, total = np.split(total, [bias.shape[-1]])
                assert_close(half, np.atleast_2d(bias)[0], 1e-10)
        assert total.size == 0 or not case.settings.get("use_bias", True)


def test_gradients_are_central_differences(case: Case) -> None:
    """Nudge everything behind a tensor at once, in a random direction, in the unroll."""
    solved, rng = solve(case), np.random.default_rng(0)
    for name, gradients in solved.gradients.items():
        if name.startswith("output") or name.endswith("_state"):
            continue
        way = {t: rng.normal(size=g.shape) for t, g in gradients.items()}

        def nudged(sign: float, name: str = name, way: dict[int, np.ndarray] = way) -> float:
            def tap(at: str, timestep: int, value: Any) -> Any:
                return value + sign * 1e-5 * way[timestep] if at == name else value

            return float(solved.made.loss(tap))

        parts = np.array([gradients[t] * way[t] for t in way])
        assert_slope((nudged(1.0) - nudged(-1.0)) / 2e-5, parts)


def test_weights_and_inputs_are_central_differences_of_keras_itself(case: Case) -> None:
    solved, rng = solve(case), np.random.default_rng(0)
    made, path = solved.made, solved.made.layer.name

    def loss(x: np.ndarray) -> float:
        weight = made.sample_weight
        return float(made.model.compute_loss(None, made.y, made.model(x), weight))

    def slope(change: Callable[[float], float]) -> float:
        return (change(1e-5) - change(-1e-5)) / 2e-5

    if made.mask is None:
        way = rng.normal(size=made.x.shape)
        parts = way * solved.snapshot[path, "input_gradient"].values
        assert_slope(slope(lambda step: loss(made.x + step * way)), parts)

    weights = list(made.layer.trainable_variables)
    found = tensors(solved, "weight_gradient")
    assert len(weights) == len(found)
    for variable, tensor in zip(weights, found, strict=True):
        way, kept = rng.normal(size=variable.shape), variable.numpy()

        def change(step: float, v: Any = variable, k: Any = kept, way: Any = way) -> float:
            v.assign(k + step * way)
            return loss(made.x)

        assert_slope(slope(change), way * tensor.values)
        variable.assign(kept)
