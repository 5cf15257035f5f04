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
from rnngrad_widgets.engine.tracing.loop_recorders import BodyRecorder, LoopRecorder, StepRecorder

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
        record: LoopRecorder = (
            BodyRecorder(layer, step, inside)
            if in_body
            else StepRecorder(layer, step, inside, sequence.shape[1])
        )
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


def _in_input_order(layer: Layer, values: Tensor) -> Tensor:
    return tf.reverse(values, [1]) if layer.go_backwards else values
