"""The model's own loss and the quantities asked for, as one function of a batch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from rnngrad_widgets.tensor import GradientTensor

from .backend import Model, Nested, Tape, Tensor, tf
from .groups import join
from .kept import keeping, kept_eagerly
from .library import library_of
from .probes import tap
from .quantities import Source, Taken, sources, wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .batches import Batch
    from .layers import Found

Loss: TypeAlias = "Callable[[Model, Nested, Nested, Nested, bool], Tensor]"
"""``loss(model, x, y, sample_weight, training)``, a scalar."""

_SUBJECTS = {"output_gradient": "output", "input_gradient": "input", "weight_gradient": "weights"}
"""What a quantity is the derivative by, for a message."""

_FLOAT16_SCALE = 2.0**15
"""First loss scale for float16, in which small gradients would be zero without one."""


@dataclass(frozen=True)
class Request:
    """What a pass computes: quantities of layers, with the layers in training mode or not."""

    targets: tuple[Found, ...]
    quantities: tuple[str, ...]
    training: bool
    loss: Loss | None = None
    clip: bool = False


@dataclass(frozen=True, eq=False)
class Result:
    """What a pass computed for one batch.

    Parameters
    ----------
    loss
        Loss of the batch.
    tensors
        What was asked for, without the loss and the training step.
    samples
        Size of the batch.
    not_finite
        How many values of x are NaN or Inf.
    missing
        Why there is no result, for each layer call and quantity that has none.
    """

    loss: float
    tensors: list[GradientTensor]
    samples: int
    not_finite: int
    missing: list[str]


class TracedPass:
    """One forward and backward pass that computes a request, traced for one kind of batch.

    The batch size is left open; the other sizes and the dtypes are those of `batch`.
    The model is only touched while this object is made (with ``run_eagerly=True``: while it runs),
    and is put back as it was.

    Raises
    ------
    ValueError
        If the loss cannot be computed for this batch, or a layer is called where its tensors
        cannot be reached.
    """

    def __init__(self, model: Model, request: Request, batch: Batch) -> None:
        self._model = model
        self._library = library_of(model)
        self._request = request
        self._batch = batch
        self._sources: list[Source] = []
        self._scaled = any(
            layer.compute_dtype == "float16" for layer in self._library.all_layers(model)
        )
        self._missing: dict[tuple[str, str], str] = {}
        self._function = self._eagerly if model.run_eagerly else self._trace()

    def run(self, batch: Batch) -> Result:
        """Compute the loss and the tensors for a batch at the weights of now."""
        scale = _FLOAT16_SCALE if self._scaled else 1.0
        while True:
            try:
                loss, *tensors = self._function(tf.constant(scale, tf.float32), *batch.leaves)
            except (tf.errors.OpError, _LossError) as error:
                raise _cannot_compute(batch, error) from error
            arrays = [np.asarray(tensor) for tensor in tensors]
            if scale <= 1.0 or all(np.isfinite(array).all() for array in arrays):
                return Result(
                    loss=float(loss),
                    tensors=self._label(arrays),
                    samples=batch.samples,
                    not_finite=batch.count_not_finite(),
                    missing=list(self._missing.values()),
                )
            scale /= 2

    def _trace(self) -> Callable[..., list[Tensor]]:
        function = tf.function(
            self._compute, autograph=False, jit_compile=bool(self._model.jit_compile) or None
        )
        with self._library.tracing():
            try:
                concrete = function.get_concrete_function(
                    tf.TensorSpec([], tf.float32), *self._batch.signature
                )
            except (tf.errors.OpError, _LossError) as error:
                raise _cannot_compute(self._batch, error) from error
        return keeping(concrete)

    def _eagerly(self, scale: Tensor, *leaves: Tensor) -> list[Tensor]:
        with kept_eagerly(self._model):
            return self._compute(scale, *leaves)

    def _compute(self, scale: Tensor, *leaves: Tensor) -> list[Tensor]:
        model, request = self._model, self._request
        self._missing.clear()
        variables = {id(v): v for v in model.trainable_variables}
        own = {id(v): v for target in request.targets for v in target.layer.weights}
        variables |= own
        with (
            self._library.untouched(model),
            self._library.forward(variables) as weights,
            tf.GradientTape(watch_accessed_variables=False) as tape,
        ):
            if "weight_gradient" in request.quantities:
                tape.watch([weights[key] for key in (variables if request.clip else own)])
            calls = {
                target.info.path: tap(target, tape, wanted(request.quantities, target))
                for target in request.targets
            }
            loss = _loss(model, self._batch.with_leaves(list(leaves)), request)
        found = []
        for target in request.targets:
            found += self._reachable(Taken(target, calls[target.info.path], weights), loss)
        trainable = [weights[id(v)] for v in model.trainable_variables]
        return self._differentiate(tape, loss, found, trainable if request.clip else [], scale)

    def _reachable(self, taken: Taken, loss: Tensor) -> list[Source]:
        path = taken.target.info.path
        if not taken.calls:
            self._missing[path, ""] = (
                f"layer '{path}' must be called in the model's forward pass; it is not called "
                "there, or only inside an inner tf.function"
            )
        found = sources(taken, self._request.quantities)
        for source in found:
            for tensor in chain(*source.tensors):
                if isinstance(tensor, tf.Variable):
                    continue  # a weight of Keras 2
                if getattr(tensor, "graph", None) is not getattr(loss, "graph", None):
                    raise ValueError(
                        f"layer '{path}' must be called where the loss can see it; it is called "
                        "inside an inner tf.function or loop; remove the inner tf.function"
                    )
        return found

    def _differentiate(
        self,
        tape: Tape,
        loss: Tensor,
        found: list[Source],
        clipped: list[Tensor],
        scale: Tensor,
    ) -> list[Tensor]:
        """Return the loss, the quantities and the masks; those of `clipped` clipped together."""
        flat = [t for source in found if source.is_gradient for t in chain(*source.tensors)]
        flat += clipped
        seed = tf.cast(scale, loss.dtype)
        gradients = tape.gradient(loss, flat, output_gradients=seed) if flat else []
        if self._scaled:
            gradients = [g if g is None else _unscaled(g, scale) for g in gradients]
        by_tensor = {id(tensor): g for tensor, g in zip(flat, gradients, strict=True)}
        if clipped:
            together = self._library.clip(self._model, gradients[-len(clipped) :])
            by_tensor |= {id(t): g for t, g in zip(clipped, together, strict=True)}
        self._sources, results = [], []
        for source in found:
            halves: list[list[Tensor]] = [list(half) for half in source.tensors]
            if source.is_gradient:
                halves = [[by_tensor[id(tensor)] for tensor in half] for half in source.tensors]
            if all(part is None for part in chain(*halves)):
                self._missing[source.layer, source.quantity] = (
                    f"the loss does not depend on the {_SUBJECTS.get(source.quantity, 'states')} "
                    f"of layer '{source.layer}', so there is no {source.quantity}"
                )
                continue
            self._sources.append(source)
            results.append(_joined(halves, source))
        masks = [join(s.masks, s.joined, rank=2) for s in self._sources if s.masks]
        return [loss, *results, *masks]

    def _label(self, arrays: list[NDArray[Any]]) -> list[GradientTensor]:
        masks = iter(arrays[len(self._sources) :])
        return [
            GradientTensor(
                array,
                dims=source.dims,
                layer=source.layer,
                quantity=source.quantity,
                directions=source.directions,
                gates=source.gates,
                mask=next(masks) if source.masks else None,
            )
            for source, array in zip(self._sources, arrays, strict=False)
        ]


class _LossError(Exception):
    """The model's own code failed; the cause is what it raised."""


def _loss(model: Model, batch: Batch, request: Request) -> Tensor:
    given = (batch.x, batch.y, batch.sample_weight)
    try:
        if request.loss is not None:
            loss = tf.convert_to_tensor(request.loss(model, *given, request.training))
        else:
            loss = library_of(model).compute_loss(model, *given, training=request.training)
    except Exception as error:
        raise _LossError from error
    if len(loss.shape) > 0:
        raise ValueError(f"the loss must be a scalar; received the shape {tuple(loss.shape)}")
    if request.loss is not None:
        return loss
    return library_of(model).undistributed(loss)


def _cannot_compute(batch: Batch, error: BaseException) -> ValueError:
    cause = error.__cause__ if isinstance(error, _LossError) and error.__cause__ else error
    reason = f"{type(cause).__name__}: {_first_line(cause)}"
    return ValueError(
        f"x and y must fit the model; its loss could not be computed "
        f"for {batch.describe()}: {reason}"
    )


def _first_line(cause: BaseException) -> str:
    plain = re.sub(r"\x1b\[[\d;]*m", "", str(cause))  # Keras writes in bold
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith("Exception encountered when calling"):
        return lines[1]  # what the layer raised; Keras says first where
    # TensorFlow puts what happened just before the node at which it did.
    node = next((i for i, line in enumerate(lines) if line.startswith("[[{{node")), 1)
    return lines[max(node - 1, 0)] if lines else ""


def _joined(halves: list[list[Tensor]], source: Source) -> Tensor:
    filled = [
        [
            _as_float(tf.zeros_like(tensor) if part is None else part)
            for part, tensor in zip(parts, tensors, strict=True)
        ]
        for parts, tensors in zip(halves, source.tensors, strict=True)
    ]
    joined = [join(parts, source.joined, rank=len(source.dims)) for parts in filled]
    return joined[0] if len(joined) == 1 else tf.concat(joined, axis=-1)


def _as_float(tensor: Tensor) -> Tensor:
    tensor = tf.convert_to_tensor(tensor)
    return tf.cast(tensor, tf.float32) if tensor.dtype in (tf.float16, tf.bfloat16) else tensor


def _unscaled(gradient: Tensor, scale: Tensor) -> Tensor:
    # Division in half precision would lose what the scale has saved.
    gradient = _as_float(gradient)
    return gradient / tf.cast(scale, gradient.dtype)
