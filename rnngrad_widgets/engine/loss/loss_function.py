"""The loss of a model as a function of a batch, without taps.

The loss that a pass differentiates is compared with it, and `GradientEngine.check` computes
differences of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from rnngrad_widgets.engine.backend import Model, Nested, Tensor, tf
from rnngrad_widgets.engine.keras_api.select import adapter_of
from rnngrad_widgets.engine.model_state.restore import FunctionOnCopies, restore_variables
from rnngrad_widgets.engine.threads.exclusive import between_steps, exclusive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rnngrad_widgets.engine.inputs.batch import Batch

Loss: TypeAlias = "Callable[[Model, Nested, Nested, Nested, bool], Tensor]"
"""``loss(model, x, y, sample_weight, training)``, a scalar or one value for each sample."""


class LossError(Exception):
    """The model's own code failed; the cause is the exception that it raised."""


def loss_of(model: Model, batch: Batch, training: bool, loss: Loss | None) -> Tensor:
    """Compute the loss of a batch, with one value or several, of which the sum is minimised.

    Raises
    ------
    LossError
        If the model's own code fails.
    """
    given = (batch.x, batch.y, batch.sample_weight)
    try:
        if loss is not None:
            return _to_tensor(loss(model, *given, training))
        return adapter_of(model).compute_loss(model, *given, training=training)
    except Exception as error:
        raise LossError from error


def _to_tensor(value: Nested) -> Tensor:
    """Convert the value that a loss returned to a tensor."""
    try:
        converted = None if value is None else tf.convert_to_tensor(value)
    except (TypeError, ValueError):
        converted = None
    if converted is None or not (converted.dtype.is_floating or converted.dtype.is_integer):
        raise TypeError(
            f"loss must return a number, or one for each sample; it returned {value!r}; "
            f"return the loss of the batch"
        )
    return converted


class LossValue(NamedTuple):
    """A loss, mostly of one value: ``fit`` logs the mean, and minimises the sum."""

    mean: Tensor
    total: Tensor


class LossFunction:
    """A model's loss for one kind of batch, at the weights that the model has when it is called.

    Parameters
    ----------
    model, training, loss
        As in `GradientEngine.compute`.
    batch
        A batch of the kind.
    signature
        Specs of the tensors that a traced function takes: `Batch.signature`, or exact shapes.
    prepare
        Called before the model whenever its Python code runs; changes to layers are undone.
    """

    def __init__(
        self,
        model: Model,
        batch: Batch,
        signature: list[Tensor],
        *,
        training: bool,
        loss: Loss | None,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self._model = model
        self._batch = batch
        self._prepare = prepare
        self._training = training
        self._loss = loss
        self._traced: FunctionOnCopies | None = None
        if not model.run_eagerly:
            with exclusive(model), adapter_of(model).preserve_layers(model):
                # Random numbers are others where they are compiled.
                jit = bool(model.jit_compile) or None
                function = tf.function(self._compute, autograph=False, jit_compile=jit)
                self._traced = FunctionOnCopies(function.get_concrete_function(*signature))

    def __call__(self, batch: Batch, values: Mapping[int, Tensor] | None = None) -> LossValue:
        """Compute the loss of a batch.

        Parameters
        ----------
        values
            Values for variables instead of the model's, as in `FunctionOnCopies`; not when eager.
        """
        if self._traced is not None:
            return LossValue(*self._traced(*batch.leaves, values=values))
        model = self._model
        with (
            exclusive(model),
            between_steps(model),
            restore_variables(model),
            adapter_of(model).preserve_layers(model),
        ):
            return LossValue(*self._compute(*batch.leaves))

    def _compute(self, *leaves: Tensor) -> tuple[Tensor, Tensor]:
        self._prepare()
        batch = self._batch.with_leaves(list(leaves))
        loss = loss_of(self._model, batch, self._training, self._loss)
        return tf.reduce_mean(loss), tf.reduce_sum(loss)


def cannot_compute(batch: Batch, error: BaseException, *, is_given: bool = False) -> ValueError:
    """Return an error that says why the loss of a batch cannot be computed.

    Parameters
    ----------
    is_given
        Whether it is another one than the model's own.
    """
    cause = error.__cause__ if isinstance(error, LossError) and error.__cause__ else error
    reason = f"{type(cause).__name__}: {_first_line(cause)}"
    if batch.y is None and "None" in reason:
        way_out = "most losses compare with y: hand it over, or give a loss= that does not"
        reason = f"{reason.rstrip('.')}; {way_out}"
    rule = "x and y must fit the model; its loss could not be computed"
    if is_given:
        rule = "the given loss must fit the model and the batch; it could not be computed"
    return ValueError(f"{rule} for {batch.describe()}: {reason}")


def _first_line(cause: BaseException) -> str:
    plain = re.sub(r"\x1b\[[\d;]*m", "", str(cause))  # Keras writes in bold
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith("Exception encountered when calling"):
        return lines[1]  # what the layer raised; Keras says first where
    # TensorFlow puts what happened just before the node at which it did.
    node = next((i for i, line in enumerate(lines) if line.startswith("[[{{node")), 1)
    return lines[max(node - 1, 0)] if lines else ""
