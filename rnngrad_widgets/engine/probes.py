"""Where a recurrent layer is tapped while the model is traced.

Only here are Keras objects changed, and only while a pass is traced: the layers asked for get a
``call`` of ours in their instance ``__dict__``, and `Library.untouched` puts every layer back as it
was, also after an exception or a KeyboardInterrupt. A traced function does not touch the model.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field

from .backend import Layer, Nested, Tape, Tensor, keras, tf
from .library import is_a, library_of
from .states import Inside, Loop, LoopProbe


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
        The input sequence, watched by the tape; several where it is nested, none if it was not
        asked for.
    mask
        Boolean (samples, timesteps) in the order of the input, or None.
    loops
        What was recorded inside the loop, for each direction.
    """

    outputs: tuple[Tensor, ...]
    inputs: tuple[Tensor, ...]
    mask: Tensor | None
    loops: tuple[Loop, ...]


def tap(layer: Layer, tape: Tape, wanted: Wanted) -> list[LayerCall]:
    """Shadow a layer's ``call`` so that each call is recorded; use inside `Library.untouched`.

    Returns
    -------
    list
        The calls of the layer in the order of the forward pass; filled while tracing.
    """
    tapped = _Tap(layer, tape, wanted)
    library_of(layer).shadow(layer, tapped.call)
    return tapped.calls


class _Tap:
    """A ``call`` for one layer that records."""

    def __init__(self, layer: Layer, tape: Tape, wanted: Wanted) -> None:
        self.calls: list[LayerCall] = []
        self._layer = layer
        self._tape = tape
        self._wanted = wanted
        self._loops: list[LoopProbe] = []
        for rnn in directions(layer) if wanted.inside else ():
            probe = LoopProbe(rnn, tape, wanted.inside)
            library_of(rnn).shadow_loop(rnn, probe.inner_loop)
            self._loops.append(probe)
        # After the loops: in Keras 2 they are part of the call.
        self._original = library_of(layer).original(layer)
        self._signature = inspect.signature(layer.call)

    def call(self, *args: Nested, **kwargs: Nested) -> Nested:
        """Call the layer and record what went in and out."""
        bound = self._signature.bind(*args, **kwargs)
        inputs: tuple[Tensor, ...] = ()
        if self._wanted.inputs:
            first = next(iter(bound.arguments))
            given = bound.arguments[first]
            # In Keras 2 initial states may come in a list with the sequence, which may be nested.
            sequence, *more = given if isinstance(given, list) else [given]
            sequence = keras.tree.map_structure(lambda t: _watch(self._tape, t), sequence)
            bound.arguments[first] = [sequence, *more] if isinstance(given, list) else sequence
            inputs = tuple(keras.tree.flatten(sequence))
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
    if is_a(layer, "Bidirectional"):
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
