"""The reach of a loss: the norm of what each of its timesteps contributes to a state's gradient."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rnngrad_widgets.data.rules import BACKWARD
from rnngrad_widgets.data.tensor import GradientTensor
from rnngrad_widgets.engine.backend import Nested, Tensor
from rnngrad_widgets.engine.calls.groups import join_calls
from rnngrad_widgets.engine.calls.layer_call import RecordRequest, RecurrenceRequest
from rnngrad_widgets.engine.tracing.carry_back import norms
from rnngrad_widgets.engine.tracing.itemised_pass import ItemisedPass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from rnngrad_widgets.engine.differentiation.differentiator import Differentiator
    from rnngrad_widgets.engine.inputs.batch import Batch
    from rnngrad_widgets.engine.tracing.itemised_pass import (
        Entered,
        Itemised,
        Traced,
        WantedReach,
    )
    from rnngrad_widgets.engine.tracing.source import Source


@dataclass(frozen=True, eq=False)
class ReachResult:
    """What a `ReachPass` computed for one batch; the attributes are those of `PassResult`."""

    loss: float
    tensors: list[GradientTensor] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    notes: tuple[str, ...] = ()


class ReachPass(ItemisedPass):
    """The reach of a loss in the layers of a request; parameters as for `ItemisedPass`."""

    quantity = "reach"
    record = RecordRequest(inside=RecurrenceRequest(state_gradients=True))

    def run(
        self,
        batch: Batch,
        wanted: WantedReach,
        *,
        scale: float,
        values: Mapping[int, Tensor] | None,
    ) -> ReachResult:
        """Compute the reach for a batch, at the largest loss scale at which it is finite.

        Parameters and errors are those of `itemise`.
        """
        while True:
            itemised = self.itemise(batch, wanted, scale, values)
            tensors = _labelled(itemised, scale)
            if scale <= 1.0 or all(np.isfinite(tensor.values).all() for tensor in tensors):
                return ReachResult(itemised.loss, tensors, self.missing, self.notes)
            scale /= 2

    def measure(self, sources: Sequence[Source], gradients: Sequence[Tensor]) -> list[Tensor]:
        """Return the norms over channels, (samples, timesteps)."""
        return norms(sources, gradients)

    def measure_once(
        self, traced: Traced, entered: Entered, differentiator: Differentiator
    ) -> list[Nested]:
        """Return the norms of what comes around the entry, and the mask if there is one."""
        sources = entered.sources
        probes = [tensor for source in sources for tensor in source.tensors[0]]
        rest = differentiator.gradients_around(
            traced.loss, probes, traced.seed, entered.entry.tensors
        )
        masks = [
            [join_calls(source.masks, source.joined, rank=2)] if source.masks else []
            for source in sources
        ]
        return [[*both] for both in zip(norms(sources, rest), masks, strict=True)]


def _labelled(itemised: Itemised, scale: float) -> list[GradientTensor]:
    found = []
    for entered, timesteps, by_timestep, once in zip(
        itemised.entered, itemised.chosen, itemised.by_timestep, itemised.once, strict=True
    ):
        for source, reach, (rest, mask) in zip(entered.sources, by_timestep, once, strict=True):
            values = np.concatenate([np.moveaxis(reach, 0, -1), np.asarray(rest)[..., None]], -1)
            found.append(
                GradientTensor(
                    values / scale,
                    dims=source.dims,
                    layer=source.layer,
                    quantity=source.quantity,
                    directions=source.directions,
                    mask=np.asarray(mask[0]) if mask else None,
                    loss_timesteps=_last(source, reach) if entered.last_output else timesteps,
                )
            )
    return found


def _last(source: Source, reach: NDArray[np.floating]) -> tuple[int, ...]:
    """Return the timestep that a direction processes last; of a reach, (1, samples, timesteps)."""
    return (0,) if source.directions == (BACKWARD,) else (reach.shape[-1] - 1,)
