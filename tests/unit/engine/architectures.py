"""Small re-creations of published architectures: each line of `ARCHITECTURES` is one case.

A builder returns a compiled model, a batch (x, y), and the paths of its recurrent layers in the
order in which the engine lists them.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

B, T, F, V = 2, 4, 3, 7  # samples, timesteps, features, size of a vocabulary
RNG = np.random.default_rng(12)
FIRST = RNG.bit_generator.state
Made = tuple[Any, Any, Any, list[str]]


def series(*shape: int) -> np.ndarray:
    return RNG.normal(size=(B, *shape))


def tokens(*shape: int, lowest: int = 0) -> np.ndarray:
    return RNG.integers(lowest, V, size=(B, *shape))


def compiled(model: Any, loss: Any = "mse", **settings: Any) -> Any:
    model.compile("sgd", loss, **settings)
    return model


def addition_rnn() -> Made:
    stack = [
        keras.Input((T, V)),
        layers.LSTM(4, name="encoder"),
        layers.RepeatVector(3),
        layers.LSTM(4, return_sequences=True, name="decoder"),
        layers.Dense(V, activation="softmax"),
    ]
    model = compiled(keras.Sequential(stack), "categorical_crossentropy")
    return model, series(T, V), np.eye(V)[tokens(3)], ["encoder", "decoder"]


def sequence_to_sequence() -> Made:
    source, target = keras.Input((T, V)), keras.Input((3, V))
    _, *states = layers.LSTM(4, return_state=True, name="encoder")(source)
    decoder = layers.LSTM(4, return_sequences=True, return_state=True, name="decoder")
    decoded, *_ = decoder(target, initial_state=states)
    model = keras.Model([source, target], layers.Dense(V, activation="softmax")(decoded))
    compiled(model, "sparse_categorical_crossentropy")
    return model, [series(T, V), series(3, V)], tokens(3), ["encoder", "decoder"]


def bidirectional_lstm_sentiment() -> Made:
    stack = [
        keras.Input((T,), dtype="int32"),
        layers.Embedding(V, F, mask_zero=True),
        layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="one"),
        layers.Bidirectional(layers.LSTM(2), name="two"),
        layers.Dense(1, activation="sigmoid"),
    ]
    x = np.array([[3, 2, 5, 0], [1, 0, 0, 0]])
    model = compiled(keras.Sequential(stack), "binary_crossentropy")
    return model, x, np.array([[1.0], [0.0]]), ["one", "two"]


def next_frame() -> Made:
    stack = [
        keras.Input((T, 3, 3, 1)),
        layers.ConvLSTM2D(2, 2, padding="same", return_sequences=True, name="one"),
        layers.BatchNormalization(),
        layers.ConvLSTM2D(2, 1, return_sequences=True, name="two"),
        layers.Conv3D(1, 2, padding="same", activation="sigmoid"),
    ]
    model = compiled(keras.Sequential(stack), "binary_crossentropy")
    return model, series(T, 3, 3, 1), RNG.uniform(size=(B, T, 3, 3, 1)), ["one", "two"]


def heartbeats() -> Made:
    stack = [
        keras.Input((T, 4, 2)),
        layers.ConvLSTM1D(2, 3, padding="same", dropout=0.1, name="rnn"),
        layers.Flatten(),
        layers.Dense(1, activation="sigmoid"),
    ]
    y = np.array([[1.0], [0.0]])
    return compiled(keras.Sequential(stack), "binary_crossentropy"), series(T, 4, 2), y, ["rnn"]


class GraphThenTime(layers.Layer):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.project = layers.Dense(2)
        self.lstm = layers.LSTM(3)

    def call(self, x: Any) -> Any:
        nodes = ops.shape(x)[2]
        mixed = ops.matmul(ops.ones((3, 3)) / 3.0, self.project(x))
        flat = ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (-1, T, 2))
        return ops.reshape(self.lstm(flat), (-1, nodes, 3))


def traffic_forecast() -> Made:
    inputs = keras.Input((T, 3, 1))
    model = keras.Model(inputs, layers.Dense(1)(GraphThenTime(name="graph")(inputs)))
    return compiled(model), series(T, 3, 1) + 1.0, series(3, 1), ["graph/lstm"]


def speech_with_ctc() -> Made:
    stack = [
        keras.Input((8, F)),
        layers.Conv1D(4, 3, padding="same"),
        layers.BatchNormalization(),
        layers.Bidirectional(layers.GRU(3, return_sequences=True), merge_mode="sum", name="rnn"),
        layers.Dense(V),
    ]
    model = compiled(keras.Sequential(stack), keras.losses.CTC())
    return model, series(8, F), tokens(2, lowest=1), ["rnn"]


def video_with_masks() -> Made:
    features, mask = keras.Input((T, F)), keras.Input((T,), dtype="bool")
    hidden = layers.GRU(4, return_sequences=True, name="one")(features, mask=mask)
    hidden = layers.GRU(2, name="two")(hidden)
    model = keras.Model([features, mask], layers.Dense(V, activation="softmax")(hidden))
    compiled(model, "sparse_categorical_crossentropy")
    given = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], bool)
    return model, [series(T, F), given], tokens(), ["one", "two"]


def attention_translation() -> Made:
    source, target = keras.Input((T,), dtype="int32"), keras.Input((3,), dtype="int32")
    encoded = layers.Bidirectional(layers.GRU(2, return_sequences=True), name="encoder")(
        layers.Embedding(V, F, mask_zero=True)(source)
    )
    decoder = layers.GRU(4, return_sequences=True, name="decoder")
    decoded = decoder(layers.Embedding(V, F, mask_zero=True)(target))
    context = layers.AdditiveAttention()([decoded, encoded])
    logits = layers.Dense(V)(layers.Concatenate()([decoded, context]))
    model = keras.Model([source, target], logits)
    compiled(model, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = [np.array([[1, 2, 0, 0], [3, 4, 5, 6]]), np.array([[1, 2, 0], [3, 0, 0]])]
    return model, x, tokens(3), ["decoder", "encoder"]


def hierarchical_attention() -> Made:
    words = keras.Input((3, F))
    hidden = layers.Bidirectional(layers.GRU(2, return_sequences=True), name="words")(words)
    weights = layers.Softmax(axis=1)(layers.Dense(1)(hidden))
    sentence = keras.Model(words, layers.Dot(axes=1)([weights, hidden]), name="sentence")
    inputs = keras.Input((2, 3, F))
    hidden = layers.TimeDistributed(sentence, name="td")(inputs)
    hidden = layers.Reshape((2, 4))(hidden)
    hidden = layers.GRU(3, name="sentences")(hidden)
    model = compiled(keras.Model(inputs, layers.Dense(1)(hidden)))
    return model, series(2, 3, F), series(1), ["td/layer/words", "sentences"]


class FeedBack(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.cell = layers.LSTMCell(3)
        self.warm_up = layers.RNN(self.cell, return_state=True)
        self.head = layers.Dense(F)

    def call(self, x: Any) -> Any:
        hidden, *states = self.warm_up(x)
        predictions = [self.head(hidden)]
        for _ in range(2):
            hidden, states = self.cell(predictions[-1], states)
            predictions.append(self.head(hidden))
        return ops.stack(predictions, axis=1)


def autoregressive_feedback() -> Made:
    return compiled(FeedBack()), series(T, F), series(3, F), ["warm_up"]


class Gate(layers.Layer):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.value, self.open = layers.Dense(units), layers.Dense(units, activation="sigmoid")
        self.norm = layers.LayerNormalization()

    def call(self, x: Any, skipped: Any) -> Any:
        return self.norm(skipped + self.value(x) * self.open(x))


def temporal_fusion() -> Made:
    past, known = keras.Input((T, F), name="past"), keras.Input((2, F), name="known")
    encoder = layers.LSTM(4, return_sequences=True, return_state=True, name="past_rnn")
    encoded, *states = encoder(past)
    decoder = layers.LSTM(4, return_sequences=True, name="known_rnn")
    whole = layers.Concatenate(axis=1)([encoded, decoder(known, initial_state=states)])
    skipped = layers.Concatenate(axis=1)([layers.Dense(4)(past), layers.Dense(4)(known)])
    gated = Gate(4)(whole, skipped)
    attended = layers.MultiHeadAttention(2, 2)(gated, gated, use_causal_mask=True)
    output = layers.Dense(3)(Gate(4)(attended, gated))
    model = keras.Model({"past": past, "known": known}, output[:, T:])
    x = {"past": series(T, F), "known": series(2, F)}
    return compiled(model, "mae"), x, series(2, 3), ["past_rnn", "known_rnn"]


class Divergence(layers.Layer):
    def call(self, mean: Any, log_variance: Any) -> Any:
        self.add_loss(0.5 * ops.mean(ops.exp(log_variance) + mean**2 - 1.0 - log_variance))
        return mean


def variational_autoencoder() -> Made:
    inputs = keras.Input((T, F))
    hidden = layers.LSTM(4, name="encoder")(inputs)
    latent = Divergence()(layers.Dense(2)(hidden), layers.Dense(2)(hidden))
    hidden = layers.LSTM(4, return_sequences=True, name="decoder")(layers.RepeatVector(T)(latent))
    x = series(T, F)
    return compiled(keras.Model(inputs, layers.Dense(F)(hidden))), x, x, ["encoder", "decoder"]


def stateful_characters() -> Made:
    stack = [
        keras.Input(batch_shape=(B, T), dtype="int32"),
        layers.Embedding(V, F),
        layers.GRU(4, stateful=True, return_sequences=True, name="rnn"),
        layers.Dense(V),
    ]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = compiled(keras.Sequential(stack), loss)
    model.predict(tokens(T), verbose=0)  # the state is no longer zero
    return model, tokens(T), tokens(T), ["rnn"]


def residual_stack() -> Made:
    inputs = hidden = keras.Input((T, 4))
    for i in range(3):
        more = layers.GRU(4, return_sequences=True, name=f"gru_{i}")(hidden)
        hidden = layers.LayerNormalization()(hidden + layers.Dropout(0.1)(more))
    pooled = layers.GlobalAveragePooling1D()(hidden)
    model = keras.Model(inputs, layers.Dense(1, kernel_regularizer="l2")(pooled))
    return compiled(model, "huber"), series(T, 4), series(1), ["gru_0", "gru_1", "gru_2"]


def several_heads() -> Made:
    inputs, static = keras.Input((T, F), name="series"), keras.Input((2,), name="static")
    hidden = layers.GRU(4, return_sequences=True, name="rnn")(inputs)
    last = layers.Concatenate()([hidden[:, -1], static])
    heads = {
        "next": layers.Dense(1, name="next")(last),
        "each": layers.Dense(1, name="each")(hidden),
    }
    model = keras.Model({"series": inputs, "static": static}, heads)
    compiled(model, {"next": "mse", "each": "mae"}, loss_weights={"next": 1.0, "each": 0.2})
    x = {"series": series(T, F), "static": series(2)}
    return model, x, {"next": series(1), "each": series(T, 1)}, ["rnn"]


def siamese() -> Made:
    left, right, shared = keras.Input((T, F)), keras.Input((T, F)), layers.LSTM(3, name="rnn")
    distance = layers.Lambda(lambda pair: ops.exp(-ops.sum(ops.abs(pair[0] - pair[1]), -1)))
    model = keras.Model([left, right], distance([shared(left), shared(right)]))
    return compiled(model), [series(T, F), series(T, F)], RNG.uniform(size=B), ["rnn"]


class LongAndShort(keras.Model):
    """LSTNet: a convolution, a recurrent part, one that skips timesteps, and a linear part."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = layers.Conv1D(3, 2, padding="causal", activation="relu")
        self.rnns = {"each": layers.GRU(3), "skip": layers.GRU(2)}
        self.head, self.linear = layers.Dense(F), layers.Dense(1)

    def call(self, x: Any) -> Any:
        hidden = self.convolution(x)
        joined = ops.concatenate([self.rnns["each"](hidden), self.rnns["skip"](hidden[:, ::2])], -1)
        linear = ops.squeeze(self.linear(ops.transpose(x, (0, 2, 1))), -1)
        return self.head(joined) + linear


def long_and_short() -> Made:
    return compiled(LongAndShort(), "mae"), series(T, F), series(F), ["rnns/each", "rnns/skip"]


class ClosedForm(layers.Layer):
    """A closed-form continuous-time cell: the state is a blend of two heads, gated by time."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.state_size = self.output_size = units
        self.backbone = layers.Dense(5, activation="tanh")
        self.heads = [layers.Dense(units, activation="tanh") for _ in range(2)]
        self.gate = layers.Dense(units, activation="sigmoid")

    def build(self, shape: Any) -> None:
        self.backbone.build((None, shape[-1] + self.output_size))
        for layer in (*self.heads, self.gate):
            layer.build((None, 5))

    def call(self, inputs: Any, states: Any) -> Any:
        hidden = self.backbone(ops.concatenate([inputs, states[0]], -1))
        gate = self.gate(hidden)
        h = gate * self.heads[0](hidden) + (1.0 - gate) * self.heads[1](hidden)
        return h, [h]


def closed_form_continuous_time() -> Made:
    rnn = layers.RNN(ClosedForm(3), return_sequences=True, name="rnn")
    model = keras.Sequential([keras.Input((T, F)), rnn, layers.Dense(1)])
    return compiled(model), series(T, F), series(T, 1), ["rnn"]


def time_series_gan_supervisor() -> Made:
    stacked = layers.RNN([layers.GRUCell(3), layers.LSTMCell(2)], return_sequences=True, name="rnn")
    model = keras.Sequential([keras.Input((T, F)), stacked, layers.Dense(F, activation="sigmoid")])
    return compiled(model), series(T, F), RNG.uniform(size=(B, T, F)), ["rnn"]


def frozen_language_model() -> Made:
    inner = keras.Sequential(
        [keras.Input((T, F)), layers.GRU(3, return_sequences=True, name="frozen")], name="language"
    )
    inner.trainable = False
    inputs = keras.Input((T, F))
    hidden = layers.Bidirectional(layers.LSTM(2), merge_mode="ave", name="tuned")(inner(inputs))
    model = keras.Model(inputs, layers.Dense(1)(hidden))
    return compiled(model), series(T, F), series(1), ["language/frozen", "tuned"]


ARCHITECTURES = [
    addition_rnn,
    sequence_to_sequence,
    bidirectional_lstm_sentiment,
    next_frame,
    heartbeats,
    traffic_forecast,
    speech_with_ctc,
    video_with_masks,
    attention_translation,
    hierarchical_attention,
    autoregressive_feedback,
    temporal_fusion,
    variational_autoencoder,
    stateful_characters,
    residual_stack,
    several_heads,
    siamese,
    long_and_short,
    closed_form_continuous_time,
    time_series_gan_supervisor,
    frozen_language_model,
]
