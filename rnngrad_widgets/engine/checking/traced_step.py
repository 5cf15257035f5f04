"""One timestep of a cell, whatever its code, with its states moved where they are computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnngrad_widgets.engine.backend import Nested, Tensor, keras, tf
from rnngrad_widgets.engine.checking.origins import NoOrigin, Origin, Origins
from rnngrad_widgets.engine.checking.replay import CannotReplay, Key, ReplayedTensor, replay
from rnngrad_widgets.engine.model_state.restore import FunctionOnCopies

_DRAWS = 8
"""Runs of the step on random numbers: with one unit, two results may agree by chance."""

_UNKNOWN = 2
"""Size, in those runs, of an axis whose size is not in the graph."""


class TracedStep:
    """A call of a cell, traced on its own, to be run again.

    Parameters
    ----------
    call
        Calls the cell; it returns its output and its states.
    args, kwargs
        Its arguments.
    """

    def __init__(
        self, call: Callable[..., Nested], args: Sequence[Nested], kwargs: Mapping[str, Nested]
    ) -> None:
        given = keras.tree.flatten((args, dict(kwargs)))
        places = [i for i, value in enumerate(given) if tf.is_tensor(value)]
        self._given: list[Tensor] = [given[i] for i in places]
        self._structure: tuple[Nested, Nested] = (None, None)

        def step(*tensors: Tensor) -> list[Tensor]:
            flat = list(given)
            for i, tensor in zip(places, tensors, strict=True):
                flat[i] = tensor
            again, more = keras.tree.pack_sequence_as((args, dict(kwargs)), flat)
            output, states = call(*again, **more)
            self._structure = (output, states)
            return [tf.convert_to_tensor(t) for t in keras.tree.flatten((output, states))]

        specs = [tf.TensorSpec(t.shape, t.dtype) for t in self._given]
        concrete: Any = tf.function(step, autograph=False).get_concrete_function(*specs)
        self._graph = concrete.graph
        self._concrete = concrete  # which keeps the graph alive
        self._first = len(keras.tree.flatten(self._structure[0]))

    @property
    def fingerprint(self) -> tuple[object, ...]:
        """A key that is equal for steps whose states have the same origins."""
        return tuple((op.type, op.name) for op in self._graph.get_operations())

    def run(
        self, origins: Mapping[int, Origin], nudge: Callable[[int, Tensor], Tensor]
    ) -> tuple[Nested, Nested]:
        """Run the step on its arguments, with nudges added to states.

        Parameters
        ----------
        origins
            Origins of the states that are moved, by their position among the states.
        nudge
            Returns the nudge of a state, by its position and a tensor of its shape and dtype.
        """
        changes: dict[Key, Callable[[Tensor], Tensor]] = {}
        nudges = {
            place: nudge(place, self._graph.outputs[self._first + place]) for place in origins
        }
        for place, origin in origins.items():
            for key, part in origin.places:
                changes[key] = _add_nudge(part(nudges[place]), changes.get(key))
        results = replay(self._graph, self._inputs(), changes)
        for place, origin in origins.items():
            if origin.returned:
                results[self._first + place] += nudges[place]
        output, states = keras.tree.pack_sequence_as(self._structure, results)
        return output, states

    def origins(self) -> dict[int, Origin | NoOrigin]:
        """Find the origins of the states, or why there is none.

        Raises
        ------
        CannotReplay
            If the step cannot be run again.
        """
        with tf.init_scope():
            return self._search().find()

    def _inputs(self) -> list[Tensor]:
        return [*self._given, *(outer for outer, _ in self._graph.captures)]

    def _search(self) -> Origins:
        graph, inputs = self._graph, self._inputs()
        captured = range(len(self._given), len(inputs))
        unknown = [*range(len(self._given))]
        unknown += [i for i in captured if not hasattr(inputs[i], "numpy")]
        if any(inputs[i].dtype in (tf.resource, tf.variant) for i in unknown):
            raise CannotReplay("it reads what is known only inside of the loop over time")
        seen: dict[Key, ReplayedTensor] = {}
        given = [(inner.op.name,) for inner in graph.inputs]
        keys: list[Key] = []

        def everything(*drawn: Tensor) -> tuple[list[Tensor], list[Tensor]]:
            values = list(inputs)
            for i, tensor in zip(unknown, drawn, strict=True):
                values[i] = tensor
            results = replay(graph, values, {}, seen)
            pairs = zip(given, values, strict=True)
            seen.update({key: ReplayedTensor(value, frozenset()) for key, value in pairs})
            keys[:] = [key for key, one in seen.items() if one.value.dtype.is_floating]
            return [tf.identity(seen[key].value) for key in keys], results

        draws = [_random_inputs([inputs[i] for i in unknown], seed) for seed in range(_DRAWS)]
        specs = [tf.TensorSpec(t.shape, t.dtype) for t in draws[0]]
        traced = tf.function(everything, autograph=False).get_concrete_function(*specs)
        run = FunctionOnCopies(traced)  # the model's variables are not assigned
        found, states = [], []
        for numbers in draws:
            values, results = run(*numbers)
            found.append([_as_float64(value) for value in values])
            states.append([_as_float64(state) for state in results[self._first :]])
        floating = [t.dtype.is_floating for t in graph.outputs[self._first :]]
        by_place = enumerate(zip(*states, strict=True))
        return Origins(
            dict(zip(keys, map(np.stack, zip(*found, strict=True)), strict=True)),
            {key: one.sources for key, one in seen.items()},
            frozenset(given),
            {place: np.stack(values) for place, values in by_place if floating[place]},
        )


def _random_inputs(like: Sequence[Tensor], seed: int) -> list[Tensor]:
    rng = np.random.default_rng(seed)
    drawn = []
    for tensor in like:
        shape = [_UNKNOWN if size is None else size for size in tensor.shape]
        random = rng.normal(size=shape) if tensor.dtype.is_floating else np.ones(shape)
        drawn.append(tf.cast(tf.constant(random), tensor.dtype))
    return drawn


def _as_float64(tensor: Tensor) -> NDArray[Any]:
    """Return the numbers of a tensor in double precision, which holds them all."""
    numbers: NDArray[Any] = tf.cast(tensor, tf.float64).numpy()
    return numbers


def _add_nudge(
    nudge: Tensor, before: Callable[[Tensor], Tensor] | None
) -> Callable[[Tensor], Tensor]:
    def add(value: Tensor) -> Tensor:
        return (value if before is None else before(value)) + tf.cast(nudge, value.dtype)

    return add
