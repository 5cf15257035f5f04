"""From a spec to a compiled model and one batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from tests.unit.engine.random_models.cells import OWN
from tests.unit.engine.random_models.spec import L2, OWN_KINDS, Rnn, Spec


class Last(layers.Layer):
    """The last timestep, without a mask."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, h: Any) -> Any:
        return h[:, -1]

    def compute_mask(self, _h: Any, _mask: Any = None) -> None:
        return None


class Half(layers.Layer):
    """Half of the input."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, h: Any) -> Any:
        return 0.5 * h


class Learned(layers.Layer):
    """Initial states that are trained."""

    def __init__(self, sizes: list[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sizes = sizes

    def build(self, _shape: Any) -> None:
        self.first = [self.add_weight((1, n), "random_normal", name="first") for n in self.sizes]

    def call(self, h: Any) -> Any:
        ones = ops.ones((ops.shape(h)[0], 1), dtype=self.compute_dtype)
        return [ones * ops.convert_to_tensor(first) for first in self.first]

    def compute_mask(self, _h: Any, _mask: Any = None) -> Any:
        return [None] * len(self.sizes)

    supports_masking = True


class Model(keras.Model):
    """A model whose forward pass is written out."""

    def __init__(self, spec: Spec, parts: dict[str, Any], names: list[str]) -> None:
        super().__init__(name="own")
        self.spec, self.names = spec, names
        for name, part in parts.items():
            setattr(self, name, part)

    def call(self, inputs: Any, training: bool | None = None) -> Any:  # noqa: ARG002 - Keras asks
        given = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        parts = {name: part for name, part in vars(self).items() if isinstance(part, layers.Layer)}
        return forward(self.spec, parts, dict(zip(self.names, given, strict=True)))


@dataclass
class Built:
    """A compiled model, its layers by name, and one batch."""

    spec: Spec
    model: Any
    parts: dict[str, Any]
    data: dict[str, np.ndarray]
    y: np.ndarray
    sample_weight: np.ndarray | None
    earlier: list[np.ndarray] = field(default_factory=list)

    @property
    def x(self) -> Any:
        """What the model takes."""
        values = list(self.data.values())
        return values[0] if len(values) == 1 else values


def build(spec: Spec) -> Built:
    """Make the model that a spec describes; the same one each time."""
    keras.utils.set_random_seed(spec.seed)
    floatx = "float64" if spec.dtype == "float64" else "float32"
    keras.config.set_floatx(floatx)
    keras.config.set_dtype_policy(spec.dtype)
    rng = np.random.default_rng(spec.seed)
    data = _data(spec, rng)
    parts = _parts(spec)
    model = _model(spec, parts, data)
    model.compile("adam", "mse", metrics=["mae"], jit_compile=spec.jit, run_eagerly=spec.eager)
    length = spec.steps or spec.timesteps
    along = (length,) if spec.sequences and not spec.last else ()
    built = Built(
        spec=spec,
        model=model,
        parts=parts,
        data=data,
        y=rng.normal(size=(spec.samples, *along, 2)).astype(floatx),
        sample_weight=rng.uniform(0.5, 2.0, (spec.samples, *along)) if spec.weighted else None,
    )
    if spec.style == "called":
        model(built.x)
        for rnn in _stateful(built):
            rnn.reset_state()
    for _ in range(spec.earlier):
        model(built.x)
    return built


def _stateful(built: Built) -> list[Any]:
    found = [layer for layer in built.model._flatten_layers() if isinstance(layer, layers.RNN)]
    return [layer for layer in found if layer.stateful]


def _data(spec: Spec, rng: np.random.Generator) -> dict[str, np.ndarray]:
    floatx = "float64" if spec.dtype == "float64" else "float32"
    shape = (spec.samples, spec.timesteps)
    mask = _mask(spec, rng)
    more = (spec.steps,) if spec.steps else ()
    x = rng.normal(size=(spec.samples, *more, spec.timesteps, spec.features)).astype(floatx)
    data = {"x": np.where(mask[..., None], x, 0) if spec.front == "masking" else x}
    if spec.front == "embedding":
        data = {"x": np.where(mask, rng.integers(1, 6, shape), 0)}
    if spec.front == "mask":
        data["mask"] = mask
    for i, rnn in enumerate(spec.rnns):
        if rnn.initial == "given":
            for j, size in enumerate(state_sizes(rnn)):
                data[f"first{i}_{j}"] = rng.normal(size=(spec.samples, size)).astype(floatx)
    return data


def _mask(spec: Spec, rng: np.random.Generator) -> np.ndarray:
    shape = (spec.samples, spec.timesteps)
    lengths = rng.integers(1, spec.timesteps + 1, spec.samples)
    lengths[0] = spec.timesteps
    time = np.arange(spec.timesteps)
    mask = np.ones(shape, bool)
    if spec.pattern == "post":
        mask = time < lengths[:, None]
    elif spec.pattern == "pre":
        mask = time >= spec.timesteps - lengths[:, None]
    elif spec.pattern == "mid":
        mask = rng.random(shape) < 0.6
        mask[0, -1] = True
    elif spec.pattern == "all":
        mask[-1] = spec.samples == 1
    return mask


def state_sizes(rnn: Rnn) -> list[int]:
    """List the sizes of the states that a layer takes, of both directions."""
    n = 2 if rnn.cells[0] in ("LSTMCell", "Peephole") else 1
    return [rnn.units] * n * (2 if rnn.bidirectional else 1)


def _parts(spec: Spec) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if spec.front == "masking":
        parts["masking"] = layers.Masking(name="masking")
    if spec.front == "embedding":
        start = keras.initializers.RandomNormal(stddev=1.0, seed=spec.seed)
        parts["embedding"] = layers.Embedding(
            7, spec.features, mask_zero=True, embeddings_initializer=start, name="embedding"
        )
    for i, rnn in enumerate(spec.rnns):
        if rnn.initial == "learned":
            parts[f"learned{i}"] = Learned(state_sizes(rnn), name=f"learned{i}")
        if rnn.initial == "encoder":
            alone = Rnn(rnn.kind, rnn.units, sequences=False)
            parts[f"encoder{i}"] = _layer(alone, name=f"encoder{i}", return_state=True)
        parts[f"rnn{i}"] = _wrapped(rnn, f"rnn{i}")
        if rnn.wrapper == "None":
            parts[f"join{i}"] = layers.Concatenate(name=f"join{i}")
        if rnn.wrapper == "twice":
            parts[f"half{i}"] = Half(name=f"half{i}")
    if spec.last and spec.sequences:
        parts["last"] = Last(name="last")
    parts["head"] = layers.Dense(2, name="head")
    return parts


def _wrapped(rnn: Rnn, name: str) -> Any:
    if rnn.wrapper == "stepped":
        return _cells(rnn, name=name)[0]
    if rnn.wrapper == "distributed":
        return layers.TimeDistributed(_layer(rnn), name=name)
    if not rnn.bidirectional:
        return _layer(rnn, name=name)
    other = None
    if rnn.backward:
        other = _layer(rnn, kind=rnn.backward, go_backwards=not rnn.go_backwards)
    merge = None if rnn.wrapper == "None" else rnn.wrapper
    return layers.Bidirectional(_layer(rnn), merge_mode=merge, backward_layer=other, name=name)


def _layer(rnn: Rnn, kind: str = "", **more: Any) -> Any:
    settings = {
        "return_sequences": rnn.sequences,
        "go_backwards": rnn.go_backwards,
        "unroll": rnn.unroll,
        "stateful": rnn.stateful,
        "zero_output_for_mask": rnn.zero_output,
        **more,
    }
    kind = kind or rnn.kind
    if kind in OWN_KINDS:
        return getattr(layers, kind)(rnn.units, **settings, **_settings(rnn, kind))
    cells = _cells(Rnn(kind, rnn.units, bias=rnn.bias, reset_after=rnn.reset_after))
    return layers.RNN(cells if len(cells) > 1 else cells[0], **settings)


def _cells(rnn: Rnn, **more: Any) -> list[Any]:
    return [
        OWN[kind](rnn.units + i, **more)
        if kind in OWN and kind != "Peephole"
        else {**vars(layers), **OWN}[kind](rnn.units + i, **_settings(rnn, kind), **more)
        for i, kind in enumerate(rnn.cells)
    ]


def _settings(rnn: Rnn, kind: str) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "use_bias": rnn.bias or kind == "Peephole",
        "bias_initializer": keras.initializers.RandomNormal(stddev=0.4, seed=3),
        "dropout": rnn.dropout,
        "recurrent_dropout": rnn.recurrent_dropout,
        **({"reset_after": rnn.reset_after} if kind.startswith("GRU") else {}),
    }
    if rnn.regularised:
        l2 = keras.regularizers.L2(L2)
        settings |= {"kernel_regularizer": l2, "recurrent_regularizer": l2}
    return settings


def _model(spec: Spec, parts: dict[str, Any], data: dict[str, np.ndarray]) -> Any:
    batch = spec.samples if spec.fixed_batch else None
    if spec.style in ("subclassed", "called"):
        return Model(spec, parts, list(data))
    inputs = {}
    for name, array in data.items():
        shape = list(array.shape[1:])
        if name in ("x", "mask") and not spec.fixed_time:
            shape[1 if spec.steps and name == "x" else 0] = None
        inputs[name] = keras.Input(batch_shape=(batch, *shape), dtype=str(array.dtype), name=name)
    if spec.style == "functional":
        several = list(inputs.values())
        whole = several if len(several) > 1 else several[0]
        return keras.Model(whole, forward(spec, parts, inputs), name="own")
    first = [] if spec.style == "unbuilt" else [inputs["x"]]
    return keras.Sequential([*first, *parts.values()], name="own")


def forward(spec: Spec, parts: dict[str, Any], given: dict[str, Any]) -> Any:
    """Call the layers one after the other."""
    h = given["x"]
    for front in ("masking", "embedding"):
        h = parts[front](h) if front in parts else h
    for i, rnn in enumerate(spec.rnns):
        h = _through(rnn, i, parts, h, given)
    if "last" in parts:
        h = parts["last"](h)
    return parts["head"](h)


def _through(rnn: Rnn, i: int, parts: dict[str, Any], h: Any, given: dict[str, Any]) -> Any:
    layer = parts[f"rnn{i}"]
    if rnn.wrapper == "stepped":
        states, outputs = layer.get_initial_state(batch_size=ops.shape(h)[0]), []
        for t in range(h.shape[1]):
            output, states = layer(h[:, t], states)
            outputs.append(output)
        return ops.stack(outputs, 1) if rnn.sequences else outputs[-1]
    more: dict[str, Any] = {}
    if i == 0 and "mask" in given:
        more["mask"] = given["mask"]
    if rnn.initial == "given":
        more["initial_state"] = [given[f"first{i}_{j}"] for j in range(len(state_sizes(rnn)))]
    if rnn.initial == "learned":
        more["initial_state"] = parts[f"learned{i}"](h)
    if rnn.initial == "encoder":
        more["initial_state"] = parts[f"encoder{i}"](h)[1:]
    if rnn.wrapper == "twice":
        return layer(h, **more) + layer(parts[f"half{i}"](h), **more)
    if rnn.wrapper == "chunks":
        cut = h.shape[1] // 2
        first, second = layer(h[:, :cut], **more), layer(h[:, cut:], **more)
        return ops.concatenate([first, second], 1) if rnn.sequences else first + second
    returned = layer(h, **more)
    return parts[f"join{i}"](returned) if rnn.wrapper == "None" else returned
