"""Where a recurrent layer is tapped while the model is traced.

Only here are Keras objects changed, and only while a pass is traced: the layers asked for get a
``call`` of ours in their instance ``__dict__``, and `Library.untouched` puts every layer back as it
was, also after an exception or a KeyboardInterrupt. A traced function does not touch the model.
"""

from __future__ import annotations

import inspect

from .backend import Layer, Nested, Tape, Tensor, keras, tf
from .bare import CellTap
from .calls import LayerCall, Wanted, watch
from .cells import is_cell
from .layers import Found, directions
from .library import library_of
from .repeats import Repeats
from .states import LoopProbe


def tap(target: Found, tape: Tape, wanted: Wanted) -> list[LayerCall]:
    """Shadow a layer's ``call`` so that each call is recorded; use inside `Library.untouched`.

    Returns
    -------
    list
        The calls of the layer in the order of the forward pass; filled while tracing.
    """
    repeats = Repeats(target)
    kind = CellTap if is_cell(target.layer) else _LayerTap
    tapped = kind(target, tape, wanted, repeats)
    library_of(target.layer).shadow(target.layer, tapped.call)
    return tapped.calls


class _LayerTap:
    """A ``call`` for one layer that records."""

    def __init__(self, target: Found, tape: Tape, wanted: Wanted, repeats: Repeats) -> None:
        layer = target.layer
        self.calls: list[LayerCall] = []
        self._layer = layer
        self._tape = tape
        self._wanted = wanted
        self._repeats = repeats
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
        first = next(iter(bound.arguments))
        given = bound.arguments[first]
        # In Keras 2 initial states may come in a list with the sequence, which may be nested.
        sequence, *more = given if isinstance(given, list) else [given]
        inputs: tuple[Tensor, ...] = ()
        if self._wanted.inputs:
            sequence = keras.tree.map_structure(lambda t: watch(self._tape, t), sequence)
            bound.arguments[first] = [sequence, *more] if isinstance(given, list) else sequence
            inputs = tuple(keras.tree.flatten(sequence))
        started = [len(probe.loops) for probe in self._loops]
        returned = self._original(*bound.args, **bound.kwargs)
        nested = isinstance(returned, (list, tuple))
        outputs = list(returned)[: _output_count(self._layer)] if nested else [returned]
        watched = {id(output): watch(self._tape, output) for output in outputs}
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
                timesteps=keras.tree.flatten(sequence)[0].shape[1],
                repeat=self._repeats.next(),
            )
        )
        # One tensor returned twice, as output and as state, must stay one tensor.
        return keras.tree.map_structure(lambda t: watched.get(id(t), t), returned)


def _output_count(layer: Layer) -> int:
    return 2 if getattr(layer, "merge_mode", "") is None else 1


def _as_mask(mask: Nested) -> Tensor | None:
    flat = [leaf for leaf in keras.tree.flatten(mask) if leaf is not None]
    return tf.cast(flat[0], tf.bool) if flat else None
