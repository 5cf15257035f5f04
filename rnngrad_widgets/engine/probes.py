"""Where a recurrent layer is tapped while the model is traced.

Only here are Keras objects changed, and only while a pass is traced: the layers asked for get a
``call`` of ours in their instance ``__dict__``, and `untouched` puts every layer back as it was,
also after an exception or a KeyboardInterrupt. A traced function does not touch the model.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .backend import (
    Layer,
    Model,
    Nested,
    Tape,
    Tensor,
    all_layers,
    keras,
    loss_ids,
    tf,
    unbuilt_compiled_loss,
)
from .states import Inside, Loop, LoopProbe

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Wanted:
    """What to record of a layer's calls."""

    inputs: bool = False
    inside: Inside = field(default_factory=Inside)


@dataclass(frozen=True, eq=False)
class LayerCall:
    """The tensors of one call of a layer, as traced.

    Parameters
    ----------
    outputs
        What the layer returned, watched by the tape: one tensor, or the forward and the backward
        one for ``Bidirectional(merge_mode=None)``. States that are returned too are not in it.
    inputs
        The input sequence, watched by the tape; None if it was not asked for.
    mask
        Boolean (samples, timesteps) in the order of the input, or None.
    loops
        What was recorded inside the loop, for each direction.
    """

    outputs: tuple[Tensor, ...]
    inputs: Tensor | None
    mask: Tensor | None
    loops: tuple[Loop, ...]


@contextmanager
def untouched(model: Model) -> Iterator[None]:
    """Put every layer of a model back as it was, whatever a traced call does to it.

    This undoes the shadowing, and also what layers leave on themselves during a call, such as the
    cached dropout masks of a cell. A compiled loss that is not built yet stays so: a stand-in is
    built instead. Weights are not its business: `StatelessScope` keeps those.
    """
    saved = [(layer, dict(layer.__dict__), set(loss_ids(layer))) for layer in all_layers(model)]
    try:
        stand_in = unbuilt_compiled_loss(model)
        if stand_in is not None:
            model.__dict__["_compile_loss"] = stand_in
        yield
    finally:
        for layer, attributes, ids in saved:
            namespace = layer.__dict__
            namespace.update(attributes)
            for name in namespace.keys() - attributes.keys():
                del namespace[name]
            # A set that grows in place: an id left in it may later be that of another loss.
            loss_ids(layer).clear()
            loss_ids(layer).update(ids)


def tap(layer: Layer, tape: Tape, wanted: Wanted) -> list[LayerCall]:
    """Shadow a layer's ``call`` so that each call is recorded; use inside `untouched`.

    Returns
    -------
    list
        The calls of the layer in the order of the forward pass; filled while tracing.
    """
    tapped = _Tap(layer, tape, wanted)
    # Through __dict__: Keras tracks what setattr puts on a layer.
    layer.__dict__["call"] = tapped.call
    return tapped.calls


class _Tap:
    """A ``call`` for one layer that records."""

    def __init__(self, layer: Layer, tape: Tape, wanted: Wanted) -> None:
        self.calls: list[LayerCall] = []
        self._layer = layer
        self._original = layer.call
        self._signature = inspect.signature(layer.call)
        self._tape = tape
        self._wanted = wanted
        self._loops: list[LoopProbe] = []
        for rnn in directions(layer) if wanted.inside else ():
            probe = LoopProbe(rnn, tape, wanted.inside)
            rnn.__dict__["inner_loop"] = probe.inner_loop
            self._loops.append(probe)

    def call(self, *args: Nested, **kwargs: Nested) -> Nested:
        """Call the layer and record what went in and out."""
        bound = self._signature.bind(*args, **kwargs)
        inputs = None
        if self._wanted.inputs:
            first = next(iter(bound.arguments))
            inputs = bound.arguments[first] = _watch(self._tape, bound.arguments[first])
        started = [len(probe.loops) for probe in self._loops]
        returned = self._original(*bound.args, **bound.kwargs)
        nested = isinstance(returned, (list, tuple))
        outputs = list(returned)[: _output_count(self._layer)] if nested else [returned]
        watched = {id(output): _watch(self._tape, output) for output in outputs}
        self.calls.append(
            LayerCall(
                outputs=tuple(watched[id(output)] for output in outputs),
                inputs=inputs,
                mask=_as_mask(bound.arguments.get("mask")),
                loops=tuple(
                    loop
                    for probe, before in zip(self._loops, started, strict=True)
                    for loop in probe.loops[before:]
                ),
            )
        )
        # One tensor returned twice, as output and as state, must stay one tensor.
        return keras.tree.map_structure(lambda t: watched.get(id(t), t), returned)


def directions(layer: Layer) -> tuple[Layer, ...]:
    """Return the layer itself, or the forward and the backward layer of a Bidirectional."""
    if isinstance(layer, keras.layers.Bidirectional):
        return layer.forward_layer, layer.backward_layer
    return (layer,)


def _output_count(layer: Layer) -> int:
    return 2 if getattr(layer, "merge_mode", "") is None else 1


def _watch(tape: Tape, tensor: Tensor) -> Tensor:
    watched = tf.identity(tensor)
    # A loss may read the logits from the tensor it is given, a later layer the mask.
    for name in ("_keras_mask", "_keras_logits"):
        if hasattr(tensor, name):
            setattr(watched, name, getattr(tensor, name))
    tape.watch(watched)
    return watched


def _as_mask(mask: Nested) -> Tensor | None:
    flat = [leaf for leaf in keras.tree.flatten(mask) if leaf is not None]
    return tf.cast(flat[0], tf.bool) if flat else None
