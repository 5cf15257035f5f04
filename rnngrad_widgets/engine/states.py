"""How the states and gates inside an RNN layer's loop are reached.

Zero sequences, the *probes*, enter the loop beside the input sequence. In each timestep a probe is
added to a new state, in the place of everything that reads that state: the next timestep, the
step's own output, and whatever else the cell makes of it. dL/d(probe_t) is then exactly the total
derivative dL/d(state_t). A probe added to a gate's pre-activation gives dL/d(pre-activation_t).
Keras reverses the probes together with the input of a layer that runs backwards, so the results
are in the order of the input. A masked timestep keeps the old state: its derivative is exactly 0.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from .backend import Layer, Nested, Tape, Tensor, keras, tf
from .cells import StateKey, state_keys
from .library import library_of, takes
from .steps import Inside, Loop, Step, make_probes

if TYPE_CHECKING:
    from collections.abc import Iterable


class LoopProbe:
    """An ``inner_loop`` for one RNN layer that adds probes and can emit the states.

    Parameters
    ----------
    layer
        An RNN layer; for a Bidirectional, one of its two.
    tape
        The tape that watches the probes.
    inside
        What to record.
    """

    def __init__(self, layer: Layer, tape: Tape, inside: Inside) -> None:
        self._layer = layer
        self._tape = tape
        self._inside = inside
        self.loops: list[Loop] = []
        """One for each call of the layer, filled while tracing."""

    def inner_loop(
        self, sequences: Nested, initial_state: Nested, mask: Tensor | None, **arguments: Nested
    ) -> tuple[Tensor, Tensor, Nested]:
        """Run the loop over time as the layer does, with the probes; see `Library.shadow_loop`."""
        layer, emit = self._layer, self._inside.states
        cell = layer.cell
        keys = state_keys(cell, initial_state)
        sequence = keras.tree.flatten(sequences)[0]
        loop = make_probes(cell, initial_state, keys, sequence, self._inside, self._tape)
        self.loops.append(loop)
        arguments = {name: v for name, v in arguments.items() if takes(cell.call, name)}

        def run(inputs: Nested, states: Nested) -> tuple[Nested, Nested]:
            output, new = (cell if callable(cell) else cell.call)(inputs, states, **arguments)
            return output, new

        step = Step(cell, run, loop, keys, emit=emit)
        # In eager mode the step has a graph of its own: readers can be found in a graph only.
        eager = loop.state_probes and tf.executing_eagerly()
        with step.installed():
            last, outputs, states = library_of(layer).rnn_loop(
                tf.function(step.__call__, autograph=False) if eager else step,
                (sequences, *loop.probes),
                initial_state,
                go_backwards=layer.go_backwards,
                mask=mask,
                # Emitted states are carried over masked timesteps, not zeroed.
                zero_output_for_mask=layer.zero_output_for_mask and not emit,
                return_all_outputs=layer.return_sequences or emit,
            )
        if emit:
            flat = zip(chain(*keys), keras.tree.flatten(initial_state), strict=True)
            values = [outputs[place] for place in step.places]
            self._take_states(loop, zip(flat, values, strict=True), mask)
            last, outputs = self._as_returned(outputs[0], mask)
        return last, outputs, states

    def _take_states(
        self,
        loop: Loop,
        emitted: Iterable[tuple[tuple[StateKey, Tensor], Tensor]],
        mask: Tensor | None,
    ) -> None:
        layer = self._layer
        for (key, first), emitted_values in emitted:
            values = emitted_values
            if mask is not None:
                # Before its first unmasked timestep a sample still has its initial state.
                started = tf.cumsum(tf.cast(self._processed(mask), tf.int32), axis=1) > 0
                values = tf.where(_expand(started, values), values, first[:, None])
            loop.states[key] = tf.reverse(values, [1]) if layer.go_backwards else values

    def _as_returned(self, outputs: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        layer = self._layer
        if mask is not None and layer.zero_output_for_mask:
            kept = _expand(self._processed(mask), outputs)
            outputs = tf.where(kept, outputs, tf.zeros_like(outputs))
        last = outputs[:, -1]
        return last, outputs if layer.return_sequences else last[:, None]

    def _processed(self, mask: Tensor) -> Tensor:
        # In the order of processing, as everything that leaves the loop.
        return tf.cast(tf.reverse(mask, [1]) if self._layer.go_backwards else mask, tf.bool)


def _expand(mask: Tensor, like: Tensor) -> Tensor:
    for _ in range(len(like.shape) - 2):
        mask = mask[..., None]
    return mask
