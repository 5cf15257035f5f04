"""Find where in a timestep's graph a state is computed, and insert a probe there.

A total derivative dL/ds counts everything that reads the value of the state s: the next timestep,
the step's own output, and whatever else the cell computes from it. Many cells return a copy: they
return ``h`` and ``identity(h)``, a reshaped ``h``, ``concat([h, c])``, or two results of an inner
function that are the same inside of it. So a state is traced back to where its value is computed,
and everything that reads the value reads it with the probe that is added there. Where that is
inside a function that reads it as well, the gradient is refused, with a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rnngrad_widgets.engine.backend import Tensor, tf
from rnngrad_widgets.engine.differentiation.equal_results import equal_results
from rnngrad_widgets.engine.differentiation.operations import (
    FUNCTIONS,
    RESHAPING,
    hands_on,
    passed_argument,
    upstream,
)


@dataclass(frozen=True, eq=False)
class ProbePoint:
    """A tensor to add a probe to, and the function that takes the part of the probe for it."""

    tensor: Tensor
    part: Callable[[Tensor], Tensor]


def find_probe_points(state: Tensor, before: Callable[[Tensor], bool]) -> list[ProbePoint]:
    """Return where to add a probe so that everything that reads a state's value reads it too.

    Parameters
    ----------
    state
        A state as the cell returns it, in a graph.
    before
        Returns whether a tensor was there before the step: an old state or an input that is
        returned is not traced back further, readers of it read the old value.

    Raises
    ------
    UnreachableState
        If the value is made inside a function that reads it as well.
    """
    found: list[ProbePoint] = []
    for tensor, part in _followed(state, lambda probe: probe, before):
        if tensor.op.type in FUNCTIONS:
            found += [
                ProbePoint(twin, part if twin is tensor else _reshaped(part, twin))
                for twin in equal_results(tensor)
            ]
        else:
            found.append(ProbePoint(tensor, part))
    return found


def depends_on(outputs: Sequence[Tensor], places: Sequence[ProbePoint]) -> bool:
    """Return whether outputs are computed from any of these tensors, or are one of them."""
    wanted = {id(place.tensor) for place in places}
    return any(
        id(tensor) in wanted or any(id(t) in wanted for op in upstream(tensor) for t in op.inputs)
        for tensor in outputs
    )


def insert_probe(place: ProbePoint, probe: Tensor) -> Tensor:
    """Let everything that reads a tensor read it with a probe added; return the sum.

    The derivative must be computed from the finished graph, by ``tf.gradients``.
    """
    tensor, readers = place.tensor, place.tensor.consumers()
    probed = add_probe(tensor, place.part(probe))
    for reader in readers:
        for position, read in enumerate(reader.inputs):
            if read is tensor:
                reader._update_input(position, probed)  # noqa: SLF001 - there is no public way
    return probed


def add_probe(tensor: Tensor, probe: Tensor) -> Tensor:
    """Add a probe of the same shape.

    The ``+`` operator would broadcast: its derivative needs the shapes in every timestep.
    """
    return tf.add_n([tensor, probe])


def _followed(
    tensor: Tensor, part: Callable[[Tensor], Tensor], before: Callable[[Tensor], bool]
) -> Iterator[tuple[Tensor, Callable[[Tensor], Tensor]]]:
    """Trace a value back to where it is computed; piece by piece, where it was joined."""
    op = tensor.op
    origin = op.inputs[0] if hands_on(op) else passed_argument(tensor)
    reshapes = op.type in RESHAPING
    follows = origin is not None and not before(origin)
    if follows and (not reshapes or _has_known_shape(origin)):
        yield from _followed(origin, _reshaped(part, origin) if reshapes else part, before)
        return
    pieces = _pieces(op)
    if not pieces:
        yield tensor, part
        return
    # Readers of an old state among the pieces read the old value; from the join on, its copy is a
    # new value.
    old = [_is_old(piece, before) for piece, _ in pieces]
    if any(old):
        yield tensor, _composed(_only(old, [take for _, take in pieces], op), part)
    for (piece, take), is_old in zip(pieces, old, strict=True):
        if not is_old:
            yield from _followed(piece, _composed(take, part), before)


def _is_old(tensor: Tensor, before: Callable[[Tensor], bool]) -> bool:
    """Return whether a tensor was there before the step, or is a slice of one that was."""
    if before(tensor):
        return True
    op = tensor.op
    if op.type == "Split":  # its first input is the axis
        return _is_old(op.inputs[1], before)
    sliced = hands_on(op) or op.type in ("SplitV", "StridedSlice", "Slice")
    return sliced and _is_old(op.inputs[0], before)


def _only(
    kept: Sequence[bool], takes: Sequence[Callable[[Tensor], Tensor]], op: Any
) -> Callable[[Tensor], Tensor]:
    """Return a function that keeps some pieces of a probe, with zeros for the others."""
    join = tf.stack if op.type == "Pack" else tf.concat
    given = op.inputs[-1] if op.type == "ConcatV2" else None
    static = tf.get_static_value(getattr(given, "eager", given)) if given is not None else None
    axis = op.get_attr("axis") if static is None else int(static)

    def only(probe: Tensor) -> Tensor:
        pieces = [take(probe) for take in takes]
        chosen = zip(kept, pieces, strict=True)
        return join([t if keep else tf.zeros_like(t) for keep, t in chosen], axis=axis)

    return only


def _pieces(op: Any) -> list[tuple[Tensor, Callable[[Tensor], Tensor]]]:
    if op.type == "ConcatV2":
        *parts, axis_tensor = op.inputs
        axis = tf.get_static_value(getattr(axis_tensor, "eager", axis_tensor))
        sizes = None if axis is None else [part.shape[int(axis)] for part in parts]
        if sizes is None or None in sizes:
            return []
        return [(t, _split(sizes, int(axis), i)) for i, t in enumerate(parts)]
    if op.type == "Pack":
        axis = op.get_attr("axis")
        return [(t, _unstacked(axis, i, t)) for i, t in enumerate(op.inputs)]
    return []


def _split(sizes: list[int], axis: int, index: int) -> Callable[[Tensor], Tensor]:
    return lambda probe: tf.split(probe, sizes, axis=axis)[index]


def _unstacked(axis: int, index: int, like: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda probe: tf.ensure_shape(tf.gather(probe, index, axis=axis), like.shape)


def _composed(
    outer: Callable[[Tensor], Tensor], inner: Callable[[Tensor], Tensor]
) -> Callable[[Tensor], Tensor]:
    return lambda probe: outer(inner(probe))


def _reshaped(part: Callable[[Tensor], Tensor], like: Tensor) -> Callable[[Tensor], Tensor]:
    # Not tf.shape(like): that would be computed from what the probe is added to.
    sizes = [-1 if size is None else size for size in like.shape]
    return lambda probe: tf.ensure_shape(tf.reshape(part(probe), sizes), like.shape)


def _has_known_shape(tensor: Tensor) -> bool:
    return tensor.shape.rank is not None and list(tensor.shape).count(None) <= 1
