"""Whether the engine tells the truth about a model and leaves it alone."""

from __future__ import annotations

import re
import traceback
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf
from packaging.version import Version

from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine.random_models.build import Built, build
from tests.unit.engine.random_models.expected import Expected, expected
from tests.unit.engine.random_models.independent import Unrolled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.engine.random_models.spec import Spec

# Before 3.6, Keras computes the share of a mask in single precision.
_DOUBLE = 1e-12 if Version(keras.__version__) >= Version("3.6") else 1e-7

TOLERANCE = {"float64": _DOUBLE, "float32": 1e-3, "mixed_float16": 0.1}
"""Largest error of an array, relative to its largest value."""

_ELSEWHERE = {"reach", "cell_path"}
"""Quantities that the unroll does not compute, of the loss by timestep and of an LSTM's cell."""

REFUSALS: tuple[str, ...] = ()
"""What may be refused, as patterns of whole messages; each names the layer and the reason."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Parameters
    ----------
    kind
        Equal for faults that are most likely the same.
    text
        The whole story.
    """

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


def judge(spec: Spec, *, slopes: bool = True) -> list[Fault]:
    """Try one model; list what is wrong, an empty list if nothing.

    With `slopes`, the unroll's gradients are compared with a central difference of the model.
    """
    kept = keras.config.floatx(), keras.config.dtype_policy()
    options = tf.config.optimizer.get_experimental_options()
    # Most graphs run once: optimising them would take most of the time.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return list(_Trial(spec, slopes).faults())
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False, **options})
        keras.config.set_floatx(kept[0])
        keras.config.set_dtype_policy(kept[1])
        keras.backend.clear_session()


def judged(spec: Spec, *, slopes: bool = True) -> list[Fault]:
    """Judge a model; that the test itself fails is a fault too."""
    try:
        return judge(spec, slopes=slopes)
    except Exception as error:  # noqa: BLE001 - so that the others are tried too
        where = traceback.extract_tb(error.__traceback__)[-1]
        kind = f"TEST {type(error).__name__} {where.name}"
        return [Fault(kind, "".join(traceback.format_exception(error))[-3000:])]


class _Trial:
    def __init__(self, spec: Spec, slopes: bool) -> None:
        self._spec, self._slopes = spec, slopes
        self._built = _quietly(spec)
        self._left_out: list[str] = []

    def faults(self) -> Iterator[Fault]:
        built, spec = self._built, self._spec
        before = state_of(built.model) if _is_built(built.model) else None
        engine = GradientEngine(built.model)
        try:
            snapshot, asked = self._ask(engine)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            if not any(re.fullmatch(pattern, str(error)) for pattern in REFUSALS):
                cause = type(error).__name__
                yield Fault(f"raised {cause} {_gist(error)}", f"{cause}: {error}")
            snapshot, asked = None, []
        if before is not None:
            yield from _changed(before, state_of(built.model))
        if not _is_built(built.model):
            return
        unbuilt = spec.style == "unbuilt" and not spec.fixed_batch
        if unbuilt and built.model.input_shape[0] is not None:
            text = f"other numbers of samples are refused: {built.model.input_shape}"
            yield Fault("model changed: input shape", text)
        unrolled = Unrolled(built, {})
        yield from self._reference(unrolled)
        if snapshot is not None:
            yield from self._numbers(snapshot, asked, unrolled)
        if spec.trains:
            yield from self._training(float(unrolled.loss))

    def _ask(self, engine: GradientEngine) -> Any:
        built, spec = self._built, self._spec
        offered = {layer.path: engine.quantities(layer) for layer in engine.layers}
        words = {word for words in offered.values() for word in words} - _ELSEWHERE
        words = sorted(words & {*spec.quantities} if spec.quantities else words)
        if not words:
            return None, []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            snapshot = engine.compute(
                built.x,
                built.y,
                quantities=words,
                sample_weight=built.sample_weight,
                training=spec.training,
            )
        self._left_out = [str(w.message) for w in caught]
        return snapshot, [(path, w) for path, own in offered.items() for w in own if w in words]

    def _reference(self, unrolled: Unrolled) -> Iterator[Fault]:
        """Compare the reference itself with the model's own forward pass."""
        built, spec = self._built, self._spec
        try:
            own = own_loss(built)
        except Exception as error:  # noqa: BLE001 - as above
            yield Fault(f"model broken afterwards {_gist(error)}", str(error)[:2000])
            return
        if not _close(own, float(unrolled.loss), TOLERANCE[spec.dtype]):
            text = f"the model's own loss is {own}, the unroll's is {float(unrolled.loss)}"
            yield Fault("REFERENCE loss", text)
        if not self._slopes or spec.dtype != "float64" or unrolled.crossed:
            return
        trained, rng = built.model.trainable_variables, np.random.default_rng(0)
        places = {id(v): w for v in trained if (w := unrolled._weights.get(id(v))) is not None}
        found = {id(v): p for p, seen in unrolled.seen.items() for v in seen.values()}
        ways = [rng.normal(size=v.shape) for v in trained]
        parts = [
            gradient.numpy() * way
            for v, way in zip(trained, ways, strict=True)
            if id(v) in places
            and (gradient := unrolled.gradients[found[id(places[id(v)])]][0]) is not None
        ]
        kept = [v.numpy() for v in trained]

        def at(step: float) -> float:
            for v, value, way in zip(trained, kept, ways, strict=True):
                v.assign(value + step * way)
            return own_loss(built)

        def difference(step: float) -> float:
            return (at(step) - at(-step)) / (2 * step)

        # Richardson's extrapolation: long loops can bend much within a step.
        slope = (4 * difference(1e-5) - difference(2e-5)) / 3
        for v, value in zip(trained, kept, strict=True):
            v.assign(value)
        total, size = sum(p.sum() for p in parts), sum(np.abs(p).sum() for p in parts)
        if abs(slope - total) > 1e-7 * size:
            yield Fault("REFERENCE slope", f"central difference {slope}, tape {total}")

    def _numbers(self, snapshot: Any, asked: Any, unrolled: Unrolled) -> Iterator[Fault]:
        tolerance = TOLERANCE[self._spec.dtype]
        if not _close(snapshot.loss, float(unrolled.loss), tolerance):
            text = f"the engine's loss is {snapshot.loss}, right is {float(unrolled.loss)}"
            yield Fault("loss", text)
        right = expected(self._built, unrolled)
        # Less than double precision loses what is small beside the states' gradients: what is left
        # of them after many timesteps, and sums of them that nearly cancel.
        states = [
            r.values for k, r in right.items() if k[1] in ("hidden_gradient", "cell_gradient")
        ]
        largest = max((np.abs(v).max(initial=0.0) for v in states if v is not None), default=0.0)
        for key, tensor in snapshot.items():
            if key[0].endswith("/count") and key[1] == "weight_gradient":
                continue  # of a variable that is assigned and not trained
            if key not in right:
                yield Fault(f"unknown {key[1]}", f"{key} {tensor}")
                continue
            small = key[1] in ("initial_state_gradient", "weight_gradient")
            least = largest if small and self._spec.dtype != "float64" else 0.0
            yield from self._tensor(key, tensor, right[key], snapshot.notes, least)
        for path, word in asked:
            keys = [k for k in right if k[1] == word and _belongs(k[0], path)]
            missing = [k for k in keys if k not in snapshot]
            for key in missing:
                told = any(f"'{key[0]}'" in text for text in (*self._left_out, *snapshot.notes))
                if right[key].values is not None or not told:
                    story = f"{key} is not there; told: {self._left_out} {snapshot.notes}"
                    yield Fault(f"missing {word}", story)

    def _tensor(
        self, key: Any, tensor: Any, right: Expected, notes: Any, largest: float
    ) -> Iterator[Fault]:
        values = np.zeros(tensor.shape) if right.values is None else right.values
        tolerance = TOLERANCE[self._spec.dtype]
        problem = _differ(tensor.values, values, tolerance, largest)
        if problem and right.handed is not None and any(key[0] in note for note in notes):
            problem = _differ(tensor.values, right.handed, tolerance)
        if problem:
            yield Fault(f"wrong {key[1]}", f"{key}: {problem}")
        if right.mask is not None and tensor.mask is not None and "weight" not in key[1]:
            if not np.array_equal(tensor.mask, right.mask):
                yield Fault(f"mask of {key[1]}", f"{key}: {tensor.mask} for {right.mask}")
            if key[1] in ("hidden_gradient", "cell_gradient", "gate_gradient") and np.any(
                tensor.values[~right.mask]
            ):
                yield Fault("masked but not zero", f"{key}")

    def _training(self, loss: float) -> Iterator[Fault]:
        """Compare a training step with that of a twin that the engine never saw."""
        twin = _quietly(self._spec)
        histories = [_train(built) for built in (self._built, twin)]
        drops = any(r.dropout or r.recurrent_dropout for r in self._spec.rnns)
        if self._spec.training or not (drops or self._spec.has("Dropping")):
            tolerance = max(TOLERANCE[self._spec.dtype], 1e-6)  # Keras keeps it in single precision
            if not _close(histories[1][0], loss, tolerance):
                text = f"training says {histories[1][0]}, the unroll {loss}"
                yield Fault("REFERENCE training loss", text)
        if histories[0] != histories[1]:
            yield Fault("trains differently", f"{histories[0]} for {histories[1]}")
        ours, theirs = (state_of(b.model, identities=False) for b in (self._built, twin))
        yield from (
            Fault(f"after training: {fault.kind}", fault.text) for fault in _changed(theirs, ours)
        )


def _quietly(spec: Spec) -> Built:
    with warnings.catch_warnings():
        # Keras builds what it cannot trace beforehand when it is called, and says so.
        warnings.filterwarnings("ignore", ".*looks like it has unbuilt state.*")
        return build(spec)


def _train(built: Built) -> list[float]:
    """Train one step; return loss and metric."""
    found = built.model.train_on_batch(built.x, built.y, sample_weight=built.sample_weight)
    return [float(value) for value in found]


def own_loss(built: Built) -> float:
    """Compute the model's own loss, untouched, and put back what the pass changed."""
    model = built.model
    kept = [(v, v.numpy()) for v in _variables(model)]
    output = model(built.x, training=built.spec.training)
    loss = model.compute_loss(
        built.x, built.y, output, built.sample_weight, training=built.spec.training
    )
    for variable, value in kept:
        variable.assign(value)
    return float(loss)


def state_of(model: Any, *, identities: bool = True) -> dict[str, Any]:
    """Read everything that a call could change: variables, and what is on each layer."""
    kept = {f"variable {i}": v.numpy() for i, v in enumerate(_variables(model))}
    for i, layer in enumerate(model._flatten_layers()):
        attributes = {k: v for k, v in vars(layer).items() if k not in _HISTORY}
        for name, value in attributes.items():
            kept[f"layer {i} {type(layer).__name__}.{name}"] = id(value) if identities else ""
    # How many samples the first batch had is not said of an unbuilt model that the engine built.
    kept["input shape"] = str(getattr(model, "input_shape", [None])[identities ^ 1 :])
    return kept


# Set anew by each pass of a model, whoever makes it.
_HISTORY: tuple[str, ...] = ("_loss_ids", "_losses")


def _variables(model: Any) -> list[Any]:
    kept = [*model.variables, *model.optimizer.variables]
    kept += [v for metric in model.metrics for v in metric.variables]
    for layer in model._flatten_layers():
        kept += keras.tree.flatten(getattr(layer, "states", None) or [])
        kept += [v for v in vars(layer).values() if isinstance(v, tf.Variable)]
    return list({id(v): v for v in kept}.values())


def _changed(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Fault]:
    for name in before.keys() | after.keys():
        short = re.sub(r"\d+ ?", "", name)
        if name not in after or name not in before:
            story = f"{name} is {'gone' if name in before else 'new'}"
            yield Fault(f"model changed: {short}", story)
        elif not np.array_equal(before[name], after[name]):
            yield Fault(f"model changed: {short}", f"{name}: {before[name]} became {after[name]}")


def _is_built(model: Any) -> bool:
    return all(layer.built for layer in model._flatten_layers())


def _belongs(key: str, path: str) -> bool:
    return key == path or key.startswith((f"{path}/", f"{path}["))


def _close(found: float, right: float, tolerance: float) -> bool:
    return abs(found - right) <= tolerance * max(abs(right), 1e-30)


def _differ(found: np.ndarray, right: np.ndarray, tolerance: float, largest: float = 0.0) -> str:
    if found.shape != right.shape:
        return f"shape {found.shape} for {right.shape}"
    size = np.abs(right).max(initial=largest)
    error = np.abs(found.astype(float) - right).max(initial=0.0)
    if error <= tolerance * size:
        return ""
    at = np.unravel_index(np.abs(found - right).argmax(), right.shape)
    where = tuple(int(i) for i in at)
    return f"off by {error:.2e} of {size:.2e}; at {where} {found[at]:.6g} for {right[at]:.6g}"


def _gist(error: Exception) -> str:
    text = re.sub(r"\x1b\[[\d;]*m", "", str(error)).splitlines()
    first = re.sub(r"'[^']*'|\d+|\([^)]*\)", "_", text[0] if text else "")
    return first[:160]
