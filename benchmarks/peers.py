"""Other ways to the same, beside this package: `python benchmarks/peers.py` (`make bench`).

The total gradient of the loss by the hidden state of every timestep, of an LSTM with a Dense head:
this engine, a GradientTape over a loop by hand (eager and compiled), and torch with a gradient kept
for every state; each in a process of its own, whose peak memory is told, and how time grows with
timesteps, units and samples. Then a recording beside np.save, h5py and TensorBoard's writer. What
is not installed is left out and said.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Batch = tuple[NDArray[np.float32], NDArray[np.float32]]
    Way = Callable[[], NDArray[np.float32]]

FEATURES = 8
SECONDS_EACH = 150
"""For one size of one way, the first call included; then it is stopped."""


class Size(NamedTuple):
    """Of a network and its batch."""

    timesteps: int = 100
    units: int = 64
    samples: int = 16


GROWTH = {
    "timesteps": [Size(timesteps=each) for each in (100, 1_000, 10_000)],
    "units": [Size(units=each) for each in (64, 256, 1024)],
    "samples": [Size(samples=each) for each in (1, 16, 256)],
}


class Result(NamedTuple):
    """Of one way and one size: seconds of a call, of the first one, and megabytes."""

    seconds: float
    first: float
    megabytes: float


# -- ways to the gradient by every hidden state, (samples, timesteps, units) -----------------------


def batch_of(size: Size) -> Batch:
    """Noise, with a target for each sample."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((size.samples, size.timesteps, FEATURES), dtype="float32")
    return x, rng.standard_normal((size.samples, 1), dtype="float32")


def keras_model(size: Size) -> Any:
    """Return an LSTM with a Dense head."""
    import keras

    keras.utils.set_random_seed(0)
    layers = [keras.layers.LSTM(size.units, name="lstm"), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((size.timesteps, FEATURES)), *layers])
    model.compile("sgd", "mse")
    return model


def this_engine(size: Size) -> Way:
    """Return how `GradientEngine` computes it."""
    from rnngrad_widgets import GradientEngine

    x, y = batch_of(size)
    engine = GradientEngine(keras_model(size))
    return lambda: engine.compute(x, y, "lstm", "hidden_gradient")["lstm", "hidden_gradient"].values


def tape_by_hand(size: Size, *, compiled: bool) -> Way:
    """Return a loop over the cell, each state watched."""
    import tensorflow as tf

    lstm, dense = keras_model(size).layers
    x, y = map(tf.constant, batch_of(size))

    def compute() -> Any:
        state = [tf.zeros((size.samples, size.units))] * 2
        seen = []
        with tf.GradientTape() as tape:
            for t in range(size.timesteps):
                hidden, state = lstm.cell(x[:, t], state)
                tape.watch(hidden)
                seen.append(hidden)
                state = [hidden, state[1]]
            loss = tf.reduce_mean((dense(hidden) - y) ** 2)
        return tf.stack(tape.gradient(loss, seen), axis=1)

    run = tf.function(compute) if compiled else compute
    return lambda: run().numpy()


def torch_states(size: Size) -> Way:
    """Return a loop over torch's cell, the gradient kept of each state."""
    import torch

    torch.manual_seed(0)
    cell, dense = torch.nn.LSTMCell(FEATURES, size.units), torch.nn.Linear(size.units, 1)
    x, y = map(torch.from_numpy, batch_of(size))

    def compute() -> Any:
        hidden = memory = torch.zeros(size.samples, size.units)
        seen = []
        for t in range(size.timesteps):
            hidden, memory = cell(x[:, t], (hidden, memory))
            hidden.retain_grad()
            seen.append(hidden)
        ((dense(hidden) - y) ** 2).mean().backward()
        return torch.stack([each.grad for each in seen], dim=1).numpy()

    return compute


WAYS: dict[str, Callable[[Size], Way]] = {
    "this engine": this_engine,
    "tape by hand, eager": lambda size: tape_by_hand(size, compiled=False),
    "tape by hand, compiled": lambda size: tape_by_hand(size, compiled=True),
    "torch, states kept": torch_states,
}


def measure_here(way: str, size: Size, repeats: int) -> Result:
    """Measure in this process."""
    start = time.perf_counter()
    compute = WAYS[way](size)
    shape = compute().shape
    assert shape == (size.samples, size.timesteps, size.units), shape
    first = time.perf_counter() - start
    taken: list[float] = []
    while len(taken) < repeats and sum(taken) < SECONDS_EACH / 3:
        start = time.perf_counter()
        compute()
        taken.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Result(median(taken), first, peak)


@cache  # one size is on every axis
def measure(way: str, size: Size, repeats: int) -> Result | None:
    """Measure in a process of its own; None where that takes too long."""
    arguments = ["--way", way, "--size", *map(str, size), "--repeats", str(repeats)]
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run(
            [sys.executable, __file__, *arguments],
            capture_output=True,
            text=True,
            timeout=SECONDS_EACH,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{way}, {size}:\n{done.stderr[-2000:]}")
        return Result(*json.loads(done.stdout.splitlines()[-1]))
    return None


def report_gradients(repeats: int) -> None:
    """Print a table for each way to grow."""
    ways = [way for way in WAYS if find_spec("torch") or not way.startswith("torch")]
    if len(ways) < len(WAYS):
        print("torch is not installed: its rows are left out\n")
    for axis, sizes in GROWTH.items():
        print(f"| {axis}: ms of a call (peak MB) | {cells(getattr(s, axis) for s in sizes)} | ~ |")
        print("|---|" + "---|" * (len(sizes) + 1))
        for way in ways:
            results = [measure(way, size, repeats) for size in sizes]
            known = [
                (getattr(size, axis), result.seconds)
                for size, result in zip(sizes, results, strict=True)
                if result is not None
            ]
            power = f"{axis}^{exponent(known):.2f}" if len(known) > 1 else ""
            print(f"| {way} | {cells(map(told, results))} | {power} |", flush=True)
        print()


def exponent(known: list[tuple[int, float]]) -> float:
    """Fit the power of the size that the time grows with."""
    sizes, seconds = np.log(np.array(known)).T
    return float(np.polyfit(sizes, seconds, 1)[0])


def told(result: Result | None) -> str:
    """Say a result in a cell of a table."""
    if result is None:
        return f"over {SECONDS_EACH} s"
    return f"{1000 * result.seconds:,.1f} ({result.megabytes:,.0f})"


def cells(words: Any) -> str:
    """Join the cells of a row."""
    return " | ".join(map(str, words))


# -- recordings ------------------------------------------------------------------------------------


def writers(folder: Path, steps: int, array: NDArray[np.float32]) -> Iterator[tuple[str, Any]]:
    """Yield each way to write the same array at every step."""
    from rnngrad_widgets import GradientSnapshot, GradientTensor
    from rnngrad_widgets.recording import RecordingWriter

    writer = RecordingWriter(folder / "recording")
    dims = ("sample", "timestep", "channel")

    def record(step: int) -> None:
        tensor = GradientTensor(array, dims, "lstm", "hidden_gradient", step=step)
        writer.append(GradientSnapshot({("lstm", "hidden_gradient"): tensor}, step=step))

    yield "this package's recording", record
    (folder / "npy").mkdir()
    yield "np.save", lambda step: np.save(folder / "npy" / f"{step}.npy", array)
    if find_spec("h5py"):
        import h5py

        with h5py.File(folder / "h5py.h5", "w") as file:
            stored = file.create_dataset("g", (steps, *array.shape), "f4", chunks=(1, *array.shape))

            def put(step: int) -> None:
                stored[step] = array
                file.flush()

            yield "h5py", put
    import tensorflow as tf

    events = tf.summary.create_file_writer(str(folder / "events"))

    def histogram(step: int) -> None:
        with events.as_default(step):
            tf.summary.histogram("g", array)
        events.flush()

    yield "TensorBoard's histogram (no array)", histogram


def report_recordings(steps: int) -> None:
    """Print how long a step takes to write, and its bytes."""
    array = np.random.default_rng(0).standard_normal((16, 100, 512), dtype="float32")
    print("| a step of 3.3 MB | ms | MB on disk |")
    print("|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        before = 0
        for way, write in writers(folder, steps, array):
            taken = []
            for step in range(steps):
                start = time.perf_counter()
                write(step)
                taken.append(time.perf_counter() - start)
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            each = (size - before) / steps / 1e6
            before = size
            print(f"| {way} | {1000 * median(taken):.1f} | {each:.2f} |", flush=True)


def main() -> None:
    """Print all tables, or measure one way and size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--steps", type=int, default=40, help="of a recording")
    parser.add_argument("--way", choices=WAYS, help="measure this one alone, in this process")
    parser.add_argument("--size", type=int, nargs=3, default=Size())
    options = parser.parse_args()
    if options.way:
        print(json.dumps(measure_here(options.way, Size(*options.size), options.repeats)))
        return
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}\n")
    report_gradients(options.repeats)
    report_recordings(options.steps)


if __name__ == "__main__":
    main()
