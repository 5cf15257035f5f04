"""One of two workers that train a model together: ``python worker.py PORTS INDEX FOLDER``.

Each trains twice from the same weights, without callbacks and with them, and writes what it saw.
"""

from __future__ import annotations

import faulthandler
import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np

SEED = 3
QUANTITIES = ["output_gradient", "hidden_gradient", "weight_gradient"]
RANDOM = np.random.default_rng(SEED)
X = RANDOM.normal(size=(16, 5, 3)).astype(np.float32)
Y = RANDOM.normal(size=(16, 1)).astype(np.float32)
PROBE = X[:4], Y[:4]


def made() -> Any:
    """A model of Keras 2: Keras 3 does not train with this strategy."""
    import tf_keras  # noqa: PLC0415 - the test asks before whether it is there

    tf_keras.utils.set_random_seed(SEED)
    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [
            tf_keras.Input((5, 3)),
            layers.LSTM(4, kernel_regularizer="l2", dropout=0.2, name="lstm"),
            layers.Dense(1),
        ]
    )
    model.compile("adam", "mse")
    return model


class Shown:
    """A display that keeps what it is shown."""

    last_step = None

    def __init__(self) -> None:
        self.steps: list[int | None] = []

    def show(self, snapshot: Any, status: Any) -> None:
        """Take note of a snapshot, or of the end, and the step of it."""
        self.steps.append(None if snapshot is None else status.step)


def made_up(model: Any) -> Any:
    """A snapshot of nothing, at the step of the model."""
    from rnngrad_widgets import GradientSnapshot  # noqa: PLC0415 - as in `main`

    return GradientSnapshot({}, loss=1.0, step=int(model.optimizer.iterations.numpy()))


def main(ports: str, index: int, folder: Path) -> None:
    """Train as one of the workers."""
    faulthandler.dump_traceback_later(120, exit=True)
    workers = [f"127.0.0.1:{port}" for port in ports.split(",")]
    task = {"type": "worker", "index": index}
    os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": workers}, "task": task})
    import tensorflow as tf  # noqa: PLC0415 - reads TF_CONFIG

    from rnngrad_widgets import GradientRecorder, LiveGradients  # noqa: PLC0415

    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    data = data.with_options(options)
    seen: dict[str, Any] = {}
    shown = Shown()
    for name in ("plain", "recorded"):
        with strategy.scope():
            model = made()
        callbacks: list[Any] = []
        if name == "recorded":
            if index == 1:  # the chief has written by now, which is nothing to this worker
                strategy.gather(tf.zeros(1), axis=0)
            recorder = GradientRecorder(
                folder / "run",
                *PROBE,
                quantities=QUANTITIES,
                every=4,
                max_overhead=None,
                on_error="raise",
            )
            if index == 0:
                recorder.update(model, step=0)
                strategy.gather(tf.zeros(1), axis=0)
            live = LiveGradients(shown, made_up, every=4, max_overhead=None, on_error="raise")
            callbacks = [recorder, live]
            seen["first"] = model.get_weights()
        model.fit(data, epochs=2, callbacks=callbacks, verbose=0)
        seen[name] = model.get_weights()
    seen |= {"shown": shown.steps, "replicas": strategy.num_replicas_in_sync}
    (folder / f"{index}.pickle").write_bytes(pickle.dumps(seen))
    os._exit(0)  # not by way of TensorFlow's own end, which waits for the other worker


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
