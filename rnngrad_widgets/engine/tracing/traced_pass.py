"""The model's own loss and the quantities asked for, as one function of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from rnngrad_widgets.data.quantities import QUANTITIES
from rnngrad_widgets.data.tensor import GradientTensor
from rnngrad_widgets.engine.backend import Model, Tensor, tf
from rnngrad_widgets.engine.calls.groups import join
from rnngrad_widgets.engine.differentiation.differentiator import (
    Differentiator,
    EagerDifferentiator,
    GraphDifferentiator,
)
from rnngrad_widgets.engine.keras_api.select import library_of
from rnngrad_widgets.engine.loss.loss_function import (
    Loss,
    LossError,
    LossFunction,
    cannot_compute,
    loss_of,
)
from rnngrad_widgets.engine.model_state.restore import OnCopies, restored_eagerly
from rnngrad_widgets.engine.quantities import wanted
from rnngrad_widgets.engine.threads.exclusive import between_steps, exclusive, may_train_elsewhere
from rnngrad_widgets.engine.tracing.layer_tap import tap
from rnngrad_widgets.engine.tracing.sources import Source, Taken, sources

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from rnngrad_widgets.engine.calls.layer_call import LayerCall, Wanted
    from rnngrad_widgets.engine.inputs.batch import Batch
    from rnngrad_widgets.engine.layers.find import Found

_SUBJECTS = {"output": "output", "input": "input", "weight": "weights"}
"""What a quantity is the derivative by, for a message; else it is the states."""

_STATES = frozenset(
    each.name
    for each in QUANTITIES.values()
    if each.is_gradient and each.of in ("hidden_state", "cell_state")
)
"""Quantities of which a layer may have several tensors, of one state each."""

_INSIDE = frozenset(each.name for each in QUANTITIES.values() if each.is_inside_loop)
"""Quantities that are taken inside of the loop over time."""

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
    step
        Training step of the weights; None without an optimizer.
    tensors
        What was asked for, without the loss and the training step.
    samples
        Size of the batch.
    not_finite
        How many values of x are NaN or Inf.
    missing
        Why there is no result, for each layer call and quantity that has none.
    notes
        What is to be said of the results.
    """

    loss: float
    step: int | None
    tensors: list[GradientTensor]
    samples: int
    not_finite: int
    missing: list[str]
    notes: tuple[str, ...] = ()


class _TrainedMeanwhileError(Exception):
    """Another thread began to train while a pass ran at the weights of now."""


class TracedPass:
    """One forward and backward pass that computes a request, traced for one kind of batch.

    The model is only touched while this object is made (with ``run_eagerly=True``: while it runs),
    and is put back as it was.

    Parameters
    ----------
    model, request
        What is computed.
    batch
        A batch of the kind.
    signature
        What the traced function takes, one spec for each tensor of the batch.
    reference
        Makes the model's loss without taps; the first result is held against it.

    Raises
    ------
    ValueError
        If the loss cannot be computed for this batch.
    RuntimeError
        If the loss that is differentiated is not the model's.
    """

    def __init__(
        self,
        model: Model,
        request: Request,
        batch: Batch,
        signature: list[Tensor],
        reference: Callable[[], LossFunction],
    ) -> None:
        self._model = model
        self._library = library_of(model)
        self._request = request
        self._batch = batch
        self._sources: list[Source] = []
        self._scaled = any(
            layer.compute_dtype == "float16" for layer in self._library.all_layers(model)
        )
        self._missing: dict[tuple[str, str], str] = {}
        self._notes: dict[str, None] = {}
        self._signature = signature
        self._reference: Callable[[], LossFunction] | None = reference
        self._function: Callable[..., list[Tensor]] = self._eagerly
        if not model.run_eagerly:
            self._function = self._trace()

    def run(self, batch: Batch) -> Result:
        """Compute the loss and the tensors for a batch with the current weights."""
        if not isinstance(self._function, OnCopies):
            # The model runs twice at first, and must not be trained in between.
            with exclusive(self._model), between_steps(self._model):
                return self._run(batch, careful=True)
        try:
            return self._run(batch, careful=may_train_elsewhere())
        except _TrainedMeanwhileError:
            return self._run(batch, careful=True)

    def _run(self, batch: Batch, *, careful: bool) -> Result:
        """Compute at the weights of one moment; `careful` where another thread may change them."""
        reference = self._reference  # another thread may drop it meanwhile
        step, values = self._read(careful=careful, checked=reference is not None)
        scale = _FLOAT16_SCALE if self._scaled else 1.0
        while True:
            try:
                loss, *tensors = self._function(
                    tf.constant(scale, tf.float32), *batch.leaves, values=values
                )
            except (tf.errors.OpError, LossError) as error:
                raise cannot_compute(batch, error) from error
            arrays = [np.asarray(tensor) for tensor in tensors]
            if scale <= 1.0 or all(np.isfinite(array).all() for array in arrays):
                break
            scale /= 2
        if not careful and (
            may_train_elsewhere() or self._library.training_step(self._model) != step
        ):
            raise _TrainedMeanwhileError
        if reference is not None:
            self._check_loss(batch, loss, reference(), values)
            self._reference = None
        return Result(
            loss=float(loss),
            tensors=self._label(arrays),
            step=step,
            samples=batch.samples,
            not_finite=batch.count_not_finite(),
            missing=list(self._missing.values()),
            notes=tuple(self._notes),
        )

    def _read(self, *, careful: bool, checked: bool) -> tuple[int | None, dict[int, Tensor] | None]:
        """Return the training step, and values for the variables where they are to be kept.

        Parameters
        ----------
        careful
            Whether another thread may change the variables.
        checked
            Whether the loss will be held against another function's, at the same values.
        """
        model, function = self._model, self._function
        if not isinstance(function, OnCopies):
            return self._library.training_step(model), None
        if careful:
            with between_steps(model):
                return self._library.training_step(model), function.variables()
        return self._library.training_step(model), function.variables() if checked else None

    def _trace(self) -> Callable[..., list[Tensor]]:
        function = tf.function(
            self._compute, autograph=False, jit_compile=bool(self._model.jit_compile) or None
        )
        try:
            with exclusive(self._model):
                concrete = function.get_concrete_function(
                    tf.TensorSpec([], tf.float32), *self._signature
                )
        except (tf.errors.OpError, LossError) as error:
            raise cannot_compute(self._batch, error) from error
        return OnCopies(concrete)

    def _eagerly(self, scale: Tensor, *leaves: Tensor, values: None = None) -> list[Tensor]:
        del values
        with exclusive(self._model), restored_eagerly(self._model):
            return self._compute(scale, *leaves)

    def _check_loss(
        self,
        batch: Batch,
        loss: Tensor,
        reference: LossFunction,
        values: dict[int, Tensor] | None,
    ) -> None:
        """Hold the loss that was differentiated against that of the model as it is."""
        expected, rounding = reference(batch, values).mean, self._rounding(loss)

        def agrees(found: Tensor) -> bool:
            both = float(found), float(expected)
            return bool(np.isclose(*both, rtol=rounding, atol=1e-12, equal_nan=True))

        # Where the model's own loss differs from run to run, there is nothing to compare with.
        if agrees(loss) or not agrees(reference(batch, values).mean):
            return
        words = ", ".join(self._request.quantities)
        raise RuntimeError(
            f"the loss that is differentiated must be the model's own, {float(expected):.8g}; with "
            f"{words} it is {float(loss):.8g}, so no gradient is returned; ask for another "
            "quantity, and please report this model"
        )

    def _rounding(self, loss: Tensor) -> float:
        """Return by how much losses may differ that are computed in another order."""
        dtypes = {layer.compute_dtype for layer in self._library.all_layers(self._model)}
        if dtypes & {"float16", "bfloat16"}:
            return 3e-2
        return 1e-9 if loss.dtype == tf.float64 else 1e-4

    def _compute(self, scale: Tensor, *leaves: Tensor) -> list[Tensor]:
        model, request = self._model, self._request
        self._missing.clear()
        self._notes.clear()
        differentiator: Differentiator
        differentiator = EagerDifferentiator() if tf.executing_eagerly() else GraphDifferentiator()
        own = {id(v): v for target in request.targets for v in target.layer.weights}
        values = own if "weight" in request.quantities else {}
        values = {key: tf.convert_to_tensor(variable) for key, variable in values.items()}
        with self._library.untouched(model), differentiator.recording():
            trainable = list(model.trainable_variables) if request.clip else []
            if "weight_gradient" in request.quantities:
                for variable in {**own, **{id(v): v for v in trainable}}.values():
                    differentiator.watch(variable)
            calls = {
                target.info.path: tap(target, differentiator, self._wanted(target))
                for target in request.targets
            }
            batch = self._batch.with_leaves(list(leaves))
            loss = loss_of(model, batch, request.training, request.loss)
        found = []
        for target in request.targets:
            found += self._reachable(Taken(target, calls[target.info.path], own, values), loss)
        return self._differentiate(differentiator, loss, found, trainable, scale)

    def _wanted(self, target: Found) -> Wanted:
        return wanted(self._request.quantities, target)

    def _reachable(self, taken: Taken, loss: Tensor) -> list[Source]:
        path = taken.target.info.path
        if not taken.calls:
            self._missing[path, ""] = (
                f"layer '{path}' must be called in the model's forward pass; it is not called "
                "there, or only inside an inner tf.function"
            )
        quantities = list(self._request.quantities)
        if any(call.runs and set(call.runs) != {1} for call in taken.calls):
            for quantity in [word for word in quantities if word in _INSIDE]:
                quantities.remove(quantity)
                self._missing[path, quantity] = (
                    f"layer '{path}' must run its loop over time once in each call to have a "
                    f"{quantity}; its own call does not; ask for output_gradient"
                )
        self._note_states(path, taken.calls)
        found = []
        for source in sources(taken, quantities):
            if reason := self._why_unreachable(source, taken.calls, loss):
                self._missing[source.layer, source.quantity] = reason
            else:
                found.append(source)
        return found

    def _note_states(self, path: str, calls: Sequence[LayerCall]) -> None:
        for loop in chain(*(call.loops for call in calls)):
            for state in loop.unread - loop.unreachable.keys():
                name = f"state {state.label} of " if state.label else "the state of "
                self._notes[
                    f"{name}layer '{path}' is not read by the output of the same timestep: its "
                    "gradient is that through the later timesteps"
                ] = None

    def _why_unreachable(self, source: Source, calls: Sequence[LayerCall], loss: Tensor) -> str:
        """Say why a source cannot be differentiated by; empty if it can."""
        if source.quantity == "weight_gradient":
            return ""  # variables are of no graph
        here = set(map(id, chain(*source.tensors)))
        for loop in chain(*(call.loops for call in calls)):
            for state, reason in loop.unreachable.items():
                if id(loop.state_probes.get(state)) in here:
                    return f"there is no {source.quantity} of layer '{source.layer}': {reason}"
        for tensor in chain(*source.tensors):
            if getattr(tensor, "graph", None) is not getattr(loss, "graph", None):
                return (
                    f"layer '{source.layer}' must be called where the loss can see it; it is "
                    "called inside an inner tf.function or loop; remove the inner tf.function"
                )
        return ""

    def _differentiate(
        self,
        differentiator: Differentiator,
        loss: Tensor,
        found: list[Source],
        clipped: list[Tensor],
        scale: Tensor,
    ) -> list[Tensor]:
        """Return the loss, the quantities and the masks; those of `clipped` clipped together."""
        flat = [t for source in found if source.is_gradient for t in chain(*source.tensors)]
        flat += clipped
        gradients = differentiator.gradients(loss, flat, tf.cast(scale, loss.dtype))
        if self._scaled:
            gradients = [g if g is None else _unscaled(g, scale) for g in gradients]
        by_tensor = {id(tensor): g for tensor, g in zip(flat, gradients, strict=True)}
        if clipped:
            together = self._library.clip(self._model, gradients[-len(clipped) :])
            by_tensor |= {id(t): g for t, g in zip(clipped, together, strict=True)}
        reached = {
            source.call
            for source in found
            if source.quantity in _STATES
            and any(by_tensor[id(tensor)] is not None for tensor in chain(*source.tensors))
        }
        self._sources, results = [], []
        for source in found:
            halves: list[list[Tensor]] = [list(half) for half in source.tensors]
            if source.is_gradient:
                halves = [[by_tensor[id(tensor)] for tensor in half] for half in source.tensors]
            # Where the loss reads one state of a call, its derivative by another that it does not
            # read is 0; a loop in a graph gives that by itself.
            zero = source.quantity in _STATES and source.call in reached
            if all(part is None for part in chain(*halves)) and not zero:
                if source.optional:
                    continue
                subject = _SUBJECTS.get(QUANTITIES[source.quantity].of, "states")
                self._missing[source.layer, source.quantity] = (
                    f"the loss does not depend on the {subject} "
                    f"of layer '{source.layer}', so there is no {source.quantity}"
                )
                continue
            self._sources.append(source)
            results.append(_joined(halves, source))
        masks = [join(s.masks, s.joined, rank=2) for s in self._sources if s.masks]
        return [tf.reduce_mean(loss), *results, *masks]

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
