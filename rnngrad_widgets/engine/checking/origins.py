"""Find the origin of a state's value in one timestep of a cell, by its numbers.

The step is run on random numbers. A result that then equals a state bit by bit, in every run, has
the state's value, whatever its operation is: a copy, another shape, the result of an inner
function. The first of them is the origin: the others, and all that reads the state, are computed
from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnngrad_widgets.engine.backend import Tensor, tf
from rnngrad_widgets.engine.checking.replay import Key

Part: TypeAlias = "Callable[[Tensor], Tensor]"
"""Returns the part of a nudge of a state that belongs to a piece of it."""


@dataclass(frozen=True, eq=False)
class Origin:
    """The results to move so that a state moves.

    Parameters
    ----------
    places
        Results inside of the step.
    returned
        Whether the state is moved where it is returned, and nothing before that.
    """

    places: tuple[tuple[Key, Part], ...] = ()
    returned: bool = False


class NoOrigin(Exception):  # noqa: N818 - it is a finding, and never leaves the engine
    """A state cannot be moved where it is computed; the message says why."""


class Origins:
    """Search for the origins of the states of a step.

    Parameters
    ----------
    values
        All floating-point results of the step, (draws, ...).
    sources
        The results that each one is computed from directly; none for arguments of the step.
    given
        Arguments of the step.
    states
        The states to find, by their position among the states, (draws, ...).
    """

    def __init__(
        self,
        values: Mapping[Key, NDArray[Any]],
        sources: Mapping[Key, frozenset[Key]],
        given: frozenset[Key],
        states: Mapping[int, NDArray[Any]],
    ) -> None:
        self._values = values
        self._sources = sources
        self._given = given
        self._states = states

    def find(self) -> dict[int, Origin | NoOrigin]:
        """Find the origin of each state, or why there is none."""
        found: dict[int, Origin | NoOrigin] = {}
        firsts: dict[int, list[Key]] = {}
        for place, state in self._states.items():
            try:
                firsts[place] = self._firsts(state)
            except NoOrigin as reason:  # noqa: PERF203 - each state has a reason of its own
                found[place] = reason
        used: set[Key] = set()
        for place, keys in firsts.items():
            if not keys or used.intersection(keys):
                # Returned unchanged, or twice: readers read the other one, or the old one.
                found[place] = Origin(returned=True)
                continue
            others = {key for other, k in firsts.items() if other != place for key in k}
            try:
                found[place] = Origin(tuple(self._places(keys, others)))
            except NoOrigin as reason:
                found[place] = reason
            used.update(keys)
        return found

    def _firsts(self, value: NDArray[Any]) -> list[Key]:
        """Return the first results with these numbers; none if they are those of an argument."""
        if _is_uninformative(value):
            raise NoOrigin("its numbers tell nothing: they are all the same, or not finite")
        if self._is_old(value):
            return []
        same = {key for key, other in self._values.items() if _equal(other, value)}
        firsts = sorted(key for key in same if same.isdisjoint(self._upstream(key)))
        if len({key[:-1] for key in firsts}) > 1:
            raise NoOrigin("a timestep computes its value more than once")
        return firsts

    def _is_old(self, value: NDArray[Any]) -> bool:
        """Return whether all numbers are among those of one argument of the step."""
        return any(
            all(
                np.isin(now, before).all()
                for now, before in zip(value, self._values[key], strict=True)
            )
            for key in self._given
            if key in self._values
        )

    def _upstream(self, key: Key) -> Iterator[Key]:
        waiting, done = list(self._sources[key]), set()
        while waiting:
            source = waiting.pop()
            if source not in done:
                done.add(source)
                yield source
                waiting += self._sources[source]

    def _places(self, keys: list[Key], others: set[Key]) -> list[tuple[Key, Part]]:
        """Trace a state back to the pieces that it was joined from, if it was."""
        shapes = {key: self._values[key].shape[1:] for key in self._values}
        whole = [(key, _reshaped(shapes[key])) for key in keys]
        pieces = self._pieces(keys[0]) if len(keys) == 1 else []
        places: list[tuple[Key, Part]] = []
        for piece, where in pieces:
            value = self._values[piece]
            firsts = [] if _is_uninformative(value) else self._firsts(value)
            if others.intersection(firsts):
                return whole  # a state of its own is not part of another one
            if firsts:
                parts = [(key, _slice_of(shapes[keys[0]], where, shapes[key])) for key in firsts]
            else:  # readers of (part of) an old state read the old value: its copy is new
                parts = [(keys[0], _zero_elsewhere(shapes[keys[0]], where))]
            places += parts
        return places or whole

    def _pieces(self, key: Key) -> list[tuple[Key, tuple[slice, ...]]]:
        """Return the pieces that a result was joined from, in order; none if it was not."""
        whole = self._values[key]
        sources = [key for key in sorted(self._sources[key]) if key in self._values]
        for axis in range(1, whole.ndim):
            found, end = [], 0
            while end < whole.shape[axis]:
                fitting = ((s, _size(self._values[s], whole, axis)) for s in sources)
                places = ((s, (slice(None),) * axis + (slice(end, end + n),)) for s, n in fitting)
                piece = next((p for p in places if _equal(self._values[p[0]], whole[p[1]])), None)
                if piece is None:
                    break
                found.append((piece[0], piece[1][1:]))
                end = piece[1][axis].stop
            if len(found) > 1 and end == whole.shape[axis]:
                return found
        return []


def _is_uninformative(value: NDArray[Any]) -> bool:
    flat = value.reshape(-1)
    return not np.isfinite(flat).all() or bool((flat == flat[:1]).all())


def _size(part: NDArray[Any], whole: NDArray[Any], axis: int) -> int:
    """Return how long a part of an array must be along an axis, if it is one."""
    return int(part.size * whole.shape[axis] // whole.size)


def _equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    same = one.dtype == other.dtype and one.size == other.size > 0 and len(one) == len(other)
    return same and bool((one.reshape(-1) == other.reshape(-1)).all())


def _reshaped(shape: Sequence[int]) -> Part:
    return lambda nudge: tf.reshape(nudge, shape)


def _slice_of(whole: Sequence[int], where: tuple[slice, ...], shape: Sequence[int]) -> Part:
    return lambda nudge: tf.reshape(tf.reshape(nudge, whole)[where], shape)


def _zero_elsewhere(whole: Sequence[int], where: tuple[slice, ...]) -> Part:
    mask = np.zeros(whole, bool)
    mask[where] = True
    return lambda nudge: tf.where(mask, tf.reshape(nudge, whole), tf.zeros([], nudge.dtype))
