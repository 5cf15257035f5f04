"""What the engine costs: `python benchmarks/engine.py`.

With `--peak` its memory instead, with `--first` the first call, which traces. A reach and a state
curve have a table of their own: `python -m benchmarks.reach`.
Every row of the table is measured in one run, the ways to compute interleaved, so that whatever
else the machine does hits all of them. Times are medians; the ratio is to a compiled forward and
backward pass of the weights, which is what one training step must do at least.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from rnngrad_widgets.engine import GradientEngine

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = (16, 100, 32)
QUANTITIES: dict[str, tuple[str, ...]] = {
    "output_gradient": ("output_gradient",),
    "hidden_gradient": ("hidden_gradient",),
    "output + hidden": ("output_gradient", "hidden_gradient"),
    "output + weights": ("output_gradient", "weight_gradient"),
    "all but gates": ("all", "gate_gradient"),
    "everything": ("all",),
}
"""Rows of the table; "all" without the ones named after it."""


def lstm(timesteps: int = BATCH[1]) -> Any:
    return keras.Sequential(
        [
            keras.Input((timesteps, BATCH[2])),
            layers.LSTM(256, return_sequences=True),
            layers.LSTM(256, return_sequences=True),
            layers.Dense(1),
        ]
    )


def bidirectional_gru() -> Any:
    return keras.Sequential(
        [
            keras.Input(BATCH[1:]),
            layers.Bidirectional(layers.GRU(256, return_sequences=True)),
            layers.Bidirectional(layers.GRU(256, return_sequences=True)),
            layers.Dense(1),
        ]
    )


def floor(model: Any, x: Any, y: Any) -> Callable[[], object]:
    """Make the compiled forward and backward pass of the weights."""

    @tf.function
    def pass_(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = model.compute_loss(y=y, y_pred=model(x, training=False))
        return tape.gradient(loss, [v.value for v in model.trainable_variables])

    x, y = tf.constant(x), tf.constant(y)
    return partial(pass_, x, y)


def measure(ways: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """Time every way in turn, `repeats` times; the first call of each is kept apart."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats + 3):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - start)
    return times


def report(name: str, model: Any, repeats: int) -> None:
    """Print the table of one model."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=BATCH).astype("float32")
    y = rng.normal(size=(*BATCH[:2], 1)).astype("float32")
    model.compile("adam", "mse")
    engine = GradientEngine(model)
    ways: dict[str, Callable[[], object]] = {"forward + backward of weights": floor(model, x, y)}
    ways["train_on_batch"] = lambda: model.train_on_batch(x, y)
    every = tuple(word for word in engine.quantities(engine.layers[0]) if word != "reach")
    for row, words in QUANTITIES.items():
        if words[0] == "all":
            quantities = tuple(word for word in every if word not in words)
        else:
            quantities = words
        ways[row] = partial(engine.compute, x, y, quantities=quantities)
    times = measure(ways, repeats)
    print(f"\n{name}, batch {BATCH}, all recurrent layers, {repeats} interleaved repeats")
    print_table(times)


def print_table(times: dict[str, list[float]]) -> None:
    """Print the median of each way, and its ratio to that of the weights' pass."""
    base = np.median(times["forward + backward of weights"][3:])
    print(f"{'':32}{'median ms':>10}{'ratio':>8}{'first s':>9}")
    for way, taken in times.items():
        median = np.median(taken[3:])
        print(f"{way:32}{1e3 * median:10.1f}{median / base:8.2f}{taken[0]:9.2f}")


def peak(way: str) -> None:
    """Print by how much one way to compute raises the peak of this process, for 1000 timesteps."""
    x, y = np.zeros((16, 1000, 32), "float32"), np.zeros((16, 1000, 1), "float32")
    model = lstm(timesteps=1000)
    model.compile("adam", "mse")
    model.predict(x[:1], verbose=0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run = floor(model, x, y)
    if way != PEAKS[0]:
        run = partial(GradientEngine(model).compute, x, y, quantities=QUANTITIES[way])
    for _ in range(3):
        run()
    raised = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{way}: {raised / 1024:.0f} MiB")


def first(model: Any, way: str) -> None:
    """Print the seconds of a first call, which traces, in a process that has used TensorFlow."""
    x, y = np.zeros(BATCH, "float32"), np.zeros((*BATCH[:2], 1), "float32")
    keras.Sequential([keras.Input((2,)), layers.Dense(1)]).predict(x[0, :, :2], verbose=0)
    model.compile("adam", "mse")
    engine = GradientEngine(model)
    everything = tuple(word for word in engine.quantities(engine.layers[0]) if word != "reach")
    start = time.perf_counter()
    if way == "train_on_batch":
        model.train_on_batch(x, y)
    else:
        engine.compute(x, y, quantities=everything)
    print(time.perf_counter() - start)


def firsts(repeats: int) -> None:
    """Print medians of first calls, each in a process of its own."""
    for name in MODELS:
        for way in ("train_on_batch", "everything"):
            command = [sys.executable, __file__, "--first", f"{name}, {way}"]
            runs = [
                subprocess.run(command, check=True, capture_output=True, text=True)
                for _ in range(repeats)
            ]
            times = [float(run.stdout.splitlines()[-1]) for run in runs]
            print(
                f"first {way:15} of {name:28}: median {np.median(times):.2f} s "
                f"({min(times):.2f} to {max(times):.2f})",
                flush=True,
            )


MODELS = {"LSTM(256) x 2": lstm, "Bidirectional(GRU(256)) x 2": bidirectional_gru}
PEAKS = ("forward + backward of weights", "output + hidden")


def main() -> None:
    """Measure both models."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--peak", nargs="?", const="all", help="memory instead of time")
    parser.add_argument("--first", nargs="?", const="all", help="the first call, 5 processes each")
    arguments = parser.parse_args()
    repeats = arguments.repeats
    if arguments.first == "all":
        firsts(5)
        return
    if arguments.first:
        name, way = arguments.first.split(", ")
        first(MODELS[name](), way)
        return
    if arguments.peak in PEAKS:
        peak(arguments.peak)
        return
    if arguments.peak:  # each in a process of its own: a peak does not go down again
        for way in PEAKS:
            subprocess.run([sys.executable, __file__, "--peak", way], check=True)
        return
    print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}, {os.cpu_count()} CPUs")
    for name, make in MODELS.items():
        report(name, make(), repeats)


if __name__ == "__main__":
    main()
