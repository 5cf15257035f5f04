"""What truncated backpropagation through time loses of a kernel's gradient.

Truncated at k timesteps, what a timestep u of the loss contributes is carried back to the timesteps
t with u - t < k. The relative error of the gradient is ||G - G_k|| / ||G||: C. Aicher, N. J. Foti
and E. B. Fox, "Adaptively truncating backpropagation through time to control gradient bias", UAI
2019.
The kernel reads x_t: its gradient is the sum of x_t' d_t over timesteps and samples, with d_t the
gradient by the gates' pre-activations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rnngrad_widgets.data.tensor import NothingThereError
from rnngrad_widgets.engine.backend import Nested, Tensor, tf
from rnngrad_widgets.engine.calls.layer_call import RecordRequest, RecurrenceRequest
from rnngrad_widgets.engine.tracing.carry_back import filled
from rnngrad_widgets.engine.tracing.itemised_pass import ItemisedPass, WantedReach

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from rnngrad_widgets.engine.differentiation.differentiator import Differentiator
    from rnngrad_widgets.engine.inputs.batch import Batch
    from rnngrad_widgets.engine.tracing.itemised_pass import Entered, Traced
    from rnngrad_widgets.engine.tracing.source import Source

_MOST_VALUES = 2**24
"""Values of gradients by gates that are carried back at once, 64 MiB in single precision."""

MOST_BYTES = 2**30
"""Bytes that the gradients by the gates, and those of the kernel by lag, may take each."""


class NoTruncationError(ValueError):
    """What truncation loses is not known of such a layer, or takes too much memory."""


class TruncationPass(ItemisedPass):
    """What truncation loses, in the layers of a request; parameters as for `ItemisedPass`."""

    quantity = "gate_gradient"
    record = RecordRequest(inputs=True, inside=RecurrenceRequest(gate_gradients=True))

    def run(
        self,
        batch: Batch,
        progress: Callable[[int, int], None],
        values: Mapping[int, Tensor] | None,
    ) -> tuple[float, NDArray[np.float64]]:
        """Compute the relative error of the kernel's gradient, truncated at 1, 2, ... timesteps.

        Returns
        -------
        loss
            Loss of the batch.
        errors
            (timesteps,). NaN where the gradient is zero.

        Raises
        ------
        NothingThereError
            If the loss does not depend on the layer.
        ValueError
            If the sequences are too long.
        """
        itemised = self.itemise(batch, WantedReach(1, progress), 1.0, values)
        if not itemised.entered:
            raise NothingThereError("; ".join(self.missing))
        (chosen,), ((by_gates,),) = itemised.chosen, itemised.by_timestep
        ((inputs,),) = itemised.once
        x = np.asarray(inputs, np.float64).transpose(1, 2, 0)  # timestep, feature, sample
        count = len(x)
        backward = itemised.entered[0].sources[0].directions != ()
        by_lag = np.zeros((count, x.shape[1], by_gates.shape[-1]))
        kept = np.zeros(by_lag.shape[1:])  # of later timesteps than the loss's, never truncated
        for timestep, gates in zip(chosen, by_gates, strict=True):
            parts = x @ np.asarray(gates, np.float64).transpose(1, 0, 2)
            if backward:
                by_lag[: count - timestep] += parts[timestep:]
                kept += parts[:timestep].sum(axis=0)
            else:
                by_lag[: timestep + 1] += parts[timestep::-1]
                kept += parts[timestep + 1 :].sum(axis=0)
        lost = np.cumsum(by_lag[::-1], axis=0)[::-1]  # from lag 0, 1, ... on
        total = np.linalg.norm(lost[0] + kept)
        errors = np.append(np.linalg.norm(lost[1:], axis=(1, 2)), 0.0)
        return itemised.loss, errors / total if total > 0 else np.full(count, np.nan)

    def measure(self, sources: Sequence[Source], gradients: Sequence[Tensor]) -> list[Tensor]:
        """Return the gradients by the gates, (samples, timesteps, gates * channels)."""
        tensors = [source.tensors[0][0] for source in sources]
        return [filled(g, tensor) for g, tensor in zip(gradients, tensors, strict=True)]

    def measure_once(
        self, traced: Traced, entered: Entered, differentiator: Differentiator
    ) -> list[Nested]:
        """Return what the kernel reads, (samples, timesteps, features)."""
        del entered, differentiator
        (layer,) = traced.layers
        if len(layer.calls) != 1:
            raise NoTruncationError(
                "what truncation loses is known of a layer that is called once; "
                f"'{layer.target.info.path}' is called {len(layer.calls)} times"
            )
        return [tf.identity(layer.calls[0].inputs[0])]

    def at_once(self, batch: Batch, found: Sequence[Nested]) -> int:
        """Return how many timesteps of the loss are carried back at once.

        Raises
        ------
        NoTruncationError
            If the sequences are too long, before any is carried back.
        """
        at_once = super().at_once(batch, found)
        for timesteps, _, (gates,), (inputs,) in found:  # one, if the loss depends on the layer
            _, samples, count, width = gates.shape
            each = samples * count * width
            by_gates = int(timesteps) * each * gates.dtype.size
            size = max(by_gates, count * inputs.shape[-1] * width * 8)
            if size > MOST_BYTES:
                raise NoTruncationError(
                    f"the gradients from all {int(timesteps)} timesteps of the loss must fit "
                    f"{MOST_BYTES:,} bytes; they take {size:,}; hand over fewer samples or shorter "
                    "sequences"
                )
            at_once = min(at_once, _MOST_VALUES // each)
        return max(1, at_once)
