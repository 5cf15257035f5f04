"""What recordings cost, and whether they last: `python benchmarks/recording.py`.

Four parts, all in one run: megabytes a second beside ``np.save`` of the same arrays, the two in
turn; how long an explorer of a recording takes to open, and to have read all of it; writers that
are killed at random moments; and what `GradientRecorder` adds to ``fit``, in pairs of a run with
and one without. Nothing is measured against a limit here, numbers are printed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' kills are used as a library

import numpy as np

from rnngrad_widgets import (
    GradientExplorer,
    GradientRecorder,
    GradientSnapshot,
    GradientTensor,
)
from rnngrad_widgets.recording import RecordingWriter
from tests.unit.recording.kills import kill

if TYPE_CHECKING:
    from collections.abc import Callable

SHAPES = {"2 x 1.6 MB": (2, (32, 100, 128)), "2 x 13 MB": (2, (64, 100, 512))}
BATCH = (64, 100, 32)


def timed(what: Callable[[], object]) -> float:
    start = time.perf_counter()
    what()
    return time.perf_counter() - start


def speed(folder: Path, name: str, count: int, shape: tuple[int, ...], steps: int) -> None:
    """Write the same arrays both ways, step by step."""
    arrays = [np.random.default_rng(i).normal(size=shape).astype("float32") for i in range(count)]
    tensors = {
        (f"lstm_{i}", "output_gradient"): GradientTensor(
            array, ("sample", "timestep", "channel"), f"lstm_{i}", "output_gradient"
        )
        for i, array in enumerate(arrays)
    }
    writer = RecordingWriter(folder / name)

    def save(step: int) -> None:
        for i, array in enumerate(arrays):
            np.save(folder / f"{name} {i} {step}.npy", array)

    mine, theirs = [], []
    for step in range(steps + 3):
        theirs.append(timed(lambda step=step: save(step)))  # type: ignore[misc]
        mine.append(timed(lambda: writer.append(GradientSnapshot(tensors, loss=0.5))))
    size = sum(array.nbytes for array in arrays) / 1e6
    recorded, saved = median(mine[3:]), median(theirs[3:])
    print(
        f"{name}: recording {size / recorded:5.0f} MB/s ({recorded * 1e3:.1f} ms a step), "
        f"np.save {size / saved:5.0f} MB/s ({saved * 1e3:.1f} ms): {recorded / saved:.2f}x its time"
    )


def opening(folder: Path, name: str, shape: tuple[int, ...], steps: int) -> None:
    """Open a recording of many steps, or of long ones, and wait for all of it."""
    chance = np.random.default_rng(0)
    writer = RecordingWriter(folder / name)
    for _ in range(steps):
        tensor = GradientTensor(
            chance.normal(size=shape).astype("float32"),
            ("sample", "timestep", "channel"),
            "lstm",
            "output_gradient",
        )
        writer.append(GradientSnapshot({("lstm", "output_gradient"): tensor}, loss=0.5))
    writer.close()
    begin, cpu = time.perf_counter(), time.process_time()
    explorer = GradientExplorer.from_recording(folder / name)
    opened = time.perf_counter() - begin
    count = len(explorer.snapshots)
    whole = time.perf_counter() - begin
    print(
        f"an explorer of {steps} x {shape} opens in {opened:.1f} s, has all {count} snapshots "
        f"after {whole:.1f} s ({time.process_time() - cpu:.1f} s of CPU)",
        flush=True,
    )
    explorer.close()


def kills(folder: Path, count: int, store: str) -> None:
    """Kill writers; the check of every step fails if one is lost or damaged."""
    recordings = kill(folder, count, store=store)
    steps = sum(len(recording) for recording in recordings if recording is not None)
    unbegun = sum(1 for recording in recordings if recording is None or not len(recording))
    print(
        f"{count} kills ({store}): 0 completed steps lost; {steps} compared, {unbegun} before the "
        "first"
    )


class Seconds(NamedTuple):
    """By the clock on the wall, and of this process on all CPUs: a busy machine changes it less."""

    wall: float
    cpu: float


def fit(x: Any, y: Any, callbacks: list[Any]) -> Seconds:
    """Pass once over the data with a new model."""
    import keras  # noqa: PLC0415 - the other parts need no TensorFlow

    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input(BATCH[1:]),
            keras.layers.LSTM(128, return_sequences=True),
            keras.layers.Dense(1),
        ]
    )
    model.compile("adam", "mse")
    cpu = time.process_time()
    wall = timed(lambda: model.fit(x, y, batch_size=BATCH[0], verbose=0, callbacks=callbacks))
    return Seconds(wall, time.process_time() - cpu)


def overhead(folder: Path, pairs: int, steps: int) -> None:
    """Train with and without a recorder at its defaults, in turn."""
    x = np.random.default_rng(0).normal(size=(BATCH[0] * steps, *BATCH[1:])).astype("float32")
    y = x.sum(axis=-1, keepdims=True)
    probe = x[: BATCH[0]], y[: BATCH[0]]
    fit(x[: BATCH[0] * 10], y[: BATCH[0] * 10], [])
    added = []
    for pair in range(pairs):
        recorder = GradientRecorder(folder / f"fit {pair}", *probe)
        # Which of the two comes first changes, so that a machine that slows down favours neither.
        if pair % 2:
            with_ = fit(x, y, [recorder])
            without = fit(x, y, [])
        else:
            without = fit(x, y, [])
            with_ = fit(x, y, [recorder])
        added.append(Seconds(with_.wall / without.wall - 1, with_.cpu / without.cpu - 1))
        print(
            f"fit {without.wall:.2f} s, recorded {with_.wall:.2f} s: {added[-1].wall:+.1%} "
            f"({added[-1].cpu:+.1%} CPU); {recorder.status}",
            flush=True,
        )
    wall, cpu = (median(column) for column in zip(*added, strict=True))
    print(f"GradientRecorder adds {wall:+.1%} to fit ({cpu:+.1%} CPU), median of {pairs} pairs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=300, help="of each fit")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for label, (count, shape) in SHAPES.items():
            speed(folder, label, count, shape, 40)
        opening(folder, "many", (16, 100, 64), 600)
        opening(folder, "long", (4, 200_000, 16), 5)
        for store in ("full", "summary"):
            kills(folder / f"kills {store}", arguments.kills, store)
        if arguments.pairs:
            overhead(folder, arguments.pairs, arguments.steps)


if __name__ == "__main__":
    main()
