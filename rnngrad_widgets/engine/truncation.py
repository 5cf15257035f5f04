"""What truncated backpropagation through time would lose, for one layer and one batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnngrad_widgets.engine.backend import Model, Tensor, tf
from rnngrad_widgets.engine.keras_api.select import adapter_of
from rnngrad_widgets.engine.layers.cells import cell_of, cells_of, gates_of
from rnngrad_widgets.engine.layers.kinds import directions, is_recurrent
from rnngrad_widgets.engine.loss.loss_check import check_loss
from rnngrad_widgets.engine.loss.loss_function import LossFunction
from rnngrad_widgets.engine.threads.exclusive import between_steps, exclusive
from rnngrad_widgets.engine.tracing.truncation_pass import NoTruncationError, TruncationPass

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from rnngrad_widgets.engine.inputs.batch import Batch
    from rnngrad_widgets.engine.layers.find import LayerMatch
    from rnngrad_widgets.engine.tracing.pass_result import PassRequest


def check_truncation(target: LayerMatch) -> LayerMatch:
    """Return a layer, if it is one whose kernel's gradient can be split by lag.

    Raises
    ------
    NoTruncationError
        If it has two directions, several cells, or gates that are not known.
    """
    path, layer = target.info.path, target.layer
    if not is_recurrent(layer) or len(directions(layer)) != 1 or target.time_distributed:
        why = f"'{path}' is a {target.info.kind}"
    elif len(cells_of(layer)) != 1 or gates_of(cell_of(layer)) is None:
        why = f"the cell of '{path}' is not one of Keras' own"
    else:
        return target
    raise NoTruncationError(
        "what truncation loses is known of an LSTM, GRU or SimpleRNN of one direction, with "
        f"Keras' own cell; {why}"
    )


def truncation_error(
    model: Model, request: PassRequest, batch: Batch, progress: Callable[[int, int], None]
) -> NDArray[np.float64]:
    """Return the relative error of the kernel's gradient, truncated at 1, 2, ... timesteps.

    Parameters
    ----------
    model
        The model.
    request
        One layer, its loss, and what that is split by.
    batch
        The batch.
    progress
        Called with how many timesteps of the loss are done, and how many there are.

    Raises
    ------
    RuntimeError
        If the loss that is carried back is not the model's.
    """
    exact = [tf.type_spec_from_value(leaf) for leaf in batch.leaves]
    itemised = TruncationPass(model, request, batch, exact)
    reference = LossFunction(model, batch, exact, training=request.training, loss=request.loss)

    def run(values: dict[int, Tensor] | None) -> NDArray[np.float64]:
        loss, errors = itemised.run(batch, progress, values)
        found = tf.constant(loss, adapter_of(model).floatx())
        check_loss(model, found, lambda: reference(batch, values).mean, "truncation_error")
        return errors

    if model.run_eagerly:
        with exclusive(model), between_steps(model):
            return run(None)
    with between_steps(model):
        values = itemised.variables()
    return run(values)
