"""The numeric cases: one recurrent layer in a small model, with data. One line is one case."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tests.unit.engine.unroll import no_tap, run_layer

if TYPE_CHECKING:
    from tests.unit.engine.unroll import Tap

SAMPLES, TIMESTEPS, FEATURES = 3, 5, 2
MASKS = {
    "post": [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]],
    "pre": [[1, 1, 1, 1, 1], [0, 0, 1, 1, 1], [0, 0, 0, 0, 1]],
    "mid": [[1, 1, 0, 1, 1], [1, 0, 0, 1, 0], [0, 1, 0, 1, 1]],
}


@dataclass(frozen=True)
class Case:
    """A layer under test, by name and settings; a kind with commas is a stack of cells."""

    kind: str
    settings: dict[str, Any] = field(default_factory=dict)
    sequences: bool = True
    bidirectional: str | None = "no"
    mask: str = ""
    weighted: bool = False

    def __str__(self) -> str:
        parts = [self.kind, "sequences" if self.sequences else "last"]
        if self.bidirectional != "no":
            parts.append(f"bi-{self.bidirectional}")
        parts += [f"{self.mask}-mask"] if self.mask else []
        parts += ["weighted"] if self.weighted else []
        return "-".join([*parts, *(f"{k}={v}" for k, v in self.settings.items())])

    def layer(self) -> Any:
        settings = {"return_sequences": self.sequences, **self.settings}
        if "Cell" in self.kind:
            cells = [getattr(layers, name)(3 - i) for i, name in enumerate(self.kind.split(","))]
            made = layers.RNN(cells if len(cells) > 1 else cells[0], **settings)
        else:
            made = getattr(layers, self.kind)(3, **settings)
        if self.bidirectional == "no":
            return made
        return layers.Bidirectional(made, merge_mode=self.bidirectional)


CASES = [
    *(Case(kind, sequences=seq) for kind in ("LSTM", "GRU", "SimpleRNN") for seq in (True, False)),
    *(
        Case(kind, mask=mask)
        for kind, mask in zip(("LSTM", "GRU", "SimpleRNN"), MASKS, strict=True)
    ),
    Case("LSTM", mask="mid", sequences=False),
    Case("GRU", {"reset_after": False}),
    Case("LSTM", {"go_backwards": True}),
    Case("GRU", {"go_backwards": True}, mask="pre"),
    Case("LSTM", {"unroll": True}),
    Case("LSTM", {"use_bias": False}),
    Case("LSTM", bidirectional="concat"),
    Case("GRU", bidirectional="sum", sequences=False),
    Case("SimpleRNN", bidirectional="mul"),
    Case("LSTM", bidirectional="ave", mask="post"),
    Case("GRU", bidirectional=None),
    Case("LSTM", weighted=True),
    Case("LSTM", {"unroll": True}, mask="mid"),
    Case("GRU", {"zero_output_for_mask": True}, mask="mid"),
    Case("GRU", mask="mid", sequences=False, bidirectional="concat"),
    Case("LSTM", {"implementation": 1}),
    Case("GRU", {"implementation": 1}),
    Case("LSTMCell"),
    Case("LSTMCell,GRUCell", mask="pre"),
    Case("SimpleRNNCell,LSTMCell", sequences=False),
    Case("SimpleRNNCell,SimpleRNNCell", bidirectional="concat"),
    Case("GRU", {"unroll": True}, sequences=False),
    Case("GRU", {"reset_after": False, "go_backwards": True}),
    Case("GRU", {"reset_after": False}, mask="mid", sequences=False),
    Case("SimpleRNN", {"go_backwards": True}, sequences=False),
    Case("SimpleRNN", {"unroll": True}, weighted=True),
    Case("SimpleRNN", bidirectional="ave", sequences=False),
    Case("LSTM", {"unit_forget_bias": False}, sequences=False, weighted=True),
    Case("LSTM", bidirectional=None, mask="pre"),
    Case("GRUCell", mask="mid", sequences=False),
    Case("LSTMCell,LSTMCell", {"go_backwards": True}),
]


@dataclass(frozen=True)
class Problem:
    """A compiled model around the layer under test, and one batch."""

    model: Any
    layer: Any
    top: Any
    head: Any
    x: np.ndarray
    y: np.ndarray
    mask: np.ndarray | None
    sample_weight: np.ndarray | None

    def after(self, returned: Any, mask: Any) -> Any:
        """Compute the loss from what the layer returned, by hand."""
        parts = returned if isinstance(returned, tuple) else (returned,)
        joined = tf.concat(parts, -1)
        if self.top is not None:
            joined, _ = run_layer(self.top, joined, mask)
        kernel, bias = (tf.constant(w.numpy()) for w in self.head.weights)
        error = tf.reduce_mean((joined @ kernel + bias - self.y) ** 2, axis=-1)
        weight = 1.0 if self.sample_weight is None else self.sample_weight
        return tf.reduce_mean(error * weight)

    def loss(self, tap: Tap = no_tap) -> Any:
        """Compute the loss from the batch, by hand."""
        return self.after(*run_layer(self.layer, tf.constant(self.x), self.mask, tap))


def problem(case: Case) -> Problem:
    """Make the model: the layer, a SimpleRNN over its sequence, a Dense head, squared error."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(SAMPLES, TIMESTEPS, FEATURES))
    mask = None
    inputs = hidden = keras.Input((TIMESTEPS, FEATURES))
    if case.mask:
        mask = np.array(MASKS[case.mask], bool)
        x[~mask] = 0.0
        hidden = layers.Masking()(hidden)
    layer = case.layer()
    hidden = layer(hidden)
    known: dict[str, Any] = {}
    if isinstance(hidden, (list, tuple)):
        # Not a Concatenate layer: Keras before 3.12 cannot call one that hands a mask on.
        known["mask"] = getattr(hidden[0], "_keras_mask", None)
        hidden = keras.ops.concatenate(hidden, -1)
    top = layers.SimpleRNN(2) if case.sequences else None
    head = layers.Dense(2)
    outputs = head(hidden if top is None else top(hidden, **known))
    model = keras.Model(inputs, outputs)
    for weight in model.trainable_weights:  # zero biases would hide mistakes
        weight.assign(weight + rng.normal(scale=0.3, size=weight.shape))
    model.compile("sgd", "mse")
    return Problem(
        model=model,
        layer=layer,
        top=top,
        head=head,
        x=x,
        y=rng.normal(size=(SAMPLES, 2)),
        mask=mask,
        sample_weight=rng.uniform(0.5, 2.0, size=SAMPLES) if case.weighted else None,
    )
