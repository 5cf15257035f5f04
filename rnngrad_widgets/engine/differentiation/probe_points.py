"""What reads a state inside one timestep of a cell, found in the graph that was traced.

A total derivative dL/ds counts everything that reads the value of the state s: the next timestep,
the step's own output, and whatever else the cell makes of it. Many cells hand on a copy: they
return ``h`` and ``identity(h)``, a reshaped ``h``, ``concat([h, c])``, or two results of an inner
function that are the same inside of it. So the state is followed back to where its value is made,
and a probe that is added there is seen by all that read it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rnngrad_widgets.engine.backend import Tensor, tf

_RESHAPING = frozenset(("Reshape", "Squeeze", "ExpandDims"))
_SAME_VALUES = _RESHAPING | {"Identity", "EnsureShape", "CheckNumerics", "Snapshot"}
"""Operations that hand their first input on, at most in another shape."""

_FUNCTIONS = {
    "PartitionedCall": ("f",),
    "StatefulPartitionedCall": ("f",),
    "If": ("then_branch", "else_branch"),
    "StatelessIf": ("then_branch", "else_branch"),
    "Case": ("branches",),
    "StatelessCase": ("branches",),
    "While": ("body",),
    "StatelessWhile": ("body",),
}
"""Operations that run functions, and the attributes that name these."""

_PLAIN_CALLS = frozenset(("PartitionedCall", "StatefulPartitionedCall"))
_LOOPS = frozenset(("While", "StatelessWhile"))

UNREACHABLE = (
    "a state is made and read inside of an inner {kind} of the cell, where a derivative by it "
    "cannot be taken; move that out of the inner {kind}"
)


@dataclass(frozen=True, eq=False)
class Place:
    """A tensor to add a probe to, and what part of the probe, in which shape."""

    tensor: Tensor
    part: Callable[[Tensor], Tensor]


class Unreachable(Exception):  # noqa: N818 - it is a finding, and never leaves the engine
    """Something inside a function of its own reads the state; the message says what to do."""


def places_of(state: Tensor, before: Callable[[Tensor], bool]) -> list[Place]:
    """List where to add a probe so that everything that reads a state's value reads it too.

    Parameters
    ----------
    state
        A state as the cell hands it on, in a graph.
    before
        Tells of a tensor whether it was there before the step: an old state or an input that is
        handed on is not followed, it was read as what it was.

    Raises
    ------
    Unreachable
        If the value is made inside a function that reads it as well.
    """
    found: list[Place] = []
    for tensor, part in _followed(state, lambda probe: probe, before):
        if tensor.op.type in _FUNCTIONS:
            found += [
                Place(twin, part if twin is tensor else _reshaped(part, twin))
                for twin in _twins(tensor)
            ]
        else:
            found.append(Place(tensor, part))
    return found


def reads(outputs: Sequence[Tensor], places: Sequence[Place]) -> bool:
    """Tell whether outputs are computed from any of these tensors, or are one of them."""
    wanted = {id(place.tensor) for place in places}
    return any(
        id(tensor) in wanted or any(id(t) in wanted for op in _upstream(tensor) for t in op.inputs)
        for tensor in outputs
    )


def insert(place: Place, probe: Tensor) -> Tensor:
    """Add a probe to a tensor in the place of everything that reads the tensor.

    The derivative must be taken from the finished graph, by ``tf.gradients``.
    """
    tensor, readers = place.tensor, place.tensor.consumers()
    probed = plus(tensor, place.part(probe))
    for reader in readers:
        for position, read in enumerate(reader.inputs):
            if read is tensor:
                reader._update_input(position, probed)  # noqa: SLF001 - there is no public way
    return probed


def plus(tensor: Tensor, probe: Tensor) -> Tensor:
    """Add a probe of the same shape.

    An operator would broadcast, and its derivative would need the shapes of every timestep.
    """
    return tf.add_n([tensor, probe])


def _followed(
    tensor: Tensor, part: Callable[[Tensor], Tensor], before: Callable[[Tensor], bool]
) -> Iterator[tuple[Tensor, Callable[[Tensor], Tensor]]]:
    """Follow a value back to where it is made; in pieces, where it was joined from pieces."""
    op = tensor.op
    origin = op.inputs[0] if _hands_on(op) else _argument(tensor)
    reshapes = op.type in _RESHAPING
    follows = origin is not None and not before(origin)
    if follows and (not reshapes or _has_known_shape(origin)):
        yield from _followed(origin, _reshaped(part, origin) if reshapes else part, before)
        return
    pieces = _pieces(op)
    if not pieces:
        yield tensor, part
        return
    # An old state among the pieces was read as what it was; its copy here is a new value, from the
    # join on.
    old = [_is_old(piece, before) for piece, _ in pieces]
    if any(old):
        yield tensor, _composed(_only(old, [take for _, take in pieces], op), part)
    for (piece, take), is_old in zip(pieces, old, strict=True):
        if not is_old:
            yield from _followed(piece, _composed(take, part), before)


def _is_old(tensor: Tensor, before: Callable[[Tensor], bool]) -> bool:
    """Tell whether a tensor was there before the step, or is a slice of one that was."""
    if before(tensor):
        return True
    op = tensor.op
    if op.type == "Split":  # its first input is the axis
        return _is_old(op.inputs[1], before)
    sliced = _hands_on(op) or op.type in ("SplitV", "StridedSlice", "Slice")
    return sliced and _is_old(op.inputs[0], before)


def _only(
    kept: Sequence[bool], takes: Sequence[Callable[[Tensor], Tensor]], op: Any
) -> Callable[[Tensor], Tensor]:
    """Keep some pieces of a probe, with zeros for the others."""
    join = tf.stack if op.type == "Pack" else tf.concat
    given = op.inputs[-1] if op.type == "ConcatV2" else None
    static = tf.get_static_value(getattr(given, "eager", given)) if given is not None else None
    axis = op.get_attr("axis") if static is None else int(static)

    def only(probe: Tensor) -> Tensor:
        pieces = [take(probe) for take in takes]
        chosen = zip(kept, pieces, strict=True)
        return join([t if keep else tf.zeros_like(t) for keep, t in chosen], axis=axis)

    return only


def _hands_on(op: Any) -> bool:
    return op.type in _SAME_VALUES and not _is_custom(op)


def _is_custom(op: Any) -> bool:
    try:
        op.get_attr("_gradient_op_type")
    except ValueError:
        return False
    return True


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


def _twins(tensor: Tensor) -> list[Tensor]:
    """List the results of a function that have the same value as one of them, itself too.

    Raises
    ------
    Unreachable
        If another result is computed from that value, or is a piece of it.
    """
    op, origin = tensor.op, _origin(tensor)
    twins = [output for output in op.outputs if _origin(output) == origin]
    others = [output for output in op.outputs if _origin(output) != origin]
    read = any(
        _origin(result) == _origin(value) or _computed_from(result, value)
        for graph in _graphs(op)
        for value in _joined(graph.outputs[tensor.value_index])
        for result in (graph.outputs[other.value_index] for other in others)
    )
    # The results of a loop that are the same after a turn begin with values that need not be.
    if read or (op.type in _LOOPS and len(twins) > 1):
        kind = "loop" if op.type in _LOOPS else "branch"
        kind = "tf.function" if op.type in _PLAIN_CALLS else kind
        raise Unreachable(UNREACHABLE.format(kind=kind))
    return twins


def _computed_from(tensor: Tensor, made: Tensor) -> bool:
    """Tell whether a tensor that has another value is computed from this one."""
    needed = [t for op in _upstream(tensor) for t in op.inputs]
    if any(t is made for t in needed):
        return True
    if made.op.type not in _FUNCTIONS:
        return False
    for other in made.op.outputs:
        if other is tensor or any(t is other for t in needed):
            if _origin(other) == _origin(made):
                return True
            if any(
                _computed_from(graph.outputs[other.value_index], value)
                for graph in _graphs(made.op)
                for value in _joined(graph.outputs[made.value_index])
            ):
                return True
    return False


def _made(tensor: Tensor) -> Tensor:
    """Return the tensor that one is a copy of."""
    while _hands_on(tensor.op):
        tensor = tensor.op.inputs[0]
    return tensor


def _joined(tensor: Tensor) -> Iterator[Tensor]:
    """List the tensors that one is a copy of or was joined from; not old ones among several."""
    made = _made(tensor)
    count = {"ConcatV2": -1, "Pack": None}.get(made.op.type, 0)
    pieces = made.op.inputs[:count]
    for piece in pieces:
        yield from (t for t in _joined(piece) if t.op.type != "Placeholder")
    if not pieces:
        yield made


def _origin(tensor: Tensor) -> object:
    """Return what is equal for tensors that are known to have the same values."""
    op = tensor.op
    given = op.inputs[0] if _hands_on(op) else _argument(tensor)
    if given is not None:
        return _origin(given)
    if op.type not in _FUNCTIONS:
        return id(op), tensor.value_index
    return id(op), tuple(_origin(graph.outputs[tensor.value_index]) for graph in _graphs(op))


def _argument(tensor: Tensor) -> Tensor | None:
    """Return what a function was given, where its result is nothing but that."""
    op = tensor.op
    if op.type not in _PLAIN_CALLS:
        return None
    (graph,) = _graphs(op)
    inside = _made(graph.outputs[tensor.value_index])
    return next((op.inputs[i] for i, t in enumerate(graph.inputs) if t is inside), None)


def functions_of(op: Any) -> list[str]:
    """Name the functions that an operation runs, if it does."""
    called: list[Any] = []
    for attribute in _FUNCTIONS.get(op.type, ()):
        value = op.get_attr(attribute)
        called += value if isinstance(value, list) else [value]
    return [function.name for function in called]


def _graphs(op: Any) -> list[Any]:
    get = op.graph._get_function  # noqa: SLF001 - there is no public way
    return [get(name).graph for name in functions_of(op)]


def _upstream(tensor: Tensor) -> Iterator[Any]:
    """Walk over every operation that a tensor is computed by, in its own graph."""
    seen, waiting = {tensor.op}, [tensor.op]
    while waiting:
        op = waiting.pop()
        yield op
        for given in op.inputs:
            if given.op not in seen:
                seen.add(given.op)
                waiting.append(given.op)
