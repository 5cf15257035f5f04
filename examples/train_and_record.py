"""Train a network on digits, pixel by pixel, and record its gradients: a script as for a cluster.

python train_and_record.py FOLDER
"""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"  # TensorFlow: warnings only

import keras
from sklearn.datasets import load_digits

from rnngrad_widgets import GradientRecorder

digits = load_digits()
x = (digits.images.reshape(-1, 64, 1) / 16).astype("float32")  # (samples, timesteps, channels)
y = digits.target

keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input((64, 1)),
        keras.layers.LSTM(32, return_sequences=True, name="lstm"),
        keras.layers.LSTM(32, name="lstm_1"),
        keras.layers.Dense(10),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(1e-3),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)

recorder = GradientRecorder(
    sys.argv[1],
    x[-16:],  # one batch, always the same, never trained on
    y[-16:],
    every=5,
    max_overhead=0.2,  # of the training time; a run of seconds can afford more than the usual 5 %
)
model.fit(x[:-300], y[:-300], batch_size=64, epochs=10, verbose=2, callbacks=[recorder])
