"""Train the networks of 256 units of `gallery.ipynb`: `python train_gallery.py`.

As long as the answer that the gallery shows trained them: 200 to 400 iterations, ten minutes on two
cores. What the notebook draws of them is written to `gallery.npz`, rounded to six significant bits,
of which no picture shows the difference: the upper half of each float32, its two bytes apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
from keras.layers import GRU, LSTM, Bidirectional, SimpleRNN

from rnngrad_widgets import get_rnn_gradients

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

UNITS = 256


def make_model(
    rnn: type[keras.Layer], wrapper: Callable[[keras.Layer], keras.Layer] = lambda layer: layer
) -> keras.Model:
    """Two recurrent layers; the second one returns the last timestep only."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(batch_shape=(16, 100, 2 * UNITS))
    outputs = rnn(UNITS)(wrapper(rnn(UNITS, return_sequences=True))(inputs))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(4e-3), "mse")
    return model


def make_data(rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Random x, and random y in [-1, 1)."""
    x = rng.standard_normal((16, 100, 2 * UNITS), dtype="float32")
    return x, rng.uniform(-1, 1, (16, UNITS)).astype("float32")


def train(model: keras.Model, until: int, data: np.random.Generator, start: int = 0) -> None:
    """Train for a number of batches, with a new one every 40 iterations."""
    x, y = make_data(data)
    for i in range(start, until):
        if i % 40 == 0 and i > start:
            x, y = make_data(data)
        model.train_on_batch(x, y)


def upper_half(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the upper two bytes of each float32, rounded to six bits: (2, *shape)."""
    bits = np.ascontiguousarray(values, "<f4").view("<u4")
    rounded = (bits + (1 << 17)) >> 18 << 2
    return np.stack([rounded >> 8, rounded & 0xFF]).astype("uint8")


def main() -> None:
    """Train four networks and write what the gallery draws."""
    looked_at = make_data(np.random.default_rng(1))  # never trained on
    found: dict[str, NDArray[np.float32]] = {}
    for name, rnn in (("lstm", LSTM), ("gru", GRU), ("simple", SimpleRNN)):
        model, data = make_model(rnn), np.random.default_rng(0)
        train(model, 200, data)
        if name == "lstm":
            grads = get_rnn_gradients(model, *looked_at, layer_idx=1)
            found["lstm_200_sample_0"], found["lstm_200_channel_0"] = grads[0], grads[:, :, 0]
        train(model, 250, data, start=200)
        found[name] = get_rnn_gradients(model, *looked_at, layer_idx=1)
        print(name, flush=True)
    model = make_model(GRU, Bidirectional)
    train(model, 400, np.random.default_rng(0))
    found["both_ways_sample_0"] = get_rnn_gradients(model, *looked_at, layer_idx=1)[0]
    for i, weights in enumerate(model.layers[1].get_weights()):
        found[f"both_ways_weights_{i}"] = weights
    stored = {name: upper_half(values) for name, values in found.items()}
    np.savez_compressed(Path(__file__).with_name("gallery.npz"), **stored)


if __name__ == "__main__":
    main()
