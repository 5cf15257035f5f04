"""One timestep in eager mode: where its states are made.

Nothing can be put in front of a reader that has run already. But all that a step computes is
watched by the tape of the pass, so that the loss can be differentiated by it afterwards.
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
    """A step that was taken in eager mode.

    Parameters
    ----------
    output
        What the cell returned, nested or not.
    states
        The new states, flat.
    given
        The inputs and old states, flat.
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
        """Tell whether a tensor was there before the step, as `find_probe_points` asks.

        One that the tape knows no way from, as inside of a custom gradient, counts as if it was.
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
    """Call a cell with copies of its inputs and states, and record what it does.

    Parameters
    ----------
    watch
        Called with all that the cell computes, before anything reads it.
    """
    with tf.GradientTape(persistent=True) as tape:

        def watched(tensor: Tensor) -> None:
            tape.watch(tensor)
            watch(tensor)

        recording = RecordedGraph(watched)
        copies = keras.tree.map_structure(lambda t: tf.identity(t) if tf.is_tensor(t) else t, args)
        given = [t for t in keras.tree.flatten(copies) if tf.is_tensor(t)]
        # By what it is given, too: what a tf.function returns cannot be watched as it is made.
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
