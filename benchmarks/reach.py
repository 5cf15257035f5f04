"""What a reach and a state curve cost: `python -m benchmarks.reach`.

Every row of the table is measured in one run, the ways to compute interleaved; times are medians,
and the ratio is to a compiled forward and backward pass of the weights of the whole batch. Memory
is by how much a first call raises the peak of a process of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.engine import floor, measure, print_table
from rnngrad_widgets.engine import GradientEngine

SAMPLES, TIMESTEPS, FEATURES = 16, 100, 8
LOSS_TIMESTEPS = {
    "all 100": 1,
    "every 10th": 10,
    "32 (default)": None,
    "the last 10": range(90, 100),
}


def model_of(units: int) -> Any:
    model = keras.Sequential(
        [
            keras.Input((TIMESTEPS, FEATURES)),
            keras.layers.LSTM(units, return_sequences=True),
            keras.layers.Dense(4),
        ]
    )
    model.compile("adam", "mse")
    return model


def batch() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(SAMPLES, TIMESTEPS, FEATURES)).astype("float32")
    return x, rng.normal(size=(SAMPLES, TIMESTEPS, 4)).astype("float32")


def silent(_done: int, _count: int) -> None:
    """Tell nobody how far it is."""


def report(units: int, repeats: int) -> None:
    """Print the table of one model."""
    model, (x, y) = model_of(units), batch()
    engine = GradientEngine(model)
    compute = partial(engine.compute, quantities="reach", progress=silent)
    ways = {"forward + backward of weights": floor(model, x, y)}
    for name, chosen in LOSS_TIMESTEPS.items():
        ways[f"reach of {name}"] = partial(compute, x, y, loss_timesteps=chosen)
    ways["reach of all 100, one sample"] = partial(compute, x[:1], y[:1], loss_timesteps=1)
    ways["state curve"] = partial(engine.state_curve, x, progress=silent)
    ways["state curve, 8 cotangents"] = partial(ways["state curve"], cotangents=8)
    times = measure(ways, repeats)
    print(f"\nLSTM({units}), batch {x.shape}, {repeats} interleaved repeats")
    print_table(times)
    command = [sys.executable, "-m", "benchmarks.reach", "--peak", str(units)]
    raised = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    print(f"{'peak of memory, all 100':32}{raised:>10} MiB")


def peak(units: int) -> None:
    """Print by how much a reach raises the peak of memory after a training step, in MiB."""
    model, (x, y) = model_of(units), batch()
    model.train_on_batch(x, y)
    before = highest_memory()
    GradientEngine(model).compute(x, y, quantities="reach", loss_timesteps=1, progress=silent)
    print(f"{highest_memory() - before:.0f}")


def highest_memory() -> float:
    """Return the peak of this process's memory, MiB; `getrusage` begins with that of its parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return float(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peak", type=int, metavar="UNITS")
    given = parser.parse_args()
    if given.peak:
        peak(given.peak)
    else:
        begun = time.monotonic()
        for size in (64, 256):
            report(size, given.repeats)
        print(f"\n{time.monotonic() - begun:.0f} s")
