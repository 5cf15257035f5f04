"""Recording the states and gates of a loop over time: step by step, or beside its outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from rnngrad_widgets.engine.backend import Layer, Nested, Tensor, keras, tf

if TYPE_CHECKING:
    from rnngrad_widgets.engine.calls.layer_call import RecurrenceRequest
    from rnngrad_widgets.engine.tracing.cell_step import ProbedStep


class LoopRecorder(ABC):
    """Record the states and gates of one loop.

    Parameters
    ----------
    step, inside
        The step of the layer with the probes, and what to record.

    Attributes
    ----------
    settings
        Keyword arguments of Keras' loop that the recording needs.
    states, gates
        What was recorded, over time in the order of processing; once `finish` was called.
    """

    settings: dict[str, bool]

    def __init__(self, step: ProbedStep, inside: RecurrenceRequest) -> None:
        self._step = step
        self._inside = inside
        self.states: list[Tensor] = []
        self.gates: list[Tensor] = []

    @abstractmethod
    def step(self, inputs: Nested, states: Nested) -> tuple[Nested, Nested]:
        """Compute a step; what Keras' loop calls."""

    @abstractmethod
    def finish(
        self, last: Nested, outputs: Nested, states: Nested, first: Nested, mask: Tensor | None
    ) -> tuple[Nested, Nested]:
        """Set `states` and `gates` from what the loop has returned.

        Parameters
        ----------
        last, outputs, states
            What it has returned.
        first
            The states that it began with.
        mask
            Boolean (samples, timesteps) in the order of processing, or None.

        Returns
        -------
        tuple
            The last output and all outputs that the layer returns.
        """


class StepRecorder(LoopRecorder):
    """Record the states and gates of a loop whose steps run one by one, unrolled or eager.

    Parameters
    ----------
    layer, step, inside
        The RNN layer, its step with the probes, and what to record.
    timesteps
        The length of the loop.
    """

    def __init__(
        self, layer: Layer, step: ProbedStep, inside: RecurrenceRequest, timesteps: int
    ) -> None:
        super().__init__(step, inside)
        self._timesteps = timesteps
        self._before: list[list[Tensor]] = []
        self._activated: list[list[Tensor]] = []
        self.settings = {
            "zero_output_for_mask": layer.zero_output_for_mask,
            "return_all_outputs": layer.return_sequences,
        }

    def step(self, inputs: Nested, states: Nested) -> tuple[Nested, Nested]:
        """Compute a step; its old states are those after the previous step, masked."""
        if self._inside.states:
            self._before.append(keras.tree.flatten(states))
        taken = self._step(inputs, states)
        if self._inside.gates:
            self._activated.append(self._step.activated())
        return taken

    def finish(
        self, last: Nested, outputs: Nested, states: Nested, first: Nested, mask: Tensor | None
    ) -> tuple[Nested, Nested]:
        """Stack the recorded values."""
        del first
        # In eager mode there is an additional step before the loop begins.
        if self._inside.states:
            after = [*self._before, keras.tree.flatten(states)][-self._timesteps :]
            self.states = [tf.stack(values, axis=1) for values in zip(*after, strict=True)]
        if self._inside.gates:
            now = self._activated[-self._timesteps :]
            self.gates = [
                _masked(tf.stack(values, axis=1), mask) for values in zip(*now, strict=True)
            ]
        return last, outputs


class BodyRecorder(LoopRecorder):
    """Record the states and gates of a traced loop, which it emits beside its outputs.

    Parameters
    ----------
    layer, step, inside
        The RNN layer, its step with the probes, and what to record.
    """

    def __init__(self, layer: Layer, step: ProbedStep, inside: RecurrenceRequest) -> None:
        super().__init__(step, inside)
        self._layer = layer
        self._emits = inside.states or inside.gates
        # Positions of the states among the emitted tensors, and the position of the first gate.
        self._places: list[int] = []
        self._count = 0
        self.settings = {
            # Emitted states are carried over masked timesteps, not zeroed.
            "zero_output_for_mask": layer.zero_output_for_mask and not self._emits,
            "return_all_outputs": layer.return_sequences or self._emits,
        }
        self._structure: Nested = None

    def step(self, inputs: Nested, states: Nested) -> tuple[Nested, Nested]:
        """Compute a step, and emit its states and gates beside the output."""
        output, new = self._step(inputs, states)
        if not self._emits:
            return output, new
        leaves = keras.tree.flatten(output)
        emitted, self._places = list(leaves), []
        for state in keras.tree.flatten(new) if self._inside.states else ():
            # Most cells return their hidden state: emitted once, it takes half the memory.
            same = next((i for i, leaf in enumerate(leaves) if leaf is state), len(emitted))
            self._places.append(same)
            emitted += [state] if same == len(emitted) else []
        self._count = len(emitted)
        if self._inside.gates:
            emitted += self._step.activated()
        self._structure = output
        return tuple(emitted), new

    def finish(
        self, last: Nested, outputs: Nested, states: Nested, first: Nested, mask: Tensor | None
    ) -> tuple[Nested, Nested]:
        """Read what was emitted."""
        del states
        if not self._emits:
            return last, outputs
        self.gates = [_masked(tensor, mask) for tensor in outputs[self._count :]]
        for place, initial in zip(self._places, keras.tree.flatten(first), strict=False):
            values = outputs[place]
            if mask is not None:
                # Before its first unmasked timestep a sample still has its initial state.
                started = tf.cumsum(tf.cast(mask, tf.int32), axis=1) > 0
                values = tf.where(_expand(started, values), values, initial[:, None])
            self.states.append(values)
        leaves = len(keras.tree.flatten(self._structure))
        returned = [self._as_returned(tensor, mask) for tensor in outputs[:leaves]]
        lasts, sequences = zip(*returned, strict=True)
        pack = keras.tree.pack_sequence_as
        return pack(self._structure, list(lasts)), pack(self._structure, list(sequences))

    def _as_returned(self, outputs: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        if mask is not None and self._layer.zero_output_for_mask:
            outputs = _masked(outputs, mask)
        last = outputs[:, -1]
        return last, outputs if self._layer.return_sequences else last[:, None]


def _masked(tensor: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return tensor
    return tf.where(_expand(mask, tensor), tensor, tf.zeros_like(tensor))


def _expand(mask: Tensor, like: Tensor) -> Tensor:
    for _ in range(len(like.shape) - len(mask.shape)):
        mask = mask[..., None]
    return mask
