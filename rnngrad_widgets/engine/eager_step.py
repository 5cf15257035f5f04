"""One timestep in eager mode: its results as functions of probes of its states.

There is no graph in which readers of a state could be found. Instead the step is recorded on a tape
of its own, and its results get the derivatives by the probes that they have by the states.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from .backend import Nested, Tape, Tensor, keras, tf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_FUNCTIONS = ("PartitionedCall", "StatefulPartitionedCall", "__inference_", "__forward_")


@dataclass(frozen=True, eq=False)
class EagerStep:
    """A step that was taken in eager mode.

    Parameters
    ----------
    output
        What the cell returned, nested or not.
    states
        The new states, flat.
    tape
        A persistent tape that recorded the step.
    called_functions
        Whether a ``tf.function`` ran inside; what is computed there is one operation for the tape.
    """

    output: Nested
    states: list[Tensor]
    tape: Tape
    called_functions: bool

    def reads(self, state: Tensor) -> bool:
        """Tell whether the output is computed from a state, or is a copy of it."""
        outputs = [t for t in keras.tree.flatten(self.output) if t.dtype.is_floating]
        connected = self.tape.gradient(outputs, state) is not None
        return connected or any(_copied(t, state, self.tape) for t in outputs)


def take_step(call: Callable[[Sequence[Nested]], Nested], args: Sequence[Nested]) -> EagerStep:
    """Call a cell with copies of its inputs and states, and record what it does."""
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        copies = keras.tree.map_structure(lambda t: tf.identity(t) if tf.is_tensor(t) else t, args)
        given = [t for t in keras.tree.flatten(copies) if tf.is_tensor(t)]
        tape.watch([t for t in given if t.dtype.is_floating])
        with _functions_seen() as seen:
            output, new = call(copies)
        states, known = [], {id(t) for t in given}
        for state in map(tf.convert_to_tensor, keras.tree.flatten(new)):
            # Handed on unchanged, or twice: it is read as the other one, or as the old one.
            states.append(tf.identity(state) if id(state) in known else state)
            known.add(id(state))
    return EagerStep(output, states, tape, bool(seen))


def attach(
    step: EagerStep, states: Sequence[Tensor], probes: Sequence[Tensor]
) -> tuple[Nested, list[Tensor]]:
    """Return the output and the new states of a step with derivatives by probes.

    Parameters
    ----------
    states
        Those of the step's states that have a probe.
    probes
        Zeros of their shapes: a change of a probe changes the results as a change of the state
        would at the place where it is made.
    """
    results = [*keras.tree.flatten(step.output), *step.states]
    floating = [i for i, tensor in enumerate(results) if tensor.dtype.is_floating]
    plain = [results[i] for i in floating]
    copies = [
        [(j, back) for j, t in enumerate(plain) if (back := _copied(t, state, step.tape))]
        for state in states
    ]

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def probed(*given: Tensor) -> Nested:
        def gradient(*upstream: Tensor) -> list[Tensor]:
            by_probes = []
            for state, places in zip(states, copies, strict=True):
                parts = [step.tape.gradient(plain, state, output_gradients=list(upstream))]
                parts += [back(upstream[j]) for j, back in places]
                parts = [part for part in parts if part is not None]
                by_probes.append(tf.add_n(parts) if parts else tf.zeros_like(state))
            return [*upstream, *by_probes]

        return [tf.identity(tensor) for tensor in given[: len(plain)]], gradient

    for i, tensor in zip(floating, probed(*plain, *probes), strict=True):
        results[i] = tensor
    count = len(results) - len(step.states)
    return keras.tree.pack_sequence_as(step.output, results[:count]), results[count:]


def _copied(tensor: Tensor, state: Tensor, tape: Tape) -> Callable[[Tensor], Tensor] | None:
    """Return how a gradient by a copy of a state, or of a piece of it, is one by the state.

    None where the tensor is no copy, or is computed from the state, as the tape knows.
    """
    if tensor is state or tensor.dtype != state.dtype or tape.gradient(tensor, state) is not None:
        return None
    if tf.size(tensor) == tf.size(state):
        same = tf.reduce_all(tf.reshape(tensor, [-1]) == tf.reshape(state, [-1]))
        return (lambda upstream: tf.reshape(upstream, tf.shape(state))) if same else None
    if tensor.shape[:-1] != state.shape[:-1] or tensor.shape[-1] > state.shape[-1]:
        return None
    width, whole = tensor.shape[-1], state.shape[-1]
    for start in range(whole - width + 1):
        if tf.reduce_all(state[..., start : start + width] == tensor):
            around = [[0, 0]] * (len(state.shape) - 1) + [[start, whole - width - start]]
            return lambda upstream: tf.pad(upstream, around)
    return None


@contextmanager
def _functions_seen() -> Iterator[list[str]]:
    """Note the functions that are called in eager mode."""
    callbacks = import_module("tensorflow.python.framework.op_callbacks")
    seen: list[str] = []

    def look(op_type: object, *_: object, **__: object) -> None:
        name = op_type.decode() if isinstance(op_type, bytes) else str(op_type)
        if name.startswith(_FUNCTIONS):
            seen.append(name)

    callbacks.add_op_callback(look)
    try:
        yield seen
    finally:
        callbacks.remove_op_callback(look)
