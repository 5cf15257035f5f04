"""One timestep in eager mode: its results as functions of probes of its states.

Readers of a state cannot be changed once they have run. Instead the step is recorded on a tape of
its own, and its results get the derivatives by the probes that they have by the states.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .backend import Nested, Tape, Tensor, keras, tf
from .recorded import Recorded, Recording

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .readers import Place


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
        A persistent tape that recorded the step.
    recording
        The operations of the step.
    """

    output: Nested
    states: list[Tensor]
    given: list[Tensor]
    tape: Tape
    recording: Recording

    def before(self, tensor: Recorded) -> bool:
        """Tell whether a tensor was there before the step, as `places_of` asks.

        One that the tape knows no way from, as inside of a custom gradient, counts as if it was.
        """
        if tensor.op.type == "Placeholder" or any(tensor.eager is t for t in self.given):
            return True
        states = [state for state in self.states if state.dtype.is_floating]
        return self.tape.gradient(states, tensor.eager) is None


def take_step(call: Callable[[Sequence[Nested]], Nested], args: Sequence[Nested]) -> EagerStep:
    """Call a cell with copies of its inputs and states, and record what it does."""
    with tf.GradientTape(persistent=True) as tape:
        recording = Recording(tape)
        copies = keras.tree.map_structure(lambda t: tf.identity(t) if tf.is_tensor(t) else t, args)
        given = [t for t in keras.tree.flatten(copies) if tf.is_tensor(t)]
        tape.watch([t for t in given if t.dtype.is_floating])
        with recording.listening():
            output, new = call(copies)
        states, known = [], {id(t) for t in given}
        for state in map(tf.convert_to_tensor, keras.tree.flatten(new)):
            # Handed on unchanged, or twice: it is read as the other one, or as the old one.
            states.append(tf.identity(state) if id(state) in known else state)
            known.add(id(state))
    return EagerStep(output, states, given, tape, recording)


def attach(
    step: EagerStep, places: Sequence[Sequence[Place]], probes: Sequence[Tensor]
) -> tuple[Nested, list[Tensor]]:
    """Return the output and the new states of a step with derivatives by probes.

    Parameters
    ----------
    places
        Where each probe is added: recorded tensors of the step.
    probes
        Zeros of the shapes of states: a change of a probe changes the results as a change of the
        state would at the places where it is made.
    """
    results = [*keras.tree.flatten(step.output), *step.states]
    floating = [i for i, tensor in enumerate(results) if tensor.dtype.is_floating]
    plain = [results[i] for i in floating]

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def probed(*given: Tensor) -> Nested:
        def gradient(*upstream: Tensor) -> list[Tensor]:
            def by(probe: Tensor, places: Sequence[Place]) -> Tensor:
                with tf.GradientTape(watch_accessed_variables=False) as tape:
                    tape.watch(probe)
                    parts = [place.part(probe) for place in places]
                by_places = step.tape.gradient(
                    plain,
                    [place.tensor.eager for place in places],
                    output_gradients=list(upstream),
                    unconnected_gradients="zero",
                )
                return tape.gradient(parts, probe, output_gradients=by_places)

            return [*upstream, *map(by, probes, places)]

        return [tf.identity(tensor) for tensor in given[: len(plain)]], gradient

    for i, tensor in zip(floating, probed(*plain, *probes), strict=True):
        results[i] = tensor
    count = len(results) - len(step.states)
    return keras.tree.pack_sequence_as(step.output, results[:count]), results[count:]
