"""What every front end shows: a small network, whose title Python keeps as the sample."""

from __future__ import annotations

import os

import keras
import numpy as np

from rnngrad_widgets import GradientExplorer

TIMESTEPS, CHANNELS = 20, 6


def make_explorer() -> GradientExplorer:
    """Return an explorer that tells the sample in its title, and trains at the last channel."""
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    x = generator.standard_normal((4, TIMESTEPS, 3)).astype("float32")
    y = generator.standard_normal((4, 1)).astype("float32")
    model = keras.Sequential(
        [
            keras.Input((TIMESTEPS, 3)),
            keras.layers.LSTM(CHANNELS, return_sequences=True),
            keras.layers.LSTM(CHANNELS),
            keras.layers.Dense(1),
        ]
    )
    model.compile("adam", "mse")
    explorer = GradientExplorer(model, x, y, title="sample 0")

    def tell(change: dict[str, int]) -> None:
        explorer.title = f"sample {change['new']}"

    def train(change: dict[str, int]) -> None:
        if change["new"] == CHANNELS - 1:
            callbacks = [explorer.live(every=1, max_overhead=None)]
            model.fit(x, y, epochs=3, batch_size=4, verbose=0, callbacks=callbacks)

    explorer.observe(tell, "sample")
    explorer.observe(train, "channel")
    return explorer


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
