"""Tap of an RNN layer's loop over time: its states and gates.

Zero sequences, the *probes*, enter the loop beside the input sequence. In each timestep a probe is
added to a new state, and everything that reads the state reads the sum: the next timestep, the
step's own output, and whatever else the cell computes from it. With h_t + p_t in the place of h_t
and p_t = 0, dL/dp_t is exactly the total derivative dL/dh_t of backpropagation through time (Werbos
1990, Proceedings of the IEEE 78, 1550-1560). A probe added to a gate's pre-activation gives the
derivative by that. Keras reverses the probes together with the input of a layer that runs
backwards, so the results are in the order of the input. A masked timestep keeps the old state: the
derivative by its new state is exactly 0.

The loop is Keras' own, with the layer's own settings: unrolled, masked or eager as it trains.
States and gates leave it beside the outputs, or step by step where each step is seen.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from rnngrad_widgets.engine.backend import Layer, Nested, Tensor, keras, tf
from rnngrad_widgets.engine.calls.layer_call import RecordedLoop, RecurrenceRequest
from rnngrad_widgets.engine.keras_api.select import adapter_of
from rnngrad_widgets.engine.keras_api.shadowing import accepts_argument
from rnngrad_widgets.engine.layers.cells import state_keys
from rnngrad_widgets.engine.tracing.cell_step import ProbedStep, make_probes

if TYPE_CHECKING:
    from rnngrad_widgets.engine.differentiation.differentiator import Differentiator


class LoopTap:
    """Add probes to the loop of one RNN layer, and record its states and gates.

    Parameters
    ----------
    layer
        An RNN layer; for a Bidirectional, one of its two.
    differentiator
        The differentiator of the pass.
    inside
        What to record.
    """

    def __init__(
        self, layer: Layer, differentiator: Differentiator, inside: RecurrenceRequest
    ) -> None:
        self._layer = layer
        self._differentiator = differentiator
        self._inside = inside
        self.loops: list[RecordedLoop] = []
        """One for each call of the layer, filled while tracing."""

    def inner_loop(
        self, sequences: Nested, initial_state: Nested, mask: Tensor | None, **arguments: Nested
    ) -> tuple[Tensor, Tensor, Nested]:
        """Run the loop over time with the probes; as `KerasAdapter.shadow_loop` asks."""
        layer, inside = self._layer, self._inside
        cell = layer.cell
        keys = state_keys(cell, initial_state)
        sequence = keras.tree.flatten(sequences)[0]
        loop = make_probes(cell, initial_state, keys, sequence, inside, self._differentiator)
        self.loops.append(loop)
        if inside.initial_states:
            initial_state = keras.tree.map_structure(self._differentiator.watched, initial_state)
            flat = keras.tree.flatten(initial_state)
            loop.initial_states.update(zip(chain(*keys), flat, strict=True))
        arguments = {name: v for name, v in arguments.items() if accepts_argument(cell.call, name)}

        def run(inputs: Nested, states: Nested) -> tuple[Nested, Nested]:
            output, new = (cell if callable(cell) else cell.call)(inputs, states, **arguments)
            return output, new

        in_body = not layer.unroll and not tf.executing_eagerly()
        step = ProbedStep(
            cell, run, loop, keys, self._differentiator, gates=inside.gates, in_body=in_body
        )
        recorder = _BodyRecorder if in_body else _StepRecorder
        record = recorder(layer, step, inside, sequence.shape[1])
        with step.installed():
            last, outputs, states = adapter_of(layer).rnn_loop(
                record.step,
                (sequences, *loop.probes),
                initial_state,
                go_backwards=layer.go_backwards,
                mask=mask,
                unroll=layer.unroll,
                **record.settings,
            )
        if mask is not None:
            mask = tf.cast(tf.reverse(mask, [1]) if layer.go_backwards else mask, tf.bool)
        last, outputs = record.finish(last, outputs, states, initial_state, mask)
        if inside.states:
            values = [_in_input_order(layer, state) for state in record.states]
            loop.states.update(zip(chain(*keys), values, strict=True))
        loop.gates.extend(_in_input_order(layer, gates) for gates in record.gates)
        return last, outputs, states


class _StepRecorder:
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
        self._step = step
        self._inside = inside
        self._timesteps = timesteps
        self._before: list[list[Tensor]] = []
        self._activated: list[list[Tensor]] = []
        self.settings = {
            "zero_output_for_mask": layer.zero_output_for_mask,
            "return_all_outputs": layer.return_sequences,
        }
        self.states: list[Tensor] = []
        self.gates: list[Tensor] = []

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
        """Stack the recorded values, in the order of processing; return what the layer returns."""
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


class _BodyRecorder:
    """Record the states and gates of a traced loop, which it emits beside its outputs.

    Parameters
    ----------
    layer, step, inside
        The RNN layer, its step with the probes, and what to record.
    timesteps
        The length of the loop, as for `_StepRecorder`; not needed here.
    """

    def __init__(
        self, layer: Layer, step: ProbedStep, inside: RecurrenceRequest, timesteps: int | None
    ) -> None:
        del timesteps
        self._layer = layer
        self._step = step
        self._inside = inside
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
        self.states: list[Tensor] = []
        self.gates: list[Tensor] = []

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
        """Read what was emitted, in the order of processing; return what the layer returns."""
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


def _in_input_order(layer: Layer, values: Tensor) -> Tensor:
    return tf.reverse(values, [1]) if layer.go_backwards else values


def _masked(tensor: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return tensor
    return tf.where(_expand(mask, tensor), tensor, tf.zeros_like(tensor))


def _expand(mask: Tensor, like: Tensor) -> Tensor:
    for _ in range(len(like.shape) - len(mask.shape)):
        mask = mask[..., None]
    return mask
