"""Datasets, generators, a loss of one's own, and what a snapshot says of its batch."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from rnngrad_widgets.engine import GradientEngine

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("unoptimised")

RNG = np.random.default_rng(8)
X = RNG.normal(size=(10, 6, 3)).astype("float32")
Y = RNG.normal(size=(10, 2)).astype("float32")
W = RNG.uniform(0.5, 2.0, size=10).astype("float32")
QUANTITIES = ["output_gradient", "hidden_gradient", "weight_gradient", "weight"]


@pytest.fixture(scope="module")
def model() -> Any:
    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            keras.Input((None, 3)),
            layers.Masking(),
            layers.GRU(4, return_sequences=True, name="rnn"),
            layers.LSTM(3, name="last"),
            layers.Dense(2),
        ]
    )
    model.compile("sgd", "mse")
    return model


class Batches(keras.utils.PyDataset):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, i: int) -> Any:
        part = slice(4 * i, 4 * i + 4)
        return X[part], Y[part], W[part]


def generator() -> Iterator[Any]:
    yield from (Batches()[i] for i in range(3))


def dataset() -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices((X, Y, W)).batch(4)


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize(
    ("made", "steps"), [(Batches, None), (dataset, None), (generator, 3), (generator, 5)]
)
def test_batches_are_joined_over_the_samples(model: Any, made: Any, steps: int | None) -> None:
    engine = GradientEngine(model)
    joined = engine.compute(made(), None, "rnn", QUANTITIES, steps=steps)
    parts = [
        engine.compute(X[i : i + 4], Y[i : i + 4], "rnn", QUANTITIES, sample_weight=W[i : i + 4])
        for i in (0, 4, 8)
    ]
    sizes = [4, 4, 2]
    assert joined.loss == pytest.approx(np.average([p.loss for p in parts], weights=sizes))
    for quantity in ("output_gradient", "hidden_gradient"):
        tensor = joined["rnn", quantity]
        expected = np.concatenate([p["rnn", quantity].values for p in parts])
        np.testing.assert_array_equal(tensor.values, expected)
        assert tensor.mask is not None
        assert tensor.mask.shape == (10, 6)
    for name in ("kernel", "recurrent_kernel", "bias"):
        tensor = joined[f"rnn/{name}", "weight_gradient"]
        each = [p[f"rnn/{name}", "weight_gradient"].values for p in parts]
        expected = np.average(each, axis=0, weights=sizes)
        np.testing.assert_allclose(tensor.values, expected, rtol=1e-5, atol=1e-8)
        assert tensor.values.dtype == np.float32


def test_steps_bound_a_stream(model: Any) -> None:
    engine = GradientEngine(model)
    for made in (Batches(), dataset(), dataset().repeat(), generator()):
        tensor = engine.compute(made, None, "rnn", steps=2)["rnn", "output_gradient"]
        assert tensor.shape[0] == 8


@pytest.mark.parametrize(
    ("x", "others", "message"),
    [
        (X, {"steps": 2}, "steps is for a dataset or generator; received steps=2 with arrays"),
        (generator(), {}, "steps must bound a generator of unknown or endless length"),
        (dataset().repeat(), {}, "steps must bound a .*Dataset of unknown or endless length"),
        (dataset(), {"steps": 0}, "steps must be a whole number, at least 1; received 0"),
        (dataset(), {"steps": 1.5}, r"steps must be a whole number, at least 1; received 1\.5"),
        (dataset().unbatch(), {}, r"sample_weight must have .* scalar .* needs \.batch\(32\)"),
        (dataset().unbatch().map(lambda *z: z[:2]), {}, r"\(6, 3\); one sample .*\.batch\(32\)"),
        (dataset(), {"y": Y}, r"must yield \(x, y\) or .*; received y or sample_weight beside it"),
        (dataset().take(0), {}, "Dataset must yield at least one batch; it yielded none"),
        (
            iter([(X[:2], Y[:2]), (X[:2, :5], Y[:2])]),
            {"steps": 2},
            r"same number of timesteps to be joined; received \[5, 6\]; pad them",
        ),
    ],
)
def test_streams_that_cannot_be_joined(model: Any, x: Any, others: Any, message: str) -> None:
    others = {"y": Y if x is X else None, **others}
    with pytest.raises(ValueError, match=message):
        GradientEngine(model).compute(x, layers="rnn", **others)


class Loader:
    """What PyTorch's ``DataLoader`` looks like from outside: lists of arrays, again and again."""

    def __iter__(self) -> Iterator[Any]:
        yield from ([X[i : i + 4], Y[i : i + 4]] for i in (0, 4, 8))

    def __len__(self) -> int:
        return 3


class Endless:
    def __iter__(self) -> Iterator[Any]:
        while True:
            yield X[:4], Y[:4]

    def __len__(self) -> int:
        raise TypeError("of a data set without a length")


def test_a_loader(model: Any) -> None:
    engine = GradientEngine(model)
    found = engine.compute(Loader(), layers="rnn")
    expected = engine.compute(tf.data.Dataset.from_tensor_slices((X, Y)).batch(4), layers="rnn")
    assert found.loss == expected.loss
    assert found["rnn", "output_gradient"].shape == (10, 6, 4)
    with pytest.raises(ValueError, match=r"steps must bound a Endless .* steps=1 takes its first"):
        engine.compute(Endless(), layers="rnn")
    assert engine.compute(Endless(), layers="rnn", steps=1).loss is not None


def test_a_snapshot_says_how_many_samples_it_is_of(model: Any) -> None:
    engine = GradientEngine(model)
    note = ("10 samples from 3 batches: Loader",)
    assert engine.compute(Loader(), layers="rnn").notes == note
    snapshot = engine.compute(dataset(), layers="rnn", steps=1)
    assert snapshot.notes == ("4 samples from 1 batch: Dataset",)


def test_a_dataset_that_fails(model: Any) -> None:
    def fail(x: Any, y: Any) -> Any:
        with tf.control_dependencies([tf.debugging.assert_less(tf.reduce_sum(x[0]), -1e9)]):
            return tf.identity(x), y

    failing = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4).map(fail)
    with pytest.raises(ValueError, match=r"must yield batches; it failed at batch 0: Invalid"):
        GradientEngine(model).compute(failing, layers="rnn")


def test_batches_of_too_many_parts(model: Any) -> None:
    parts = iter([(X[:2], X[:2], Y[:2], W[:2])])
    with pytest.raises(ValueError, match=r"received 4 parts; several inputs are one part: \(\(a,"):
        GradientEngine(model).compute(parts, layers="rnn", steps=1)


def test_a_loss_of_ones_own_is_one_logit(model: Any) -> None:
    def logit(model: Any, x: Any, y: Any, sample_weight: Any, training: bool) -> Any:
        assert y is None
        assert sample_weight is None
        return ops.sum(model(x, training=training)[:, 1])

    head = model.layers[-1]
    engine = GradientEngine(model)
    snapshot = engine.compute(X, None, "last", loss=logit)
    found = snapshot["last", "output_gradient"].values
    np.testing.assert_allclose(found, np.tile(head.kernel.numpy()[:, 1], (10, 1)), rtol=1e-6)
    assert snapshot.loss == pytest.approx(float(np.sum(model(X)[:, 1])), rel=1e-5)
    doubled = engine.compute(X, None, "last", loss=lambda *batch: 2.0 * logit(*batch))
    np.testing.assert_allclose(doubled["last", "output_gradient"].values, 2.0 * found, rtol=1e-6)


class OwnStep(keras.Model):
    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


def test_a_loss_of_ones_own_serves_models_that_are_refused() -> None:
    def loss(model: Any, x: Any, y: Any, *_: Any) -> Any:
        return ops.mean((model(x) - y) ** 2)

    inputs = keras.Input((6, 3))
    outputs = layers.Dense(2)(layers.GRU(4, name="rnn")(inputs))
    own_step, uncompiled = OwnStep(inputs, outputs), keras.Model(inputs, outputs)
    own_step.compile("sgd", "mse")
    plain = keras.Model(inputs, outputs)
    plain.compile("sgd", "mse")
    expected = GradientEngine(plain).compute(X, Y)["rnn", "output_gradient"].values
    for model in (own_step, uncompiled):
        found = GradientEngine(model).compute(X, Y, loss=loss)["rnn", "output_gradient"].values
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_loss_of_several_values_is_differentiated_by_their_sum(model: Any) -> None:
    each, total = (
        GradientEngine(model).compute(X, Y, loss=loss)
        for loss in (
            lambda model, x, *_: ops.sum(model(x), 1),
            lambda model, x, *_: ops.sum(model(x)),
        )
    )
    assert each.loss == pytest.approx(total.loss / len(X), rel=1e-5)  # fit logs the mean
    for key, tensor in total.items():
        np.testing.assert_allclose(each[key].values, tensor.values, rtol=1e-5, atol=1e-7)


def test_nan_in_x_is_computed_and_reported(model: Any) -> None:
    engine = GradientEngine(model)
    x = X.copy()
    x[1, 2, 0], x[1, 3, 1] = np.nan, np.inf
    snapshot = engine.compute(x, Y, "rnn")
    assert snapshot.notes == ("x holds 2 NaN or Inf values",)
    assert np.isnan(snapshot["rnn", "output_gradient"].values).any()
    assert engine.compute(X, Y, "rnn").notes == ()


def test_every_layer_that_has_the_quantity(model: Any) -> None:
    engine = GradientEngine(model)
    snapshot = engine.compute(X, Y, quantities=["cell_gradient", "gate_gradient"])
    assert list(snapshot) == [
        ("rnn", "gate_gradient"),
        ("last", "cell_gradient"),
        ("last", "gate_gradient"),
    ]
    with pytest.raises(ValueError, match=r"layer 'rnn' has: .*received 'cell_gradient': the layer"):
        engine.compute(X, Y, ["rnn", "last"], "cell_gradient")


def test_batches_of_a_stateful_model_are_apart_and_a_note_says_so() -> None:
    rnn = keras.layers.GRU(3, stateful=True, name="rnn")
    model = keras.Sequential([keras.Input(batch_shape=(4, *X.shape[1:])), rnn])
    model.compile("sgd", "mse")
    y = np.ones((8, 3), "float32")
    dataset = tf.data.Dataset.from_tensor_slices((X[:8], y)).batch(4)
    engine = GradientEngine(model)
    several = engine.compute(dataset, quantities="hidden_gradient")
    assert several.notes[-1].startswith("the model is stateful: each batch begins with the states")
    alone = [engine.compute(X[i : i + 4], y[i : i + 4]).loss for i in (0, 4)]
    assert several.loss == pytest.approx(np.mean(alone))
    assert engine.compute(dataset.take(1)).notes == ("4 samples from 1 batch: Dataset",)


def test_nothing_is_printed_and_traces_are_logged(
    model: Any, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="rnngrad_widgets"):
        engine = GradientEngine(model)
        for _ in range(2):
            engine.compute(X, Y, "rnn")
    (record,) = caplog.records
    assert record.getMessage().endswith("for output_gradient")
    assert capsys.readouterr() == ("", "")


MIRRORED = """
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import keras
from rnngrad_widgets.engine import GradientEngine

import tf_keras

def made(kind):
    kind.utils.set_random_seed(1)
    model = kind.Sequential(
        [kind.Input((5, 2)), kind.layers.GRU(3, name="rnn", kernel_regularizer="l2"),
         kind.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    return model

x, y = np.random.default_rng(0).normal(size=(4, 5, 2)), np.ones((4, 1))
words = ["output_gradient", "hidden_gradient", "weight_gradient"]
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
for kind in (keras, tf_keras):
    plain = GradientEngine(made(kind)).compute(x, y, "rnn", words)
    with strategy.scope():
        engine = GradientEngine(made(kind))
        inside = [engine.compute(x, y, "rnn", words, loss=loss) for loss in (None, "mse")]
        assert tf.distribute.get_strategy() is strategy
    outside = engine.compute(x, y, "rnn", words)
    for other in (inside[0], outside):
        assert abs(other.loss - plain.loss) < 1e-6, (other.loss, plain.loss)
        for key, tensor in plain.items():
            np.testing.assert_allclose(other[key].values, tensor.values, rtol=1e-5, atol=1e-8)
    without = engine.compute(x, y, "rnn", words, loss="mse")
    assert abs(inside[1].loss - without.loss) < 1e-6
    print("the same with", strategy.num_replicas_in_sync)
"""


@pytest.mark.long
def test_a_mirrored_strategy_changes_no_number() -> None:
    # In a process of its own: logical devices cannot be made once TensorFlow runs.
    ran = subprocess.run(
        [sys.executable, "-c", MIRRORED],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert ran.stdout.splitlines() == 2 * ["the same with 2"], ran.stderr
