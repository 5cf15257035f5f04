"""A function of a batch that runs the model's Python code, traced or eagerly, as `fit` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnngrad_widgets.engine.backend import Model, Nested, Tensor, tf
from rnngrad_widgets.engine.loss.given_loss import ForwardOnly
from rnngrad_widgets.engine.loss.loss_function import LossError, cannot_compute
from rnngrad_widgets.engine.model_state.restore import FunctionOnCopies, restore_variables
from rnngrad_widgets.engine.threads.exclusive import exclusive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rnngrad_widgets.engine.inputs.batch import Batch
    from rnngrad_widgets.engine.loss.loss_function import Loss


class ModelFunction:
    """A function of settings and the tensors of a batch, for one kind of batch.

    Parameters
    ----------
    model
        The model.
    compute
        Called with the settings, then the tensors of the batch; it may shadow methods of layers
        inside `KerasAdapter.preserve_layers`. Traced at once, or, with ``run_eagerly=True``,
        called each time.
    settings
        Specs of the tensors that come before those of the batch.
    batch
        A batch of the kind.
    signature
        One spec for each tensor of the batch.
    loss
        What is differentiated instead of the model's own loss, for the errors.

    Raises
    ------
    ValueError
        If the loss cannot be computed for this batch.
    """

    def __init__(
        self,
        model: Model,
        compute: Callable[..., Nested],
        settings: Sequence[Tensor],
        batch: Batch,
        signature: Sequence[Tensor],
        loss: Loss | None,
    ) -> None:
        self._model = model
        self._compute = compute
        self._is_given = loss is not None and not isinstance(loss, ForwardOnly)
        self._traced: FunctionOnCopies | None = None
        if model.run_eagerly:
            return
        function = tf.function(
            compute, autograph=False, jit_compile=bool(model.jit_compile) or None
        )
        try:
            with exclusive(model):
                concrete = function.get_concrete_function(*settings, *signature)
        except (tf.errors.OpError, LossError) as error:
            raise self._cannot_compute(batch, error) from error
        self._traced = FunctionOnCopies(concrete)

    @property
    def is_traced(self) -> bool:
        """Whether the model's Python code ran once and for all."""
        return self._traced is not None

    def variables(self) -> dict[int, Tensor]:
        """Return the values of all variables that it reads; none if it runs eagerly."""
        return {} if self._traced is None else self._traced.variables()

    def __call__(
        self, batch: Batch, *settings: Tensor, values: Mapping[int, Tensor] | None = None
    ) -> Nested:
        """Run the function.

        Parameters
        ----------
        values
            Values for variables instead of those that the model has, as in `FunctionOnCopies`;
            not where it runs eagerly.
        """
        try:
            if self._traced is not None:
                return self._traced(*settings, *batch.leaves, values=values)
            with exclusive(self._model), restore_variables(self._model):
                return self._compute(*settings, *batch.leaves)
        except (tf.errors.OpError, LossError) as error:
            raise self._cannot_compute(batch, error) from error

    def _cannot_compute(self, batch: Batch, error: BaseException) -> ValueError:
        return cannot_compute(batch, error, is_given=self._is_given)
