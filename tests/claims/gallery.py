"""What the sentences of examples/gallery.ipynb say of its pictures, in numbers.

Run in the notebook's kernel after its last cell; the names are those of the notebook.
"""

import numpy as np

from __main__ import (
    flows,
    grads_20,
    grads_200,
    grads_256,
    grads_gap,
    grads_gru,
    grads_last,
    grads_simple,
    gru_both_ways,
    load,
    lstm,
    x,
    y,
)
from rnngrad_widgets import GradientEngine

WIDE, NARROW = 0.01, 0.0001  # the ranges of colours
SEEN = 0.03  # of a range of colours: less looks white


def leaves_zero(grads, least):
    """The first timestep with a larger magnitude in any channel."""
    return np.argmax(np.max(np.abs(grads), axis=-1) > least, axis=-1)


def pixel(grads):
    """Height of a pixel in a panel of curves, about."""
    return 0.01 * np.max(np.abs(grads))


# EX 1
assert 70 <= leaves_zero(grads_20[0], pixel(grads_20[0])) < 85
assert np.all(np.argmax(np.abs(grads_20[0]), axis=0) >= 96)
assert leaves_zero(grads_20[0], SEEN * 3e-3) >= 70

# EX 2
at_20 = leaves_zero(grads_20, pixel(grads_20))
assert np.min(at_20) >= 60
assert np.argmin(at_20) == 5
assert 1.5 < WIDE / np.max(np.abs(grads_20)) < 2.2

# EX 3
at_200 = leaves_zero(grads_200, pixel(grads_200))
assert np.sum(at_200 < at_20) >= 12
assert 55 <= np.median(at_200) <= 65
assert 70 <= np.median(at_20) <= 80
assert np.min(at_200) >= 25
assert np.mean(np.abs(grads_200) > SEEN * WIDE) > 1.5 * np.mean(np.abs(grads_20) > SEEN * WIDE)
coloured_20, coloured_200 = (leaves_zero(g, SEEN * WIDE) for g in (grads_20, grads_200))
assert np.max(coloured_200[[1, 2, 8]]) < np.min(coloured_20)
assert np.argmin(np.linalg.norm(grads_200, axis=(1, 2))) == 12

# EX 4
one, channel_0 = load("lstm_200_sample_0"), load("lstm_200_channel_0")
assert 60 <= leaves_zero(one[:, :24], pixel(one)) <= 65
assert 55 <= leaves_zero(one, SEEN * NARROW) <= 65
assert 1 / 3 < np.mean(np.abs(one[-1]) > NARROW) < 1 / 2
assert 6 <= np.sum(channel_0[:, -1] > 0) <= 10

# EX 5
for half in np.split(load("both_ways_sample_0"), 2, axis=-1):
    assert leaves_zero(half, SEEN * NARROW) == 0
    norms = np.linalg.norm(half, axis=-1)
    assert np.argmax(norms) >= 97
    assert 0.03 < np.median(norms[:90]) / np.mean(norms[-5:]) < 0.2

# EX 6
assert grads_last.shape == (16, 6)
assert 0 < np.sum(grads_last[:, 0] > 0) < 16

# LSTM against GRU against SimpleRNN
backs = [leaves_zero(g, SEEN * NARROW) for g in (grads_256, grads_gru, grads_simple)]
assert 65 <= np.median(backs[0]) <= 75
assert 45 <= np.min(backs[0]) <= 55
assert abs(np.median(backs[1]) - np.median(backs[0])) <= 3
assert np.min(backs[2]) >= 80
beyond = [np.mean(np.abs(g) > NARROW) for g in (grads_256, grads_gru, grads_simple)]
assert beyond[2] > 1.5 * max(beyond[:2])
assert 0.6 < np.mean(np.abs(grads_simple[:, -1]) > NARROW) < 0.75
falls = np.median(flows[:, -1] - flows[:, 0], axis=0)
assert np.all(np.round(falls[:2]) >= 6)
assert np.all(falls[:2] < 7)
assert np.round(falls[2]) == 14
assert np.min(flows) > -20  # within the y axis

# Weights
biases = np.split(lstm.layers[1].get_weights()[2], 4)
assert np.min(biases[1]) > 0.5
assert np.max(np.abs(np.delete(biases, 1, axis=0))) < 0.5
kernel, recurrent, bias, *_ = gru_both_ways.layers[1].get_weights()
widths = [np.std(gate) for gate in np.split(np.vstack([kernel, recurrent, bias]), 3, axis=-1)]
assert max(widths) < 1.3 * min(widths)
assert 0.3 < np.max(np.abs(bias)) / max(np.max(np.abs(kernel)), np.max(np.abs(recurrent))) < 1
snapshot = GradientEngine(lstm).compute(x, y, layers=1, quantities="weight_gradient")
stacked = np.vstack([snapshot[key].values for key in snapshot])
spreads = [np.std(gate) for gate in np.split(stacked, 4, axis=-1)]
assert spreads[2] > 2 * max(np.delete(spreads, 2))

# Histogram
magnitudes = np.abs(grads_200)
assert np.min(magnitudes) > 0
assert 8.5 < np.log10(np.max(magnitudes) / np.min(magnitudes)) < 9.5
assert np.median(magnitudes) < 1e-5

# NaN
assert np.sum(np.isnan(grads_gap)) == 600
assert np.all(np.isnan(grads_gap[5]))
np.testing.assert_allclose(np.delete(grads_gap, 5, axis=0), np.delete(grads_200, 5, axis=0))
