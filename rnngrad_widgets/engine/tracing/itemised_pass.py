"""A loss carried back to a layer, from one of its timesteps at a time.

The loss enters the model at tensors with timesteps (`LossEntry`). With all but one of them set to
zero, their derivatives are carried back into the loop over time; by linearity the results add up to
the total gradient. This is itemised backpropagation through time: D. Cashman, G. Patterson,
A. Mosca and R. Chang, "RNNbow: visualizing learning via backpropagation gradients in recurrent
neural networks", IEEE Computer Graphics and Applications 38(6), 2018.

Several timesteps are carried back at once, from one forward pass. The passes begin with the same
variables, seeds and states among them: so it is exact for stateful layers, dropout and batch
normalisation too. Where the losses of two passes differ nevertheless, by random numbers that no
variable has the seed of, all timesteps are carried back from one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from rnngrad_widgets.data.loss_timesteps import choose_timesteps
from rnngrad_widgets.engine.backend import Model, Nested, Tensor, tf
from rnngrad_widgets.engine.calls.layer_call import RecordRequest
from rnngrad_widgets.engine.differentiation.differentiator import (
    EagerDifferentiator,
    GraphDifferentiator,
)
from rnngrad_widgets.engine.keras_api.select import adapter_of
from rnngrad_widgets.engine.layers.kinds import directions, is_backward
from rnngrad_widgets.engine.loss.loss_function import loss_of
from rnngrad_widgets.engine.quantities import offered_quantities
from rnngrad_widgets.engine.tracing.carry_back import carry_back
from rnngrad_widgets.engine.tracing.findings import Findings
from rnngrad_widgets.engine.tracing.layer_tap import tap
from rnngrad_widgets.engine.tracing.loss_entry import (
    LossEntry,
    enter_at_output,
    enter_at_prediction,
)
from rnngrad_widgets.engine.tracing.model_function import ModelFunction
from rnngrad_widgets.engine.tracing.prediction_tap import PredictionTap
from rnngrad_widgets.engine.tracing.quantity_sources import list_sources
from rnngrad_widgets.engine.tracing.source import Source, TracedLayer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from rnngrad_widgets.engine.differentiation.differentiator import Differentiator
    from rnngrad_widgets.engine.inputs.batch import Batch
    from rnngrad_widgets.engine.tracing.pass_result import PassRequest

Progress: TypeAlias = "Callable[[int, int], None]"
"""Called with how many timesteps of the loss are done, and how many there are."""

_SEQUENCES_AT_ONCE = 400
"""Samples times timesteps of the loss that are carried back at once: more are hardly faster."""

_MOST_AT_ONCE = 50
"""The same of timesteps alone, for small batches."""


class NoTimestepsError(ValueError):
    """The loss cannot be split by its own timesteps."""


@dataclass(frozen=True, eq=False)
class Entered:
    """Tensors to which the loss is carried back from one entry."""

    entry: LossEntry
    sources: tuple[Source, ...]
    only: Tensor
    """The timestep, where the entry has only one; else -1."""
    last_output: bool = False
    """Whether the entry is the last output of a layer, which each direction has at its own end."""


@dataclass(frozen=True, eq=False)
class Traced:
    """What was traced: the layers, their loss, and what it is multiplied by."""

    layers: Sequence[TracedLayer]
    loss: Tensor
    seed: Tensor


@dataclass(frozen=True, eq=False)
class WantedReach:
    """Which timesteps of the loss a reach is computed for, and whom to tell how far that is.

    Parameters
    ----------
    loss_timesteps
        As in `choose_timesteps`.
    progress
        Called with how many of them are done, and how many there are.
    """

    loss_timesteps: int | Sequence[int] | None
    progress: Progress


@dataclass(frozen=True, eq=False)
class Itemised:
    """What was carried back from each timestep of the loss.

    Parameters
    ----------
    loss
        Loss of the batch.
    entered
        To which tensors it was carried back, from where.
    chosen
        From which timesteps of the loss, for each of `entered`.
    by_timestep
        For each of `entered` and its sources, what was measured, from each of these timesteps.
    once
        For each of `entered` and its sources, what was measured once.
    """

    loss: float
    entered: Sequence[Entered]
    chosen: Sequence[tuple[int, ...]]
    by_timestep: Sequence[Sequence[NDArray[Any]]]
    once: Sequence[Sequence[Nested]]


class ItemisedPass(ABC):
    """What each timestep of a loss contributes to something in the loop over time of layers.

    Parameters
    ----------
    model, request
        The model, and what to compute.
    batch
        A batch of the kind.
    signature
        One spec for each tensor of the batch.

    Raises
    ------
    ValueError
        If the loss cannot be computed for this batch, or be split as it was asked for.
    """

    quantity: str
    """The quantity of whose sources the parts are computed."""
    record: RecordRequest
    """What is recorded of each layer."""

    def __init__(
        self, model: Model, request: PassRequest, batch: Batch, signature: Sequence[Tensor]
    ) -> None:
        self._model = model
        self._request = request
        self._batch = batch
        self._findings = Findings()
        self._entered: list[Entered] = []
        settings = [tf.TensorSpec([], tf.float32), tf.TensorSpec([None, None], tf.int32)]
        self._function = ModelFunction(
            model, self._compute, settings, batch, signature, request.loss
        )

    @abstractmethod
    def measure(self, sources: Sequence[Source], gradients: Sequence[Tensor]) -> list[Tensor]:
        """Return for each source what is kept of the gradient by it.

        Parameters
        ----------
        gradients
            One for each tensor of the sources, or None where there is none.
        """

    @abstractmethod
    def measure_once(
        self, traced: Traced, entered: Entered, differentiator: Differentiator
    ) -> list[Nested]:
        """Return for each source what else is needed, whatever the timestep of the loss."""

    def variables(self) -> dict[int, Tensor]:
        """Return the values of all variables that it reads; none if it runs eagerly."""
        return self._function.variables()

    def itemise(
        self,
        batch: Batch,
        wanted: WantedReach,
        scale: float,
        values: Mapping[int, Tensor] | None,
    ) -> Itemised:
        """Carry the loss of a batch back.

        Parameters
        ----------
        wanted
            From which timesteps of the loss.
        scale
            What the loss is multiplied by before it is differentiated.
        values
            Values for variables instead of those that the model has.

        Raises
        ------
        ValueError
            If there are no such timesteps.
        """
        loss, found = self._call(batch, [[0]], scale, values)  # how many timesteps there are
        chosen = [
            choose_timesteps(wanted.loss_timesteps, int(timesteps))
            if int(only) < 0
            else (int(only),)
            for timesteps, only, _, _ in found
        ]
        rows = sorted(set(chain(*chosen)))
        size = max(1, min(self.at_once(batch, found), len(rows)))
        parts: list[Nested] = []
        for start in range(0, len(rows), size):
            again, part = self._call(batch, [rows[start : start + size]], scale, values)
            if not np.isclose(again, loss, rtol=1e-5, equal_nan=True):
                # Random numbers that no variable has the seed of: one forward pass for all.
                padded = rows + rows[:1] * (-len(rows) % size)
                grid = [padded[i : i + size] for i in range(0, len(padded), size)]
                loss, found = self._call(batch, grid, scale, values)
                parts = [found]
                break
            parts.append(part)
            wanted.progress(min(start + size, len(rows)), len(rows))
        by_timestep = []
        for position, timesteps in enumerate(chosen):
            places = [rows.index(timestep) for timestep in timesteps]
            every = zip(*(part[position][2] for part in parts), strict=True)
            by_timestep.append([np.concatenate(each)[places] for each in every])
        once = [list(entered[3]) for entered in found]
        return Itemised(loss, list(self._entered), chosen, by_timestep, once)

    def at_once(self, batch: Batch, found: Sequence[Nested]) -> int:
        """Return how many timesteps of the loss are carried back at once."""
        del found
        return min(_SEQUENCES_AT_ONCE // max(batch.samples, 1), _MOST_AT_ONCE)

    @property
    def missing(self) -> list[str]:
        """Why there is no result, for each layer call that has none."""
        return list(self._findings.missing.values())

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks on the results, for the user."""
        return tuple(self._findings.notes)

    def _call(
        self,
        batch: Batch,
        rows: Sequence[Sequence[int]],
        scale: float,
        values: Mapping[int, Tensor] | None,
    ) -> tuple[float, list[Nested]]:
        settings = tf.constant(scale, tf.float32), tf.constant(rows, tf.int32)
        loss, found = self._function(batch, *settings, values=values)
        return float(loss), found

    def _compute(self, scale: Tensor, rows: Tensor, *leaves: Tensor) -> Nested:
        """Return the loss, and of each entry its timesteps and what is measured of each source.

        Parameters
        ----------
        rows
            Integers (times, timesteps of the loss at once).
        """
        model, request = self._model, self._request
        differentiator: Differentiator
        differentiator = EagerDifferentiator() if tf.executing_eagerly() else GraphDifferentiator()
        with adapter_of(model).preserve_layers(model), differentiator.recording():
            targets = [t for t in request.targets if self.quantity in offered_quantities(t)]
            calls = [tap(target, differentiator, self.record) for target in targets]
            prediction = PredictionTap(model)
            loss = loss_of(
                model, self._batch.with_leaves(list(leaves)), request.training, request.loss
            )
        layers = [TracedLayer(*pair) for pair in zip(targets, calls, strict=True)]
        seed = tf.cast(scale, loss.dtype)
        self._findings = Findings()
        self._entered = self._enter(layers, prediction, differentiator, loss, seed)
        found = []
        traced = Traced(layers, loss, seed)
        for entered in self._entered:
            each = carry_back(entered.entry, entered.sources, rows, differentiator, self.measure)
            once = self.measure_once(traced, entered, differentiator)
            found.append([entered.entry.timesteps, entered.only, each, once])
        return [tf.reduce_mean(loss), found]

    def _enter(
        self,
        layers: Sequence[TracedLayer],
        prediction: PredictionTap,
        differentiator: Differentiator,
        loss: Tensor,
        seed: Tensor,
    ) -> list[Entered]:
        """Find where the loss enters, and to which states it is carried back from there."""
        by = self._request.by
        states = [self._findings.reachable(layer, (self.quantity,), loss) for layer in layers]
        if by != "output":
            sequences = prediction.sequences() if prediction.calls == 1 else []
            entry = enter_at_prediction(sequences, differentiator, loss, seed)
            if entry is not None:
                every = tuple(chain(*states))
                return [Entered(entry, every, tf.constant(-1))] if every else []
            why = _why_no_timesteps(prediction, sequences)
            if by == "loss":
                raise NoTimestepsError(
                    f"by='loss' splits the loss by the timesteps of the model's prediction; {why}; "
                    "split it by those of a layer's output: by='output'"
                )
            self._findings.notes[f"reach is by the timesteps of the layer's output: {why}"] = None
        entered = []
        for layer, sources in zip(layers, states, strict=True):
            outputs = list_sources(layer, ("output_gradient",))
            for call in dict.fromkeys(source.call for source in sources):
                own = tuple(source for source in sources if source.call == call)
                at = [o for o in outputs if o.layer == call or o.layer.startswith(f"{call}/")]
                timesteps = tf.shape(own[0].tensors[0][0])[1]
                if own[0].joined == "timestep":
                    timesteps = tf.constant(len(own[0].tensors[0]))
                turned = is_backward(directions(layer.target.layer)[0])
                found = enter_at_output(at, timesteps, differentiator, loss, seed, turned=turned)
                if found is None:
                    self._findings.missing[call, self.quantity] = (
                        f"the loss does not depend on the output of layer '{call}', so there is "
                        f"no {self.quantity} by it"
                    )
                    continue
                single = not any("timestep" in each.dims for each in at)
                last = tf.constant(0) if turned else timesteps - 1
                only = last if single else tf.constant(-1)
                entered.append(Entered(found, own, only, last_output=single))
        return entered


def _why_no_timesteps(prediction: PredictionTap, sequences: Sequence[Tensor]) -> str:
    if prediction.calls != 1:
        return f"the loss calls the model {prediction.calls} times"
    if not sequences:
        return "the prediction has no axis of timesteps, as (samples, timesteps, features) has"
    return "the loss does not depend on the prediction"
