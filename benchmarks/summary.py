"""What summaries cost, and what comparing many of them does: `python benchmarks/summary.py`.

Three parts: megabytes and files of 10,000 steps; the share of ``fit`` that writing them takes,
beyond what the engine computes; and how long `compare` takes to open a folder of recordings, as
they lie on the disk, and where each request takes a while, as over a network. Nothing is measured
against a limit here, numbers are printed.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from rnngrad_widgets import GradientRecorder, GradientSnapshot, GradientTensor, compare
from rnngrad_widgets.recording import RecordingWriter, folders
from rnngrad_widgets.recording.store import Files

SHAPE = (16, 100, 512)
BOTH = ("hidden_gradient", "output_gradient")
LATENCY = 0.02
"""Seconds that each request takes in the third part."""


def snapshot(quantities: tuple[str, ...], shape: tuple[int, ...], rate: float, seed: int) -> Any:
    """Return gradients that fall so, of a loss that reads the last output only."""
    values = {"output_gradient": np.zeros(shape, "float32")}
    values["output_gradient"][:, -1] = 1
    noise = np.random.default_rng(seed).standard_normal(shape, "float32")
    lags = np.arange(shape[1], dtype="float32")[::-1]
    values["hidden_gradient"] = noise * (rate**lags)[None, :, None].astype("float32")
    dims = ("sample", "timestep", "channel")
    return GradientSnapshot(
        {("lstm", name): GradientTensor(values[name], dims, "lstm", name) for name in quantities},
        loss=0.5,
    )


def size(folder: Path, steps: int) -> None:
    """Write a summary of one gradient; the arrays would take steps times 3.3 MB."""
    first = snapshot(BOTH[:1], SHAPE, 0.9, 0)
    writer = RecordingWriter(folder, store="summary")
    taken = []
    for _ in range(steps):
        start = time.perf_counter()
        writer.append(first)
        taken.append(time.perf_counter() - start)
    writer.close()
    files = [file for file in folder.rglob("*") if file.is_file()]
    bytes_ = sum(file.stat().st_size for file in files)
    whole = steps * first["lstm", "hidden_gradient"].values.nbytes
    print(
        f"{steps} steps of {SHAPE}: {bytes_ / 1e6:.1f} MB in {len(files)} files, of "
        f"{whole / 1e9:.1f} GB; {median(taken) * 1e3:.1f} ms a step, the last hundred "
        f"{median(taken[-100:]) * 1e3:.1f} ms",
        flush=True,
    )


class _Timed(GradientRecorder):
    """Measures the writing apart."""

    written = written_cpu = 0.0

    def on_snapshot(self, *arguments: Any) -> None:
        start, cpu = time.perf_counter(), time.process_time()
        super().on_snapshot(*arguments)
        self.written += time.perf_counter() - start
        self.written_cpu += time.process_time() - cpu


def share(folder: Path, units: int, batch: int, steps: int, quantities: tuple[str, ...]) -> None:
    """Train and record every tenth step, whatever it costs."""
    import keras  # noqa: PLC0415 - the other parts need no TensorFlow

    x = np.random.default_rng(0).standard_normal((batch * steps, 100, 32), "float32")
    y = x[:, -1:, 0]
    model = keras.Sequential(
        [keras.Input((100, 32)), keras.layers.LSTM(units), keras.layers.Dense(1)]
    )
    model.compile("adam", "mse")
    model.fit(x[: batch * 3], y[: batch * 3], batch_size=batch, verbose=0)
    for store in ("summary", "full"):
        recorder = _Timed(
            folder / f"{store} {units} {len(quantities)}",
            x[:16],
            y[:16],
            quantities=list(quantities),
            max_overhead=None,
            store=store,
        )
        start, cpu = time.perf_counter(), time.process_time()
        model.fit(x, y, batch_size=batch, verbose=0, callbacks=[recorder])
        fit, fit_cpu = time.perf_counter() - start, time.process_time() - cpu
        count = recorder.status.taken
        print(
            f"LSTM({units}), batches of {batch}: fit {fit:.1f} s; {count} snapshots of "
            f"{len(quantities)} quantities are written ({store}) in {recorder.written:.2f} s, "
            f"{recorder.written / fit:.2%} ({recorder.written / count * 1e3:.1f} ms each); "
            f"{recorder.written_cpu / fit_cpu:.2%} of the CPU time",
            flush=True,
        )


def sweep(folder: Path, count: int, steps: int) -> None:
    """Write recordings: four that differ, the others are copies of them."""
    for place in range(4):
        writer = RecordingWriter(folder / f"run-{place}", store="summary", info={"batch": "b"})
        for step in range(steps):
            writer.append(snapshot(BOTH, (16, 100, 32), 0.8 + 0.04 * place, step))
        writer.close()
    for place in range(4, count):
        shutil.copytree(folder / f"run-{place % 4}", folder / f"run-{place}")


def peak() -> float:
    """Return the most memory that this process has had, in MiB; ru_maxrss is its parent's too."""
    (line,) = re.findall(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    return int(line) / 1024


def opening(folder: Path, at_once: int, latency: float) -> None:
    """Open the folder, in a process of its own for its memory."""
    folders.AT_ONCE = at_once
    if latency:
        read = Files.read_all

        def slowly(files: Files, limits: Mapping[str, int]) -> dict[str, bytes | None]:
            time.sleep(latency)
            return read(files, limits)

        Files.read_all = slowly  # type: ignore[method-assign]
    before = peak()
    start = time.perf_counter()
    count = len(compare(folder).table)
    taken = time.perf_counter() - start
    print(
        f"compare of {count} recordings, {at_once} at once, {latency * 1e3:.0f} ms a request: "
        f"{taken:.1f} s, {peak():.0f} MiB ({before:.0f} before)",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--fit", type=int, default=200, help="steps of each fit; 0 for none")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--open", nargs=3, help="what a process of the third part does")
    arguments = parser.parse_args()
    if arguments.open:
        where, at_once, latency = arguments.open
        opening(Path(where), int(at_once), float(latency))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size(folder / "size", arguments.steps)
        if arguments.fit:
            share(folder, 256, 32, arguments.fit, BOTH[:1])
            share(folder, 256, 32, arguments.fit, BOTH)
            share(folder, 512, 64, arguments.fit // 2, BOTH)
        sweep(folder / "sweep", arguments.runs, 500)
        for at_once, latency in ((16, 0.0), (1, 0.0), (16, LATENCY), (1, LATENCY)):
            own = [
                sys.executable,
                __file__,
                "--open",
                str(folder / "sweep"),
                str(at_once),
                str(latency),
            ]
            subprocess.run(own, check=True)


if __name__ == "__main__":
    main()
