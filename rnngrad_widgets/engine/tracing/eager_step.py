"""One timestep in eager mode, recorded so that the origins of its states can be found.

Nothing can be inserted before operations that have run. But the tape of the pass watches all
that a step computes, so that the loss can be differentiated by it afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnngrad_widgets.engine.backend import Nested, Tape, Tensor, keras, tf
from rnngrad_widgets.engine.differentiation.eager_graph import RecordedGraph, RecordedTensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, eq=False)
class EagerStep:
    """A step that was computed in eager mode.

    Parameters
    ----------
    output
        What the cell returned, nested or not.
    states
        The new states, flattened.
    given
        The inputs and old states, flattened.
    tape
        A persistent tape that recorded the step alone.
    recording
        The operations of the step.
    """

    output: Nested
    states: list[Tensor]
    given: list[Tensor]
    tape: Tape
    recording: RecordedGraph

    def before(self, tensor: RecordedTensor) -> bool:
        """Return whether a tensor was there before the step, as `find_probe_points` asks.

        So does one from which the tape knows no way to a state, as inside of a custom gradient.
        """
        if tensor.op.type == "Placeholder" or any(tensor.eager is t for t in self.given):
            return True
        states = [state for state in self.states if state.dtype.is_floating]
        return self.tape.gradient(states, tensor.eager) is None


def run_step(
    call: Callable[[Sequence[Nested]], Nested],
    args: Sequence[Nested],
    watch: Callable[[Tensor], None],
) -> EagerStep:
    """Call a cell with copies of its inputs and states, and record its operations.

    Parameters
    ----------
    watch
        Called with every tensor that the cell computes, before anything reads it.
    """
    with tf.GradientTape(persistent=True) as tape:

        def watched(tensor: Tensor) -> None:
            tape.watch(tensor)
            watch(tensor)

        recording = RecordedGraph(watched)
        copies = keras.tree.map_structure(lambda t: tf.identity(t) if tf.is_tensor(t) else t, args)
        given = [t for t in keras.tree.flatten(copies) if tf.is_tensor(t)]
        # Its arguments, too: results of a tf.function cannot be watched while it runs.
        for tensor in given:
            if tensor.dtype.is_floating:
                watched(tensor)
        with recording.listening():
            output, new = call(copies)
        states, known = [], {id(t) for t in given}
        for state in map(tf.convert_to_tensor, keras.tree.flatten(new)):
            # Handed on unchanged, or twice: it is read as the other one, or as the old one.
            states.append(tf.identity(state) if id(state) in known else state)
            known.add(id(state))
            if state.dtype.is_floating:
                watched(states[-1])
    return EagerStep(output, states, given, tape, recording)
