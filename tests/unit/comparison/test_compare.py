"""`compare`: which sources it takes, what it claims, what it refuses."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from rnngrad_widgets import Comparison, GradientEngine, GradientExplorer, compare, diagnose
from rnngrad_widgets.data.tensor import GradientSnapshot, GradientTensor
from rnngrad_widgets.widgets.open_widgets import open_widgets
from tests.unit.comparison.runs import decaying

T = 12
X = np.random.default_rng(1).normal(size=(6, T, 2)).astype("float32")
Y = np.zeros((6, 1), "float32")


def network(seed: int, forget_bias: float = 1.0, *, name: str = "lstm") -> Any:
    """Return an LSTM whose gates are mostly their biases, so that the forget gate decides."""
    small = keras.initializers.RandomNormal(stddev=0.05, seed=seed)
    lstm = keras.layers.LSTM(8, recurrent_initializer=small, kernel_initializer=small, name=name)
    model = keras.Sequential([keras.Input((T, 2)), lstm, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    kernel, recurrent, bias = lstm.get_weights()
    bias[8:16] = forget_bias
    lstm.set_weights([kernel, recurrent, bias])
    dense = keras.initializers.RandomNormal(seed=seed)((8, 1))
    model.layers[-1].set_weights([np.asarray(dense), np.zeros(1)])
    return model


def runs_of(found: Comparison) -> list[Any]:
    """Return the tensors of the runs, as the browser has them."""
    return list(found.figures[0].marks[1].stack.runs)


@pytest.fixture(scope="module")
def snapshots() -> dict[str, list[GradientSnapshot]]:
    """Return three repeats of two conditions, and of one that differs in the seed alone."""
    both = ["hidden_gradient", "output_gradient"]
    model = network(0)
    engine = GradientEngine(model)  # one for all: each is traced for a second

    def snapshot(seed: int, forget_bias: float = 1.0) -> GradientSnapshot:
        model.set_weights(network(seed, forget_bias).get_weights())
        return engine.compute(X, Y, "lstm", both)

    return {
        "bias 1": [snapshot(seed) for seed in (1, 2, 3)],
        "bias 3": [snapshot(seed, 3.0) for seed in (1, 2, 3)],
        "other seeds": [snapshot(seed) for seed in (11, 12, 13)],
    }


def test_a_change_is_claimed_and_other_seeds_are_not(
    snapshots: dict[str, list[GradientSnapshot]],
) -> None:
    found = compare(snapshots)
    assert found.claims == {"bias 3": "further", "other seeds": None}
    assert [line.split(":")[0] for line in found.findings] == [
        "bias 3 against bias 1",
        "other seeds against bias 1",
    ]
    turned = compare(snapshots, base="bias 3")
    assert turned.claims["bias 1"] == "less far"


def test_the_numbers_are_those_of_diagnose(snapshots: dict[str, list[GradientSnapshot]]) -> None:
    found = compare(snapshots)
    snapshot = snapshots["bias 3"][1]
    expected = diagnose(snapshot).to_dict()["gradients"][0]
    when = {"step": snapshot.step, "loss": snapshot.loss}
    assert found.table[4] == {"name": "bias 3", "repeat": 1} | when | expected
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False)) == found.to_dict()


def test_the_browser_gets_the_norms_by_lag() -> None:
    one, other = decaying([0.9, 0.8], 5), decaying([0.5, 0.7], 3)
    found = compare({"a": one, "b": [other, other]})
    (upper, lower) = (figure.marks[1] for figure in found.figures)
    assert (upper.names, upper.groups, upper.ratio, lower.ratio) == (
        ["a", "b"],
        [0, 1, 1],
        False,
        True,
    )
    norms = [run.array for run in upper.stack.runs]
    assert [array.shape for array in norms] == [(2, 5, 1), (2, 3, 1), (2, 3, 1)]
    lags = np.arange(5)
    np.testing.assert_allclose(norms[0][..., 0], [0.9**lags, 0.8**lags], 1e-6)
    np.testing.assert_allclose(norms[2][1, :, 0], 0.7 ** lags[:3], 1e-6)


def test_sources_of_all_kinds_are_compared() -> None:
    model = network(1)
    both = ["hidden_gradient", "output_gradient"]
    snapshot = GradientEngine(model).compute(X, Y, "lstm", both)
    tensor = snapshot["lstm", "hidden_gradient"]
    sources = {
        "model": model,
        "explorer": GradientExplorer(model, X, Y),
        "snapshot": snapshot,
        "array": tensor.values,
        "explorer of an array": GradientExplorer.from_array(tensor.values),
    }
    found = compare(sources, X, Y)
    assert isinstance(found, Comparison)
    assert set(found.claims.values()) == {None}
    slopes = {row["decay"]["slope"] for row in found.table}
    assert len(slopes) == 1, "all are the same gradient"
    assert all("its gradient is as strong" in line for line in found.findings)
    # of a tensor alone it is not known where the loss acts
    (line,) = compare({"model": model, "tensor": tensor}, X, Y).findings
    assert "whether the loss acts before the last timestep is not known of a tensor alone" in line


def test_an_explorer_is_what_it_shows() -> None:
    model = network(1)
    before = GradientExplorer(model, X, Y)
    shown = before.tensor.values.copy()
    kernel, recurrent, bias = model.layers[0].get_weights()
    model.layers[0].set_weights([kernel, recurrent, bias + 1.0])
    found = compare({"before": before, "after": GradientExplorer(model, X, Y)})
    norms = np.linalg.norm(shown, axis=-1)[:, ::-1]
    np.testing.assert_allclose(runs_of(found)[0].array[..., 0], norms, rtol=1e-5)
    (difference,) = found.to_dict()["differences"]
    assert abs(difference["by_repeat"][0]) > 0.1


def test_the_last_step_of_a_recording_is_compared(tmp_path: Path) -> None:
    writer = pytest.importorskip("rnngrad_widgets.recording.writer").RecordingWriter
    recording = pytest.importorskip("rnngrad_widgets.recording").Recording
    path = tmp_path / "run"
    gradients = [decaying([factor], 8).values for factor in (0.3, 0.9)]
    dims = ("sample", "timestep", "channel")
    for step, values in enumerate(gradients):
        read = np.zeros_like(values)
        read[:, -1] = 1.0  # the loss reads the last output only
        words = {"hidden_gradient": values, "output_gradient": read}
        writer(path, "x" if step == 0 else "a").append(
            GradientSnapshot(
                {
                    ("lstm", word): GradientTensor(array, dims, "lstm", word, step=step)
                    for word, array in words.items()
                },
                loss=1.0,
                step=step,
            )
        )
    explorer = GradientExplorer.from_recording(path, quantity="hidden_gradient")
    found = compare({"path": path, "open": recording(path), "explorer": explorer})
    slopes = [row["decay"]["slope"] for row in found.table]
    np.testing.assert_allclose(slopes, [math.log(0.9)] * 3, rtol=1e-5)


def test_recordings_of_other_batches_are_refused(tmp_path: Path) -> None:
    writer = pytest.importorskip("rnngrad_widgets.recording.writer").RecordingWriter
    dims = ("sample", "timestep", "channel")
    tensor = GradientTensor(decaying([0.9], 8).values, dims, "lstm", "hidden_gradient")
    snapshot = GradientSnapshot({("lstm", "hidden_gradient"): tensor}, loss=1.0)
    for name, info in {"a": {"batch": "1"}, "b": {"batch": "2"}, "unknown": None}.items():
        writer(tmp_path / name, info=info).append(snapshot)
    a, b, unknown = (tmp_path / name for name in ("a", "b", "unknown"))
    assert compare({"a": a, "again": a, "unknown": unknown}).base == "a"
    with pytest.raises(ValueError, match="all must be of one batch; that of 'b' is another than"):
        compare({"a": a, "b": b})


def test_layers_are_matched_by_path_else_by_order() -> None:
    found = compare({"a": network(1), "b": network(2, name="other")}, X, Y)
    assert [row["layer"] for row in found.table] == ["lstm", "other"]
    gradient = decaying([0.9], 5).values

    def snapshot(*layers: str) -> GradientSnapshot:
        quantity = "hidden_gradient"
        dims = ("sample", "timestep", "channel")
        return GradientSnapshot(
            {(name, quantity): GradientTensor(gradient, dims, name, quantity) for name in layers}
        )

    both = {"a": snapshot("x", "y"), "b": snapshot("y", "x")}
    assert [row["layer"] for row in compare(both, layer="y").table] == ["y", "y"]
    rule = r"layer 'y' of 'a' must have its like in 'b', .* 'a' has \['x', 'y'\], 'b' has \['z'\]"
    with pytest.raises(ValueError, match=rule):
        compare({"a": snapshot("x", "y"), "b": snapshot("z")}, layer="y")
    with pytest.raises(
        ValueError, match=r"'a', whose layer is compared: .* layers \['x'\]; received 'q'"
    ):
        compare({"a": snapshot("x")}, layer="q")
    assert [row["layer"] for row in compare(both, layer=1).table] == ["y", "y"]


def test_an_error_says_of_which_source_it_is() -> None:
    sound = np.ones((3, 4, 2))
    with pytest.raises(ValueError, match=r"^'b': the array must not be empty; received shape"):
        compare({"a": sound, "b": np.zeros((3, 0, 2))})
    with pytest.raises(ValueError, match=r"^'b', repeat 1: values must fit float32"):
        compare({"a": sound, "b": [sound, np.full((3, 4, 2), 1e300)]})


def test_timesteps_of_a_layer_that_goes_backwards_are_its_own() -> None:
    forward = decaying([0.5, 0.6], 4)
    values = forward.values[:, ::-1]  # lag 0 is timestep 0
    backward = GradientTensor(values, forward.dims, directions=("backward",))
    found = compare({"a": forward, "b": backward})
    one, other = found.figures[0].marks[1].stack.runs
    np.testing.assert_allclose(one.array, other.array)  # by lag
    assert (one.directions, other.directions) == ([""], ["backward"])  # the browser's order


def test_both_directions_are_compared() -> None:
    values = np.concatenate(
        [decaying([0.9], 8).values, decaying([0.5], 8).values[:, ::-1]], axis=-1
    )
    tensor = GradientTensor(
        values, ("sample", "timestep", "channel"), directions=("forward", "backward")
    )
    found = compare({"a": tensor, "b": tensor})
    assert [line.partition(":")[0] for line in found.findings] == [
        "b against a (forward)",
        "b against a (backward)",
    ]
    slopes = [row["decay"]["slope"] for row in found.table]
    np.testing.assert_allclose(slopes, [math.log(0.9), math.log(0.5)] * 2, rtol=1e-6)
    assert len(found.figures) == 4
    rule = r"the same directions; received 'a' \['forward', 'backward'\], 'b' one"
    with pytest.raises(ValueError, match=rule):
        compare({"a": tensor, "b": decaying([0.9], 8)})


def halves(forward: float, backward: float) -> GradientTensor:
    """Return a gradient of two directions, which fall so; a factor of 0 is no gradient at all."""
    second = decaying([backward or 1.0], 8).values[:, ::-1] * (backward > 0)
    parts = decaying([forward], 8).values, second
    dims = ("sample", "timestep", "channel")
    return GradientTensor(np.concatenate(parts, -1), dims, directions=("forward", "backward"))


@pytest.mark.parametrize(
    ("backward", "claim"), [(0.9, "further"), (0.2, None), (0.0, None)], ids=["both", "not", "dead"]
)
def test_a_claim_holds_in_every_direction(backward: float, claim: str | None) -> None:
    base = [_moved(halves(0.5, 0.5), i) for i in range(3)]
    changed = [_moved(halves(0.9, 0.9 if i else backward), i) for i in range(3)]
    if 0 < backward < 0.5:
        changed = [_moved(halves(0.9, backward), i) for i in range(3)]
    found = compare({"a": base, "b": changed})
    assert found.claims == {"b": claim}
    assert len(found.findings) == 2


def _moved(tensor: GradientTensor, by: int) -> GradientTensor:
    """Return a gradient that is a little larger at lag 0, so that no repeat is another's copy."""
    values = tensor.values.copy()
    values[:, [0, -1]] *= 1 + 1e-6 * by
    return replace(tensor, values=values)


def reach_of(*timesteps: int) -> GradientTensor:
    lag = np.array(timesteps) - np.arange(8)[:, None]
    values = np.where(lag < 0, 0.0, 0.5 ** np.maximum(lag, 0))
    with_rest = np.concatenate([values, np.zeros((8, 1))], axis=1)[None]
    dims = ("sample", "timestep", "loss_timestep")
    return GradientTensor(with_rest, dims, "lstm", "reach", loss_timesteps=timesteps)


def test_reaches_of_the_same_timesteps_are_compared() -> None:
    (line,) = compare({"a": reach_of(3, 7), "b": reach_of(3, 7)}).findings
    assert line == "b against a: relative to lag 0, its gradient is as strong at lags 1 to 7 " + (
        "(geometric mean)"
    )
    rule = "the same timesteps of the loss; 'a' has 3, 7, 'b' has 7. Compute them with the same"
    with pytest.raises(ValueError, match=rule):
        compare({"a": reach_of(3, 7), "b": reach_of(7)})
    with pytest.raises(ValueError, match=r"a reach is compared with reaches only; 'a' is .*reach"):
        compare({"a": reach_of(3, 7), "b": decaying([0.9], 8)})


def test_norms_below_float32_are_compared_where_numpy_raises() -> None:
    tiny = np.tile(np.array([1e-320, 1e-42, 1e-3, 1.0])[:, None], (2, 1, 3))
    with np.errstate(all="raise"):
        found = compare({"a": tiny, "b": tiny})
    assert [row["name"] for row in found.table] == ["a", "b"]


def test_names_that_look_like_repeats_are_names() -> None:
    runs = [decaying([f], 8) for f in (0.8, 0.81, 0.82)]
    found = compare({"a": runs, "a, repeat 1": decaying([0.9], 8)})
    assert [(row["name"], row["repeat"]) for row in found.table] == [
        *(("a", i) for i in range(3)),
        ("a, repeat 1", 0),
    ]


def test_one_source_is_shown_and_a_second_asked_for() -> None:
    found = compare({"a": decaying([0.9], 5)})
    assert (found.findings, found.claims) == ((), {})
    assert "a second experiment is needed for a comparison" in found.children[0].value
    assert len(found.figures) == 1


def test_names_are_written_as_they_are() -> None:
    found = compare({"<b>&": decaying([0.9], 5), "c": decaying([0.8], 5)})
    assert "&lt;b&gt;&amp;" in found.children[0].value
    assert "<b>" not in found.children[0].value
    assert found.children[3].names == ["<b>&", "c"]  # the browser writes them as text
    assert repr(found) == "<Comparison: <b>&, c>"


@pytest.mark.parametrize(
    ("sources", "options", "error", "rule"),
    [
        ({}, {}, ValueError, "compare needs an experiment, best two; received none"),
        ([1, 2], {}, TypeError, r"compare takes experiments by name, .*; received a list"),
        ({3: 1}, {}, TypeError, "the names of experiments must be text; received 3"),
        ({"a": []}, {}, ValueError, "each name must have an experiment; 'a' has an empty list"),
        ({"a": object()}, {}, TypeError, "'a' must be a model, an explorer, .* received a object"),
        ({"a": [[1.0, 2.0]]}, {}, TypeError, "'a' must be a model, .*; received a list"),
        ({"a": np.ones((2, 3))}, {}, ValueError, "gradients over time are compared; 'a' is"),
        ({"a": np.ones((2, 3, 1))}, {"base": ["a"]}, ValueError, r"base must be one of \['a'\]; "),
        (
            {"a": np.ones((2, 3, 1))},
            {"loss_timesteps": 2},
            ValueError,
            "loss_timesteps is for the quantity 'reach'",
        ),
        ({"a": np.ones((2, 3, 1))}, {"base": "b"}, ValueError, r"base must be one of \['a'\]; "),
        ({"a": np.ones((2, 3, 1))}, {"quantity": "x"}, ValueError, "quantities must be one"),
        ({"a": np.ones((2, 3, 1))}, {"threshold": 2}, ValueError, "threshold must be between"),
        ({"a": np.ones((2, 3, 1))}, {"bace": 2}, TypeError, "did you mean 'base'"),
        (
            {"a": np.ones((2, 3, 1)), "b": np.ones((4, 3, 1))},
            {},
            ValueError,
            "all must be of one batch, sample by sample; 'a' has 2 samples, 'b' has 4",
        ),
        ({"a": GradientSnapshot({})}, {}, ValueError, "the snapshot must hold 'hidden_gradient'"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    sources: Any, options: dict[str, Any], error: type[Exception], rule: str
) -> None:
    before = set(open_widgets())
    with pytest.raises(error, match=rule):
        compare(sources, **options)
    assert set(open_widgets()) == before


def test_three_hundred_runs_are_on_pages() -> None:
    found = compare({f"run {i}": decaying([0.3 + i / 500], 4) for i in range(300)})
    assert len(found.findings) == 299
    assert [row["name"] for row in found.table] == [f"run {i}" for i in range(300)]
    assert len(found.figures[0].marks[1].names) == 300
    label, pager = found.children[1].children
    assert label.value == "12 of 300 experiments at a time, and the base:"
    assert pager.children[1].value == "of 25"
    found.close()


def test_a_model_needs_a_batch() -> None:
    with pytest.raises(ValueError, match=r"models are compared on one batch; received none"):
        compare({"a": network(1)})
