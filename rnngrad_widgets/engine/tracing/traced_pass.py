"""One pass: the model's own loss and the requested quantities, as a function of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rnngrad_widgets.engine.backend import Model, Tensor, tf
from rnngrad_widgets.engine.differentiation.differentiator import (
    Differentiator,
    EagerDifferentiator,
    GraphDifferentiator,
)
from rnngrad_widgets.engine.keras_api.select import adapter_of
from rnngrad_widgets.engine.loss.loss_check import check_loss
from rnngrad_widgets.engine.loss.loss_function import LossFunction, loss_of
from rnngrad_widgets.engine.quantities import record_request
from rnngrad_widgets.engine.threads.exclusive import between_steps, exclusive, may_train_elsewhere
from rnngrad_widgets.engine.tracing.derivatives import Derivatives, label
from rnngrad_widgets.engine.tracing.findings import Findings
from rnngrad_widgets.engine.tracing.layer_tap import tap
from rnngrad_widgets.engine.tracing.model_function import ModelFunction
from rnngrad_widgets.engine.tracing.pass_result import PassRequest, PassResult
from rnngrad_widgets.engine.tracing.reach_pass import ReachPass, ReachResult
from rnngrad_widgets.engine.tracing.source import Source, TracedLayer

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from rnngrad_widgets.engine.inputs.batch import Batch
    from rnngrad_widgets.engine.tracing.itemised_pass import WantedReach

REACH = ReachPass.quantity

_FLOAT16_SCALE = 2.0**15
"""First loss scale for float16, in which small gradients would be zero without one."""


class _TrainedMeanwhileError(Exception):
    """Another thread began to train while a pass read the current weights."""


class TracedPass:
    """One forward and backward pass that computes a request, traced for one kind of batch.

    The model is only modified while this object is made (with ``run_eagerly=True``: while it
    runs), and restored.

    Parameters
    ----------
    model, request
        The model, and what to compute.
    batch
        A batch of the kind.
    signature
        One spec for each tensor of the batch, which the traced function takes.
    reference
        Makes the model's loss without taps; the loss of the first result is compared with it.

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
        request: PassRequest,
        batch: Batch,
        signature: list[Tensor],
        reference: Callable[[], LossFunction],
    ) -> None:
        self._model = model
        self._adapter = adapter_of(model)
        self._request = request
        self._batch = batch
        self._scaled = any(
            layer.compute_dtype == "float16" for layer in self._adapter.all_layers(model)
        )
        self._findings = Findings()
        self._sources: list[Source] = []
        self._reference: Callable[[], LossFunction] | None = reference
        scale = tf.TensorSpec([], tf.float32)
        self._quantities = tuple(word for word in request.quantities if word != REACH)
        self._function = ModelFunction(
            model, self._compute, [scale], batch, signature, request.loss
        )
        self._reach = (
            ReachPass(model, request, batch, signature) if REACH in request.quantities else None
        )

    def run(self, batch: Batch, wanted: WantedReach) -> PassResult:
        """Compute the loss and the tensors for a batch with the current weights.

        Parameters
        ----------
        wanted
            Which timesteps of the loss a reach is computed for.
        """
        if not self._function.is_traced:
            # The model runs twice at first, and must not be trained in between.
            with exclusive(self._model), between_steps(self._model):
                return self._run(batch, wanted, careful=True)
        try:
            return self._run(batch, wanted, careful=may_train_elsewhere())
        except _TrainedMeanwhileError:
            return self._run(batch, wanted, careful=True)

    def _run(self, batch: Batch, wanted: WantedReach, *, careful: bool) -> PassResult:
        """Compute with weights of one step; `careful` where another thread may change them."""
        reference = self._reference  # another thread may drop it meanwhile
        step, values = self._read(careful=careful, checked=reference is not None)
        loss, arrays = self._compute_unscaled(batch, values)
        reach = ReachResult(float(loss))
        if self._reach is not None:
            reach = self._reach.run(batch, wanted, scale=self._first_scale, values=values)
        if not careful and (
            may_train_elsewhere() or self._adapter.training_step(self._model) != step
        ):
            raise _TrainedMeanwhileError
        if reference is not None:
            own = reference()
            losses = {", ".join(self._quantities) or REACH: loss}
            if self._reach is not None:
                losses[REACH] = tf.constant(reach.loss, loss.dtype)
            for words, found in losses.items():
                check_loss(self._model, found, lambda: own(batch, values).mean, words)
            self._reference = None
        return PassResult(
            loss=float(loss),
            tensors=label(self._sources, arrays) + reach.tensors,
            step=step,
            samples=batch.samples,
            not_finite=batch.count_not_finite(),
            missing=list(dict.fromkeys((*self._findings.missing.values(), *reach.missing))),
            notes=tuple(dict.fromkeys((*self._findings.notes, *reach.notes))),
        )

    @property
    def _first_scale(self) -> float:
        return _FLOAT16_SCALE if self._scaled else 1.0

    def _compute_unscaled(
        self, batch: Batch, values: dict[int, Tensor] | None
    ) -> tuple[Tensor, list[NDArray[Any]]]:
        """Return the loss and the arrays, at the largest loss scale at which these are finite."""
        scale = self._first_scale
        while True:
            loss, *tensors = self._function(batch, tf.constant(scale, tf.float32), values=values)
            arrays = [np.asarray(tensor) for tensor in tensors]
            if scale <= 1.0 or all(np.isfinite(array).all() for array in arrays):
                return loss, arrays
            scale /= 2

    def _read(self, *, careful: bool, checked: bool) -> tuple[int | None, dict[int, Tensor] | None]:
        """Return the training step, and the values of the variables if they must be saved.

        Parameters
        ----------
        careful
            Whether another thread may change the variables.
        checked
            Whether the loss will be compared with another function's, at the same values.
        """
        model, function = self._model, self._function
        if not function.is_traced:
            return self._adapter.training_step(model), None
        if careful:
            with between_steps(model):
                return self._adapter.training_step(model), self._variables()
        return self._adapter.training_step(model), self._variables() if checked else None

    def _variables(self) -> dict[int, Tensor]:
        found = self._function.variables()
        return found if self._reach is None else self._reach.variables() | found

    def _compute(self, scale: Tensor, *leaves: Tensor) -> list[Tensor]:
        """Return the loss, the quantities and the masks, in the order of `Derivatives.compute`."""
        model, request = self._model, self._request
        differentiator: Differentiator
        differentiator = EagerDifferentiator() if tf.executing_eagerly() else GraphDifferentiator()
        own = {id(v): v for target in request.targets for v in target.layer.weights}
        values = own if "weight" in self._quantities else {}
        values = {key: tf.convert_to_tensor(variable) for key, variable in values.items()}
        with self._adapter.preserve_layers(model), differentiator.recording():
            trainable = list(model.trainable_variables) if request.clip else []
            if "weight_gradient" in self._quantities:
                for variable in {**own, **{id(v): v for v in trainable}}.values():
                    differentiator.watch(variable)
            calls = [
                tap(target, differentiator, record_request(self._quantities, target))
                for target in request.targets
            ]
            batch = self._batch.with_leaves(list(leaves))
            loss = loss_of(model, batch, request.training, request.loss)
        findings = Findings()
        found: list[Source] = []
        for target, own_calls in zip(request.targets, calls, strict=True):
            traced = TracedLayer(target, own_calls, own, values)
            found += findings.reachable(traced, self._quantities, loss)
        derivatives = Derivatives(model, differentiator, loss, scale, self._scaled, trainable)
        self._sources, results = derivatives.compute(found, findings)
        self._findings = findings
        return results
